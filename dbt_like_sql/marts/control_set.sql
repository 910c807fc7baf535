-- What chance would have chosen: the random control of rejection sampling as messages, to train
-- beside sft_set. No rule that looks at a score stands here, so the two differ in the score alone.
select
    left(sha256(concat_ws('|', 'control_set', s.completion_id)), 24) as example_id,
    s.prompt_id,
    s.completion_id,
    s.round,
    list_append(s.messages, {'role': 'assistant', 'content': s.text}) as messages,
    s.split,
    s.family_id,
    s.teacher,
    s.model,
    r.score,
    r.is_selected,
    s.licence,
    s.licences,
    s.origin,
    s.method,
    s.call_id
from {{ ref('rejection_sampling_selections') }} as r
inner join {{ ref('scored_completions') }} as s on s.completion_id = r.completion_id
where r.is_control and s.is_prompt_kept and s.is_retracted is not true
