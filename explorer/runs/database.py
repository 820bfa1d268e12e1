"""Opening the database: its address, SQLite's settings, and its tables brought up to date.

SQLite is used as a small server would be: every writing transaction takes the write lock at its start (BEGIN
IMMEDIATE, so none fails half way for having read first), waits up to 10 s for it, and is on the disk when it
ends (synchronous=FULL). Readers do not wait for writers (write-ahead log). Any other database SQLAlchemy knows
is used as it comes; nothing outside this file depends on which one it is.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
    TimeoutError,
)

from explorer.errors import RunError
from explorer.runs.keeping import private
from explorer.runs.schema import HEAD

READ_ONLY = "explorer_read_only"  # execution option of a connection that only reads
BUSY_TIMEOUT = 10.0
_DISK_FULL = "53100"  # PostgreSQL's code

_upgrading = threading.Lock()  # Alembic keeps its context in module variables


class Conflict(RunError):
    """What was to be written contradicts what is there, such as a second row of one key."""


class Unavailable(RunError):
    """The database cannot be used now and will be again: another process holds a lock, or the server is restarted."""


class Database:
    """One opened database, its tables those of this version."""

    def __init__(self, url: str | URL) -> None:
        try:
            address = make_url(url)
            # A connection that a restart of the server has ended is noticed before it is used.
            self._engine = create_engine(address, pool_pre_ping=address.get_backend_name() != "sqlite")
        except ModuleNotFoundError as error:
            raise RunError(
                f"The database address needs the driver {error.name!r}, which is not installed; "
                "install mixed-precision-explorer[postgresql], or name another driver."
            ) from error
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise RunError(
                f"The database address cannot be used ({error}); check EXPLORER_DATABASE."
            ) from error
        self.dialect = self._engine.dialect.name
        self._shown = address.render_as_string(hide_password=True)
        self._file = _file_of(address)
        self._opened: tuple[int, int] | None = None  # device and number of the file that was opened
        self._opening = threading.Lock()
        if self.dialect == "sqlite":
            event.listen(self._engine, "connect", _configure_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        self._open()

    def _open(self) -> None:
        """Make the file and its tables what they should be."""
        try:
            if self._file is not None:
                _make_private(self._file)
            if self.dialect == "sqlite":
                _write_ahead(self._engine)
            _upgrade(self._engine, self._shown)
        except (SQLAlchemyError, sqlite3.Error, UnicodeError) as error:  # the latter from _configure_sqlite
            kind = Unavailable if _is_passing(error) else RunError
            raise kind(
                f"The run database {self._shown} cannot be opened ({_cause(error)}); check the address."
            ) from error
        if self._file is not None:
            private.narrow_database(self._file)
            self._opened = _identity(self._file)

    def _reopen_if_replaced(self) -> None:
        """Let go of a file that was deleted or replaced, so that nothing is written to what nobody will read."""
        if self._file is None or _identity(self._file) == self._opened:
            return
        with self._opening:
            if _identity(self._file) != self._opened:
                self._engine.dispose()
                self._open()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one moment and never waits for a writer."""
        self._reopen_if_replaced()
        with self._named_errors(), self._engine.connect() as connection:
            yield connection.execution_options(**{READ_ONLY: True})

    @contextmanager
    def writing(self, *, wait: float | None = None) -> Iterator[Connection]:
        """A transaction that takes effect as a whole at its end, or not at all if an exception leaves it.

        Args:
            wait: at most so many seconds for SQLite's lock, where that is shorter than usual.
        """
        self._reopen_if_replaced()
        with (
            self._named_errors(),
            self._engine.connect() as connection,
            self._waiting(connection, wait),
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def _waiting(self, connection: Connection, wait: float | None) -> Iterator[None]:
        if wait is None or self.dialect != "sqlite":
            yield
            return
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        _be_patient(raw, wait)
        try:
            yield
        finally:
            _be_patient(raw, BUSY_TIMEOUT)

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError as error:
            raise Conflict(
                f"The run database {self._shown} holds something else already ({_cause(error)}); try again."
            ) from error
        except (SQLAlchemyError, sqlite3.Error, UnicodeError) as error:  # the last: what a damaged file says
            kind = Unavailable if _is_passing(error) else RunError
            raise kind(
                f"The run database {self._shown} cannot be used now ({_cause(error)}); {_advice(error)}."
            ) from error


def _cause(error: Exception) -> object:
    found = (error.orig if isinstance(error, DBAPIError) else None) or error
    return str(found).strip().splitlines()[0] if str(found).strip() else type(found).__name__


def _sqlite_code(error: Exception) -> int | None:
    raw = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(raw, "sqlite_errorcode", None) if isinstance(raw, sqlite3.Error) else None
    return None if code is None else code & 0xFF


def _is_passing(error: Exception) -> bool:
    """Whether the same will succeed by itself a little later."""
    if isinstance(error, TimeoutError):  # all connections are in use
        return True
    if not isinstance(error, DBAPIError) or isinstance(error.orig, sqlite3.Error):
        return _sqlite_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    if getattr(error.orig, "sqlstate", None) == _DISK_FULL:
        return False
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)


def _advice(error: Exception) -> str:
    raw = error.orig if isinstance(error, DBAPIError) else error
    if _sqlite_code(error) == sqlite3.SQLITE_FULL or getattr(raw, "sqlstate", None) == _DISK_FULL:
        return "make room on the disk, then try again"
    if _sqlite_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return "restore the file, or move it away to begin anew"
    return "try again"


def _file_of(address: URL) -> Path | None:
    if address.get_backend_name() != "sqlite" or not address.database or address.database == ":memory:":
        return None
    return None if address.database.startswith("file:") else Path(address.database)


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _make_private(file: Path) -> None:
    try:
        private.make_folder(file.parent)
    except OSError as error:
        raise RunError(
            f"The folder {file.parent} cannot be made ({error.strerror}); set EXPLORER_HOME."
        ) from error
    try:
        private.make_file(file)
    except OSError as error:
        raise RunError(
            f"The run database {file} cannot be opened ({error.strerror}); check who may write there, or set "
            "EXPLORER_HOME."
        ) from error


def _configure_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # the driver starts no transactions of its own: _begin_sqlite does
    connection.text_factory = _text  # one text that is no UTF-8 must not make all rows unreadable
    _be_patient(connection, BUSY_TIMEOUT)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _be_patient(connection: sqlite3.Connection, seconds: float) -> None:
    connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get(READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _write_ahead(engine: Engine) -> None:
    """Switch the file to the write-ahead log, once; SQLite does not wait for others here, so this does."""
    deadline = time.monotonic() + BUSY_TIMEOUT
    while True:
        raw = engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise OperationalError("PRAGMA journal_mode", None, error) from error
            time.sleep(0.05)
        finally:
            raw.close()


def _upgrade(engine: Engine, shown: str) -> None:
    """Apply the missing revisions. Of several that open a new database at once, one makes the tables."""
    found = _revision(engine)
    if found == HEAD:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise RunError(
            f"The run database {shown} has the revision {found}, which this version does not know; "
            "install the newer version that wrote it, or set EXPLORER_HOME to another folder."
        )
    try:
        with _upgrading, engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except SQLAlchemyError:
        if _revision(engine) != HEAD:  # someone else was faster: what they made is what was wanted
            raise


def _revision(engine: Engine) -> str | None:
    with engine.connect().execution_options(**{READ_ONLY: True}) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
