"""Folders show the architecture: CONTRIBUTING draws them as they are, tests mirror them, none is crowded."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MOST_FILES = 15
NO_PACKAGES = {"assets", "__pycache__"}
BESIDE = {
    "architecture",
    "benchmarks",
    "e2e",
    "fuzz",
    "notebooks",
    "packaging",
    "recipes",
    "reliability",
}  # tests of no single package


def packages() -> set[str]:
    """Folders of code under explorer/, as ``lapq`` or ``lapq/phases``."""
    found = {path.parent.relative_to(ROOT / "explorer") for path in (ROOT / "explorer").rglob("*.py")}
    return {folder.as_posix() for folder in found if folder.parts and not NO_PACKAGES & set(folder.parts)}


def drawn(text: str) -> tuple[set[str], set[str]]:
    """Folders and top-level modules in CONTRIBUTING's tree."""
    tree = text.split("```")[3]
    folders: set[str] = set()
    modules: set[str] = set()
    for line in tree.splitlines():
        if not line.startswith("  "):
            continue
        names = re.findall(r"[a-z_]+/(?=\s|$)", line)
        modules |= set(re.findall(r"[a-z_]+\.py\b", line))
        if names:
            top = names[0].rstrip("/")
            folders |= {top} | {f"{top}/{name.rstrip('/')}" for name in names[1:]}
    return folders, modules


def test_the_tree_in_contributing_is_true() -> None:
    """Who looks for a place finds it where the page says, and a new folder is explained there."""
    folders, modules = drawn((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    there = {name for name in packages() if name != "runs/migrations/versions"}
    assert folders == there
    assert modules == {path.name for path in (ROOT / "explorer").glob("*.py")} - {
        "__init__.py",
        "__main__.py",
    }


def test_no_folder_is_crowded() -> None:
    """A folder of forty files hides the architecture that its prefixes name."""
    crowded = {}
    for folder in {"", *packages()}:
        files = [
            path
            for path in (ROOT / "explorer" / folder).iterdir()
            if path.suffix in (".py", ".js") and path.name != "__init__.py"
        ]
        if len(files) > MOST_FILES:
            crowded[folder] = len(files)
    assert not crowded, f"more than {MOST_FILES} files: {crowded}"


def test_tests_mirror_the_packages() -> None:
    """A test lies where what it tests lies, so that both are found and moved together."""
    for path in (ROOT / "tests").rglob("test_*.py"):
        folder = path.parent.relative_to(ROOT / "tests").as_posix()
        if folder == "." or folder.split("/")[0] in BESIDE:
            continue
        assert folder in packages(), f"{path.relative_to(ROOT)} mirrors no folder of explorer/"
