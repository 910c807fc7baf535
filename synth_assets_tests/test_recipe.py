from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from synth_assets.errors import RecipeError
from synth_assets.recipe import load_recipe, resolve_path
from synth_assets_tests.recipes import evolving, tiny_parts

VERIFIED: dict[str, Any] = {"judgments": {"verification": {}}}


def load(folder: Path, **parts: Any):
    return load_text(folder, yaml.safe_dump(tiny_parts(**parts), sort_keys=False))


def load_text(folder: Path, text: str):
    path = folder / "tiny.yaml"
    path.write_text(text, encoding="utf-8")
    return load_recipe(path)


def refusal(folder: Path, **parts: Any) -> str:
    """What is said of a recipe, one finding a line, each without the file."""
    with pytest.raises(RecipeError) as caught:
        load(folder, **parts)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{folder / 'tiny.yaml'}, line ") for line in lines)
    return "\n".join(line.partition(": ")[2] for line in lines)


def test_a_recipe_knows_its_file_and_its_folder(tmp_path: Path) -> None:
    recipe = load(tmp_path)
    assert (recipe.path, recipe.directory) == (tmp_path / "tiny.yaml", tmp_path)


def test_an_error_names_file_line_field_value_and_what_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        load_text(tmp_path, "name: tiny\nseeds:\n  prompts: [a.jsonl]\n  limit: 0\n")
    assert str(caught.value) == (
        f"{tmp_path / 'tiny.yaml'}, line 4: seeds.limit = 0: must be 1 or more"
    )


def test_every_finding_is_told_at_once(tmp_path: Path) -> None:
    said = refusal(tmp_path, seeds={"limit": 0}, datasets={"test_share": 2}, owner=5)
    assert [line.split(" ")[0] for line in said.splitlines()] == [
        "seeds.limit",
        "datasets.test_share",
        "owner",
    ]


@pytest.mark.parametrize(
    ("parts", "field", "near"),
    [
        ({"promts": {}}, "promts", "prompts"),
        ({"seeds": {"limitt": 3}}, "seeds.limitt", "limit"),
        ({"models": {"teacher": {"api_keys": "x"}}}, "models.teacher.api_keys", "api_key"),
        (
            {"prompts": {"self_instruct": {"novelty": {"treshold": 1}}}},
            "prompts.self_instruct.novelty.treshold",
            "threshold",
        ),
        ({"completions": {"sampling": {"topp": 1}}}, "completions.sampling.topp", "top_p"),
        ({"limits": {"budget": {"usd_a_run": 1}}}, "limits.budget.usd_a_run", "usd_per_run"),
        (
            {"seeds": {"prompts": [{"path": "a", "fields": {"promt": "q"}}]}},
            "seeds.prompts[0].fields.promt",
            "prompt",
        ),
    ],
)
def test_an_unknown_key_at_any_depth_names_the_nearest_and_all_known(
    tmp_path: Path, parts: dict[str, Any], field: str, near: str
) -> None:
    said = refusal(tmp_path, **parts)
    assert said.startswith(f"{field}: unknown key; did you mean {near!r}? Known here: ")
    assert near in said.partition("Known here: ")[2].split(", ")


def test_an_unknown_key_that_is_like_none_tells_what_is_known(tmp_path: Path) -> None:
    assert refusal(tmp_path, seeds={"zzz": 1}) == (
        "seeds.zzz: unknown key; Known here: evaluation, limit, prompts, source_texts"
    )


def test_a_key_that_belongs_further_in_is_named_with_its_whole_path(tmp_path: Path) -> None:
    said = refusal(tmp_path, datasets={"per_prompt": 2})
    near = "did you mean 'datasets.dpo.per_prompt' or 'datasets.sft.per_prompt'?"
    assert said.startswith(f"datasets.per_prompt: unknown key; {near} Known here: ")


def test_a_model_may_be_called_as_a_field_of_models_is(tmp_path: Path) -> None:
    said = refusal(tmp_path, models={"fields": {"model": "offline/careful", "apikey": "x"}})
    assert said.startswith("models.fields.apikey: unknown key; did you mean 'api_key'?")


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"name": 7}, "name = 7: is no text; put it in quotes"),
        ({"seeds": {"prompts": "a.jsonl"}}, "seeds.prompts = 'a.jsonl': write a list"),
        ({"seeds": {"prompts": [{}]}}, "seeds.prompts[0].path: is required and missing"),
        ({"models": []}, "models: write a mapping of keys to values"),
        ({"models": {"teacher": "x"}}, "models.teacher = 'x': write a mapping"),
        ({"completions": {"per_prompt": "two"}}, "completions.per_prompt = 'two': is no whole"),
        ({"completions": {"per_prompt": 1.5}}, "completions.per_prompt = 1.5: is no whole number"),
        ({"completions": {"per_prompt": 65}}, "completions.per_prompt = 65: must be 64 or less"),
        ({"completions": {"per_prompt": True}}, "completions.per_prompt = True: true and false"),
        ({"models": {"teacher": {"timeout_s": 0}}}, "models.teacher.timeout_s = 0: must be more"),
        (
            {"models": {"teacher": {"timeout_s": float("inf")}}},
            "models.teacher.timeout_s = inf: is no finite number",
        ),
        ({"datasets": {"test_share": float("nan")}}, "datasets.test_share = nan: is no finite"),
        ({"prompts": {"include_seeds": "maybe"}}, "prompts.include_seeds = 'maybe': write true or"),
        (
            {"datasets": {"dpo": {"pairs": "verifed"}}},
            "datasets.dpo.pairs = 'verifed': write one of rated, verified, ",
        ),
        (
            {"completions": {"principles": ["honest"]}},
            "completions.principles[0] = 'honest': write one of helpfulness, truthfulness, honesty",
        ),
        ({"prompts": {"filters": {"words": [150, 4]}}}, "prompts.filters.words = [150, 4]: the sm"),
        ({"prompts": {"filters": {"words": [4]}}}, "prompts.filters.words[1]: is required and"),
        ({"prompts": {"filters": {"words": [-1, 4]}}}, "prompts.filters.words[0] = -1: must be 0"),
        ({"prompts": {"filters": {"words": [1, 2, 3]}}}, "prompts.filters.words = [1, 2, 3]: hol"),
        (
            {"prompts": {"filters": {"languages": ["English"]}}},
            "prompts.filters.languages[0] = 'English': write an ISO 639 code",
        ),
        ({"prompts": {"filters": {"languages": []}}}, "prompts.filters.languages: holds 0, and"),
        (
            {"completions": {"teachers": ["teacher"] * 2}},
            "completions.teachers: 'teacher' stands t",
        ),
        ({"owner": "me"}, "owner = 'me': write an e-mail address or team:NAME"),
        ({"schedule": {"cron": "0 3 * *"}}, "schedule.cron = '0 3 * *': not a cron line of five"),
        ({"schedule": {"cron": "@daily"}}, "schedule.cron = '@daily': not a cron line of five"),
        ({"schedule": {"cron": "61 3 * * *"}}, "schedule.cron = '61 3 * * *': not a cron line"),
        ({"schedule": {"cron": "0 0 30 2 *"}}, "schedule.cron = '0 0 30 2 *': never comes"),
        (
            {"schedule": {"cron": "0 3 * * *", "timezone": "Europe/Berln"}},
            "schedule.timezone = 'Europe/Berln': unknown time zone; did you mean 'Europe/Berlin'?",
        ),
        (
            {"schedule": {"cron": "0 3 * * *", "timezone": "9"}},
            "schedule.timezone = '9': unknown time zone; write one such as UTC",
        ),
        (
            {"judgments": {"verification": {"answer_line": "("}}},
            "judgments.verification.answer_line = '(': not a regular expression",
        ),
        (
            {"models": {"teacher": {"model": "gpt"}}},
            "models.teacher.model = 'gpt': write provider/n",
        ),
        ({"models": {"Big One": {"model": "offline/careful"}}}, "models: the name 'Big One': use"),
        (
            {"models": {"teacher": {"model": "recorded/x"}}},
            "models.teacher: a recorded model needs replies",
        ),
        (
            {"models": {"teacher": {"replies": "a.jsonl"}}},
            "models.teacher: replies and fields belong to a recorded/… model only",
        ),
        (
            {"models": {"teacher": {"model": "openai_compatible/x"}}},
            "models.teacher: an openai_compatible model needs base_url",
        ),
        (
            {"models": {"teacher": {"base_url": "localhost:8000"}}},
            "models.teacher.base_url = 'localhost:8000': write an address such as http://",
        ),
        (
            {"completions": {"sampling": {"reasoning_effort": "lo"}}},
            "completions.sampling.reasoning_effort = 'lo': write one of none, minimal, low, medium",
        ),
        (
            {"models": {"teacher": {"extra_body": {"temperature": 1}}}},
            "models.teacher.extra_body: temperature does not belong here: write it under the",
        ),
    ],
)
def test_a_wrong_value_names_itself_and_what_is_allowed(
    tmp_path: Path, parts: dict[str, Any], expected: str
) -> None:
    assert refusal(tmp_path, **parts).startswith(expected)


@pytest.mark.parametrize("part", ["seeds", "prompts", "limits", "datasets"])
def test_a_part_with_nothing_under_it_says_so(tmp_path: Path, part: str) -> None:
    kept = {name: value for name, value in tiny_parts().items() if name != part}
    with pytest.raises(RecipeError, match=f"{part}: is empty; leave the key out or give it"):
        load_text(tmp_path, yaml.safe_dump(kept) + f"{part}:\n")


def test_the_language_no_is_not_taken_for_false(tmp_path: Path) -> None:
    text = yaml.safe_dump(tiny_parts(prompts={"filters": {"languages": ["XX"]}}))
    with pytest.raises(RecipeError, match=r"true and false \(yes, no, on, off\) are no values"):
        load_text(tmp_path, text.replace("XX", "no"))
    assert load(tmp_path, prompts={"filters": {"languages": ["no"]}}).prompts.filters.languages == (
        "no",
    )


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({"prompts": {"self_instruct": {"teacher": "techer"}}}, "prompts.self_instruct.teacher"),
        ({"prompts": {"evol_instruct": evolving(judge="techer")}}, "prompts.evol_instruct.judge"),
        ({"completions": {"teachers": ["judge", "techer"]}}, "completions.teachers[1]"),
        ({"judgments": {"ultrafeedback": {"judge": "techer"}}}, "judgments.ultrafeedback.judge"),
    ],
)
def test_a_misspelt_model_names_the_nearest_declared_one(
    tmp_path: Path, parts: dict[str, Any], field: str
) -> None:
    assert refusal(tmp_path, **parts) == (
        f"{field} = 'techer': no model has this name; did you mean 'teacher'? Declared under "
        "models: judge, teacher"
    )


SECRET = "sk-proj-Zx81mQq0plT5vRrW3e9d"


@pytest.mark.parametrize(
    "parts",
    [
        {"models": {"teacher": {"api_key": SECRET}}},
        {"models": {"teacher": {"api_key": [SECRET]}}},
        {"models": {"teacher": {"api_key": {"env": SECRET}}}},
        {"models": {"teacher": {"api-key": SECRET}}},
        {"models": {"teacher": SECRET}},
        {"models": {"teacher": {"model": SECRET}}},
        {"models": [{"api_key": SECRET}]},
        {"models": {"teacher": {"base_url": f"ftp://me:{SECRET}@host/v1"}}},
        {"models": {"teacher": {"base_url": f"ftp://me:{SECRET[:6]}@host/v1"}}},
        {"description": {"key": SECRET}},
        {"seeds": {"limit": SECRET}},
    ],
)
def test_a_pasted_key_is_never_repeated(tmp_path: Path, parts: dict[str, Any]) -> None:
    said = refusal(tmp_path, **parts)
    assert SECRET[:6] not in said.replace("base_url", "")
    assert said


def test_a_key_is_a_name_of_the_environment(tmp_path: Path) -> None:
    said = refusal(tmp_path, models={"teacher": {"api_key": "hunter2"}})
    assert said == "models.teacher.api_key: write env:NAME; a key itself never stands in a recipe"
    model = load(tmp_path, models={"teacher": {"api_key": "env:MY_KEY"}}).models["teacher"]
    assert model.api_key == "env:MY_KEY"


# What the parts ask of each other.


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (
            {"prompts": {"evol_instruct": evolving()}, "completions": None, "judgments": None},
            "prompts.evol_instruct: it looks at the first teacher's first completion",
        ),
        (
            {"prompts": {"include_seeds": False, "self_instruct": None}},
            "prompts.include_seeds = false: no method makes prompts either",
        ),
        (
            {"prompts": {"filters": {"decontaminate": {}}}},
            "prompts.filters.decontaminate: there is nothing to compare with; name evaluation",
        ),
        ({"completions": None}, "judgments.ultrafeedback: there is nothing to judge"),
        (
            {"seeds": {"prompts": []}},
            "seeds: there is nothing to start from; name files of prompts under",
        ),
        (
            {"seeds": {"limit": 1, "prompts": None}},
            "seeds: there is nothing to start from; name files of",
        ),
        (
            {"seeds": {"prompts": None, "source_texts": ["a.md"]}},
            "seeds.source_texts: nothing writes prompts for these texts, and there are no seed "
            "prompts; add prompts: {instruction_backtranslation: {…}}",
        ),
        (
            {"pairs": {"constitutional_pairs": {}}},
            "pairs.constitutional_pairs: it reads constitutional_revisions, which",
        ),
        (
            {"datasets": {"dpo": {"pairs": "verified"}}},
            "datasets.dpo.pairs = 'verified': nothing verifies; add judgments: {verification: {}}",
        ),
        (
            {"datasets": {"sft": {"verified_only": True}}},
            "datasets.sft.verified_only = true: nothing verifies; add judgments: {verification",
        ),
        (
            {"judgments": None, "datasets": {"sft": {"min_rating": 4}}},
            "datasets.sft.min_rating = 4.0: nothing rates; add judgments: {ultrafeedback: {judge",
        ),
        (
            {
                "models": {"teacher": {"model": "openai/gpt-5-mini"}},
                "completions": {"sampling": {"top_k": 20}},
            },
            "completions.sampling.top_k = 20: openai/gpt-5-mini (models.teacher) takes none; leave",
        ),
        (
            {
                "models": {"judge": {"model": "anthropic/claude-sonnet-4-5"}},
                "judgments": {"ultrafeedback": {"sampling": {"min_p": 0.1, "top_k": 20}}},
            },
            "judgments.ultrafeedback.sampling.min_p = 0.1: anthropic/claude-sonnet-4-5 (models.",
        ),
    ],
)
def test_parts_that_could_never_give_what_is_asked_are_refused(
    tmp_path: Path, parts: dict[str, Any], expected: str
) -> None:
    assert refusal(tmp_path, **parts).startswith(expected)


def test_a_server_of_ones_own_may_take_what_openai_does_not(tmp_path: Path) -> None:
    local = {"model": "openai/qwen3", "base_url": "http://127.0.0.1:8000/v1"}
    load(tmp_path, models={"teacher": local}, completions={"sampling": {"top_k": 20}})


def test_what_is_asked_for_with_what_it_needs_loads(tmp_path: Path) -> None:
    recipe = load(
        tmp_path,
        seeds={"evaluation": ["held_out.jsonl"]},
        prompts={"evol_instruct": evolving(), "filters": {"decontaminate": {}}},
        judgments={"verification": {}},
        datasets={
            "sft": {"min_rating": 4, "verified_only": True},
            "dpo": {"pairs": "verified"},
        },
    )
    assert recipe.datasets.sft.min_rating == 4


# Files.


def test_a_recipe_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    for text in ("", "- a\n", "just words\n"):
        with pytest.raises(RecipeError, match=r"tiny\.yaml: a recipe is a YAML mapping"):
            load_text(tmp_path, text)


def test_a_missing_file_names_its_nearest_neighbour(tmp_path: Path) -> None:
    load(tmp_path)
    with pytest.raises(RecipeError, match=r"tinny\.yaml: there is no such recipe; did you mean 't"):
        load_recipe(tmp_path / "tinny.yaml")


def test_a_folder_is_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(tmp_path)


def test_a_path_takes_its_folder_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDS_AT", str(tmp_path / "there"))
    assert resolve_path(tmp_path, "${SEEDS_AT}/a.jsonl") == tmp_path / "there" / "a.jsonl"
    assert resolve_path(tmp_path, "../b.jsonl") == tmp_path.parent / "b.jsonl"


@pytest.mark.parametrize("value", [None, ""])
def test_an_environment_variable_without_a_value_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("SEEDS_AT", raising=False)
    if value is not None:
        monkeypatch.setenv("SEEDS_AT", value)
    with pytest.raises(RecipeError, match="the environment variable SEEDS_AT is not set; set it"):
        resolve_path(tmp_path, "${SEEDS_AT}/a.jsonl")
