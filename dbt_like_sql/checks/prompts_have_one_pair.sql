-- Prompts with more than one preference pair, where the binarisation makes one of each.
select prompt_id, count(*) as pairs
from {{ ref('dpo_set') }}
where pairing <> 'margin'
group by prompt_id
having count(*) > 1
