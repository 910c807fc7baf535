-- One row per table row and call that it rests on; call_id is null where a row names no call.
select
    round,
    'self_instruct_prompts' as stage,
    prompt_id as row_id,
    prompt_id,
    model,
    drop_reason is null as is_kept_by_stage,
    unnest(case when len(call_ids) > 0 then call_ids else [cast(null as varchar)] end) as call_id
from {{ ref('self_instruct_prompts') }}
union all
select
    round,
    'evolved_prompts' as stage,
    prompt_id as row_id,
    prompt_id,
    model,
    drop_reason is null as is_kept_by_stage,
    unnest(case when len(call_ids) > 0 then call_ids else [cast(null as varchar)] end) as call_id
from {{ ref('evolved_prompts') }}
union all
select
    round,
    'completions' as stage,
    completion_id as row_id,
    prompt_id,
    model,
    status = 'ok' as is_kept_by_stage,
    call_id
from {{ ref('completions') }}
union all
select
    round,
    'ratings' as stage,
    judgment_id as row_id,
    prompt_id,
    judge as model,
    status = 'ok' as is_kept_by_stage,
    call_id
from {{ ref('ratings') }}
