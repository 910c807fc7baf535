"""`retract --erase` of a text that became a completion: a document's, and a person's prompt that
is the human side of a translation. It leaves every file of the home."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from synth_assets_tests.cli.conftest import at_home_in
from synth_assets_tests.cli.test_retract import column, files_with, rows, states
from synth_assets_tests.cli.words import say
from synth_assets_tests.recipes import Teacher, teaching, write_recipe, write_seeds

pytestmark = pytest.mark.full  # one run of a recipe takes 10 s; cli/test_retract.py erases in each
WORDS = "Zanzibar Quillfeather"
LETTER = (
    f"{WORDS} kept the harbour clock of Lisbon from 1931 on, oiled it each Sunday,\n"
    'and wrote "on time" into a book of 365 lines.'
)
NOTE = "Night trains are slower than they could be, and for a sleeper that is the point of them."
ORDER = f"Recount in 40 words how {WORDS} mended the clock of the harbour."
SEEDS = (
    {"prompt": ORDER},
    {"prompt": ORDER},
    {"prompt": "Name a river that crosses three countries, and say which countries they are."},
)


class Writer(Teacher):
    """Writes and translates with the words of what it is shown, as a good model does."""

    def answer(self, request: Any) -> str:
        text = request.messages[-1]["content"]
        names = WORDS if WORDS in text else "the trains"
        if "Score the pair" in text:
            return json.dumps({"rationale": f"It tells of {names}.", "score": 5})
        if "Write the instruction that a person gave" in text:
            return f"Write two sentences on {names} for a friend who asked."
        if text.startswith("You are a translator"):
            number = "in 40 Worten " if "40" in text else ""
            return f"Erzähle {number}die ganze Geschichte von {names} und der Uhr im Hafen."
        if "Rate all" in text:
            return super().answer(request)
        return f"On {names}: {super().answer(request)}"


@pytest.fixture
def teacher() -> Iterator[Teacher]:
    with teaching(Writer()) as registered:
        yield registered


def write_texts(folder: Path) -> None:
    """A document, a note, and a list in which the document stands once more."""
    (folder / "letter.md").write_text(f"{LETTER}\n")
    (folder / "note.md").write_text(f"{NOTE}\n")
    (folder / "list.jsonl").write_text(json.dumps({"text": LETTER}) + "\n")


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose recipe ran once, with texts and prompts of people as completions."""
    folder = tmp_path_factory.mktemp("given")
    sources = [{"path": path, "characters": [20, 300]} for path in ("*.md", "list.jsonl")]
    with (
        pytest.MonkeyPatch.context() as patch,
        teaching(Writer()),
        at_home_in(folder, patch),
    ):
        write_seeds(folder / "recipes", SEEDS)
        write_texts(folder / "recipes")
        write_recipe(
            folder / "recipes",
            seeds={"source_texts": sources},
            prompts={
                "self_instruct": None,
                "instruction_backtranslation": {
                    "teacher": "teacher",
                    "judge": "judge",
                    "per_round": 5,
                },
                "reverse_translation": {
                    "teacher": "teacher",
                    "per_round": 5,
                    "pivots": ["German"],
                },
            },
        )
        ran = say("run", "tiny", "--json")
        assert ran.code == 0, ran.error
    return folder


@pytest.fixture
def made(written: Path, project: Path, teacher: Teacher) -> Path:
    copytree(written, project, dirs_exist_ok=True)
    return project


def erase(source: str) -> dict[str, Any]:
    done = say(
        "retract", "tiny", source, "--reason", "a person asked", "--erase", "--yes", "--json"
    )
    assert done.code == 0, (done.value, done.error)
    assert done.value["left_in"] == []
    return done.value


def given(text: str) -> list[dict[str, Any]]:
    found = rows("select * from tiny.mutated_prompts where given_completion is not null")
    return [row for row in found if row["given_completion"] == text]


def test_both_texts_are_completions_of_the_first_run(made: Path) -> None:
    (document,), (order,) = given(LETTER), given(ORDER)
    assert (document["drop_reason"], order["drop_reason"]) == (None, None)
    told = column("select origin from tiny.completions where origin = 'human'")
    assert len(told) == 4
    assert set(states().values()) == {"current"}


@pytest.mark.parametrize("named_by", ["file", "prompt"])
def test_an_erased_document_is_in_no_file_and_does_not_come_back(
    made: Path, teacher: Teacher, named_by: str
) -> None:
    home, (prompt,) = made / ".synth", given(LETTER)
    line = json.dumps(LETTER)[1:-1]
    assert files_with(home, line)
    erase({"file": "letter.md", "prompt": prompt["prompt_id"]}[named_by])
    assert files_with(home, line) == [] == files_with(home, " ".join(LETTER.split()))
    assert given(LETTER) == [] != given(NOTE)
    assert column("select text from tiny.source_texts") == [NOTE]
    ran = say("run", "tiny", "--json")
    assert (ran.code, ran.value["calls_made"]) == (0, 0), ran.error
    assert files_with(home, line) == []


def test_an_erased_human_side_of_a_translation_is_in_no_file(made: Path, teacher: Teacher) -> None:
    home, (prompt,) = made / ".synth", given(ORDER)
    (completion,) = column(
        f"select completion_id from tiny.completions where prompt_id = '{prompt['prompt_id']}'"
        " and origin = 'human'"
    )
    assert files_with(home, ORDER)
    erase(completion)
    assert files_with(home, ORDER) == []
    assert column("select count(*) from tiny.seed_prompts") == [1]
    ran = say("run", "tiny", "--json")
    assert (ran.code, ran.value["calls_made"]) == (0, 0), ran.error
    assert files_with(home, ORDER) == []


def test_a_copy_that_is_added_later_stays_out_too(made: Path) -> None:
    erase(given(LETTER)[0]["derived_from"][0])
    erase(column("select prompt_id from tiny.seed_prompts where source_line = 1")[0])
    folder = made / "recipes"
    (folder / "more.md").write_text(f"{LETTER}\n")
    write_seeds(folder, [*SEEDS, SEEDS[0]])
    before = column("select count(*) from tiny.edges where round = 1")
    assert say("run", "tiny", "--round", "new", "--json").code == 0
    assert column("select count(*) from tiny.edges where round = 1") == before != [0]
    for text in (json.dumps(LETTER)[1:-1], ORDER):
        assert files_with(made / ".synth", text) == []
