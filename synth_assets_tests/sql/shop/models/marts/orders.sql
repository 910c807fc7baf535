{% set methods = ['card', 'transfer', 'voucher'] %}

with paid as (
    select
        order_id,
        {% for method in methods %}
        {{ paid_by(method) }} as paid_by_{{ method }},
        {% endfor %}
        sum(amount) as paid,
        max(paid_at) as last_paid_at
    from {{ ref('stg_payments') }}
    group by order_id
)

select
    o.order_id,
    o.customer_id,
    o.ordered_on,
    o.order_state,
    {% for method in methods -%}
    coalesce(p.paid_by_{{ method }}, 0) as paid_by_{{ method }},
    {% endfor -%}
    p.paid,
    p.last_paid_at,
    row_number() over (partition by o.customer_id order by o.ordered_on, o.order_id) as nth_order
from {{ ref('stg_orders') }} as o
left join paid as p on p.order_id = o.order_id
