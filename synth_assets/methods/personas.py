"""Descriptions of people in, a prompt that each of them could write out: one for each person and
skill (Ge et al. 2024; Tülu 3, Lambert et al. 2024, section 4.2).

Prompts for instruction following get one to three constraints that plain code can check. The
method adds their sentences itself, so that the prompt says exactly what `constraints` checks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal, get_args

import polars as pl
from pydantic import AfterValidator, Field

from synth_assets.errors import RecipeError
from synth_assets.identity import content_hash, seeded_random
from synth_assets.llm.request import Reply, Request, user
from synth_assets.method import Material, Resolve, Rule, method
from synth_assets.methods.asking import Counted, ask_about, is_usable
from synth_assets.methods.elimination import copies_template
from synth_assets.methods.prompt_rows import new_prompt_id, prompt_row
from synth_assets.methods.result import MethodResult
from synth_assets.methods.thoughts import without_thoughts
from synth_assets.quality.verifiable_constraints import (
    Constraint,
    constraints_to_json,
    draw_constraints,
)
from synth_assets.recipe_parts import ModelName, OwnFile, Part, Sampling, each_once
from synth_assets.schemas import PROMPT_COLUMNS, Column, TableSchema
from synth_assets.templates import Template, load_template, quote

METHOD = "personas"
TABLE = "persona_prompts"
EXAMPLES = 5
"""Descriptions shown where a model is to write another."""

Skill = Literal["instruction_following", "mathematics", "coding"]
CONSTRAINED: Skill = "instruction_following"


def _in_order(value: tuple[int, int]) -> tuple[int, int]:
    if value[0] > value[1]:
        raise ValueError("the smaller number comes first, as in [1, 3]")
    return value


Count = Annotated[int, Field(ge=0, le=5)]


class Personas(Part):
    """Prompts that described people could write (Lambert et al. 2024; methods.md 4).

    per_round: prompts in each round. Pairs of a person and a skill are taken in a fixed random
        order, the next ones in each round; where all were taken it begins again, and other prompts
        are drawn for them.
    file: one description a line; left out, some sixty of our own.
    from_model: so many people a round are described by the teacher, in the manner of the file's,
        and the round's prompts are theirs; 0 takes the file's own.
    constraints: fewest and most for a prompt of instruction following (1 to 3 as published).
    """

    teacher: ModelName
    per_round: int = Field(ge=1)
    skills: Annotated[tuple[Skill, ...], AfterValidator(each_once)] = Field(
        default=get_args(Skill), min_length=1
    )
    file: OwnFile | None = None
    from_model: int = Field(default=0, ge=0)
    constraints: Annotated[tuple[Count, Count], AfterValidator(_in_order)] = (1, 3)
    sampling: Sampling = Sampling(temperature=1.0, top_p=0.95, max_tokens=1024)


COLUMNS = (
    Column("persona", pl.String, "The person who could write the prompt"),
    Column("skill", pl.String, "What the prompt exercises"),
    Column("constraints", pl.String, "Constraints that code can check, JSON; null for none"),
)
SCHEMA = TableSchema(TABLE, "prompt_id", "", (*PROMPT_COLUMNS, *COLUMNS))


@dataclass(frozen=True)
class _Person:
    description: str
    call_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Draw:
    """Whose prompt a request is for. cycle: how often all pairs were taken before."""

    person: _Person
    skill: Skill
    cycle: int
    constraints: tuple[Constraint, ...]


def _templates(parameters: Personas, resolve: Resolve) -> list[Template]:
    # The descriptions decide the prompts as a template does.
    own = Template("personas", "\n".join(read_personas(parameters, resolve)), frozenset())
    names = [*parameters.skills, *(["persona"] if parameters.from_model else [])]
    return [own, *(load_template(f"{METHOD}/{name}") for name in names)]


def _may_follow(
    parameters: Personas, unknown: Counter[str], teacher: str | None
) -> tuple[Counter[str], int]:
    """Where people are not described yet, all of the round's prompts are open."""
    if not parameters.from_model:
        return unknown, unknown.total()
    return unknown + Counter({parameters.teacher: parameters.per_round}), parameters.per_round


def _rules(parameters: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[Rule]:
    for reason in ("failed_reply", "empty", "cut_off", "copies_template"):
        yield reason, None, row.get("text")


@method(
    METHOD,
    kind="prompts",
    table=TABLE,
    description="Prompts that described people could write, one a person and skill (Tülu 3, "
    "Lambert et al. 2024).",
    parameters=Personas,
    columns=COLUMNS,
    templates=_templates,
    rules=_rules,
    may_follow=_may_follow,
)
def write_for_personas(material: Material, parameters: Personas) -> MethodResult:
    """``per_round`` rows, one a person and skill, kept or dropped by name."""
    counts: Counter[str] = Counter()
    people = [_Person(text) for text in read_personas(parameters, material.resolve)]
    start = (material.round - 1) * parameters.per_round
    if parameters.from_model:
        people, start = _describe(people, material, parameters, counts), 0
    draws = _draws(people, start, material.round, parameters)
    requests = Counted(
        len(draws), ((draw, _request(draw, material.round, parameters)) for draw in draws)
    )
    rows = [
        _row(draw, reply, material.round, parameters)
        for draw, reply in ask_about(material.ask, requests, counts)
    ]
    return MethodResult(SCHEMA.frame(rows), {}, len(rows), dict(counts))


def read_personas(parameters: Personas, resolve: Resolve) -> list[str]:
    """The descriptions, each once. Errors: `RecipeError` where the file has none."""
    if parameters.file is None:
        return list(_own_personas())
    path = resolve(parameters.file)
    field = f"prompts.{METHOD}.file = {parameters.file!r}"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise RecipeError(f"{field}: {path} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"{field}: {path} is not UTF-8; save it as UTF-8") from error
    found = _lines(text)
    if not found:
        raise RecipeError(f"{field}: {path} holds no description; write one a line")
    return found


@cache
def _own_personas() -> tuple[str, ...]:
    path = files("synth_assets.templates") / METHOD / "personas.txt"
    return tuple(_lines(path.read_text(encoding="utf-8")))


def _lines(text: str) -> list[str]:
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def _describe(
    known: list[_Person], material: Material, parameters: Personas, counts: Counter[str]
) -> list[_Person]:
    """People described by the teacher, each once; a reply without a text describes nobody."""
    numbers = range(parameters.from_model)
    requests = Counted(
        len(numbers),
        ((n, _description_request(known, n, material.round, parameters)) for n in numbers),
        in_all=len(numbers) + parameters.per_round,
    )
    described: dict[str, _Person] = {}
    for _, reply in ask_about(material.ask, requests, counts):
        text = " ".join(without_thoughts(reply.text).split())
        if text and is_usable(reply) and reply.status == "ok":
            described.setdefault(text, _Person(text, (reply.call_id,)))
    counts["people_described"] = len(described)
    return list(described.values())


def _description_request(known: list[_Person], n: int, round: int, parameters: Personas) -> Request:
    descriptions = sorted(person.description for person in known)
    shown = seeded_random(METHOD, "examples", round, n).sample(
        descriptions, min(EXAMPLES, len(descriptions))
    )
    text = load_template(f"{METHOD}/persona").render(examples="\n".join(f"- {s}" for s in shown))
    return Request(
        parameters.teacher,
        (user(text),),
        parameters.sampling.given(),
        round=round,
        sample_index=n,
    )


def _draws(people: list[_Person], start: int, round: int, parameters: Personas) -> Counted[_Draw]:
    pairs: list[tuple[_Person, Skill]] = [
        (person, skill) for person in people for skill in parameters.skills
    ]
    pairs.sort(key=lambda pair: content_hash(METHOD, pair[0].description, pair[1]))
    places = range(start, start + parameters.per_round) if pairs else range(0)

    def draw_at(place: int) -> _Draw:
        cycle, index = divmod(place, len(pairs))
        person, skill = pairs[index]
        drawn: tuple[Constraint, ...] = ()
        if skill == CONSTRAINED:
            draw = seeded_random(METHOD, "constraints", person.description, round, cycle)
            count = draw.randint(*parameters.constraints)
            drawn = tuple(draw_constraints(draw, count))
        return _Draw(person, skill, cycle, drawn)

    return Counted(len(places), (draw_at(place) for place in places))


def _request(draw: _Draw, round: int, parameters: Personas) -> Request:
    text = load_template(f"{METHOD}/{draw.skill}").render(
        persona=quote("person", draw.person.description)
    )
    return Request(
        parameters.teacher,
        (user(text),),
        parameters.sampling.given(),
        round=round,
        sample_index=draw.cycle,
    )


def _row(draw: _Draw, reply: Reply, round: int, parameters: Personas) -> dict[str, object]:
    template = load_template(f"{METHOD}/{draw.skill}")
    written = without_thoughts(reply.text)
    reason = None
    if reply.status in ("failed", "refused"):
        reason = "failed_reply"
    elif not written:
        reason = "empty"
    elif reply.status == "cut":
        reason = "cut_off"
    elif copies_template(written, draw.person.description, template):
        reason = "copies_template"
    sentences = [constraint.sentence() for constraint in draw.constraints]
    text = " ".join([written, *sentences]) if written else None
    return prompt_row(
        prompt_id=new_prompt_id(
            METHOD,
            (content_hash(draw.person.description, draw.skill),),
            round,
            draw.cycle,
            0,
            text,
        ),
        text=text,
        round=round,
        method=METHOD,
        operator=draw.skill,
        category=draw.skill,
        model=parameters.teacher,
        call_ids=[*draw.person.call_ids, reply.call_id],
        template_hash=template.hash,
        origin=f"model:{parameters.teacher}",
        drop_reason=reason,
        persona=draw.person.description,
        skill=draw.skill,
        constraints=constraints_to_json(draw.constraints) if draw.constraints else None,
    )
