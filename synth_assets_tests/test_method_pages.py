"""Each method that ships has a page in docs/methods: its parameters, a recipe, its calls, and where
it differs from what was published."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from synth_assets.method import all_methods

FOLDER = Path(__file__).parent.parent / "docs" / "methods"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md"))}


def code_in(text: str) -> set[str]:
    """The words of a page that are set as code, in its text and its blocks."""
    spans = re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL)
    return {word for span in spans for word in re.findall(r"\w+", span)}


@pytest.mark.parametrize("name", sorted(all_methods()))
def test_every_parameter_of_a_method_is_told_on_a_page_that_names_it(name: str):
    pages = [text for text in PAGES.values() if re.search(rf"\b{name}\b", text)]
    told = {word for text in pages for word in code_in(text)}
    assert set(all_methods()[name].parameters.model_fields) - told == set()


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_page_says_what_it_is_after_what_it_costs_and_where_it_differs(page: str):
    text = PAGES[page]
    assert re.search(r"\b(?:19|20)\d\d\b", text), "no paper is named"
    assert re.search(r"\bcalls?\b|no key", text, re.IGNORECASE), "no calls are told"
    assert re.search(r"where (?:we|it|this|the study) differs?\b", text, re.IGNORECASE)
    assert "```yaml" in text or re.search(r"`recipes/\w+\.yaml`", text), "no recipe to copy"


@pytest.mark.parametrize("page", sorted(PAGES))
def test_the_recipes_that_a_page_names_ship(page: str):
    for path in re.findall(r"recipes/\w+\.yaml", PAGES[page]):
        assert (FOLDER.parent.parent / path).exists(), path
