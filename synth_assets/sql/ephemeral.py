"""The models of a project and some refs in; what is read through and what is stored, out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from synth_assets.sql.model import SqlModel


def stored_refs(
    models: Mapping[str, SqlModel], refs: Iterable[str], given: Collection[str]
) -> tuple[str, ...]:
    """``refs`` with each ephemeral model that is not given replaced by what it reads."""
    found: dict[str, None] = {}
    for ref in refs:
        if is_read_through(models, ref, given):
            found.update(dict.fromkeys(stored_refs(models, models[ref].refs, given)))
        else:
            found[ref] = None
    return tuple(found)


def read_through(
    models: Mapping[str, SqlModel], refs: Iterable[str], given: Collection[str]
) -> list[SqlModel]:
    """The ephemeral models that ``refs`` lead to, each after what it reads itself.

    models: in dependency order.
    """
    needed: set[str] = set()
    waiting = list(refs)
    while waiting:
        ref = waiting.pop()
        if ref not in needed and is_read_through(models, ref, given):
            needed.add(ref)
            waiting.extend(models[ref].refs)
    return [model for name, model in models.items() if name in needed]


def is_read_through(models: Mapping[str, SqlModel], ref: str, given: Collection[str]) -> bool:
    return ref in models and models[ref].is_ephemeral and ref not in given
