{{ config(materialized='incremental', unique_key='order_id', incremental_strategy='merge') }}

select order_id, order_state, last_paid_at
from {{ ref('orders') }}
{% if is_incremental() %}
where order_id not in (select t.order_id from {{ this }} as t where t.order_state = 'returned')
{% endif %}
