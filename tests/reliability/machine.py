"""What figures were measured on, in lines."""

import sqlite3
from importlib.metadata import version

from benchmarks import timing


def described() -> list[str]:
    """Machine, versions and date."""
    streamlit, sqlite = version("streamlit"), sqlite3.sqlite_version
    return [*timing.machine(), f"streamlit {streamlit}, SQLite {sqlite}"]
