-- Completions that a pair may hold, whatever decides between them: whole answers to kept prompts that
-- no filter keeps out of all sets. dpo_set and label_queue read it, so that the rule stands here alone.
select
    completion_id,
    prompt_id,
    round,
    text,
    messages,
    model,
    made_by,
    is_for_pairs_only,
    mean_rating,
    verification,
    split,
    family_id,
    method,
    licence,
    licences
from {{ ref('scored_completions') }}
where
    is_prompt_kept
    and is_retracted is not true
    and status = 'ok'
    and regexp_matches(text, '\S')
    and completion_id not in (
        select completion_id from {{ ref('completion_filters') }}
        where drop_reason is not null and holds_for = 'all'
    )
