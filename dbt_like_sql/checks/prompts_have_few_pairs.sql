-- Prompts with more preference pairs than dpo_per_prompt allows; null allows any number.
select prompt_id, count(*) as pairs
from {{ ref('dpo_set') }}
group by prompt_id
having count(*) > cast({{ var('dpo_per_prompt') }} as bigint)
