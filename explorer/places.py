"""Where things are kept on this computer.

A folder is named by an environment variable or in code, with ``~`` for the person's home or relative to the folder
the program was started in; it is made absolute once, here, so that every reader means the same folder.
"""

import os
from pathlib import Path

from explorer.errors import ExplorerError

DEFAULT_HOME = "~/.mixed-precision-explorer"


def home(named: str | Path | None = None) -> Path:
    """The folder of the store, the artifacts, the logs and the saved plans, absolute.

    ``named`` if given, otherwise ``EXPLORER_HOME``, otherwise a folder in the person's home.
    """
    return absolute(named or os.environ.get("EXPLORER_HOME") or DEFAULT_HOME)


def data_home() -> Path:
    """Where fetched data sets are kept."""
    return home() / "data"


def operator_data() -> Path | None:
    """The folder that ``EXPLORER_DATA`` names, absolute, if any."""
    named = os.environ.get("EXPLORER_DATA")
    return absolute(named) if named else None


def absolute(named: str | Path) -> Path:
    """A path with ``~`` expanded, relative to no folder.

    Raises:
        ExplorerError: no folder can be called so, or it begins with the home of a person whom this computer does not
            know.
    """
    try:
        return Path(named).expanduser().resolve()
    except (RuntimeError, OSError, ValueError) as error:
        raise ExplorerError(
            f"the folder {str(named)!r} cannot be found ({error}); write the path out in full"
        ) from error
