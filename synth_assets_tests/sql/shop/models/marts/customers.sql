with of_customer as (
    select
        customer_id,
        count(*) as orders,
        min(ordered_on) as first_ordered_on,
        max(ordered_on) as last_ordered_on,
        coalesce(sum(paid), 0) as paid
    from {{ ref('orders') }}
    group by customer_id
)

select
    c.*,
    coalesce(o.orders, 0) as orders,
    o.first_ordered_on,
    o.last_ordered_on,
    coalesce(o.paid, 0) as paid,
    coalesce(o.paid * 100 >= {{ var('least_lifetime_cents') }}, false) as is_regular
from {{ ref('stg_customers') }} as c
left join of_customer as o using (customer_id)
