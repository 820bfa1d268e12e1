"""Where things are kept on this computer."""

import os
from pathlib import Path


def home() -> Path:
    """The folder of the store, the artifacts and the logs: ``EXPLORER_HOME``, or one in the person's home."""
    return Path(os.environ.get("EXPLORER_HOME") or Path.home() / ".mixed-precision-explorer")


def data_home() -> Path:
    """Where fetched data sets are kept."""
    return home() / "data"


def operator_data() -> Path | None:
    """The folder that ``EXPLORER_DATA`` names, if any."""
    named = os.environ.get("EXPLORER_DATA")
    return Path(named) if named else None
