-- Words of each kept prompt: lower-cased runs of letters and digits.
select
    prompt_id,
    round,
    regexp_extract_all(lower(text), '[\p{L}\p{N}]+') as words
from {{ ref('mutated_prompts') }}
where drop_reason is null
