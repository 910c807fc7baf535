-- A family of prompts is in train or in test, never in both, over both sets.
with
used as (
    select family_id, split from {{ ref('sft_set') }}
    union
    select family_id, split from {{ ref('dpo_set') }}
)
select family_id, count(*) as sides
from used
group by family_id
having count(*) > 1
