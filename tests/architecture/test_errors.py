"""How errors are told apart."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_what_an_error_carries_is_known_by_its_type() -> None:
    """A renamed attribute of an error is found by the type checker; `getattr` with a default would pass over it."""
    found = []
    for path in [*(ROOT / "explorer").rglob("*.py"), *(ROOT / "pages").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "getattr"
                and isinstance(node.args[0], ast.Name)
                and node.args[0].id in ("error", "exc", "exception")
            ):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}")
    assert not found, "\n".join(found)
