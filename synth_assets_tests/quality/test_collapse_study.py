from __future__ import annotations

from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.collapse.endpoint import serving
from benchmarks.collapse.line_chart import Line, Panel, draw_panels, round_ticks
from benchmarks.collapse.opening import by_run, by_stages
from benchmarks.collapse.rounds import (
    Sizes,
    learnt_from,
    look,
    run_rounds,
    write_exam,
    write_people,
    write_recipe,
)
from benchmarks.collapse.student import KINDS, Student, answer_with_slips, count_kinds, write_kind
from synth_assets.llm.offline.task import parse_task, truth
from synth_assets.methods.numbered_items import parse_numbered_items
from synth_assets.methods.verification import verdict_on
from synth_assets.recipe import load_recipe
from synth_assets.store.home import Home
from synth_assets.store.lake import Lake
from synth_assets.templates import load_template
from synth_assets_tests.llm.offline.bodies import make_dice

QUESTION = write_kind(KINDS[0], make_dice("question"))
RIGHT, WRONG = f"The answer is {truth(QUESTION)}.", "The answer is nobody."


def make_examples(count: int, *, slips: float = 0.0) -> list[tuple[str, str]]:
    dice = make_dice("examples")
    prompts = [write_kind(KINDS[n % len(KINDS)], dice) for n in range(count)]
    return [(prompt, answer_with_slips(prompt, dice, slips)) for prompt in prompts]


def ask(student: Student, text: str, seed: int = 0) -> str:
    messages = [{"role": "user", "content": text}]
    body = student.complete({"model": "student", "messages": messages, "seed": seed})
    return body["choices"][0]["message"]["content"]


def test_a_prompt_of_a_kind_is_counted_as_that_kind():
    dice = make_dice("kinds")
    assert count_kinds(write_kind(kind, dice) for kind in KINDS) == Counter(KINDS)
    assert count_kinds(["Why is the sky blue?"]) == {}


def test_a_student_writes_only_kinds_and_values_of_its_set():
    examples = make_examples(12)
    known = [task.problem for prompt, _ in examples if (task := parse_task(prompt))]
    dice, student = make_dice("writing"), Student(examples, seed=1)
    written = [student.write(dice) for _ in range(200)]
    assert set(count_kinds(written)) == {(each.family, each.wording) for each in known}
    values = {value for each in known for value in each.values.values()}
    found = [task.problem for prompt in written if (task := parse_task(prompt))]
    assert {value for each in found for value in each.values.values()} <= values
    assert len(set(written)) > len(examples)  # put together anew


def test_a_list_is_continued_with_as_many_prompts_as_are_asked_for():
    template = load_template("self_instruct/instructions")
    asked = template.render(
        count="2", last_number="5", next_number="3", examples="1. Add 2 and 2.\n2. Count to ten."
    )
    student = Student(make_examples(20), seed=1)
    items = parse_numbered_items(ask(student, asked), 3)
    assert len(items) == 3
    assert all(parse_task(item) for item in items)
    assert ask(student, asked) == ask(student, asked) != ask(student, asked, seed=1)


@pytest.mark.parametrize(
    ("examples", "wrong"),
    [
        ([(QUESTION, RIGHT)], 0.05),
        ([(QUESTION, RIGHT), (QUESTION, WRONG)], 0.525),
        ([(QUESTION, WRONG)], 1.0),
        ([(write_kind(KINDS[-1], make_dice("other")), RIGHT)], 1.0),
    ],
)
def test_a_student_is_as_often_wrong_as_its_set_and_its_slips_make_it(
    examples: list[tuple[str, str]], wrong: float
):
    assert Student(examples, seed=1).share_wrong(QUESTION) == pytest.approx(wrong)


def test_what_a_student_answers_is_right_but_for_slips():
    student = Student(make_examples(1), seed=1)
    verdicts = Counter(
        verdict_on(ask(student, QUESTION, seed), truth(QUESTION)) for seed in range(300)
    )
    assert set(verdicts) == {"verified", "refuted"}
    assert 4 <= verdicts["refuted"] <= 30


def test_a_student_of_its_own_prompts_alone_loses_kinds():
    dice, examples = make_dice("alone"), make_examples(len(KINDS))
    kinds = [len(KINDS)]
    for _ in range(3):
        student = Student(examples, seed=1)
        examples = [(student.write(dice), "") for _ in range(len(KINDS))]
        kinds.append(len(count_kinds(prompt for prompt, _ in examples)))
    assert kinds == sorted(kinds, reverse=True)
    assert kinds[3] < 0.6 * kinds[0]


SMALL = Sizes(people=150, exam=6, per_round=70)


@pytest.mark.full
def test_rounds_of_the_recipe_are_opened_with_a_student_that_is_refitted(tmp_path: Path):
    seen = run_rounds(tmp_path, "replace", rounds=2, seed=1, sizes=SMALL, open_round=by_stages)
    assert [(each.round, each.problems) for each in seen] == [(1, ()), (2, ())]
    assert all(each.kept > 5 for each in seen)
    home = Home.at(tmp_path / "home")
    newest, so_far = (set(learnt_from(home, way)) for way in ("replace", "accumulate"))
    first = {
        (method, origin): set(prompts) for method, origin, prompts in examples_of_round(home, 1)
    }
    assert len(first["seed", "human"]) == SMALL.people
    assert len(first["self_instruct", "model:student"]) == seen[0].kept
    prompts = {prompt for prompt, _ in so_far}
    assert first["seed", "human"] | first["self_instruct", "model:student"] < prompts
    assert first["seed", "model:student"].isdisjoint(prompts), "the exam's are not learnt from"
    assert newest < so_far and len(newest) == seen[1].kept
    assert len(so_far) == SMALL.people + seen[0].kept + seen[1].kept
    known = count_kinds(first["self_instruct", "model:student"])
    assert set(count_kinds(prompt for prompt, _ in newest)) <= set(known)


def examples_of_round(home: Home, round: int) -> list[tuple[str, str, list[str]]]:
    """(method of the prompt, origin of the answer, prompts) of the set."""
    sft_set = Lake.relation("collapse", "sft_set")
    with Lake(home, read_only=True) as lake:
        rows = lake.execute(
            f"SELECT method, origin, list(messages[-2].content) FROM {sft_set} WHERE round = ? "
            "GROUP BY ALL",
            [round],
        )
    return [(str(method), str(origin), list(prompts)) for method, origin, prompts in rows]


@pytest.mark.full
def test_of_a_round_that_a_check_refuses_the_figures_are_those_that_were_refused(tmp_path: Path):
    people = write_people(tmp_path, SMALL, seed=1)
    write_exam(tmp_path, 1, SMALL, seed=1)
    with serving(Student(people, seed=1)) as endpoint:
        path = write_recipe(tmp_path, endpoint.base_url, SMALL).path
        strict = load_recipe(path, {"limits.self_training": 0.1})
        problems = by_stages(strict, Home.at(tmp_path / "home"))
    assert [problem.partition(" (")[0] for problem in problems] == [
        "collapse.round_health: rounds_do_not_collapse"
    ]
    seen = look(Home.at(tmp_path / "home"), 1, problems)
    share = seen.health["sft_self_share_so_far"]
    assert share is not None and share > 0.1


@pytest.mark.full
def test_rounds_through_dagster_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SYNTH_HOME", "")  # put back after the test
    by_way = [
        run_rounds(
            tmp_path / way.__name__, "replace", rounds=2, seed=1, sizes=SMALL, open_round=way
        )
        for way in (by_run, by_stages)
    ]
    assert by_way[0] == by_way[1]


def test_the_picture_is_xml_with_a_line_for_each_series():
    lines = [
        Line("replace", [1.0, 2.0], [0.1, 0.1], is_stopped=True),
        Line("theory", [1.0, 2.0], is_dashed=True),
    ]
    picture = draw_panels([Panel("Errors & more", "round", lines, note="a < b")] * 3)
    root = ElementTree.fromstring(picture)
    assert len(root.findall(".//{*}polyline")) == 6
    assert len(root.findall(".//{*}path")) == 3, "a cross where a line was stopped"
    words = [word.text for word in root.iter() if word.text]
    assert words.count("Errors & more") == words.count("replace") == words.count("a < b") == 3
    assert (root.get("width"), root.get("height")) == ("840", "540")


@pytest.mark.parametrize(
    ("most", "ticks"),
    [
        (1.22, [0, 0.2, 0.4, 0.6, 0.8, 1, 1.2]),
        (166.5, [0, 50, 100, 150]),
        (7, [0, 1, 2, 3, 4, 5, 6, 7]),
        (0.019, [0, 0.005, 0.01, 0.015]),
    ],
)
def test_ticks_are_round_numbers(most: float, ticks: list[float]):
    assert round_ticks(most) == pytest.approx(ticks)
