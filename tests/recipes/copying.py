"""A copy of the project in which a recipe of CONTRIBUTING is followed, and Python run in it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("explorer", "pages", "app.py", ".streamlit")


def copy(folder: Path) -> Path:
    """Copy what runs into an empty folder; the weights and images of the built-in studies stay behind."""
    folder.mkdir()
    for name in NEEDED:
        source = ROOT / name
        if source.is_file():
            shutil.copy(source, folder / name)
        else:
            heavy = shutil.ignore_patterns(
                "*.npz", "*.safetensors"
            )  # what is compiled comes along: it saves seconds
            shutil.copytree(source, folder / name, ignore=heavy)
    return folder


def insert(path: Path, before: str, text: str) -> None:
    """Put text before the one place of a file that reads so."""
    content = path.read_text(encoding="utf-8")
    assert content.count(before) == 1, f"{path.name} has {content.count(before)} places that read {before!r}"
    path.write_text(content.replace(before, text + before), encoding="utf-8")


def run(folder: Path, script: str, home: Path, *arguments: str) -> str:
    """Run a script in the copy, with a store of its own; its standard output."""
    environment = os.environ | {
        "PYTHONPATH": str(folder),
        "EXPLORER_HOME": str(home),
        "EXPLORER_STUDIES": arguments[0] if arguments else "",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
