-- Preference pairs of each kept prompt: those that are most preferred, dpo_per_prompt at most.
-- rated: best mean rating against one that the recipe's binarisation chooses (Cui et al. 2023;
-- best_vs_random_other is Zephyr's, Tunstall et al. 2023, where ties are possible), or, by margin,
-- every two completions that differ by at least min_margin.
-- verified: an answer verified against one refuted.
-- Else the pairs of the method of that name, the widest margin of each prompt first.
-- Where people labelled pairs, theirs come first, and of the same two texts only theirs stands; two
-- texts that they hold for equal are no pair.
{% set verified = var('dpo_pairs') == 'verified' %}
{% set rated = var('dpo_pairs') == 'rated' %}
{% set binarisation = var('dpo_binarisation') %}
{% set all_pairs = rated and binarisation == 'margin' %}
{% set people_go_first = var('human_preferences') and var('dpo_pairs') != 'human_preferences' %}
with
whole as (
    -- draw: a fixed order that does not hang on rating, model or time.
    select *, sha256(concat_ws('|', prompt_id, completion_id)) as draw
    from {{ ref('pair_sides') }}
),
sides as (
    select *
    from whole
    {% if verified %}
    where verification in ('verified', 'refuted')
    {% elif rated %}
    where mean_rating is not null
    {% endif %}
    {% if all_pairs %}
    -- A text that stands twice is one side, or two pairs could contradict each other.
    qualify row_number() over (partition by prompt_id, text order by completion_id) = 1
    {% endif %}
),
{% if rated or verified %}
best as (
    select *
    from sides
    where
        -- What a method made to lose (an untaught or a relaxed answer) is not chosen by its rating.
        (is_for_pairs_only is not true or made_by = 'teacher')
        {% if verified %}
        and verification = 'verified'
        {% else %}
        and verification is distinct from 'refuted'
        {% endif %}
    {% if not all_pairs %}
    qualify
        row_number() over (
            partition by prompt_id
            order by
                mean_rating desc nulls last,
                {% if verified %}
                draw,
                {% endif %}
                completion_id
        ) = 1
    {% endif %}
),
matches as (
    select
        b.completion_id as chosen_completion_id,
        r.completion_id as rejected_completion_id,
        -- Means of thirds are not exact: 4.333… - 3.833… must reach a margin of 0.5.
        round(b.mean_rating - r.mean_rating, 6) as margin,
        cast(null as double) as soft_label
    from best as b
    inner join sides as r on r.prompt_id = b.prompt_id and r.completion_id <> b.completion_id
    {% if verified %}
    where r.verification = 'refuted'
    {% elif binarisation == 'best_vs_random_other' %}
    where r.mean_rating <= b.mean_rating
    {% else %}
    where
        round(b.mean_rating - r.mean_rating, 6) > 0
        and round(b.mean_rating - r.mean_rating, 6)
        >= cast({{ var('dpo_min_margin') }} as double)
    {% endif %}
),
{% else %}
matches as (
    select chosen_completion_id, rejected_completion_id, margin, soft_label
    from {{ ref('preference_candidates') }}
    where method = {{ var('dpo_pairs') }} and drop_reason is null and status = 'ok'
),
{% endif %}
{% if people_go_first %}
labelled as (
    -- What people decided of two texts, whichever completions hold them.
    select
        h.chosen_completion_id,
        h.rejected_completion_id,
        h.drop_reason is null as is_pair,
        b.prompt_id,
        least(b.text, r.text) as one_text,
        greatest(b.text, r.text) as other_text
    from {{ ref('preference_candidates') }} as h
    inner join whole as b on b.completion_id = h.chosen_completion_id
    inner join whole as r on r.completion_id = h.rejected_completion_id
    where
        h.method = 'human_preferences'
        and (h.drop_reason is null or h.drop_reason in ('tie', 'no_majority'))
),
decided as (
    select distinct prompt_id, one_text, other_text from labelled
),
candidates as (
    select *, false as is_by_people from matches
    union all
    select
        chosen_completion_id,
        rejected_completion_id,
        cast(null as double) as margin,
        cast(null as double) as soft_label,
        true as is_by_people
    from labelled
    where is_pair
),
{% else %}
candidates as (
    select *, false as is_by_people from matches
),
{% endif %}
pairs as (
    select
        b.prompt_id,
        b.round,
        b.messages as prompt,
        [{'role': 'assistant', 'content': b.text}] as chosen,
        [{'role': 'assistant', 'content': r.text}] as rejected,
        m.chosen_completion_id,
        m.rejected_completion_id,
        b.mean_rating as chosen_rating,
        r.mean_rating as rejected_rating,
        m.margin,
        b.split,
        b.family_id,
        b.model as chosen_model,
        r.model as rejected_model,
        case when b.licence = r.licence then b.licence end as licence,
        list_sort(list_distinct(list_concat(b.licences, r.licences))) as licences,
        b.method,
        m.soft_label,
        m.is_by_people,
        least(b.text, r.text) as one_text,
        greatest(b.text, r.text) as other_text,
        -- Which of a prompt's pairs come first.
        row_number() over (
            partition by b.prompt_id
            order by
                m.is_by_people desc,
                {% if all_pairs or not (rated or verified) %}
                m.margin desc nulls last,
                {% elif rated and binarisation == 'best_vs_worst' %}
                r.mean_rating,
                {% endif %}
                b.draw,
                r.draw,
                m.chosen_completion_id,
                m.rejected_completion_id
        ) as place
    from candidates as m
    inner join whole as b on b.completion_id = m.chosen_completion_id
    inner join whole as r on r.completion_id = m.rejected_completion_id
    {% if people_go_first %}
    left join decided as d
        on d.prompt_id = b.prompt_id
        and d.one_text = least(b.text, r.text)
        and d.other_text = greatest(b.text, r.text)
    {% endif %}
    where
        b.prompt_id = r.prompt_id
        and b.text <> r.text
        {% if people_go_first %}
        and (m.is_by_people or d.prompt_id is null)
        {% endif %}
),
each_once as (
    -- Two texts are one pair, whichever of their copies stand in it, and whichever came first wins.
    select *
    from pairs
    qualify row_number() over (partition by prompt_id, one_text, other_text order by place) = 1
)
select
    left(
        sha256(concat_ws('|', 'dpo_set', chosen_completion_id, rejected_completion_id)), 24
    ) as pair_id,
    prompt_id,
    round,
    prompt,
    chosen,
    rejected,
    chosen_completion_id,
    rejected_completion_id,
    chosen_rating,
    rejected_rating,
    margin,
    {% if rated %}
    margin = 0 and not is_by_people as is_tie,
    {% else %}
    -- The verifier tells the sides apart, whatever their ratings.
    false as is_tie,
    {% endif %}
    case
        when is_by_people then 'human_preferences'
        {% if rated %}
        else {{ binarisation }}
        {% elif verified %}
        else 'verified_vs_refuted'
        {% else %}
        else {{ var('dpo_pairs') }}
        {% endif %}
    end as pairing,
    split,
    family_id,
    chosen_model,
    rejected_model,
    licence,
    licences,
    method,
    soft_label
from each_once
{% if var('dpo_per_prompt') is not none %}
qualify
    row_number() over (partition by prompt_id order by place)
    <= cast({{ var('dpo_per_prompt') }} as bigint)
{% endif %}
