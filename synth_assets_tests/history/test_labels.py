"""What a tag keeps of people's labels: enough to make its sets again, and nothing of what was
erased since."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from synth_assets.graph.retraction import Retraction
from synth_assets.history.rebuilding import rebuild
from synth_assets.history.tagging import tag_version
from synth_assets.recipe import load_recipe
from synth_assets.stages.exporting import WRITERS, write_files
from synth_assets.stages.recipe_stages import recipe_stages
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake
from synth_assets.store.tags import find_tag
from synth_assets_tests.cli.test_retract import files_with
from synth_assets_tests.recipes import Teacher, teaching, write_seeds
from synth_assets_tests.stages.bench import Bench

WORDS = "Zanzibar Quillfeather"
NOTE = f'Tells at length of "{WORDS}", the keeper of the harbour clock.'
PARTS: dict[str, Any] = {
    "prompts": {"self_instruct": None},
    "judgments": None,
    "pairs": {"human_preferences": {"files": ["labels.jsonl"]}},
}


class Storyteller(Teacher):
    """One of the four answers tells of a person, on two lines and in quotes."""

    def answer(self, request: Any) -> str:
        said = super().answer(request)
        is_asked = request.messages[-1]["content"].startswith("Name a river")
        return f'"{WORDS}"\nrowed there. {said}' if is_asked and "46" in said else said


def write_labels(made: Bench, preferred: str) -> None:
    """Says the same of the two completions of each prompt, in lines like the queue's."""
    rows = made.read("completions").sort("prompt_id", "completion_id").to_dicts()
    lines = [
        {
            "preferred": preferred,
            "text_a": a["text"],
            "text_b": b["text"],
            "completion_a": a["completion_id"],
            "completion_b": b["completion_id"],
            "note": NOTE if WORDS in a["text"] + b["text"] else "Clear.",
        }
        for a, b in zip(rows[::2], rows[1::2], strict=True)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (made.folder / "labels.jsonl").write_text(text)


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose pairs people labelled, tagged and with exports; the labels changed since."""
    folder = tmp_path_factory.mktemp("labelled")
    write_seeds(folder, [{"prompt": "Name a river that is long."}, {"prompt": "Why mend shoes?"}])
    (folder / "labels.jsonl").touch()
    with teaching(Storyteller()) as teacher:
        made = Bench(folder, teacher, PARTS)
        made.run(until="completions")
        write_labels(made, "b")
        made.sets = tuple(recipe_stages(made.recipe))
        made.run()
        for table, _, write in WRITERS.values():
            if table in made.sets:
                rows = made.lake.read("tiny", recipe_stages(made.recipe)[table].table)
                write_files(made.lake, made.recipe, table, write, rows)
        tag_version(made.workshop(), "v1")
        write_labels(made, "a")
        made.lake.close()
    (folder / "recipes").mkdir()
    for file in ("tiny.yaml", "seeds.jsonl", "labels.jsonl"):
        shutil.move(folder / file, folder / "recipes")
    return folder


@pytest.mark.full
def test_a_tag_is_made_again_with_the_labels_that_it_keeps(
    tagged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNTH_PROJECT", str(tagged))
    found = {table.table: table for table in rebuild(Home.at(tagged / "home"), "v1")}
    assert [name for name, table in found.items() if not table.is_equal] == []
    assert {"human_labels", "preference_candidates", "dpo_set", "label_queue"} <= found.keys()


def test_an_erased_completion_leaves_the_labels_too_and_what_was_noted_of_it(
    tagged: Path, tmp_path: Path
) -> None:
    shutil.copytree(tagged, tmp_path, dirs_exist_ok=True)
    home = Home.at(tmp_path / "home")
    with Lake(home, read_only=True) as lake:
        told = "SELECT completion_id FROM lake.tiny.completions WHERE contains(text, ?)"
        ((id,),) = lake.execute(told, [WORDS])
        notes = "SELECT rationale FROM lake.tiny.human_labels ORDER BY 1"
        assert {note for (note,) in lake.execute(notes)} == {NOTE, "Clear."}
        assert len(files_with(home.path, WORDS)) > 5
    with Retraction.of(load_recipe(tmp_path / "recipes" / "tiny.yaml"), home, id) as retraction:
        plan = retraction.plan(through_context=False, erase=True)
        assert retraction.carry_out(plan, "asked to").left_in == ()
    assert files_with(home.path, WORDS) == []
    with Lake(home, read_only=True) as lake:
        assert lake.execute(notes) == [("Clear.",)]
        assert lake.execute("SELECT count(*) FROM lake.tiny.dpo_set") == [(1,)]
        tag = find_tag(lake, "v1")
    (kept,) = tag.contents["templates"]["labels.jsonl"].splitlines()
    assert tag.erased and json.loads(kept)["note"] == "Clear."
