"""A PostgreSQL server for one session of tests: Debian's, on a socket in a folder of its own."""

import os
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

import pytest

# Every test of a module with this mark runs on both databases.
BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)


def programs() -> Path | None:
    """The folder of the newest server that is installed, if one is."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


class Server:
    """A server that nothing outside this machine reaches, and that keeps nothing."""

    def __init__(self, bin_folder: Path) -> None:
        self._bin = bin_folder
        # Not pytest's folder: the name of a socket has at most 107 characters, and the server's user must enter it.
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._data = self.folder / "data"
        if os.geteuid() == 0:  # the server refuses to run as root
            shutil.chown(self.folder, "postgres", "postgres")
        self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-c listen_addresses='' -k {self.folder} -c max_connections=50 -c fsync=off"
        self._run("pg_ctl", "-D", self._data, "-o", options, "-l", self.folder / "log", "-w", "start")

    def new_database(self) -> str:
        """The address of a schema of its own: what an empty database is, but made and removed in no time."""
        name = f"d{uuid.uuid4().hex}"
        self._run("psql", "-h", self.folder, "-U", "postgres", "-q", "-c", f"CREATE SCHEMA {name}")
        return f"postgresql+psycopg://postgres@/postgres?host={self.folder}&options=-csearch_path%3D{name}"

    def restart(self) -> None:
        """End the server as a crash would, and start it again."""
        self._run("pg_ctl", "-D", self._data, "-l", self.folder / "log", "-w", "-m", "immediate", "restart")

    def end(self) -> None:
        self._run("pg_ctl", "-D", self._data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(self.folder)

    def _run(self, program: str, *arguments: str | Path) -> None:
        command = [str(self._bin / program), *map(str, arguments)]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        done = subprocess.run(
            command,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE if program != "pg_ctl" else None,
            check=False,
        )
        assert done.returncode == 0, (program, done.stderr)
