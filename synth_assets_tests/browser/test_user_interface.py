"""The UI as a person uses it: a real browser, a real server, a real run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from synth_assets.project import project_folder
from synth_assets_tests.browser.chromium import browser, require_chromium, user_interface
from synth_assets_tests.browser.graphql import ask_server, finished_run

SCHEDULE_STATE = """query($schedule: ScheduleSelector!) {
  scheduleOrError(scheduleSelector: $schedule) { ... on Schedule { scheduleState { status } } }
}"""
START_SCHEDULE = """mutation($schedule: ScheduleSelector!) {
  startSchedule(scheduleSelector: $schedule) {
    ... on ScheduleStateResult { scheduleState { status } }
  }
}"""
RECIPE = """
name: tiny
description: Eight seeds, one teacher, one judge.
owner: team:tests
seeds:
  prompts: [{path: seeds/*.jsonl, licence: apache-2.0}]
  limit: 8
models:
  careful: {model: offline/careful}
  hasty: {model: offline/hasty}
  judge: {model: offline/judge}
prompts:
  self_instruct: {teacher: careful, per_round: 14}
completions: {teachers: [careful, hasty]}
judgments:
  verification: {}
  ultrafeedback: {judge: judge}
datasets: {test_share: 0}
schedule: {cron: "* * * * *"}
"""


def make_project(folder: Path) -> Path:
    """A project of one small recipe, with the quickstart's seeds."""
    shutil.copytree(
        project_folder() / "recipes" / "quickstart" / "seeds", folder / "recipes" / "seeds"
    )
    (folder / "recipes" / "tiny.yaml").write_text(RECIPE)
    return folder


def wait_for_text(driver: WebDriver, text: str, seconds: float = 90) -> None:
    """Until the page shows ``text``."""
    try:
        WebDriverWait(driver, seconds).until(lambda page: text in shown_text(page))
    except TimeoutException as error:
        shown = shown_text(driver)[:2000]
        raise AssertionError(f"the page never showed {text!r}, but: {shown}") from error


def shown_text(driver: WebDriver) -> str:
    """What the page shows; empty while it is being replaced."""
    try:
        return driver.find_element(By.TAG_NAME, "body").text
    except StaleElementReferenceException:
        return ""


def press(driver: WebDriver, label: str, seconds: float = 60) -> None:
    """Presses the button with exactly this label."""
    path = f"//button[.//*[normalize-space(text())='{label}'] or normalize-space(.)='{label}']"
    WebDriverWait(driver, seconds).until(
        lambda page: any(b.is_displayed() and b.is_enabled() for b in _buttons(page, path)),
        message=f"no button {label!r}",
    )
    next(b for b in _buttons(driver, path) if b.is_displayed() and b.is_enabled()).click()


def _buttons(driver: WebDriver, path: str):
    return driver.find_elements(By.XPATH, path)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The UI of a project of one small recipe."""
    folder = tmp_path_factory.mktemp("ui")
    environment = {
        "SYNTH_HOME": str(folder / "home"),
        "SYNTH_PROJECT": str(make_project(folder / "project")),
    }
    with user_interface(environment, folder / "ui.log") as address:
        yield address


def test_a_person_materializes_all_and_opens_the_page_of_a_set(address: str, tmp_path: Path):
    require_chromium()
    with browser(tmp_path / "profile") as driver:
        driver.get(f"{address}/locations/synth_assets/jobs/tiny")
        wait_for_text(driver, "tiny_1_seeds")
        press(driver, "Materialize all")
        wait_for_text(driver, "Latest run")
        driver.get(f"{address}/runs")
        wait_for_text(driver, "Success", seconds=180)
        driver.get(f"{address}/assets/tiny/sft_set")
        wait_for_text(driver, "Latest materialization")
        wait_for_text(driver, "example_id")
        driver.get(f"{address}/assets/tiny/dpo_set?view=checks")
        wait_for_text(driver, "is_current")
        assert "error" not in shown_text(driver).lower()


def test_a_schedule_that_is_switched_on_runs_refresh_at_its_next_tick(address: str):
    schedule = {
        "repositoryName": "__repository__",
        "repositoryLocationName": "synth_assets",
        "scheduleName": "tiny_schedule",
    }
    before = ask_server(address, SCHEDULE_STATE, schedule=schedule)["scheduleOrError"]
    assert before["scheduleState"]["status"] == "STOPPED"
    started = ask_server(address, START_SCHEDULE, schedule=schedule)["startSchedule"]
    assert started["scheduleState"]["status"] == "RUNNING"
    run = finished_run(address, "tiny_refresh")
    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    assert run["status"] == "SUCCESS"
    assert tags["dagster/schedule_name"] == "tiny_schedule"
