select
    payment_id,
    order_id,
    method,
    amount_cents,
    {{ cents_to_money('amount_cents') }} as amount,
    paid_at
from {{ source('raw', 'raw_payments') }}
