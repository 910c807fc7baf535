"""The Dagster instance under SYNTH_HOME: settings written with absolute paths, the instance out."""

import os
from pathlib import Path

import dagster as dg
import yaml

from synth_assets.store.home import Home


def settings_file(home: Home) -> Path:
    """Dagster's settings of this home."""
    return home.dagster / "dagster.yaml"


def workspace_file(home: Home) -> Path:
    """What the UI of this home loads."""
    return home.dagster / "workspace.yaml"


def prepare_instance(home: Home) -> Path:
    """Writes ``$SYNTH_HOME/dagster/dagster.yaml`` and points ``DAGSTER_HOME`` to it.

    A relative folder in dagster.yaml would follow each process's own working folder, so that the
    command line and the UI would keep two histories.
    """
    folder = home.dagster
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
        "storage": {
            "custom": {
                "module": "synth_assets.graph.home_storage",
                "class": "HomeStorage",
                "config": {"base_dir": str(folder)},
            }
        },
        "local_artifact_storage": {
            "module": "dagster._core.storage.root",
            "class": "LocalArtifactStorage",
            "config": {"base_dir": str(folder)},
        },
        "compute_logs": {
            "module": "dagster._core.storage.local_compute_log_manager",
            "class": "LocalComputeLogManager",
            "config": {"base_dir": str(folder / "compute_logs")},
        },
        "run_monitoring": {"enabled": True},
        "concurrency": {"runs": {"max_concurrent_runs": 2}},
    }
    text = yaml.safe_dump(settings, sort_keys=False)
    file = settings_file(home)
    if not file.exists() or file.read_text() != text:
        draft = file.with_suffix(f".{os.getpid()}.tmp")
        draft.write_text(text)
        draft.replace(file)
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder


def write_workspace(home: Home, project: Path) -> Path:
    """Writes the workspace file that the UI of this home loads: the code location's name is the
    same as in the project's own workspace.yaml, so that both show one history."""
    file = workspace_file(home)
    module = {
        "module_name": "synth_assets.definitions",
        "location_name": "synth_assets",
        "working_directory": str(project),
    }
    file.write_text(yaml.safe_dump({"load_from": [{"python_module": module}]}, sort_keys=False))
    return file


def open_instance(home: Home) -> dg.DagsterInstance:
    """The instance that the UI and the command line share."""
    prepare_instance(home)
    return dg.DagsterInstance.get()
