"""What a method declares of itself, and the registry of all methods.

A method is one module: parameters (a part of the recipe), templates, and a pure function of frames
and ``ask``. `method` registers it; recipe, stages, lineage and plan then know it. Those of this
package lie in `synth_assets.methods`; another package names its modules under the entry point
``synth_assets.methods``.
"""

from __future__ import annotations

import pkgutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from synth_assets.errors import SynthError
from synth_assets.llm.request import Ask, Message, Request
from synth_assets.recipe_names import why_no_name
from synth_assets.recipe_parts import Part
from synth_assets.schemas import (
    COMPLETION_COLUMNS,
    FILTER_COLUMNS,
    PAIR_COLUMNS,
    PROMPT_COLUMNS,
    RATING_COLUMNS,
    TABLES,
    Column,
    TableSchema,
)
from synth_assets.templates import Template
from synth_assets.yaml_file import Field as Place

if TYPE_CHECKING:
    from synth_assets.methods.completions import Completions
    from synth_assets.methods.result import MethodResult
    from synth_assets.recipe import Recipe
    from synth_assets.recipe_model import Model

ENTRY_POINT = "synth_assets.methods"
POOL = "pool"
"""What a round may draw on, among the frames of a method that makes prompts."""

Kind = Literal["prompts", "completions", "judgments", "pairs", "filters"]
"""What a method makes, and under which part of the recipe it stands."""

COLUMNS: Mapping[Kind, tuple[Column, ...]] = {
    "prompts": PROMPT_COLUMNS,
    "completions": COMPLETION_COLUMNS,
    "judgments": RATING_COLUMNS,
    "pairs": PAIR_COLUMNS,
    "filters": FILTER_COLUMNS,
}
READS: Mapping[Kind, tuple[str, ...]] = {
    "prompts": (POOL,),
    "completions": ("mutated_prompts",),
    "judgments": ("mutated_prompts", "completions"),
    "pairs": ("mutated_prompts", "completions"),
    "filters": ("mutated_prompts", "completions"),
}
"""Tables whose rows a method of a kind sees, where it declares no others."""

Resolve = Callable[[str], Path]
"""A path of the recipe in, where it lies out."""

Lack = tuple[Place, str]
"""(the field in the method's own part of the recipe, what to say of it): what the rest of the
recipe does not give. The text begins with ``= `` where it shows the value, and names the remedy."""

Rule = tuple[str, Any, Any]
"""(drop reason, setting of the recipe or None, what of the row it looked at or None)."""


@dataclass(frozen=True)
class Material:
    """What a method may see.

    round: the round made; 0 where the table is made as a whole.
    frames: table → its rows: of this round, or all where the method is not made by round.
    completions, first_completion: the recipe's completions, and the request that the completions
        stage makes first for a prompt; None where the recipe declares no teacher.
    resolve: where a file lies that the parameters name.
    """

    round: int
    frames: Mapping[str, pl.DataFrame]
    ask: Ask
    models: Mapping[str, Model] = field(default_factory=dict)
    student: str | None = None
    completions: Completions | None = None
    first_completion: Callable[[str, Sequence[Message]], Request] | None = None
    resolve: Resolve = Path

    def frame(self, table: str) -> pl.DataFrame:
        """The rows of a table that the method declares to read."""
        return self.frames[table]


CallsByOutcome = Callable[
    [Any, "Completions", Callable[[str], pl.DataFrame]], Mapping[str, "FurtherCalls"]
]


@dataclass(frozen=True)
class FurtherCalls:
    """Calls of one prompt to one model: at most; how many are likely; and how many are likely for
    a prompt of which a call is under way, that one too."""

    most: int
    likely: float
    likely_once_begun: float


Make = Callable[[Material, Any], "MethodResult"]


@dataclass(frozen=True)
class Method:
    """One method, as the rest of the package sees it.

    name: its key in the recipe, and `method` in the rows.
    table: where its rows lie; the columns of its kind, and its own after them.
    reads: tables whose rows it sees.
    also_reads: (parameters) → tables that it sees beside them, where that hangs on the recipe.
    templates: (parameters, resolve) → the templates it asks with.
    by_round: made and committed round by round; else from all rounds at once.
    by_prompt: its rows about a prompt rest on what it reads about that prompt alone, and it tells
        of none that were shown with others: a change then remakes the prompts it touches.
    rewrites: (prompts) its rows name the prompts they were rewritten from.
    needs_teacher: it cannot work where the recipe declares no completions by a teacher.
    requires: (parameters, recipe) → what else it needs of the recipe and does not find there; told
        when the recipe loads. Tables that it reads and models that it names are looked at anyhow.
    missing_here: (parameters) → what it needs of this machine and does not find, with the remedy;
        told before the first call of a run.
    marks_withdrawn: it is shown what was withdrawn too, marked, and marks its own rows; else it is
        shown none of it, and its rows about withdrawn prompts stay as they stood, marked.
    counts_as_rating: (judgments) its ratings are on the scale of 1 to 5 and enter the mean.
    rules: (parameters as frozen, row) → its drop rules in their order, for `why`.
    may_follow: (parameters, unknown calls by model, first teacher) → the calls they stand for and
        the prompts they write, at most, for `plan`. A prompt not yet written that the method would
        read counts as one more unknown call, of the model ``""``.
    pairs_of_a_prompt: (pairs; parameters) → pairs of one prompt that it is asked for, which dpo_set
        takes where the recipe does not say how many; one without it.
    calls_of_a_prompt: (parameters, completions of a prompt) → calls by model at most, for `plan`.
    corrects: what it asks has a form, and a reply that is out of it is asked for once more, which
        ``calls_of_a_prompt`` leaves out.
    completions_of_a_prompt: (completions; parameters, completions of the recipe) → rows of one
        prompt at most, which judges see too; as many as its calls where it is left out.
    calls_by_outcome: (parameters, completions of the recipe, rows) → the same with how many are
        likely, for a method of completions that asks again what failed; each of its rows stands for
        one call or more, the last of which is ``call_id``. rows: table → its rows as the last run
        left them, of which the method tells how often calls fail.
    """

    name: str
    kind: Kind
    table: TableSchema
    parameters: type[Part]
    make: Make
    module: ModuleType
    reads: tuple[str, ...]
    templates: Callable[[Any, Resolve], Iterable[Template]]
    by_round: bool = True
    by_prompt: bool = False
    rewrites: bool = False
    needs_teacher: bool = False
    marks_withdrawn: bool = False
    counts_as_rating: bool = False
    asks: bool = True
    corrects: bool = False
    requires: Callable[[Any, Recipe], Iterator[Lack]] | None = None
    missing_here: Callable[[Any], str | None] | None = None
    also_reads: Callable[[Any], tuple[str, ...]] | None = None
    rules: Callable[[Mapping[str, Any], Mapping[str, Any]], Iterator[Rule]] | None = None
    may_follow: Callable[[Any, Counter[str], str | None], tuple[Counter[str], int]] | None = None
    pairs_of_a_prompt: Callable[[Any], int] | None = None
    calls_of_a_prompt: Callable[[Any, int], Mapping[str, int]] | None = None
    completions_of_a_prompt: Callable[[Any, Completions], int] | None = None
    calls_by_outcome: CallsByOutcome | None = None

    def tables_read(self, parameters: Any) -> tuple[str, ...]:
        """Every table whose rows it sees."""
        more = () if self.also_reads is None else self.also_reads(parameters)
        return tuple(dict.fromkeys((*self.reads, *more)))


def no_templates(parameters: Any, resolve: Resolve) -> Iterable[Template]:
    """For a method that asks nothing."""
    return ()


_registered: dict[str, Method] = {}


class MethodError(SynthError):
    """A method is declared wrongly; the message names its module and the remedy."""


def method(
    name: str,
    *,
    kind: Kind,
    table: str,
    description: str,
    parameters: type[Part],
    templates: Callable[[Any, Resolve], Iterable[Template]] = no_templates,
    reads: tuple[str, ...] | None = None,
    columns: tuple[Column, ...] = (),
    **facts: Any,
) -> Callable[[Make], Make]:
    """Registers the function below as a method; see `Method` for the facts.

    columns: its own, after those of its kind.
    Errors: `MethodError` where the name or the table is taken, or no name.
    """

    def register(make: Make) -> Make:
        module = sys.modules[make.__module__]
        for word, what in ((name, "name"), (table, "table")):
            problem = why_no_name(word)
            if problem:
                raise MethodError(f"{module.__name__}: the {what} {word!r} {problem}")
        known = _registered.get(name)
        if known is not None and known.module.__name__ != module.__name__:
            raise MethodError(
                f"{module.__name__}: a method {name!r} is registered by {known.module.__name__} "
                "already; choose another name"
            )
        if table in TABLES or any(
            m.table.name == table for m in _registered.values() if m != known
        ):
            raise MethodError(f"{module.__name__}: a table {table!r} exists; choose another name")
        schema = TableSchema(table, COLUMNS[kind][0].name, description, (*COLUMNS[kind], *columns))
        _registered[name] = Method(
            name=name,
            kind=kind,
            table=schema,
            parameters=parameters,
            make=make,
            module=module,
            reads=READS[kind] if reads is None else reads,
            templates=templates,
            **facts,
        )
        return make

    return register


@cache
def all_methods() -> Mapping[str, Method]:
    """Every method by name: those of this package, then those of others by entry point.

    Errors: `MethodError` where a module of another package cannot be imported.
    """
    package = import_module("synth_assets.methods")
    for info in pkgutil.iter_modules(package.__path__):
        if info.name.endswith("_worker"):  # run by path in a process of its own, with what it needs
            continue
        import_module(f"synth_assets.methods.{info.name}")
    own = dict(sorted(_registered.items()))
    for point in sorted(entry_points(group=ENTRY_POINT), key=lambda each: each.name):
        try:
            point.load()
        except Exception as error:
            raise MethodError(
                f"the methods of {point.value} (entry point {point.name!r}) cannot be loaded: "
                f"{type(error).__name__}: {error}; mend that package or uninstall it"
            ) from error
    others = {name: each for name, each in sorted(_registered.items()) if name not in own}
    return {**own, **others}


def methods_of(kind: Kind) -> tuple[Method, ...]:
    """The methods that make one kind of rows, by name."""
    return tuple(each for each in all_methods().values() if each.kind == kind)


def method_tables(*kinds: Kind) -> tuple[str, ...]:
    """The tables of the methods of some kinds."""
    return tuple(each.table.name for each in all_methods().values() if each.kind in kinds)


def all_tables() -> Mapping[str, TableSchema]:
    """Every table by name: ours, and the methods'."""
    return {**TABLES, **{each.table.name: each.table for each in all_methods().values()}}


def schema_of(table: str) -> TableSchema:
    """The columns of a table that a method reads."""
    known = all_tables()
    if table not in known:
        raise MethodError(f"there is no table {table!r}; a method can read {', '.join(known)}")
    return known[table]
