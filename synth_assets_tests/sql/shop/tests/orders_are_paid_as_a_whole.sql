-- The sum over methods is the sum over payments.
{{ config(severity='error', error_if='>0') }}
select o.order_id, o.paid, sum(p.amount) as by_payment
from {{ ref('stg_payments') }} as p
inner join {{ ref('orders') }} as o on o.order_id = p.order_id
group by o.order_id, o.paid
having o.paid <> sum(p.amount)
