-- Every completion with the one reason why it is not in sft_set; null where it is in it.
-- The rule stands here alone: sft_set takes the rows without a reason, dropped_rows the others.
-- Where sft.keep_human is true, what people wrote comes first and is not chosen by scores.
with
filters as (
    -- The first filter, by name, that drops a completion gives the reason.
    select
        completion_id,
        arg_min(drop_reason, filter) as reason,
        arg_min(drop_reason, filter) filter (where holds_for = 'all') as reason_for_all
    from {{ ref('completion_filters') }}
    where drop_reason is not null
    group by completion_id
),
own_rules as (
    select
        s.completion_id,
        prompt_id,
        mean_rating,
        coalesce(verification = 'verified', false) as is_verified,
        {{ var('sft_keep_human') }} and coalesce(origin = 'human', false) as is_kept_human,
        -- Equal texts have equal hashes, and these sort faster.
        sha256(text) as text_key,
        case
            when is_retracted then 'retracted'
            when not is_prompt_kept then 'prompt_dropped'
            when is_for_pairs_only then 'for_pairs_only'
            when status is null or status not in ('ok', 'cut', 'refused', 'empty')
                then 'failed_reply'
            when status = 'empty' then 'empty_reply'
            when status = 'refused' then 'refused'
            when status = 'cut' then 'cut_off'
            when not coalesce(regexp_matches(text, '\S'), false) then 'empty_reply'
            when verification = 'refuted' then 'answer_refuted'
            when is_kept_human then f.reason_for_all
            when {{ var('sft_verified_only') }} and verification = 'unparsed'
                then 'answer_unparsed'
            when {{ var('sft_verified_only') }} and verification is distinct from 'verified'
                then 'not_verified'
            -- An unrated completion is not one rated zero.
            when cast({{ var('sft_min_rating') }} as double) is not null and mean_rating is null
                then 'not_rated'
            when mean_rating < cast({{ var('sft_min_rating') }} as double)
                then 'rating_below_minimum'
            else f.reason
        end as own_reason
    from {{ ref('scored_completions') }} as s
    left join filters as f on f.completion_id = s.completion_id
),
copies as (
    select
        *,
        row_number() over (
            partition by prompt_id, text_key, own_reason is null
            order by is_kept_human desc, is_verified desc, mean_rating desc nulls last, completion_id
        ) as copy
    from own_rules
),
places as (
    select
        *,
        row_number() over (
            partition by prompt_id, own_reason is null and copy = 1
            order by is_kept_human desc, is_verified desc, mean_rating desc nulls last, completion_id
        ) as place
    from copies
)
select
    s.*,
    case
        when p.own_reason is not null then p.own_reason
        when p.copy > 1 then 'duplicate_completion'
        when p.place > {{ var('sft_per_prompt') }} then 'not_best_of_prompt'
    end as drop_reason
from {{ ref('scored_completions') }} as s
inner join places as p on p.completion_id = s.completion_id
