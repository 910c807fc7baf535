from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_assets.errors import TemplateError
from synth_assets.templates import (
    MAX_RENDERED_CHARACTERS,
    MAX_TEMPLATE_CHARACTERS,
    Template,
    load_template,
    load_template_file,
    parse_template,
    quote,
)

FOLDER = Path(str(files("synth_assets.templates")))
PACKAGED = sorted(str(p.relative_to(FOLDER).with_suffix("")) for p in FOLDER.glob("*/*.txt"))


def make(source: str) -> Template:
    return parse_template("t", source)


def test_slots_are_filled_and_line_breaks_stay() -> None:
    assert make("Rate {{ count }}:\n\n{{ text }}\n").render(count="2", text="a\r\nb") == (
        "Rate 2:\n\na\r\nb"
    )


@given(st.text())
def test_a_value_stands_in_the_text_as_it_is(value: str) -> None:
    assert make("<{{ x }}>").render(x=value) == f"<{value}>"


@pytest.mark.parametrize("value", ["{{ y }}", "{% for i in x %}", "{# x #}", "<b>&amp;</b>", "\\n"])
def test_braces_and_markup_in_a_value_stay_text(value: str) -> None:
    assert make("{{ x }}|{{ y }}").render(x=value, y="2") == f"{value}|2"


def test_a_missing_and_a_surplus_value_are_both_named() -> None:
    with pytest.raises(TemplateError, match=r"without a value \['b'\], values without a slot \['c"):
        make("{{ a }}{{ b }}").render(a="1", c="2")


def test_a_slot_that_no_value_could_fill_is_refused() -> None:
    with pytest.raises(TemplateError, match="a slot cannot be called self"):
        make("{{ self }}")


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in x %}a{% endfor %}",
        "{% if x %}a{% endif %}",
        "{% set x = 1 %}",
        "{% include 'other' %}",
        "{{ x.y }}",
        "{{ x['__class__'] }}",
        "{{ x | upper }}",
        "{{ x + y }}",
        "{{ x() }}",
        "{{ 1 }}",
        "{{ x if y }}",
    ],
)
def test_a_template_is_text_and_slots_and_decides_nothing(source: str) -> None:
    with pytest.raises(TemplateError, match="template t, line 2: only text and slots"):
        make(f"first\n{source}")


def test_a_syntax_error_names_template_and_line() -> None:
    with pytest.raises(TemplateError, match="template t, line 2: Expected an expression"):
        make("first\n{{ }}")


def test_braces_that_are_meant_as_text_can_be_written() -> None:
    template = make('{% raw %}{{ not a slot }}{% endraw %} {"a": {"b": 1}} {{ x }}')
    assert template.slots == {"x"}
    assert template.render(x="y") == '{{ not a slot }} {"a": {"b": 1}} y'


def test_the_hash_follows_the_text_and_not_the_name() -> None:
    assert parse_template("a", "{{ x }}").hash == parse_template("b", "{{ x }}").hash
    assert make("{{ x }}").hash != make("{{ x }} ").hash


def test_what_grows_too_large_is_refused() -> None:
    with pytest.raises(TemplateError, match="characters once rendered, more than"):
        make("{{ x }}").render(x="a" * (MAX_RENDERED_CHARACTERS + 1))
    with pytest.raises(TemplateError, match="200,001 characters, more than 200,000"):
        make("a" * (MAX_TEMPLATE_CHARACTERS + 1))


@pytest.mark.parametrize("name", PACKAGED)
def test_every_template_of_the_package_loads_and_renders(name: str) -> None:
    template = load_template(name)
    rendered = template.render(**{slot: f"[{slot}]" for slot in template.slots})
    assert all(f"[{slot}]" in rendered for slot in template.slots)
    assert "{{" not in rendered and rendered.strip()


# A text for the user is written in the user's language.

VERDICTS = (
    "behaviour_probes/shows",
    "constitutional/choose",
    "constitutional/choose_with_reasons",
    "critique/overall",
    "deita/complexity",
    "deita/quality",
    "evol_instruct/is_equal",
    "instruction_backtranslation/score",
    "magpie/tag",
    "pairwise/compare",
    "rubric/grade",
    "self_instruct/is_classification",
    "back_translation/is_same_task",
    "ultrafeedback/helpfulness",
    "ultrafeedback/honesty",
    "ultrafeedback/instruction_following",
    "ultrafeedback/truthfulness",
)
WITHOUT_A_LANGUAGE = {
    **dict.fromkeys(VERDICTS, "a judge's verdict, whose reasons no student is shown"),
    "constitutional/critique": "read by the model that revises, and by no student",
    "rubric/write": "criteria that a judge reads",
    "structured_reply/correction": "asks for the same content again",
    "tool_integrated/last_turn": "goes on in a conversation whose first text says it",
    "personas/personas": "a list of people, and no request",
}
SAYS_LANGUAGE = re.compile(r"\bin the (same )?language\b|\binto \{\{ target \}\}", re.IGNORECASE)


@pytest.mark.parametrize("name", PACKAGED)
def test_a_template_for_a_text_of_the_users_says_in_which_language_it_is_written(name: str) -> None:
    says = SAYS_LANGUAGE.search(load_template(name).source) is not None
    assert says != (name in WITHOUT_A_LANGUAGE)


def test_what_needs_no_language_is_a_template_of_the_package() -> None:
    assert WITHOUT_A_LANGUAGE.keys() <= set(PACKAGED)


def test_the_methods_find_the_slots_they_fill() -> None:
    assert len(PACKAGED) >= 16
    for operator in ("add_constraint", "breadth", "concretise", "deepen"):
        assert load_template(f"evol_instruct/{operator}").slots == {"prompt"}
    assert load_template("evol_instruct/is_equal").slots == {"first", "second"}
    for criterion in ("helpfulness", "honesty", "instruction_following", "truthfulness"):
        slots = load_template(f"ultrafeedback/{criterion}").slots
        assert slots - {"reference"} == {"prompt", "completions", "count"}


def test_a_template_that_does_not_exist_is_named() -> None:
    with pytest.raises(TemplateError, match="there is no template 'evol_instruct/shrink'"):
        load_template("evol_instruct/shrink")


def test_a_template_of_a_persons_own_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("Judge: {{ completions }}\n", encoding="utf-8")
    assert load_template_file(path).render(completions="x") == "Judge: x"


def test_a_template_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"none\.txt: cannot be read"):
        load_template_file(tmp_path / "none.txt")
    (tmp_path / "latin.txt").write_bytes(b"\xff")
    with pytest.raises(TemplateError, match=r"latin\.txt: is not UTF-8"):
        load_template_file(tmp_path / "latin.txt")


# Quotations that a model's text cannot end.


@given(st.text())
def test_a_text_never_holds_the_end_of_its_own_quotation(text: str) -> None:
    opening, _, rest = quote("completion 1", text).partition("\n")
    closing = opening.replace("[", "[end of ", 1)
    assert rest == f"{text}\n{closing}"
    assert closing not in text


def test_a_text_that_copies_a_quotation_gets_another_mark() -> None:
    quoted = quote("completion 1", "Fine.")
    again = quote("completion 1", quoted)
    assert again.count(again.splitlines()[-1]) == 1
    assert again.splitlines()[-1] != quoted.splitlines()[-1]


def test_every_file_that_is_no_module_is_declared_as_package_data() -> None:
    """Else it would be there in a checkout and missing from a wheel."""
    package = FOLDER.parent
    settings = tomllib.loads((package.parent / "pyproject.toml").read_text(encoding="utf-8"))
    globs = settings["tool"]["setuptools"]["package-data"]["synth_assets"]
    declared = {path for glob in globs for path in package.glob(glob)}
    found = {p for p in package.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    assert {path for path in found if path.suffix != ".py"} == declared
