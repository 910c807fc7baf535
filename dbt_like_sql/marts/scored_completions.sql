-- One row per completion, with its prompt, the mean of its ratings and its verification.
with
withdrawn_rows as (
    select distinct unnest(row_ids) as row_id from {{ ref('retractions') }}
),
withdrawn_models as (
    select distinct target as name from {{ ref('retractions') }} where kind = 'model'
),
judgments as (
    -- What a withdrawn judge said, or a withdrawn judgment, no longer counts.
    select *
    from {{ ref('judgments') }}
    where
        judgment_id not in (select row_id from withdrawn_rows)
        and judge not in (select name from withdrawn_models)
),
criteria as (
    -- Several judges of one criterion count as one: their mean. Sums are decimal, so that they do
    -- not hang on the order of rows.
    select
        completion_id,
        criterion,
        cast(sum(cast(rating as decimal(38, 9))) as double) / count(*) as rating
    from judgments
    where kind = 'rating' and status = 'ok' and rating is not null
    group by completion_id, criterion
),
means as (
    select
        completion_id,
        cast(sum(cast(rating as decimal(38, 9))) as double) / count(*) as mean_rating,
        count(*) as criteria_rated
    from criteria
    group by completion_id
),
failures as (
    select
        completion_id,
        count(*) filter (where status = 'unparsed') as ratings_unparsed,
        count(*) filter (where status in ('missing', 'out_of_scale', 'failed')) as ratings_missing
    from judgments
    where kind = 'rating'
    group by completion_id
)
select
    c.completion_id,
    c.prompt_id,
    c.round,
    c.teacher,
    c.model,
    c.sample_index,
    c.principle,
    c.text,
    c.text_hash,
    c.status,
    p.messages,
    p.split,
    p.family_id,
    p.method,
    p.licence as prompt_licence,
    p.prompt_id is not null and p.drop_reason is null as is_prompt_kept,
    coalesce(p.drop_reason = 'retracted', false)
    or c.completion_id in (select row_id from withdrawn_rows)
    or c.teacher in (select name from withdrawn_models) as is_retracted,
    m.mean_rating,
    cast(coalesce(m.criteria_rated, 0) as integer) as criteria_rated,
    cast(coalesce(f.ratings_unparsed, 0) as integer) as ratings_unparsed,
    cast(coalesce(f.ratings_missing, 0) as integer) as ratings_missing,
    v.status as verification,
    c.is_self_training,
    c.method as made_by,
    coalesce(c.is_for_pairs_only, false) as is_for_pairs_only,
    c.call_id,
    c.licence,
    list_sort(
        list_distinct(
            list_append(coalesce(p.licences, ['undeclared']), coalesce(c.licence, 'undeclared'))
        )
    ) as licences,
    c.origin
from {{ ref('completions') }} as c
left join {{ ref('mutated_prompts') }} as p on p.prompt_id = c.prompt_id
left join means as m on m.completion_id = c.completion_id
left join failures as f on f.completion_id = c.completion_id
left join {{ ref('verifications') }} as v on v.completion_id = c.completion_id
