"""What the UI's pages ask of their server, asked by a test."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

RUNS = """query($job: String!) {
  runsOrError(filter: {pipelineName: $job}) { ... on Runs { results {
    status tags { key value }
  } } }
}"""
LAUNCH = """mutation($job: String!) {
  launchRun(executionParams: {
    selector: {
      jobName: $job
      repositoryName: "__repository__"
      repositoryLocationName: "synth_assets"
    }
    runConfigData: {}
  }) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}"""
TERMINATE = """mutation($run: String!) {
  terminateRun(runId: $run) { __typename ... on TerminateRunFailure { message } }
}"""


def ask_server(address: str, query: str, **variables: Any) -> dict[str, Any]:
    """One GraphQL request to the UI's own server."""
    request = urllib.request.Request(
        f"{address}/graphql",
        data=json.dumps({"query": query, "variables": variables}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.load(reply)["data"]


def finished_run(address: str, job: str, patience_s: float = 180) -> dict[str, Any]:
    """The first run of a job that has ended."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        runs = ask_server(address, RUNS, job=job)["runsOrError"]["results"]
        if runs and runs[-1]["status"] in ("SUCCESS", "FAILURE", "CANCELED"):
            return runs[-1]
        time.sleep(1)
    raise AssertionError(f"no run of {job} ended")


def launch(address: str, job: str) -> str:
    """Starts a job as the button "Launch run" does; gives the run's id."""
    launched = ask_server(address, LAUNCH, job=job)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    return launched["run"]["runId"]


def terminate(address: str, run: str) -> None:
    """Ends a run as the button "Terminate" does."""
    ended = ask_server(address, TERMINATE, run=run)["terminateRun"]
    assert ended["__typename"] == "TerminateRunSuccess", ended
