"""The UI's server as a child process that is watched: a command and a home in, its exit code out.

Dagster's server keeps its tables open by path. When someone deletes the home under it
(``rm -rf .synth``) every page is an internal error, until it is started again: so it is.
"""

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from types import FrameType

from synth_assets.graph.dead_runs import report_dead_runs
from synth_assets.graph.instance import open_instance, settings_file, write_workspace
from synth_assets.project import project_folder
from synth_assets.store.home import Home

LOOK_EVERY_S = 1.0
STOP_WITHIN_S = 30.0


def prepare_home(home: Home) -> None:
    """Writes Dagster's settings and the workspace file, and reports runs whose process is gone."""
    with open_instance(home) as instance:
        report_dead_runs(instance, home)
    write_workspace(home, project_folder())


def serve(command: Sequence[str], home: Home, tell: Callable[[str], None]) -> int:
    """Runs the server until it ends or this process is told to end; gives its exit code."""
    while True:
        prepare_home(home)
        server = subprocess.Popen(command)
        previous = signal.signal(signal.SIGTERM, _interrupt)
        try:
            if not _lasts_longer_than_its_home(server, home):
                return server.returncode
        except KeyboardInterrupt:
            _stop(server)
            return 0
        finally:
            signal.signal(signal.SIGTERM, previous)
        tell(f"{home.path} was deleted; starting again with an empty one")
        _stop(server)


def _lasts_longer_than_its_home(server: subprocess.Popen[bytes], home: Home) -> bool:
    """Waits; True once the home is gone under a living server, False once the server has ended."""
    while server.poll() is None:
        if not settings_file(home).exists():
            return True
        time.sleep(LOOK_EVERY_S)
    return False


def _stop(server: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C would; what does not end in time is killed."""
    server.send_signal(signal.SIGINT)
    try:
        server.wait(timeout=STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt
