-- What models wrote in each round beside what people wrote in all: as many words of the one as of
-- the other, at most 20,000, since vocabulary grows and distinct-n falls with the length of a text.
with
first_ones as (
    -- Ids are hashes, so their order is a shuffle that is the same each time. Each of these prompts
    -- has a word, so that no more of them are needed.
    select
        case when origin = 'human' then 0 else round end as side,
        unnest(min(prompt_id, 20000)) as prompt_id
    from {{ ref('kept_prompt_words') }}
    where len(words) > 0
    group by side
),
placed as (
    select
        f.side,
        k.words,
        sum(len(k.words)) over (
            partition by f.side
            order by k.prompt_id
            rows between unbounded preceding and current row
        ) - len(k.words) as words_before
    from {{ ref('kept_prompt_words') }} as k
    inner join first_ones as f on f.prompt_id = k.prompt_id
),
one_by_one as (
    select
        side,
        words_before,
        words,
        unnest(words) as word,
        generate_subscripts(words, 1) as place
    from placed
    where words_before < 20000
),
each_word as (
    -- word_after is null at the end of a prompt.
    select side, words_before + place as place, word, words[place + 1] as word_after
    from one_by_one
    where words_before + place <= 20000
),
sizes as (
    select side, count(*) as words from each_word group by side
),
compared as (
    select s.side as round, least(s.words, a.words) as words
    from sizes as s
    inner join sizes as a on a.side = 0
    where s.side > 0
),
measured as (
    select
        c.round,
        c.words,
        w.side = 0 as is_anchor,
        count(distinct w.word) as vocabulary,
        count(w.word_after) as bigrams,
        count(distinct [w.word, w.word_after]) filter (where w.word_after is not null)
            as distinct_bigrams
    from compared as c
    inner join each_word as w on w.side in (0, c.round) and w.place <= c.words
    group by c.round, c.words, w.side = 0
)
select
    m.round,
    m.words as compared_words,
    m.vocabulary / nullif(a.vocabulary, 0) as vocabulary_to_anchor,
    (m.distinct_bigrams / nullif(m.bigrams, 0))
    / nullif(a.distinct_bigrams / nullif(a.bigrams, 0), 0) as distinct_2_to_anchor
from measured as m
inner join measured as a on a.round = m.round and a.is_anchor
where not m.is_anchor
