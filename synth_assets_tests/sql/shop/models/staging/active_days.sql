{{ config(materialized='ephemeral') }}

select ordered_on as day, customer_id from {{ ref('stg_orders') }}
union all
select cast(paid_at as date) as day, o.customer_id
from {{ ref('stg_payments') }} as p
inner join {{ ref('stg_orders') }} as o on o.order_id = p.order_id
