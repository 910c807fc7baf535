from __future__ import annotations

import re

import pytest

from synth_assets.sandbox import Limits, Outcome, run_many, run_python
from synth_assets_tests.needs_bubblewrap import needs_sandbox
from synth_assets_tests.real_data import real_data

ANNOTATION = re.compile(r"<<(.*?)=([^=>]*)>>")


@pytest.fixture(autouse=True)
def _sandbox() -> None:
    needs_sandbox()


def test_what_the_code_prints_comes_out() -> None:
    assert run_python("print(6 * 7)\nprint('é')") == Outcome("ok", "42\né\n")


def test_an_error_shows_the_line_of_the_code_and_nothing_of_ours() -> None:
    outcome = run_python("a = 1\nb = a / 0")
    assert outcome == Outcome(
        "error",
        "Traceback (most recent call last):\n"
        '  File "<code>", line 2, in <module>\n'
        "    b = a / 0\n"
        "        ~~^~~\n"
        "ZeroDivisionError: division by zero\n",
    )


def test_code_that_cannot_be_read_is_an_error() -> None:
    outcome = run_python("def f(:")
    assert outcome.status == "error"
    assert outcome.output.endswith("SyntaxError: invalid syntax\n")


@pytest.mark.parametrize(
    ("code", "status"),
    [("import sys; sys.exit(0)", "ok"), ("raise SystemExit('no')", "error"), ("", "ok")],
)
def test_code_may_end_itself(code: str, status: str) -> None:
    assert run_python(code).status == status


def test_a_crash_is_told_from_an_error() -> None:
    assert run_python("import ctypes\nctypes.string_at(0)").status == "killed"


def test_sympy_is_there() -> None:
    code = "from sympy import symbols, solve\nx = symbols('x')\nprint(solve(x**2 - 5*x + 6))"
    assert run_python(code, Limits(cpu_seconds=20, wall_seconds=60)) == Outcome("ok", "[2, 3]\n")


def test_the_same_code_prints_the_same_again() -> None:
    code = "import random\nprint(random.random(), {'river', 'lake', 'sea', 'pond'})"
    assert run_python(code) == run_python(code)


def test_outcomes_come_in_the_order_of_the_codes() -> None:
    codes = [f"import time; time.sleep({0.2 if n == 0 else 0}); print({n})" for n in range(5)]
    assert [outcome.output for outcome in run_many(codes)] == [f"{n}\n" for n in range(5)]


def test_nothing_to_run_gives_nothing() -> None:
    assert list(run_many([])) == []


@pytest.mark.parametrize(
    ("split", "annotations", "strange"), [("train", 23_716, []), ("test", 4_282, ["3/4=3/4"])]
)
def test_every_calculator_annotation_of_gsm8k_recomputes_but_one(
    split: str, annotations: int, strange: list[str]
) -> None:
    """Expressions of strangers, so they are computed in the sandbox; with fractions, so that a
    result is equal or not. One right side is no number."""
    text = (real_data() / "grade-school-math" / f"{split}.jsonl").read_text(encoding="utf-8")
    pairs = ANNOTATION.findall(text)
    assert len(pairs) == annotations
    outcome = run_python(RECOMPUTE.replace("PAIRS", repr(pairs)), Limits(cpu_seconds=30))
    assert outcome == Outcome("ok", f"{strange}\n")


RECOMPUTE = r"""
import re
from fractions import Fraction

NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d*)?|\.\d+")


def exact(number):
    return Fraction(number[0].replace(",", ""))


strange = []
for expression, result in PAIRS:
    value = eval(NUMBER.sub(lambda n: repr(exact(n)), expression))
    number = re.fullmatch(f"-?(?:{NUMBER.pattern})", result)
    if number is None or value != exact(number):
        strange.append(f"{expression}={result}")
print(strange)
"""
