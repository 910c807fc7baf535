"""The UI's log opens without a warning about the project's own dagster.yaml, and with one about any
other."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from click.testing import CliRunner
from dagster._cli.dev import dev_command

from synth_assets.graph import dev_server

OWN_FILE = Path(dev_server.__file__).parents[2] / "dagster.yaml"


class Reached(Exception):
    """Dagster has warned, and would start its servers now."""


def warned_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What `dagster dev` itself warns of when it starts in the folder."""
    told: list[str] = []

    class Told(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record.getMessage())

    def stop(*_: object, **__: object) -> None:
        raise Reached

    monkeypatch.chdir(folder)
    monkeypatch.setenv("DAGSTER_HOME", str(folder / "home"))
    for name in ("DAGSTER_IS_DEV_CLI", "DAGSTER_verbose"):
        monkeypatch.setenv(name, "")  # what the command sets is taken back afterwards
    for name in ("configure_loggers", "setup_interrupt_handlers"):
        monkeypatch.setattr(f"dagster._cli.dev.{name}", lambda **_: None)
    monkeypatch.setattr("dagster._cli.dev.get_possibly_temporary_instance_for_cli", stop)
    logger, handler, ours = logging.getLogger("dagster"), Told(), dev_server.OurOwnFile(folder)
    logger.addHandler(handler)
    logger.addFilter(ours)
    try:
        with pytest.warns(match="superseded"):
            result = CliRunner().invoke(dev_command, [])
    finally:
        logger.removeHandler(handler)
        logger.removeFilter(ours)
    assert isinstance(result.exception, Reached)
    return told


def test_our_own_file_is_not_warned_of_and_another_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dagster.yaml").write_text(OWN_FILE.read_text())
    assert warned_in(tmp_path, monkeypatch) == []
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    (warning,) = warned_in(tmp_path, monkeypatch)
    assert warning.startswith(dev_server.FOUND)
