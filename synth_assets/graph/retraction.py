"""A person's wish to withdraw something in, the plan of it and then the deed out: lake, exports
and, where the text itself goes, Dagster's history."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synth_assets.graph.erased_history import erase_from_history
from synth_assets.lineage.remains import files_that_hold
from synth_assets.lineage.withdrawal import Withdrawal, plan_withdrawal
from synth_assets.recipe import Recipe
from synth_assets.stages.erasing import Erased, find_what_to_erase
from synth_assets.stages.retracting import Retracted, erase, retract, workshop_alone
from synth_assets.stages.workshop import Workshop
from synth_assets.store.erasure import clean_catalog
from synth_assets.store.home import Home


@dataclass(frozen=True)
class Plan:
    """What would be reached. erased: where the text itself is to go."""

    withdrawal: Withdrawal
    erased: Erased | None

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.withdrawal.kind,
            "target": self.withdrawal.target,
            "through_context": self.withdrawal.through_context,
            "erase": self.erased is not None,
            "affected": self.withdrawal.affected,
            "tags": [each.as_json() for each in self.withdrawal.tagged],
            "calls": len(self.erased.calls) if self.erased else 0,
        }


@dataclass(frozen=True)
class Done:
    """What was done. left_in: files of the home in which an erased text still stands, such as the
    tables of another recipe with the same seed."""

    retracted: Retracted
    left_in: tuple[Path, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "retraction_id": self.retracted.retraction_id,
            "waiting": list(self.retracted.waiting),
            "versions_gone": list(self.retracted.versions_gone or ()),
            "left_in": [str(path) for path in self.left_in],
        }


class Retraction:
    """One withdrawal, from its plan to its end, while no run is at work on the recipe.

    >>> with Retraction.of(recipe, home, "seeds.jsonl") as retraction:
    ...     plan = retraction.plan(through_context=False, erase=False)
    ...     retraction.carry_out(plan, "licence withdrawn")
    """

    def __init__(self, workshop: Workshop, source: str) -> None:
        self._workshop = workshop
        self._source = source

    @classmethod
    @contextmanager
    def of(cls, recipe: Recipe, home: Home, source: str) -> Iterator["Retraction"]:
        """Errors: `LakeError` where there is no lake, or a run is at work on the recipe."""
        with workshop_alone(recipe, home) as workshop:
            yield cls(workshop, source)

    def plan(self, *, through_context: bool, erase: bool) -> Plan:
        """What would be reached; changes nothing. Errors: `QueryError` for an unknown source."""
        lake, recipe = self._workshop.lake, self._workshop.recipe
        planned = plan_withdrawal(lake, recipe, self._source, through_context=through_context)
        if not erase:
            return Plan(planned, None)
        erased = find_what_to_erase(self._workshop, planned)
        return Plan(erased.withdrawal, erased)

    def carry_out(self, plan: Plan, reason: str) -> Done:
        """Does what was planned, and makes no call."""
        if plan.erased is None:
            return Done(retract(self._workshop, plan.withdrawal, reason))
        home = self._workshop.lake.home
        retracted = erase(self._workshop, plan.erased, reason)
        self._workshop.lake.close()
        clean_catalog(home)
        erase_from_history(home, plan.erased.words)
        sought = (*plan.erased.texts, *plan.erased.reasons)
        return Done(retracted, tuple(files_that_hold(home.path, sought)))
