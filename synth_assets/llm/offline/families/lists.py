"""Families of lists: sorting, common members, removing repeats, filtering, positions."""

# ruff: noqa: E501  (a wording is one line, as the reader of a prompt sees it)

from __future__ import annotations

from synth_assets.llm.offline.dice import Dice
from synth_assets.llm.offline.problem import (
    INTEGER,
    LIST,
    NAME,
    NUMBERS,
    Family,
    Values,
    Work,
    items,
    join,
)

KINDS = {
    "name": NAME,
    "friend": NAME,
    "numbers": NUMBERS,
    "words": LIST,
    "other_words": LIST,
    "n": INTEGER,
    "letter": r"[a-z]",
}


def _grow_words(v: Values, dice: Dice) -> dict[str, str]:
    held = set(items(v["words"]))
    fresh = [word for word in dice.words(12) if word not in held][:6]
    return dict(v) | {"words": join([v["words"], *fresh])}


def _draw_sort_numbers(dice: Dice) -> dict[str, str]:
    return dice.scene() | {"numbers": join(dice.sample(range(11, 990), dice.integer(6, 10)))}


def _grow_numbers(v: Values, dice: Dice) -> dict[str, str]:
    return dict(v) | {"numbers": join([v["numbers"], *dice.sample(range(1000, 1990), 6)])}


def _work_sort_numbers(v: Values) -> Work:
    ordered = sorted((int(number) for number in items(v["numbers"])), reverse=True)
    steps = (
        f"The largest is {ordered[0]}, the smallest {ordered[-1]}.",
        f"From large to small: {join(ordered)}.",
    )
    return Work(steps, join(ordered))


SORT_NUMBERS = Family(
    name="sort_numbers",
    group="lists",
    method="taking the largest that is left, again and again",
    kind="text",
    kinds=KINDS,
    grown=_grow_numbers,
    texts=(
        "Arrange {numbers} from largest to smallest.",
        "{name} wrote the scores {numbers} on slips at the {occasion}. Put them in descending order.",
        "The {group} in {town} weighed its {thing}: {numbers} grams. List the weights, heaviest first.",
        "Rank the house numbers {numbers} so that the highest leads. {friend} asked for {subject}.",
        "In which order do the lots {numbers} come if the biggest is called first and the smallest last?",
        "Give the entries {numbers} of the till in {town} again, this time falling from the maximum to the minimum.",
    ),
    drawn=_draw_sort_numbers,
    worked=_work_sort_numbers,
)


def _draw_sort_words(dice: Dice) -> dict[str, str]:
    return dice.scene() | {"words": join(dice.words(dice.integer(6, 9)))}


def _work_sort_words(v: Values) -> Work:
    ordered = sorted(items(v["words"]))
    return Work(
        (
            f"Compare first letters, then the next ones; {ordered[0]} leads.",
            f"In order: {join(ordered)}.",
        ),
        join(ordered),
    )


SORT_WORDS = Family(
    name="sort_words",
    group="lists",
    method="comparing letter by letter",
    kind="text",
    kinds=KINDS,
    grown=_grow_words,
    texts=(
        "Sort alphabetically: {words}.",
        "{name} labels drawers with {words}. In which alphabetical order do the labels stand?",
        "For the index of a booklet on {thing}, bring {words} into dictionary order.",
        "The {group} in {town} has teams called {words}. List the teams from A to Z.",
        "Code words for the {occasion} are {words}. Write them down again by the alphabet.",
        "Here is a shelf: {words}. {friend} wants it arranged as in a lexicon. What does it look like then?",
    ),
    drawn=_draw_sort_words,
    worked=_work_sort_words,
)


def _draw_common(dice: Dice) -> dict[str, str]:
    pool = dice.words(12)
    shared = pool[: dice.integer(2, 4)]
    first, second = dice.shuffle(shared + pool[4:8]), dice.shuffle(shared + pool[8:12])
    return dice.scene() | {"words": join(first), "other_words": join(second)}


def _work_common(v: Values) -> Work:
    first, second = items(v["words"]), set(items(v["other_words"]))
    both = sorted(set(first) & second)
    if not both:
        return Work(("No word of the first list is in the second.",), "none")
    return Work(
        (
            f"Of the first list, {len(both)} also stand in the second.",
            f"By the alphabet: {join(both)}.",
        ),
        join(both),
    )


COMMON = Family(
    name="common_members",
    group="lists",
    method="checking each member of one list against the other",
    kind="text",
    kinds=KINDS,
    grown=_grow_words,
    texts=(
        "List A: {words}. List B: {other_words}. Which words are in both? Answer in alphabetical order.",
        "{name} packed {words}; {friend} packed {other_words}. What did both of them pack, alphabetically?",
        "The {group} offers {words} and the rival club in {town} offers {other_words}. Name, from A to Z, what the two have in common.",
        "Intersect the set {words} with the set {other_words} and give the members in order of the alphabet.",
        "At the {occasion} the first table voted for {words}, the second for {other_words}. In alphabetical order, which got votes from both tables?",
        "Some of the passwords {words} are reused among {other_words}. Write the reused ones, sorted alphabetically.",
    ),
    drawn=_draw_common,
    worked=_work_common,
)


def _draw_unique(dice: Dice) -> dict[str, str]:
    words = dice.words(dice.integer(4, 6))
    return dice.scene() | {"words": join(dice.shuffle(words + dice.sample(words, 3)))}


def _work_unique(v: Values) -> Work:
    words = items(v["words"])
    kept = list(dict.fromkeys(words))
    return Work(
        (f"{len(words) - len(kept)} entries are repeats.", f"What is left: {join(kept)}."),
        join(kept),
    )


UNIQUE = Family(
    name="remove_repeats",
    group="lists",
    method="keeping each entry the first time it comes",
    kind="text",
    kinds=KINDS,
    grown=_grow_words,
    texts=(
        "Remove the repeats from {words}, keeping the first of each in its place.",
        "{name} called out {words} at the {occasion}. Write the calls down once each, in the order of their first coming.",
        "The guest book of the {group} shows {words}. Who stands in it, without double entries and in the same order?",
        "Deduplicate this list of {town} street names but do not reorder it: {words}.",
        "Some orders came in twice: {words}. Copy the orders so that none comes again after its first time.",
        "Which distinct entries, in order of appearance, does the row {words} have? {friend} uses the answer for {subject}.",
    ),
    drawn=_draw_unique,
    worked=_work_unique,
)


def _draw_longer(dice: Dice) -> dict[str, str]:
    return dice.scene() | {
        "words": join(dice.words(dice.integer(7, 10))),
        "n": str(dice.integer(5, 6)),
    }


def _work_longer(v: Values) -> Work:
    least = int(v["n"])
    kept = [word for word in items(v["words"]) if len(word) > least]
    answer = join(kept) if kept else "none"
    return Work(
        (
            f"Count the letters of each and keep those with at least {least + 1}.",
            f"Kept: {answer}.",
        ),
        answer,
    )


LONGER = Family(
    name="filter_by_length",
    group="lists",
    method="counting the letters of each word",
    kind="text",
    kinds=KINDS,
    grown=_grow_words,
    texts=(
        "Keep only the words with more than {n} letters, in the order given: {words}.",
        "Which of {words} are longer than {n} letters? {name} wants them in the same order for a crossword.",
        "The sign of the {group} in {town} cannot show words above {n} letters. Name those in {words} that it cannot show, in order.",
        "Out of {words}, drop everything of {n} letters or fewer. What stays, in unchanged order?",
        "{friend} crosses out each word that has at most {n} letters from {words}. List the words that survive, left to right.",
        "For the {occasion} only names of over {n} letters will do. Filter {words} by that rule and keep the sequence.",
    ),
    drawn=_draw_longer,
    worked=_work_longer,
)


def _draw_starting(dice: Dice) -> dict[str, str]:
    words = dice.words(dice.integer(8, 11))
    return dice.scene() | {"words": join(words), "letter": dice.pick(words)[0]}


def _work_starting(v: Values) -> Work:
    letter, words = v["letter"], items(v["words"])
    found = [word for word in words if word.startswith(letter)]
    steps = (
        f"Go through the {len(words)} words.",
        f"With {letter} begin: {join(found) or 'none'}; that makes {len(found)}.",
    )
    return Work(steps, str(len(found)))


STARTING = Family(
    name="count_by_initial",
    group="lists",
    method="looking at each first letter and counting",
    kind="number",
    unit="words",
    kinds=KINDS,
    grown=_grow_words,
    texts=(
        "How many of the words {words} start with the letter {letter}?",
        "In the word list of the {group} ({words}), count the entries whose initial is {letter}.",
        "{name} collects words in {letter}. From {words}, what number can {name} use?",
        "Tally the items beginning with {letter} in this delivery to {town}: {words}.",
        "Among {words}, say how often {letter} is the very first letter. {friend} checks the count at the {occasion}.",
        "At the {occasion} a card is worth a point if its word opens with {letter}. The cards are {words}. How many points is that?",
    ),
    drawn=_draw_starting,
    worked=_work_starting,
)


def _draw_position(dice: Dice) -> dict[str, str]:
    numbers = dice.sample(range(12, 480), dice.integer(7, 10))
    return dice.scene() | {"numbers": join(numbers), "n": str(dice.integer(2, 5))}


def _work_position(v: Values) -> Work:
    ordered, n = sorted((int(number) for number in items(v["numbers"])), reverse=True), int(v["n"])
    if n < 1:
        raise ValueError("ranks count from 1")
    return Work(
        (f"From the top: {join(ordered[:n])}.", f"Rank {n} is {ordered[n - 1]}."),
        str(ordered[n - 1]),
    )


POSITION = Family(
    name="nth_largest",
    group="lists",
    method="ordering from the top and counting to the rank",
    kind="number",
    kinds=KINDS,
    grown=_grow_numbers,
    texts=(
        "What is number {n} from the top when {numbers} are ranked by size?",
        "{name} and others jumped {numbers} centimetres at the {occasion}. Which result takes rank {n}?",
        "The {group} lists bids of {numbers} for its {thing}. Pick the bid that is at place {n}, the highest bid being place 1.",
        "Find the value of rank {n} (rank 1 is the largest) among {numbers}.",
        "If towers near {town} are {numbers} metres tall, how tall is the one ranked {n} by height?",
        "Strike out the largest figure until {n} have been struck from {numbers}. Which one was struck last?",
    ),
    drawn=_draw_position,
    worked=_work_position,
)

FAMILIES = (SORT_NUMBERS, SORT_WORDS, COMMON, UNIQUE, LONGER, STARTING, POSITION)
