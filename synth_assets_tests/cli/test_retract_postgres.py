"""`retract --erase` where the lake's catalog is a Postgres server: the text leaves it too."""

from __future__ import annotations

from pathlib import Path

import pytest

from synth_assets_tests.cli.words import say
from synth_assets_tests.recipes import NO_ANSWERS, Teacher, write_recipe, write_seeds
from synth_assets_tests.store.postgres_server import postgres, programs

SECRET = "Aaron Quillfeather mended the harbour clock in 1931; tell it."
"""First of all texts in the alphabet, so that the catalog notes it as a smallest value."""


@pytest.mark.skipif(programs() is None, reason="no Postgres server is installed (initdb)")
def test_an_erased_text_leaves_the_tables_of_a_postgres_catalog(
    project: Path, teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres() as server:
        monkeypatch.setenv("SYNTH_LAKE_CATALOG", server.catalog)
        write_seeds(project / "recipes", [{"prompt": SECRET}, {"prompt": "Name a long river."}])
        write_recipe(project / "recipes", prompts={"self_instruct": None}, **NO_ANSWERS)
        ran = say("run", "tiny", "--json")
        assert ran.code == 0, ran.error
        server.say("ANALYZE")  # the planner's statistics hold it then, too
        assert server.tables_hold(SECRET)
        rows = say("query", f"select prompt_id from tiny.seed_prompts where text = '{SECRET}'",
                   "--json").value  # fmt: skip
        erased = say("retract", "tiny", rows[0]["prompt_id"], "--reason", "asked", "--erase",
                     "--yes", "--json")  # fmt: skip
        assert erased.code == 0, erased.error
        assert not server.tables_hold(SECRET)
        assert say("status", "tiny", "--json").code == 0, "and the lake still answers"
