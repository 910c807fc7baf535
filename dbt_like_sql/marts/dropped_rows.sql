-- Every prompt and every completion that a rule dropped, with the one reason.
with
prompts as (
    select 'seed_prompts' as stage, round, prompt_id, text, drop_reason
    from {{ ref('seed_prompts') }}
    where drop_reason is not null
    union all
    select dropped_by as stage, round, prompt_id, text, drop_reason
    from {{ ref('mutated_prompts') }} as m
    where
        drop_reason is not null
        and not exists (
            select 1 from {{ ref('seed_prompts') }} as s
            where s.prompt_id = m.prompt_id and s.drop_reason is not null
        )
),
rows_dropped as (
    select stage, round, prompt_id as row_id, prompt_id, text, drop_reason from prompts
    union all
    select 'completions' as stage, round, completion_id as row_id, prompt_id, text, drop_reason
    from {{ ref('sft_candidates') }}
    where drop_reason is not null
)
select
    left(sha256(concat_ws('|', 'dropped_rows', stage, row_id)), 24) as dropped_id,
    round,
    stage,
    row_id,
    prompt_id,
    drop_reason as reason,
    -- 200 characters at most: text without spaces is one word.
    left(
        array_to_string(regexp_extract_all(left(text, 400), '\S+')[1:12], ' '), 200
    ) as first_words
from rows_dropped
