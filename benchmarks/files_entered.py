"""Count the project's files that a command enters, from the words to the JSON: how far a reader has to look.

    python -m benchmarks.files_entered

A file is entered when a function of it is called while the command runs. What importing runs does not count: the
command runs once before, elsewhere. The study is the small one of the tests, and nothing was computed on it before.
"""

import argparse
import contextlib
import inspect
import io
import os
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = str(ROOT / "explorer") + os.sep
QUICK = {
    "traces": ["--samples", "64"],
    "lapq": ["--calibration", "32", "--method", "gradient"],
}


def entered(words: list[str]) -> dict[str, set[str]]:
    """File, from the package on, to the functions of it that a command calls."""
    from explorer.cli import main

    found: dict[str, set[str]] = {}

    def watch(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        # Bodies of modules and classes are run by importing, and are not optimized.
        if event == "call" and code.co_filename.startswith(PACKAGE) and code.co_flags & inspect.CO_OPTIMIZED:
            found.setdefault(code.co_filename.removeprefix(PACKAGE), set()).add(code.co_qualname)

    threading.setprofile(watch)
    sys.setprofile(watch)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            status = main(words)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    if status:
        raise SystemExit(f"{' '.join(words)} ended with status {status}")
    return found


def _main() -> None:
    parser = argparse.ArgumentParser(description="Count the files that commands enter.")
    parser.add_argument("commands", nargs="*", default=list(QUICK), help="of " + ", ".join(QUICK))
    parser.add_argument("--functions", action="store_true", help="name the functions, too")
    asked = parser.parse_args()
    from tests import learnable

    for command in asked.commands:
        for _ in range(2):  # the first time to import
            with tempfile.TemporaryDirectory() as home:
                os.environ["EXPLORER_HOME"] = str(Path(home) / "home")
                study = learnable.write(Path(home) / "learnable")
                found = entered([command, "--study", str(study), *QUICK[command], "--json"])
        print(f"{command}: {len(found)} files, {sum(map(len, found.values()))} functions")
        for file, names in sorted(found.items()):
            print(f"  {file}" + (f": {', '.join(sorted(names))}" if asked.functions else ""))


if __name__ == "__main__":
    _main()
