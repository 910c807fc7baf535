-- Each candidate that mutated_prompts dropped is in dropped_rows once, and no kept one is.
with
dropped as (
    select row_id as prompt_id, count(*) as places
    from {{ ref('dropped_rows') }}
    where stage <> 'completions'
    group by row_id
)
select p.prompt_id, p.drop_reason, coalesce(d.places, 0) as places
from {{ ref('mutated_prompts') }} as p
left join dropped as d on d.prompt_id = p.prompt_id
where coalesce(d.places, 0) <> case when p.drop_reason is null then 0 else 1 end
