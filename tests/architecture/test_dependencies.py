"""What is imported is declared, and what is declared is pinned within its range."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
OURS = {"explorer", "app", "pages"}
DISTRIBUTIONS = {"PIL": "pillow"}  # modules that are called otherwise than what they are installed by

# Modules of the standard library that not every system has: none may be needed for importing the package.
POSIX_ONLY = ("fcntl", "grp", "posix", "pty", "pwd", "resource", "termios")


def _declared() -> dict[str, Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = [Requirement(line) for line in project["dependencies"]]
    return {each.name.lower(): each for each in found}


def _pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return dict(re.split("==", line, maxsplit=1) for line in lines if line and not line.startswith("#"))


def _imported() -> dict[str, str]:
    """Top-level modules that the package and the app import, and where."""
    found: dict[str, str] = {}
    for path in [*(ROOT / "explorer").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "app.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            else:
                continue
            for name in names:
                top = name.split(".")[0]
                found.setdefault(DISTRIBUTIONS.get(top, top), f"{path.relative_to(ROOT)}:{node.lineno}")
    return found


def test_every_library_that_is_imported_is_declared_and_every_declared_one_imported() -> None:
    """A library that another one happens to bring may be gone with its next release."""
    imported = {
        name: where for name, where in _imported().items() if name not in sys.stdlib_module_names | OURS
    }
    declared = set(_declared())
    assert {name: where for name, where in imported.items() if name.lower() not in declared} == {}
    assert declared - {name.lower() for name in imported} == set()


def test_the_pins_are_within_the_ranges() -> None:
    """The app and the tests run with the pins, so the ranges must at least admit them."""
    pins = {name.lower(): version for name, version in _pins("requirements.txt").items()}
    for name, range_ in _declared().items():
        assert name in pins, f"requirements.txt does not pin {name}"
        assert range_.specifier.contains(pins[name]), f"{name}=={pins[name]} is outside {range_}"


def test_every_module_can_be_imported_where_there_is_no_posix() -> None:
    """Modules that Windows lacks are imported where they are used."""
    code = f"""
import importlib, pkgutil, sys
for name in {POSIX_ONLY!r}:
    if name in sys.modules:
        continue  # Python itself needed it to start
    sys.modules[name] = None
import explorer
for module in pkgutil.walk_packages(explorer.__path__, "explorer."):
    if not module.name.startswith(("explorer.runs.migrations", "explorer.__main__")):
        importlib.import_module(module.name)
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False, text=True
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
