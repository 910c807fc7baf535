-- The best completions of each kept prompt as messages. The principle's system text is left out:
-- the student learns to answer so without being told (context distillation).
select
    left(sha256(concat_ws('|', 'sft_set', completion_id)), 24) as example_id,
    prompt_id,
    completion_id,
    round,
    list_append(messages, {'role': 'assistant', 'content': text}) as messages,
    split,
    family_id,
    teacher,
    model,
    mean_rating,
    verification,
    licence,
    licences,
    origin,
    method,
    call_id
from {{ ref('sft_candidates') }}
where drop_reason is null
