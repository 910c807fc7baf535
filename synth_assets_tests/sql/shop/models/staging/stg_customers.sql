select
    customer_id,
    first_name,
    last_name,
    trim(first_name || ' ' || coalesce(last_name, '')) as full_name,
    joined_on
from {{ ref('raw_customers') }}
