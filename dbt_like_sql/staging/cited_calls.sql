-- What the rows of each stage cite. A row that rests on several calls stands here once for each;
-- ratings of one call stand together, since one call often brings those of all completions of a
-- prompt. call_id is null where a row names no call.
select
    'prompt' as kind,
    round,
    method as stage,
    prompt_id as row_id,
    prompt_id,
    model,
    coalesce(len(call_ids), 0) as calls,
    unnest(case when len(call_ids) > 0 then call_ids else [cast(null as varchar)] end) as call_id,
    1 as rows,
    case when drop_reason is null then 1 else 0 end as rows_kept
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
    1 as calls,
    call_id,
    1 as rows,
    null as rows_kept
from {{ ref('completions') }}
where method is distinct from 'given' and coalesce(len(earlier_call_ids), 0) = 0
union all
select
    'completion' as kind,
    round,
    case when coalesce(method, 'teacher') = 'teacher' then 'completions' else method end as stage,
    completion_id as row_id,
    prompt_id,
    model,
    len(earlier_call_ids) + 1 as calls,
    unnest(list_append(earlier_call_ids, call_id)) as call_id,
    1 as rows,
    null as rows_kept
from {{ ref('completions') }}
where method is distinct from 'given' and len(earlier_call_ids) > 0
union all
select
    'judgment' as kind,
    round,
    method as stage,
    null as row_id,
    prompt_id,
    judge as model,
    1 as calls,
    call_id,
    count(*) as rows,
    count(*) filter (where status = 'ok') as rows_kept
from {{ ref('judgments') }}
where kind is distinct from 'verification' and coalesce(len(earlier_call_ids), 0) = 0
group by round, method, prompt_id, judge, call_id
union all
select
    'judgment' as kind,
    round,
    method as stage,
    judgment_id as row_id,
    prompt_id,
    judge as model,
    len(earlier_call_ids) + 1 as calls,
    unnest(list_append(earlier_call_ids, call_id)) as call_id,
    1 as rows,
    case when status = 'ok' then 1 else 0 end as rows_kept
from {{ ref('judgments') }}
where kind is distinct from 'verification' and len(earlier_call_ids) > 0
union all
select
    'pair' as kind,
    round,
    method as stage,
    pair_candidate_id as row_id,
    prompt_id,
    judge as model,
    len(call_ids) as calls,
    unnest(call_ids) as call_id,
    1 as rows,
    case when drop_reason is null then 1 else 0 end as rows_kept
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
    len(call_ids) as calls,
    unnest(call_ids) as call_id,
    1 as rows,
    case when drop_reason is null then 1 else 0 end as rows_kept
from {{ ref('completion_filters') }}
where len(call_ids) > 0
