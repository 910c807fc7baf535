-- Each completion is in sft_set or in dropped_rows, once; neither holds any other.
with
placed as (
    select completion_id from {{ ref('sft_set') }}
    union all
    select row_id as completion_id from {{ ref('dropped_rows') }} where stage = 'completions'
),
counts as (
    select completion_id, count(*) as places from placed group by completion_id
)
select
    coalesce(c.completion_id, n.completion_id) as completion_id,
    c.completion_id is not null as is_a_completion,
    coalesce(n.places, 0) as places
from {{ ref('completions') }} as c
full join counts as n on n.completion_id = c.completion_id
where c.completion_id is null or n.places is distinct from 1
