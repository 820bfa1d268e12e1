"""Arrays as the .npz file that a study names."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays to ``path``."""
    np.savez(path, **arrays)  # type: ignore[arg-type]  # a name could be that of an option
