"""A pool of prompts in, new prompts written from examples of it out (Wang et al. 2022)."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import polars as pl
from pydantic import Field

from synth_assets.identity import seeded_random
from synth_assets.llm.request import Ask, Reply, Request, user
from synth_assets.method import POOL, Lack, Material, Rule, method
from synth_assets.methods.asking import Counted, ask_about, is_usable
from synth_assets.methods.draws import IdPool
from synth_assets.methods.numbered_items import parse_numbered_items
from synth_assets.methods.prompt_rows import PROMPT_SCHEMA, kept, new_prompt_id, prompt_row
from synth_assets.methods.result import MethodResult
from synth_assets.methods.thoughts import without_thoughts
from synth_assets.quality.novelty import Comparison, NoveltyIndex, reject_similar
from synth_assets.quality.tokens import count_words
from synth_assets.recipe_parts import ModelName, Part, Sampling, Share, WordRange
from synth_assets.templates import load_template

if TYPE_CHECKING:
    from synth_assets.recipe import Recipe


class Novelty(Part):
    """Self-Instruct's novelty rule: rejected where ROUGE-L F1 to any earlier prompt exceeds
    ``threshold`` (0.7 itself is accepted)."""

    threshold: Share = 0.7
    tokenizer: Literal["unicode", "ascii"] = "unicode"
    keep_nearest: int = Field(default=10, ge=1, le=100)


class SelfInstruct(Part):
    """New prompts from examples (Wang et al. 2022, section 2; methods.md 2).

    may_need_input: new tasks may leave their input open, for `self_instruct_instances` to write.
        Without it each is complete in itself.
    """

    teacher: ModelName
    per_round: int = Field(ge=1, description="Candidates asked for in each round")
    human_examples: int = Field(default=6, ge=0)
    machine_examples: int = Field(default=2, ge=0)
    items_per_call: int = Field(default=7, ge=1, le=20)
    words: WordRange = (4, 150)
    keywords: tuple[str, ...] = (
        "image",
        "images",
        "graph",
        "graphs",
        "picture",
        "pictures",
        "file",
        "files",
        "map",
        "maps",
        "draw",
        "plot",
        "go to",
    )
    alpaca_keywords: bool = False
    require_ascii_start: bool = False
    drop_whole_cut_reply: bool = False
    may_need_input: bool = False
    novelty: Novelty = Novelty()
    sampling: Sampling = Sampling(temperature=0.7, top_p=0.5, presence_penalty=2.0, max_tokens=1024)


METHOD = "self_instruct"
TEMPLATES = {
    False: "self_instruct/instructions",
    True: "self_instruct/instructions_with_input",
}
"""By whether the tasks may need an input."""
ALPACA_KEYWORDS = ("video", "audio", "music", "flowchart", "diagram")
"""What Alpaca (Taori et al. 2023) adds to the words that text alone cannot serve."""


@dataclass(frozen=True)
class _Call:
    """The n-th call of a round and the prompts it shows."""

    n: int
    shown: tuple[str, ...]


@dataclass(frozen=True)
class _Candidate:
    """One item of a reply."""

    call: _Call
    call_id: str
    position: int
    prompt_id: str
    text: str
    drop_reason: str | None


def _rules(parameters: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[Rule]:
    words = parameters.get("words") or [None, None]
    yield "cut_off", None, None
    yield "too_short", words[0], None
    yield "too_long", words[1], None
    yield "keyword", None, None
    yield "starts_with_write_a_program", None, None
    yield "starts_with_punctuation", None, None
    if parameters.get("require_ascii_start"):
        yield "starts_with_non_ascii", None, None
    yield "not_novel", parameters.get("novelty", {}).get("threshold"), row.get("nearest_score")


def _requires(parameters: SelfInstruct, recipe: Recipe) -> Iterator[Lack]:
    if parameters.may_need_input and recipe.parameters_of("self_instruct_instances") is None:
        yield (
            ("may_need_input",),
            "= true: nothing writes the inputs; add prompts: {self_instruct_instances: {…}}",
        )


@method(
    METHOD,
    kind="prompts",
    table="self_instruct_prompts",
    description="New prompts written from examples (Self-Instruct, Wang et al. 2022).",
    parameters=SelfInstruct,
    templates=lambda parameters, resolve: [load_template(TEMPLATES[parameters.may_need_input])],
    rules=_rules,
    requires=_requires,
    may_follow=lambda parameters, unknown, teacher: (
        unknown,
        unknown.total() * parameters.items_per_call,
    ),
)
def make_prompts(material: Material, parameters: SelfInstruct) -> MethodResult:
    """The method in the graph: its round's pool in, new prompts out."""
    return write_prompts(
        material.frame(POOL), round=material.round, parameters=parameters, ask=material.ask
    )


def write_prompts(
    pool: pl.DataFrame, *, round: int, parameters: SelfInstruct, ask: Ask
) -> MethodResult:
    """Asks for new instructions until ``per_round`` were asked for, and drops by the rules.

    pool: all prompts this round may draw on. Examples come from its train side only; a new prompt
    is compared with all of it. Prompts of one instruction (its instances) count as one. The
    licence of a new prompt is null: no licence of an example carries over to what a model wrote
    after it, and the terms of the model are not known here.
    """
    pool = _one_of_each_instruction(kept(pool))
    counts: Counter[str] = Counter()
    shown_with: dict[str, tuple[str, ...]] = {}
    candidates: list[_Candidate] = []
    requests = _requests(pool, round, parameters)
    for call, reply in ask_about(ask, requests, counts):
        shown_with[reply.call_id] = call.shown
        candidates.extend(_parse(call, reply, round, parameters, counts))
    comparisons = _compare(pool, candidates, parameters)
    rows = [
        _row(candidate, comparisons.get(candidate.prompt_id), round, parameters)
        for candidate in candidates
    ]
    frame = PROMPT_SCHEMA.frame(rows)
    return MethodResult(frame, shown_with, len(candidates), dict(counts))


def instruction_filter_reason(text: str, parameters: SelfInstruct) -> str | None:
    """The first published rule that ``text`` breaks, or None. Words are counted by white space;
    in scripts without spaces two characters are a word."""
    fewest, most = parameters.words
    words = count_words(text)
    if words < max(fewest, 1):
        return "too_short"
    if words > most:
        return "too_long"
    keywords = parameters.keywords + (ALPACA_KEYWORDS if parameters.alpaca_keywords else ())
    if keywords and _keyword_pattern(keywords).search(text):
        return "keyword"
    if text.lower().startswith("write a program"):
        return "starts_with_write_a_program"
    # ASCII punctuation only, as published: ¿ and 「 open sentences of other languages.
    if text[0] in string.punctuation:
        return "starts_with_punctuation"
    if parameters.require_ascii_start and not text[0].isascii():
        return "starts_with_non_ascii"
    return None


@cache
def _keyword_pattern(keywords: tuple[str, ...]) -> re.Pattern[str]:
    words = "|".join(r"\s+".join(map(re.escape, keyword.split())) for keyword in keywords)
    return re.compile(rf"\b(?:{words})\b", re.IGNORECASE)


def _one_of_each_instruction(pool: pl.DataFrame) -> pl.DataFrame:
    """A seed before what was made, then the lower id; in the order of the ids."""
    by_rank = pool.sort(pl.col("method") != "seed", "prompt_id")
    return by_rank.unique("instruction", keep="first", maintain_order=True).sort("prompt_id")


def _requests(
    pool: pl.DataFrame, round: int, parameters: SelfInstruct
) -> Counted[tuple[_Call, Request]]:
    # A later turn of a conversation is no task that is complete in itself.
    has_one_turn = (
        ~pl.col("messages").list.eval(pl.element().struct["role"] == "assistant").list.any()
    )
    train = pool.filter((pl.col("split") == "train") & has_one_turn)
    is_human = pl.col("method") == "seed"
    human = IdPool(train.filter(is_human)["prompt_id"])
    machine = IdPool(train.filter(~is_human)["prompt_id"])
    instructions = dict(train.select("prompt_id", "instruction").iter_rows())
    calls = -(-parameters.per_round // parameters.items_per_call) if instructions else 0

    def request(n: int) -> tuple[_Call, Request]:
        shown = _examples(human, machine, round, n, parameters)
        return _Call(n, shown), Request(
            model=parameters.teacher,
            messages=(user(_render([instructions[id] for id in shown], parameters)),),
            sampling=parameters.sampling.given(),
            round=round,
            sample_index=n,
        )

    return Counted(calls, (request(n) for n in range(calls)))


def _examples(
    human: IdPool, machine: IdPool, round: int, n: int, parameters: SelfInstruct
) -> tuple[str, ...]:
    """Six human and two machine-made prompts (by default), shuffled. Where there are not enough
    of one kind the other fills in."""
    total = parameters.human_examples + parameters.machine_examples
    humans = max(
        min(parameters.human_examples, len(human)),
        min(total - min(parameters.machine_examples, len(machine)), len(human)),
    )
    shown = human.draw(humans, METHOD, "human", round, n)
    shown += machine.draw(total - humans, METHOD, "machine", round, n)
    seeded_random(METHOD, "order", round, n).shuffle(shown)
    return tuple(shown)


def _render(examples: list[str], parameters: SelfInstruct) -> str:
    count = len(examples)
    numbered = [f"{number}. {_one_line(text)}" for number, text in enumerate(examples, start=1)]
    return load_template(TEMPLATES[parameters.may_need_input]).render(
        count=str(count),
        last_number=str(count + parameters.items_per_call),
        next_number=str(count + 1),
        examples="\n".join(numbered),
    )


def _one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(":").rstrip()


def _parse(
    call: _Call, reply: Reply, round: int, parameters: SelfInstruct, counts: Counter[str]
) -> Iterator[_Candidate]:
    if not is_usable(reply):
        return
    texts = parse_numbered_items(without_thoughts(reply.text), len(call.shown) + 1)
    counts["surplus_items"] += max(0, len(texts) - parameters.items_per_call)
    for position, text in enumerate(texts[: parameters.items_per_call]):
        is_last = position == len(texts) - 1
        is_cut = reply.status == "cut" and (is_last or parameters.drop_whole_cut_reply)
        reason = "cut_off" if is_cut else instruction_filter_reason(text, parameters)
        yield _Candidate(
            call=call,
            call_id=reply.call_id,
            position=position,
            prompt_id=new_prompt_id(METHOD, (), round, call.n, position, text),
            text=text,
            drop_reason=reason,
        )


def _compare(
    pool: pl.DataFrame, candidates: list[_Candidate], parameters: SelfInstruct
) -> dict[str, Comparison]:
    """The novelty of what the other rules kept, one after another in the order of the calls."""
    novelty = parameters.novelty
    index = NoveltyIndex(novelty.tokenizer)
    for id, instruction in pool.select("prompt_id", "instruction").iter_rows():
        index.add(id, instruction)
    remaining = [(each.prompt_id, each.text) for each in candidates if each.drop_reason is None]
    comparisons = reject_similar(
        remaining, index, threshold=novelty.threshold, keep_nearest=novelty.keep_nearest
    )
    return {id: comparison for (id, _), comparison in zip(remaining, comparisons, strict=True)}


def _row(
    candidate: _Candidate, comparison: Comparison | None, round: int, parameters: SelfInstruct
) -> dict[str, object]:
    nearest = comparison.nearest if comparison else ()
    is_similar = comparison is not None and comparison.is_similar
    return prompt_row(
        prompt_id=candidate.prompt_id,
        text=candidate.text,
        round=round,
        method=METHOD,
        position=candidate.position,
        nearest=[{"prompt_id": each.id, "score": each.score} for each in nearest]
        if comparison
        else None,
        nearest_score=nearest[0].score if nearest else None,
        model=parameters.teacher,
        call_ids=[candidate.call_id],
        template_hash=load_template(TEMPLATES[parameters.may_need_input]).hash,
        origin=f"model:{parameters.teacher}",
        drop_reason="not_novel" if is_similar else candidate.drop_reason,
    )
