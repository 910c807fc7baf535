-- One row per table row and call that it rests on; call_id is null where a row names no call.
select
    'prompt' as kind,
    round,
    method as stage,
    prompt_id as row_id,
    prompt_id,
    model,
    drop_reason is null or dropped_by = 'mutated_prompts' as is_kept_by_stage,
    coalesce(len(call_ids), 0) as calls,
    unnest(case when len(call_ids) > 0 then call_ids else [cast(null as varchar)] end) as call_id
from {{ ref('mutated_prompts') }}
where method is distinct from 'seed'
union all
select
    'completion' as kind,
    round,
    case when coalesce(method, 'teacher') = 'teacher' then 'completions' else method end as stage,
    completion_id as row_id,
    prompt_id,
    model,
    status = 'ok' as is_kept_by_stage,
    len(coalesce(earlier_call_ids, [])) + 1 as calls,
    unnest(list_append(coalesce(earlier_call_ids, []), call_id)) as call_id
from {{ ref('completions') }}
where method is distinct from 'given'
union all
select
    'judgment' as kind,
    round,
    method as stage,
    judgment_id as row_id,
    prompt_id,
    judge as model,
    status = 'ok' as is_kept_by_stage,
    len(coalesce(earlier_call_ids, [])) + 1 as calls,
    unnest(list_append(coalesce(earlier_call_ids, []), call_id)) as call_id
from {{ ref('judgments') }}
where kind is distinct from 'verification'
union all
select
    'pair' as kind,
    round,
    method as stage,
    pair_candidate_id as row_id,
    prompt_id,
    judge as model,
    drop_reason is null as is_kept_by_stage,
    len(call_ids) as calls,
    unnest(call_ids) as call_id
from {{ ref('preference_candidates') }}
where len(call_ids) > 0
union all
select
    'filter' as kind,
    round,
    filter as stage,
    filter_id as row_id,
    prompt_id,
    cast(null as varchar) as model,
    drop_reason is null as is_kept_by_stage,
    len(call_ids) as calls,
    unnest(call_ids) as call_id
from {{ ref('completion_filters') }}
where len(call_ids) > 0
