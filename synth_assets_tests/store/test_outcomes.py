"""Checks that passed, and commits, of which another process may write too: what is kept is right
whatever was there, and what is remembered is what is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from synth_assets.store.commits import CommitLog, Provenance, StagedCommit
from synth_assets.store.lake import Lake
from synth_assets.store.outcomes import Outcome, keep_outcomes, outcomes_of
from synth_assets.store.staging import stage_query
from synth_assets_tests.store.notebook import (
    commit_staged,
    make_notes,
    stage_notes,
)


class Overtaken(Lake):
    """A lake into which someone else writes just before its next transaction."""

    meanwhile: Callable[[], object] | None = None

    def transaction(self, write):
        first, self.meanwhile = self.meanwhile, None
        if first is not None:
            first()
        return super().transaction(write)


def pass_check(lake: Lake, recipe: str, texts: Mapping[str, str], rests_on: str) -> None:
    """Commits the notes as all of the table, on which a check passed."""
    staged = stage_notes(lake, recipe, make_notes(texts))
    commit = StagedCommit(staged, Provenance("f", {}, {}), 1, passed={"unique": rests_on})
    CommitLog(lake, recipe).commit(commit, run_id="run")
    staged.drop()


def commit_numbers(lake: Lake, recipe: str, *, upto: int) -> None:
    sql = "SELECT i AS n FROM range(?) t(i)"
    commit_staged(lake, recipe, stage_query(lake, recipe, "numbers", "n", sql, [upto]))


def kept(lake: Lake, recipe: str) -> list[tuple[str, str]]:
    return lake.execute(
        f"SELECT table_name, rests_on FROM {Lake.relation(recipe, 'check_outcomes')} ORDER BY ALL"
    )


def test_outcomes_that_another_wrote_meanwhile_are_replaced_and_not_doubled(
    lake: Lake, recipe: str
) -> None:
    keep_outcomes(lake, recipe, "others", {"unique": Outcome("o", 1, 1)})
    for write in (
        lambda late: pass_check(late, recipe, {"a": "one"}, "ours"),
        lambda late: keep_outcomes(late, recipe, "notes", {"unique": Outcome("ours", 1, 1)}),
    ):
        with Overtaken(lake.home) as late:
            assert isinstance(late, Overtaken)
            late.meanwhile = lambda: keep_outcomes(
                lake, recipe, "notes", {"unique": Outcome("theirs", 1, 1)}
            )
            write(late)
        assert kept(lake, recipe) == [("notes", "ours"), ("others", "o")]
        lake.transaction(
            lambda connection: connection.execute(
                f"DELETE FROM {Lake.relation(recipe, 'check_outcomes')} WHERE table_name = 'notes'"
            )
        )


def test_what_another_wrote_just_before_a_commit_is_not_forgotten_after_it(
    lake: Lake, recipe: str
) -> None:
    commit_numbers(lake, recipe, upto=1)
    keep_outcomes(lake, recipe, "others", {"unique": Outcome("old", 1, 1)})
    with Overtaken(lake.home) as late:

        def write() -> None:
            keep_outcomes(lake, recipe, "others", {"unique": Outcome("new", 1, 1)})
            commit_numbers(lake, recipe, upto=2)

        assert isinstance(late, Overtaken)
        late.meanwhile = write
        pass_check(late, recipe, {"a": "one"}, "ours")
        assert outcomes_of(late, recipe, "others")["unique"].rests_on == "new"
        assert CommitLog(late, recipe).latest()["numbers", 0].row_count == 2


def test_what_a_commit_wrote_is_not_read_again(lake: Lake, recipe: str) -> None:
    pass_check(lake, recipe, {"a": "one"}, "first")
    assert outcomes_of(lake, recipe, "notes") and CommitLog(lake, recipe).latest()
    pass_check(lake, recipe, {"a": "two"}, "second")
    known = {place: lake.remembered[place, recipe] for place in ("outcomes", "commits")}
    assert outcomes_of(lake, recipe, "notes")["unique"].rests_on == "second"
    assert CommitLog(lake, recipe).latest()["notes", 1].rows_new == 1
    assert all(lake.remembered[place, recipe] is known[place] for place in known)
