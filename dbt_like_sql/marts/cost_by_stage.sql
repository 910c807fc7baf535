-- What each round paid for at each stage and model: rows, calls, tokens, money.
-- A row that rests on calls to two models (an evolved prompt: writer and judge) counts under both;
-- a call that two rounds or stages cite counts in both.
with
cited as (
    select
        c.round,
        c.stage,
        coalesce(calls.model, c.model) as model,
        c.call_id,
        calls.input_tokens,
        calls.output_tokens,
        calls.cost_usd,
        c.calls,
        c.row_id,
        c.rows,
        case when c.kind = 'completion' then if(s.completion_id is null, 0, 1) else c.rows_kept end
            as rows_kept
    from {{ ref('cited_calls') }} as c
    left join {{ ref('calls') }} as calls on calls.call_id = c.call_id
    left join {{ ref('sft_set') }} as s on s.completion_id = c.row_id
),
by_call as (
    -- A call is paid for once, however many rows rest on it.
    select
        round,
        stage,
        model,
        call_id,
        max(input_tokens) as input_tokens,
        max(output_tokens) as output_tokens,
        max(cost_usd) as cost_usd,
        sum(if(calls > 1, 0, rows)) as rows,
        sum(if(calls > 1, 0, rows_kept)) as rows_kept
    from cited
    group by round, stage, model, call_id
),
of_several_calls as (
    -- The few rows that stand in more than one line have to be told apart.
    select
        round,
        stage,
        model,
        count(distinct row_id) as rows,
        count(distinct row_id) filter (where rows_kept > 0) as rows_kept
    from cited
    where calls > 1
    group by round, stage, model
),
sums as (
    select
        round,
        stage,
        model,
        sum(rows) as rows,
        sum(rows_kept) as rows_kept,
        count(call_id) as calls,
        sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens,
        -- Decimal, so that the sum does not hang on the order of rows.
        cast(sum(cast(cost_usd as decimal(38, 12))) as double) as cost_usd,
        count(call_id) filter (where cost_usd is null) as calls_without_price
    from by_call
    group by round, stage, model
)
select
    left(
        sha256(
            concat_ws('|', 'cost_by_stage', s.round, s.stage, coalesce(s.model, '(unknown)'))
        ),
        24
    ) as cost_id,
    s.round,
    s.stage,
    s.model,
    cast(s.rows + coalesce(o.rows, 0) as bigint) as rows,
    cast(s.rows_kept + coalesce(o.rows_kept, 0) as bigint) as rows_kept,
    s.calls,
    cast(s.input_tokens as bigint) as input_tokens,
    cast(s.output_tokens as bigint) as output_tokens,
    s.cost_usd,
    s.calls_without_price
from sums as s
left join of_several_calls as o
    on
        o.round is not distinct from s.round
        and o.stage is not distinct from s.stage
        and o.model is not distinct from s.model
