"""The method of docs/extending.md, built from the page's own blocks and installed as a package."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from synth_assets.method import Material, MethodError, all_methods, method
from synth_assets.methods.result import MethodResult
from synth_assets.recipe_parts import Part
from synth_assets_tests.command import synth_assets

PAGE = Path(__file__).parent.parent / "docs" / "extending.md"
RECIPE = """
name: in_formal
seeds: {prompts: [seeds.jsonl]}
models: {careful: {model: offline/careful}}
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of installed packages that holds the page's package."""
    site = tmp_path / "site"
    package, facts = site / "my_methods", site / "my_methods-1.0.dist-info"
    package.mkdir(parents=True)
    facts.mkdir()
    (package / "__init__.py").touch()
    (package / "formal_prompts.py").write_text(blocks("python")[0], encoding="utf-8")
    (package / "formal.txt").write_text(blocks("text")[0], encoding="utf-8")
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: my-methods\nVersion: 1.0\n")
    header, line = blocks("toml")[0].strip().splitlines()
    group = header.removeprefix('[project.entry-points."').removesuffix('"]')
    name, module = line.split(" = ")
    (facts / "entry_points.txt").write_text(f"[{group}]\n{name} = {json.loads(module)}\n")
    return site


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    seeds = [{"prompt": f"Add {n} and {n + 1}, please."} for n in range(4)]
    (tmp_path / "seeds.jsonl").write_text("\n".join(map(json.dumps, seeds)))
    path = tmp_path / "in_formal.yaml"
    path.write_text(RECIPE + blocks("yaml")[0], encoding="utf-8")
    return path


def test_the_method_of_the_page_runs_and_its_rows_are_traced(
    site: Path, recipe: Path, tmp_path: Path
) -> None:
    home, environment = tmp_path / "home", {"PYTHONPATH": str(site)}
    done = synth_assets("run", str(recipe), "--json", home=home, environment=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"]["formal_prompts"]["kept"] == 2
    sql = "SELECT prompt_id, derived_from FROM in_formal.mutated_prompts WHERE method = 'formal'"
    asked = synth_assets("query", sql, "--json", home=home, environment=environment)
    rows = json.loads(asked.stdout)
    assert len(rows) == 2
    told = synth_assets(
        "why", str(recipe), rows[0]["prompt_id"], "--json", home=home, environment=environment
    )
    ancestry = json.loads(told.stdout)["ancestry"]
    assert [node["id"] for node in ancestry] == [rows[0]["prompt_id"], *rows[0]["derived_from"]]
    assert ancestry[0]["template"]["name"] == "my_methods:formal"


def test_where_the_package_is_not_installed_the_key_is_unknown(
    recipe: Path, tmp_path: Path
) -> None:
    done = synth_assets("check", str(recipe), home=tmp_path / "home")
    assert done.returncode == 2
    assert "prompts.formal" in done.stdout + done.stderr
    assert "unknown key" in done.stdout + done.stderr


def test_a_package_that_cannot_be_loaded_is_named(site: Path, recipe: Path, tmp_path: Path) -> None:
    (site / "my_methods" / "formal_prompts.py").write_text("import a_package_that_is_not_there\n")
    done = synth_assets(
        "check", str(recipe), home=tmp_path / "home", environment={"PYTHONPATH": str(site)}
    )
    assert done.returncode != 0
    assert "my_methods.formal_prompts" in done.stderr
    assert "a_package_that_is_not_there" in done.stderr


def _no_rows(material: Material, parameters: Part) -> MethodResult:
    raise AssertionError("never called")


@pytest.mark.parametrize(
    ("name", "table", "says"),
    [
        ("evol_instruct", "others", "is registered by synth_assets.methods.evol_instruct already"),
        ("mine", "completions", "a table 'completions' exists"),
        ("mine", "ratings", "a table 'ratings' exists"),
        ("No Name", "mine", "the name 'No Name'"),
    ],
)
def test_a_name_or_a_table_that_is_taken_is_refused(name: str, table: str, says: str) -> None:
    all_methods()
    declare = method(name, kind="prompts", table=table, description="None.", parameters=Part)
    with pytest.raises(MethodError, match=re.escape(says)):
        declare(_no_rows)
