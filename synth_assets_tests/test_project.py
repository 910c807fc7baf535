from __future__ import annotations

from pathlib import Path

import pytest

from synth_assets.errors import RecipeError
from synth_assets.project import find_recipe, name_to_type, project_folder, recipe_paths, sql_folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the recipes ``chat`` and, in mail.yml, ``letters``; one file is broken."""
    recipes = tmp_path / "recipes"
    recipes.mkdir()
    (recipes / "chat.yaml").write_text("name: chat\n")
    (recipes / "mail.yml").write_text("name: letters\n")
    (recipes / "broken.yaml").write_text("name: [\n")
    (recipes / "notes.txt").write_text("name: notes\n")
    (recipes / "chat").mkdir()
    monkeypatch.delenv("SYNTH_PROJECT", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_working_folder_is_the_project_where_it_holds_recipes(project: Path) -> None:
    assert project_folder() == project
    assert [path.name for path in recipe_paths()] == ["broken.yaml", "chat.yaml", "mail.yml"]


def test_the_environment_names_another_project(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNTH_PROJECT", str(tmp_path / "other"))
    assert project_folder() == tmp_path / "other"
    assert recipe_paths() == []


def test_outside_of_a_project_the_checkouts_recipes_are_found(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project / "recipes")
    assert "quickstart" in [path.stem for path in recipe_paths()]
    assert (sql_folder() / "marts").is_dir()


def test_a_project_may_have_sql_models_of_its_own(project: Path) -> None:
    assert sql_folder() != project / "dbt_like_sql"
    (project / "dbt_like_sql").mkdir()
    assert sql_folder() == project / "dbt_like_sql"


def test_a_recipe_is_found_by_file_by_stem_and_by_declared_name(project: Path) -> None:
    recipes = project / "recipes"
    assert find_recipe("recipes/chat.yaml") == Path("recipes/chat.yaml")
    assert find_recipe("chat") == recipes / "chat.yaml"
    assert find_recipe("mail") == recipes / "mail.yml"
    assert find_recipe("letters") == recipes / "mail.yml"
    assert find_recipe("broken") == recipes / "broken.yaml"


def test_a_folder_of_the_recipes_name_does_not_hide_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNTH_PROJECT", str(project))
    monkeypatch.chdir(project / "recipes")
    assert find_recipe("chat") == project / "recipes" / "chat.yaml"


def test_an_unknown_recipe_names_the_nearest_and_all_others(project: Path) -> None:
    with pytest.raises(
        RecipeError, match=r"no recipe 'chet' in .*; did you mean 'chat'\? Known: b"
    ):
        find_recipe("chet")


def test_what_to_type_is_short_where_that_finds_the_recipe(project: Path) -> None:
    assert name_to_type(project / "recipes" / "chat.yaml") == "chat"
    assert name_to_type(Path("/elsewhere/x.yaml")) == "/elsewhere/x.yaml"
