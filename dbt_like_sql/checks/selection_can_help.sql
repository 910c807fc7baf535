-- Where answers verify, fewer are wrong than p* = 1 / (1 + psi / phi), below which a set chosen by
-- such a selection is sounder than all that was written (Feng et al. 2024).
with
wide as (
    select
        round,
        max(value) filter (where metric = 'error_share') as error_share,
        max(value) filter (where metric = 'error_limit') as error_limit
    from {{ ref('round_health') }}
    group by round
)
select *
from wide
where error_share >= error_limit and error_share > 0
