-- How far each judge of pairs goes by place, length and kinship (Zheng et al. 2023, sections 3.3 and
-- 3.4), in each round and, as round 0, in all together. No share knows which side was right.
with
one_by_one as (
    select
        prompt_id,
        round,
        -- In ab the smaller completion id was shown first.
        least(chosen_completion_id, rejected_completion_id) as a_id,
        greatest(chosen_completion_id, rejected_completion_id) as b_id,
        unnest(verdicts) as said
    from {{ ref('pairwise_verdicts') }}
    where drop_reason is distinct from 'retracted'
),
judged as (
    select
        o.prompt_id,
        unnest([o.round, 0]) as round,
        o.said.judge as judge,
        o.said.ab as ab,
        o.said.ba as ba,
        o.said.vote as vote,
        o.said.kin as kin,
        o.said.ab is not null and o.said.ba is not null as is_read,
        length(a.text) as length_a,
        length(b.text) as length_b
    from one_by_one as o
    left join {{ ref('completions') }} as a on a.completion_id = o.a_id
    left join {{ ref('completions') }} as b on b.completion_id = o.b_id
),
cases as (
    select judge, round, 'unread' as measure, prompt_id, not is_read as holds from judged
    union all
    select
        judge,
        round,
        'consistent',
        prompt_id,
        (ab = 'first' and ba = 'second') or (ab = 'second' and ba = 'first')
        or (ab = 'tie' and ba = 'tie')
    from judged
    where is_read
    union all
    select judge, round, 'first_place', prompt_id, ab = 'first'
    from judged
    where is_read and ab <> 'tie'
    union all
    select judge, round, 'first_place', prompt_id, ba = 'first'
    from judged
    where is_read and ba <> 'tie'
    union all
    select judge, round, 'longer_wins', prompt_id, (vote = 'a') = (length_a > length_b)
    from judged
    where vote in ('a', 'b') and length_a <> length_b
    union all
    select judge, round, 'kin_wins', prompt_id, vote = kin
    from judged
    where vote in ('a', 'b') and kin is not null
),
measures as (
    select distinct j.judge, j.round, m.measure
    from judged as j
    cross join (
        select unnest(['consistent', 'first_place', 'kin_wins', 'longer_wins', 'unread']) as measure
    ) as m
),
by_prompt as (
    select
        judge,
        round,
        measure,
        prompt_id,
        cast(count(*) as double) as cases,
        cast(count(*) filter (where holds) as double) as holding
    from cases
    group by judge, round, measure, prompt_id
),
sums as (
    -- Sums of squares, so that the pairs of one prompt stand or fall together in the interval.
    select
        judge,
        round,
        measure,
        count(*) as prompts,
        sum(cases) as cases,
        sum(holding) as holding,
        sum(cases * cases) as cases_squared,
        sum(cases * holding) as cases_holding,
        sum(holding * holding) as holding_squared
    from by_prompt
    group by judge, round, measure
),
measured as (
    select
        *,
        holding / cases as share,
        sqrt(
            greatest(
                0.0,
                holding_squared
                - 2 * (holding / cases) * cases_holding
                + (holding / cases) * (holding / cases) * cases_squared
            )
        ) / cases as error
    from sums
)
select
    left(sha256(concat_ws('|', 'judge_biases', m.judge, m.round, m.measure)), 24) as bias_id,
    m.round,
    m.judge,
    m.measure,
    round(s.share, 6) as share,
    -- 95 % of a normal distribution.
    case when s.share is not null then round(greatest(0.0, s.share - 1.959964 * s.error), 6) end
        as low,
    case when s.share is not null then round(least(1.0, s.share + 1.959964 * s.error), 6) end
        as high,
    cast(coalesce(s.cases, 0) as bigint) as cases,
    cast(coalesce(s.prompts, 0) as bigint) as prompts
from measures as m
left join measured as s on s.judge = m.judge and s.round = m.round and s.measure = m.measure
