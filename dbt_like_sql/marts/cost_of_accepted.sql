-- What an accepted row cost, by round, method and model: calls for dropped rows are charged to the
-- rows that survived.
with
cited as (
    select
        c.round,
        p.method,
        coalesce(calls.model, c.model) as model,
        c.call_id,
        max(calls.cost_usd) as cost_usd
    from {{ ref('cited_calls') }} as c
    left join {{ ref('mutated_prompts') }} as p on p.prompt_id = c.prompt_id
    left join {{ ref('calls') }} as calls on calls.call_id = c.call_id
    where c.call_id is not null
    group by c.round, p.method, coalesce(calls.model, c.model), c.call_id
),
shares as (
    -- Each dollar is charged once: what several methods or rounds cite is shared among them. A call
    -- that has a price has one model.
    select call_id, count(*) as places from cited group by call_id having count(*) > 1
),
paid as (
    select
        c.round,
        c.method,
        c.model,
        count(*) as calls,
        count(*) filter (where c.cost_usd is null) as calls_without_price,
        -- Decimal, so that the sum does not hang on the order of rows.
        cast(sum(cast(c.cost_usd / coalesce(s.places, 1) as decimal(38, 12))) as double)
            as cost_usd
    from cited as c
    left join shares as s on s.call_id = c.call_id
    group by c.round, c.method, c.model
),
examples as (
    select round, method, count(*) as examples from {{ ref('sft_set') }} group by round, method
),
pairs as (
    select round, method, count(*) as pairs from {{ ref('dpo_set') }} group by round, method
)
select
    left(
        sha256(
            concat_ws(
                '|',
                'cost_of_accepted',
                p.round,
                coalesce(p.method, '(unknown)'),
                coalesce(p.model, '(unknown)')
            )
        ),
        24
    ) as cost_id,
    p.round,
    p.method,
    p.model,
    p.calls,
    p.calls_without_price,
    p.cost_usd,
    coalesce(e.examples, 0) as examples,
    coalesce(d.pairs, 0) as pairs,
    p.cost_usd / nullif(e.examples, 0) as usd_per_example,
    p.cost_usd / nullif(d.pairs, 0) as usd_per_pair
from paid as p
left join examples as e on e.round = p.round and e.method is not distinct from p.method
left join pairs as d on d.round = p.round and d.method is not distinct from p.method
