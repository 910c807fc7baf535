"""A Postgres server of the tests' own, on a socket in a folder of its own, where one can be run."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

USER, DATABASE = "synth", "lake"
SETTINGS = "-c listen_addresses= -c fsync=off -c autovacuum=off"
"""No network; and no vacuum but the one that is tested."""


PROGRAMS = ("initdb", "pg_ctl", "createdb", "psql")


def programs() -> Path | None:
    """The folder of Postgres' programs; Debian keeps the server's out of the search path."""
    found = shutil.which("initdb")
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in [*([Path(found).resolve().parent] if found else []), *places]:
        if all((place / program).exists() for program in PROGRAMS):
            return place
    return None


@dataclass(frozen=True)
class Server:
    """folder: of its files, the socket among them."""

    folder: Path

    @property
    def catalog(self) -> str:
        """For ``SYNTH_LAKE_CATALOG``."""
        return f"postgres:dbname={DATABASE} host={self.folder} user={USER}"

    def say(self, sql: str) -> None:
        self.run("psql", "-h", str(self.folder), "-U", USER, "-d", DATABASE, "-qc", sql)

    def tables_hold(self, text: str) -> bool:
        """Whether a file of the databases has the text; the server's log (WAL) is left out."""
        self.say("CHECKPOINT")
        files = (self.folder / "data" / "base").rglob("*")
        return any(text.encode() in file.read_bytes() for file in files if file.is_file())

    def run(self, program: str, *arguments: str) -> None:
        """Postgres does not run as root: as its own user then."""
        folder = programs()
        assert folder is not None
        subprocess.run(
            [folder / program, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            user="postgres" if os.getuid() == 0 else None,
        )


@contextmanager
def postgres() -> Iterator[Server]:
    """A server with one empty database, for the length of the block."""
    folder = Path(tempfile.mkdtemp(prefix="synth_pg_"))  # a socket's path must be short
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
    server, data = Server(folder), str(folder / "data")
    try:
        server.run("initdb", "-D", data, "-A", "trust", "-U", USER, "--no-sync")
        options = f"{SETTINGS} -c unix_socket_directories={folder}"
        log = str(folder / "log")
        server.run("pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start")
        try:
            server.run("createdb", "-h", str(folder), "-U", USER, DATABASE)
            yield server
        finally:
            server.run("pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
