"""Declared skills of the simulated models: a model's name in, its error rates by kind out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True)
class Answering:
    """How often an answer is flawed, one flaw at most; ``ignored_constraint`` is the rate among
    prompts that have a constraint."""

    slip: float = 0.03
    ignored_constraint: float = 0.03
    refusal: float = 0.005
    rambling: float = 0.01
    cut_off: float = 0.005
    nothing: float = 0.003


@dataclass(frozen=True)
class Writing:
    """How often a new prompt is planted rubbish, by kind; ``cut_reply`` is per reply."""

    too_short: float = 0.02
    too_long: float = 0.01
    keyword: float = 0.025
    program: float = 0.015
    punctuation: float = 0.015
    near_duplicate: float = 0.05
    other_language: float = 0.02
    memorised: float = 0.008
    cut_reply: float = 0.03


@dataclass(frozen=True)
class Rewriting:
    """How often a rewriting fails, by kind."""

    unchanged: float = 0.08
    nearly_unchanged: float = 0.17
    template_words: float = 0.04
    refusal_bait: float = 0.03
    nothing_bait: float = 0.02


@dataclass(frozen=True)
class Instancing:
    """How often the verdict on a task is wrong or none; and how often a list of examples is
    flawed, by kind, one flaw at most. No filter can see a ``slip``."""

    wrong_verdict: float = 0.04
    no_verdict: float = 0.02
    unformed: float = 0.02
    empty_output: float = 0.03
    echo: float = 0.02
    colon: float = 0.02
    conflict: float = 0.03
    duplicate: float = 0.04
    cut: float = 0.02
    slip: float = 0.02


@dataclass(frozen=True)
class Judging:
    """noise: widest error of a rating, in points (triangular). position_bias: points added to
    the completion shown first. length_bias: points added for each 100 words, at most one such.
    severity: points taken off. wrong_verdict: rate of wrong answers to Equal or Different.
    not_applicable: rate of N/A for honesty. malformed, out_of_scale, missing_item: per reply."""

    noise: float = 0.9
    position_bias: float = 0.3
    length_bias: float = 0.3
    severity: float = 0.0
    wrong_verdict: float = 0.04
    not_applicable: float = 0.05
    malformed: float = 0.015
    out_of_scale: float = 0.01
    missing_item: float = 0.01


@dataclass(frozen=True)
class Translating:
    """How often a translation fails, by kind: ``untranslated`` on the way there, the others on the
    way back."""

    untranslated: float = 0.02
    literal: float = 0.06
    changed_number: float = 0.04
    changed_task: float = 0.05
    nothing: float = 0.01


@dataclass(frozen=True)
class Describing:
    """How often the instruction written for a text is none of it, by kind."""

    another_subject: float = 0.12
    no_instruction: float = 0.06


@dataclass(frozen=True)
class Conversing:
    """How often a simulated person's turn asks for nothing new, by kind."""

    thanks: float = 0.05
    as_assistant: float = 0.03
    repeats: float = 0.04


@dataclass(frozen=True)
class Crafting:
    """forgotten_behaviour: share of answers without the behaviour that a system text asks for.
    wrong_grade: of each criterion, and of a verdict on a behaviour. noise: widest error of a score
    from 1 to 6. short_rubric, left_constraint, malformed: per reply (per constraint)."""

    forgotten_behaviour: float = 0.06
    wrong_grade: float = 0.04
    noise: float = 0.8
    short_rubric: float = 0.02
    left_constraint: float = 0.05
    malformed: float = 0.01


@dataclass(frozen=True)
class Reckoning:
    """How a trace with programs goes wrong: ``slip``, ``crash``, ``endless`` and
    ``invented_output`` in its first turn, one at most; ``misread`` and ``dithering`` per later
    turn."""

    slip: float = 0.03
    crash: float = 0.08
    endless: float = 0.005
    invented_output: float = 0.03
    misread: float = 0.02
    dithering: float = 0.01


@dataclass(frozen=True)
class Preferring:
    """By what a comparison of two completions is decided in the place of quality. kin, length:
    shares of pairs decided by the judge's own words, and by length, in both orders alike.
    position: share of the other replies that go by the first place. noise: widest error, in
    points. malformed, wavering (a reply with two verdicts): per reply."""

    kin: float = 0.0
    length: float = 0.08
    position: float = 0.12
    noise: float = 0.5
    malformed: float = 0.01
    wavering: float = 0.005


@dataclass(frozen=True)
class Revising:
    """How often a critique misses a fault, or finds one where none is, and how often a revision
    does not heed its critique."""

    missed: float = 0.1
    invented: float = 0.05
    unheeded: float = 0.05


@dataclass(frozen=True)
class Skill:
    """One simulated model. Every model can do everything, with these error rates. habit: a turn of
    phrase of its own, by which it knows its words again."""

    answering: Answering = field(default_factory=Answering)
    writing: Writing = field(default_factory=Writing)
    rewriting: Rewriting = field(default_factory=Rewriting)
    judging: Judging = field(default_factory=Judging)
    translating: Translating = field(default_factory=Translating)
    describing: Describing = field(default_factory=Describing)
    conversing: Conversing = field(default_factory=Conversing)
    crafting: Crafting = field(default_factory=Crafting)
    reckoning: Reckoning = field(default_factory=Reckoning)
    instancing: Instancing = field(default_factory=Instancing)
    preferring: Preferring = field(default_factory=Preferring)
    revising: Revising = field(default_factory=Revising)
    habit: str | None = None


_HASTY = Answering(0.17, 0.25, 0.03, 0.05, 0.03, 0.01)

MODELS: Mapping[str, Skill] = MappingProxyType(
    {
        "careful": Skill(),
        "hasty": Skill(
            answering=_HASTY,
            writing=Writing(0.05, 0.03, 0.05, 0.03, 0.03, 0.1, 0.03, 0.01, 0.06),
            rewriting=Rewriting(0.13, 0.2, 0.06, 0.04, 0.03),
            judging=Judging(noise=1.6, wrong_verdict=0.12, malformed=0.04),
            translating=Translating(0.05, 0.1, 0.08, 0.09, 0.02),
            reckoning=Reckoning(0.12, 0.2, 0.01, 0.08, 0.06, 0.04),
            instancing=Instancing(0.1, 0.05, 0.05, 0.06, 0.05, 0.05, 0.06, 0.08, 0.05, 0.08),
        ),
        "terse": Skill(answering=Answering(0.08, 0.12, 0.01, 0.0, 0.0, 0.02)),
        "rambling": Skill(answering=Answering(0.08, 0.1, 0.01, 0.5, 0.05, 0.0)),
        "judge": Skill(),
        "partial": Skill(
            answering=Answering(0.1, 0.12),
            preferring=Preferring(kin=0.3, length=0.2, position=0.25),
            habit="All things weighed, it comes to",
        ),
        "harsh_judge": Skill(
            judging=Judging(severity=0.8, position_bias=0.1, length_bias=0.0),
            preferring=Preferring(length=0.0, position=0.05),
        ),
    }
)
"""Name → skill. Rates are declared here and nowhere else; a test holds the models to them."""
