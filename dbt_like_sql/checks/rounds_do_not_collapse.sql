-- What models write stays at least half as varied as what people wrote, and no more of all rows
-- up to a round is the student's own than limits.self_training allows: with a tenth of real data kept
-- the damage was minor (Shumailov et al. 2024). Under 1,000 words of each side nothing is compared.
with
wide as (
    select
        round,
        max(value) filter (where metric = 'compared_words') as compared_words,
        max(value) filter (where metric = 'vocabulary_to_anchor') as vocabulary_to_anchor,
        max(value) filter (where metric = 'distinct_2_to_anchor') as distinct_2_to_anchor,
        max(value) filter (where metric = 'sft_self_share_so_far') as self_share
    from {{ ref('round_health') }}
    group by round
)
select *
from wide
where
    (compared_words >= 1000 and least(vocabulary_to_anchor, distinct_2_to_anchor) < 0.5)
    or self_share > cast({{ var('limits_self_training') }} as double)
