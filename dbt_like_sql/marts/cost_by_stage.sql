-- What each round paid for at each stage and model: rows, calls, tokens, money.
-- A row that rests on calls to two models (an evolved prompt: writer and judge) counts under both;
-- a call that two rounds or stages cite counts in both.
with
cited as (
    select
        c.round,
        c.stage,
        c.row_id,
        c.calls,
        c.call_id,
        coalesce(calls.model, c.model) as model,
        calls.call_id is not null as is_known,
        calls.input_tokens,
        calls.output_tokens,
        calls.cost_usd,
        case c.kind
            when 'completion' then s.completion_id is not null
            when 'prompt' then c.is_kept_by_stage and p.prompt_id is not null
            else c.is_kept_by_stage
        end as is_kept
    from {{ ref('cited_calls') }} as c
    left join {{ ref('calls') }} as calls on calls.call_id = c.call_id
    left join {{ ref('sft_set') }} as s on s.completion_id = c.row_id
    left join {{ ref('mutated_prompts') }} as p
        on p.prompt_id = c.prompt_id and p.drop_reason is null
),
row_counts as (
    select
        round,
        stage,
        model,
        -- A row of one call stands here once, so that few have to be told apart.
        count(*) filter (where calls <= 1)
        + count(distinct row_id) filter (where calls > 1) as rows,
        count(*) filter (where calls <= 1 and is_kept)
        + count(distinct row_id) filter (where calls > 1 and is_kept) as rows_kept
    from cited
    group by round, stage, model
),
distinct_calls as (
    select distinct round, stage, model, call_id, is_known, input_tokens, output_tokens, cost_usd
    from cited
    where call_id is not null
),
sums as (
    select
        round,
        stage,
        model,
        count(*) as calls,
        sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens,
        -- Decimal, so that the sum does not hang on the order of rows.
        cast(sum(cast(cost_usd as decimal(38, 12))) as double) as cost_usd,
        count(*) filter (where cost_usd is null) as calls_without_price
    from distinct_calls
    group by round, stage, model
)
select
    left(
        sha256(
            concat_ws('|', 'cost_by_stage', r.round, r.stage, coalesce(r.model, '(unknown)'))
        ),
        24
    ) as cost_id,
    r.round,
    r.stage,
    r.model,
    r.rows,
    r.rows_kept,
    coalesce(s.calls, 0) as calls,
    cast(s.input_tokens as bigint) as input_tokens,
    cast(s.output_tokens as bigint) as output_tokens,
    s.cost_usd,
    coalesce(s.calls_without_price, 0) as calls_without_price
from row_counts as r
left join sums as s
    on
        s.round is not distinct from r.round
        and s.stage = r.stage
        and s.model is not distinct from r.model
