-- Pairs that people should look at: a judge said otherwise in the other order, or found no winner,
-- or the best-rated completion of a prompt leads another by less than margin_below. Only with
-- pairs.human_preferences; what people have decided has left the queue.
with
sides as (
    select * from {{ ref('pair_sides') }}
),
decided as (
    select distinct
        a.prompt_id,
        least(a.text, b.text) as one_text,
        greatest(a.text, b.text) as other_text
    from {{ ref('human_labels') }} as h
    inner join sides as a on a.completion_id = h.chosen_completion_id
    inner join sides as b on b.completion_id = h.rejected_completion_id
    where
        (h.drop_reason is null or h.drop_reason in ('tie', 'no_majority'))
        and h.pair_candidate_id not in (
            select pair_candidate_id
            from {{ ref('preference_candidates') }}
            where drop_reason = 'retracted'
        )
),
best as (
    select *
    from sides
    where
        mean_rating is not null
        and (is_for_pairs_only is not true or made_by = 'teacher')
        and verification is distinct from 'refuted'
    qualify
        row_number() over (partition by prompt_id order by mean_rating desc, completion_id) = 1
),
uncertain as (
    select
        least(chosen_completion_id, rejected_completion_id) as one_id,
        greatest(chosen_completion_id, rejected_completion_id) as other_id,
        status as why,
        cast(0 as double) as margin
    from {{ ref('preference_candidates') }}
    where
        method <> 'human_preferences'
        and status in ('inconsistent', 'tie')
        and drop_reason is distinct from 'retracted'
    union all
    select
        least(b.completion_id, s.completion_id),
        greatest(b.completion_id, s.completion_id),
        'small_margin',
        -- Means of thirds are not exact, as in dpo_set.
        round(b.mean_rating - s.mean_rating, 6)
    from best as b
    inner join sides as s on s.prompt_id = b.prompt_id and s.completion_id <> b.completion_id
    where
        s.mean_rating is not null
        and round(b.mean_rating - s.mean_rating, 6)
        < cast({{ var('human_margin_below') }} as double)
),
each_once as (
    -- Two texts are asked about once, whichever of their copies was judged.
    select
        u.one_id,
        u.other_id,
        u.why,
        u.margin,
        a.prompt_id,
        a.round,
        a.messages,
        a.text as one_text,
        b.text as other_text,
        -- Which stands first is drawn by the ids, so that it says nothing of which is better.
        sha256(concat_ws('|', 'label_queue order', u.one_id, u.other_id)) < '8' as is_in_order,
        left(sha256(concat_ws('|', 'label_queue', u.one_id, u.other_id)), 24) as queue_id
    from uncertain as u
    inner join sides as a on a.completion_id = u.one_id
    inner join sides as b on b.completion_id = u.other_id
    left join decided as d
        on d.prompt_id = a.prompt_id
        and d.one_text = least(a.text, b.text)
        and d.other_text = greatest(a.text, b.text)
    where a.prompt_id = b.prompt_id and a.text <> b.text and d.prompt_id is null
    qualify
        row_number() over (
            partition by a.prompt_id, least(a.text, b.text), greatest(a.text, b.text)
            order by u.margin, u.why, u.one_id, u.other_id
        ) = 1
)
select
    queue_id,
    row_number() over (order by margin, why, queue_id) as place,
    prompt_id,
    round,
    why,
    margin,
    messages,
    case when is_in_order then one_id else other_id end as completion_a,
    case when is_in_order then other_id else one_id end as completion_b,
    case when is_in_order then one_text else other_text end as text_a,
    case when is_in_order then other_text else one_text end as text_b
from each_once
