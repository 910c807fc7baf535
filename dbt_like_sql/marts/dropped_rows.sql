-- Every prompt and every completion that a rule dropped, with the one reason.
with
by_methods as (
    select 'seed_prompts' as stage, round, prompt_id, text, drop_reason
    from {{ ref('seed_prompts') }}
    where drop_reason is not null
    union all
    select 'self_instruct_prompts' as stage, round, prompt_id, text, drop_reason
    from {{ ref('self_instruct_prompts') }}
    where drop_reason is not null
    union all
    select 'evolved_prompts' as stage, round, prompt_id, text, drop_reason
    from {{ ref('evolved_prompts') }}
    where drop_reason is not null
),
prompts as (
    select stage, round, prompt_id, text, drop_reason from by_methods
    union all
    select 'mutated_prompts' as stage, round, prompt_id, text, drop_reason
    from {{ ref('mutated_prompts') }} as m
    where
        drop_reason is not null
        and not exists (select 1 from by_methods as b where b.prompt_id = m.prompt_id)
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
