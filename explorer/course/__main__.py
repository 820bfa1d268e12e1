"""Writes the notebooks of the lessons: ``python -m explorer.course [FOLDER]``, by default ``notebooks``."""

import sys
from pathlib import Path

from explorer.course.writing import write_all

if __name__ == "__main__":
    for path in write_all(Path(sys.argv[1] if len(sys.argv) > 1 else "notebooks")):
        print(path)
