{{ config(materialized='incremental') }}

-- Who was there at each run that brought anyone new.
select customer_id, full_name
from {{ ref('stg_customers') }}
{% if is_incremental() %}
where customer_id > (select max(customer_id) from {{ this }})
{% endif %}
