"""No module imports itself by way of others: not inside a function either, and not for its types alone.

Between layers `test_imports` sees to it; this one also looks inside packages. A package that a module lies in is not
counted as imported by it, though Python runs its `__init__` first.
"""

import ast
from collections.abc import Mapping, Set
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def modules(root: Path) -> dict[str, str]:
    """Dotted name to source of every module of the package ``explorer`` under a folder."""
    found = {}
    for path in sorted((root / "explorer").rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = path.read_text(encoding="utf-8")
    return found


def imported(source: str, known: Set[str]) -> set[str]:
    """The known modules that a source imports, wherever in it; `from package import module` imports the module."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            within = {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            names = {full if full in known else str(node.module) for full in within.values()}
        else:
            continue
        found |= names & known
    return found


def circles(imports: Mapping[str, Set[str]]) -> list[list[str]]:
    """The groups of modules each of which reaches every other (strongly connected components, Tarjan 1972)."""
    index: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_ones: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = lowest[module] = len(index)
        open_ones.append(module)
        for other in sorted(imports[module]):
            if other not in index:
                visit(other)
                lowest[module] = min(lowest[module], lowest[other])
            elif other in open_ones:
                lowest[module] = min(lowest[module], index[other])
        if lowest[module] == index[module]:
            start = open_ones.index(module)
            group = open_ones[start:]
            del open_ones[start:]
            if len(group) > 1:
                found.append(sorted(group))

    for module in imports:
        if module not in index:
            visit(module)
    return found


def test_no_module_imports_itself_by_way_of_others() -> None:
    """What depends on each other is one idea in several files, or one of them holds what belongs elsewhere."""
    sources = modules(ROOT)
    imports = {name: imported(source, set(sources)) - {name} for name, source in sources.items()}
    assert len(imports) > 100
    assert sum(map(len, imports.values())) > 500, "imports are seen"
    found = [" <-> ".join(group) for group in circles(imports)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ({"a": "import b", "b": "import c", "c": ""}, []),
        ({"a": "import b", "b": "import c", "c": "import a"}, [["a", "b", "c"]]),
        ({"a": "from p import b", "p": "", "p.b": "def f():\n    import a"}, [["a", "p.b"]]),
        ({"a": "from p import name", "p": "if TYPE_CHECKING:\n    from a import x", "p.b": ""}, [["a", "p"]]),
        ({"p": "from p.b import x", "p.b": "from p.c import x", "p.c": ""}, []),
        ({"a": "import b", "b": "import a", "c": "import d", "d": "import c"}, [["a", "b"], ["c", "d"]]),
    ],
)
def test_the_rule_itself(sources: dict[str, str], expected: list[list[str]]) -> None:
    """A circle is found at the top, in a function and under TYPE_CHECKING, and none is seen where there is none."""
    imports = {name: imported(source, set(sources)) - {name} for name, source in sources.items()}
    assert circles(imports) == expected


def test_imports_are_written_in_full() -> None:
    """A relative import would pass by the rules of this folder."""
    wrong = [
        f"{name}:{node.lineno}"
        for name, source in modules(ROOT).items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not wrong, f"relative imports: {wrong}"
