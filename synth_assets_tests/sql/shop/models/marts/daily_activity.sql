-- Days of the first seven weeks, with who did anything and the sum so far.
with days as (
    select
        day,
        count(distinct customer_id) as customers,
        count(*) as events
    from {{ ref('active_days') }}
    where day < cast('{{ var("first_day") }}' as date) + interval 49 day
    group by day
)

select *, sum(events) over (order by day) as events_so_far
from days
