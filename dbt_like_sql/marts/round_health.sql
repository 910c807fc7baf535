-- One number a row: what each round made, kept and how varied it is. A share of nothing is null.
with
prompts as (
    select
        round,
        count(*) as candidates,
        count(*) filter (where drop_reason is null) as kept_prompts,
        count(*) filter (where drop_reason is null and origin = 'human') as human_prompts,
        count(*) filter (where drop_reason is null and starts_with(origin, 'model:'))
            as model_prompts,
        count(distinct family_id) filter (where drop_reason is null) as families
    from {{ ref('mutated_prompts') }}
    group by round
),
answers as (
    select
        round,
        count(*) as completions,
        count(*) filter (where status = 'ok') as completions_ok,
        count(*) filter (where status = 'ok' and is_self_training) as completions_self_training,
        count(mean_rating) as rated_completions,
        cast(sum(cast(mean_rating as decimal(38, 9))) as double) as rating_sum,
        count(*) filter (where verification = 'verified') as verified,
        count(*) filter (where verification = 'refuted') as refuted
    from {{ ref('scored_completions') }}
    where is_retracted is not true
    group by round
),
examples as (
    select
        s.round,
        count(*) as sft_rows,
        count(*) filter (where c.origin = 'human') as human_rows,
        count(*) filter (where c.origin is distinct from 'human' and not c.is_self_training)
            as teacher_rows,
        count(*) filter (where c.origin is distinct from 'human' and c.is_self_training)
            as self_rows,
        count(*) filter (where c.verification = 'verified') as kept_right,
        count(*) filter (where c.verification = 'refuted') as kept_wrong
    from {{ ref('sft_set') }} as s
    inner join {{ ref('scored_completions') }} as c on c.completion_id = s.completion_id
    group by s.round
),
so_far as (
    -- Rounds accumulate: what a student learns from after a round is all that came up to it.
    select
        round,
        sum(self_rows) over up_to as self_rows,
        sum(sft_rows) over up_to as sft_rows
    from examples
    window up_to as (order by round rows between unbounded preceding and current row)
),
rates as (
    -- Selection by the set: how much of what is right, and of what is wrong, it keeps.
    select
        a.round,
        coalesce(e.kept_right, 0) / nullif(a.verified, 0) as phi,
        coalesce(e.kept_wrong, 0) / nullif(a.refuted, 0) as psi
    from answers as a
    left join examples as e on e.round = a.round
),
pairs as (
    select round, count(*) as preference_pairs from {{ ref('dpo_set') }} group by round
),
word_pairs as (
    -- Each word with the one after it, which is null at the end of a prompt.
    select round, word, word_after, count(*) as times
    from (
        select round, unnest(words) as word, unnest(words[2:]) as word_after
        from {{ ref('kept_prompt_words') }}
    ) as one
    group by round, word, word_after
),
words as (
    select
        round,
        sum(times) as words,
        count(distinct word) as vocabulary,
        sum(times) filter (where word_after is not null) as bigrams,
        count(word_after) as distinct_bigrams
    from word_pairs
    group by round
),
all_rounds as (
    select round from {{ ref('rounds') }}
    union
    select round from {{ ref('mutated_prompts') }}
    union
    select round from {{ ref('completions') }}
),
metrics as (
    select unnest([
        'candidates', 'kept_prompts', 'drop_rate', 'human_share', 'model_share', 'families',
        'mean_words', 'vocabulary', 'distinct_2', 'completions', 'ok_share',
        'self_training_share', 'rated_completions', 'mean_rating', 'verified_share', 'sft_rows',
        'sft_human_share', 'sft_teacher_share', 'sft_self_share', 'sft_self_share_so_far',
        'preference_pairs', 'compared_words', 'vocabulary_to_anchor', 'distinct_2_to_anchor',
        'error_share', 'kept_share_of_right', 'kept_share_of_wrong', 'error_limit'
    ]) as metric
)
select
    left(sha256(concat_ws('|', 'round_health', a.round, m.metric)), 24) as health_id,
    a.round,
    m.metric,
    cast(
        case m.metric
            when 'candidates' then coalesce(p.candidates, 0)
            when 'kept_prompts' then coalesce(p.kept_prompts, 0)
            when 'drop_rate' then (p.candidates - p.kept_prompts) / nullif(p.candidates, 0)
            when 'human_share' then p.human_prompts / nullif(p.kept_prompts, 0)
            when 'model_share' then p.model_prompts / nullif(p.kept_prompts, 0)
            when 'families' then coalesce(p.families, 0)
            when 'mean_words' then w.words / nullif(p.kept_prompts, 0)
            when 'vocabulary' then coalesce(w.vocabulary, 0)
            when 'distinct_2' then w.distinct_bigrams / nullif(w.bigrams, 0)
            when 'completions' then coalesce(c.completions, 0)
            when 'ok_share' then c.completions_ok / nullif(c.completions, 0)
            when 'self_training_share'
                then c.completions_self_training / nullif(c.completions_ok, 0)
            when 'rated_completions' then coalesce(c.rated_completions, 0)
            when 'mean_rating' then c.rating_sum / nullif(c.rated_completions, 0)
            when 'verified_share' then c.verified / nullif(c.verified + c.refuted, 0)
            when 'sft_rows' then coalesce(e.sft_rows, 0)
            when 'sft_human_share' then e.human_rows / nullif(e.sft_rows, 0)
            when 'sft_teacher_share' then e.teacher_rows / nullif(e.sft_rows, 0)
            when 'sft_self_share' then e.self_rows / nullif(e.sft_rows, 0)
            when 'sft_self_share_so_far' then f.self_rows / nullif(f.sft_rows, 0)
            when 'preference_pairs' then coalesce(d.preference_pairs, 0)
            when 'compared_words' then coalesce(h.compared_words, 0)
            when 'vocabulary_to_anchor' then h.vocabulary_to_anchor
            when 'distinct_2_to_anchor' then h.distinct_2_to_anchor
            when 'error_share' then c.refuted / nullif(c.verified + c.refuted, 0)
            when 'kept_share_of_right' then r.phi
            when 'kept_share_of_wrong' then r.psi
            -- p* = 1 / (1 + psi / phi)
            when 'error_limit' then case when r.phi > 0 then r.phi / (r.phi + r.psi) end
        end as double
    ) as value
from all_rounds as a
cross join metrics as m
left join prompts as p on p.round = a.round
left join answers as c on c.round = a.round
left join examples as e on e.round = a.round
left join so_far as f on f.round = a.round
left join rates as r on r.round = a.round
left join pairs as d on d.round = a.round
left join {{ ref('rounds_beside_anchor') }} as h on h.round = a.round
left join words as w on w.round = a.round
where a.round is not null
