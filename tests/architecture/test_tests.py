"""Tests that cannot pass emptily: an error is expected with `pytest.raises`, an example is set aside with `assume`."""

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def empty_endings(source: str) -> list[int]:
    """Lines on which a test function swallows an error, or leaves a drawn example unchecked by returning."""
    found = []
    for function in ast.walk(ast.parse(source)):
        if not (isinstance(function, ast.FunctionDef) and function.name.startswith("test_")):
            continue
        drawn = any(ast.unparse(each).startswith("given(") for each in function.decorator_list)
        for node in _own(function):
            if isinstance(node, ast.ExceptHandler) and all(
                isinstance(each, ast.Pass | ast.Return | ast.Continue) for each in node.body
            ):
                found.append(node.lineno)
            if drawn and isinstance(node, ast.If) and isinstance(node.body[0], ast.Return):
                found.append(node.lineno)
    return found


def _own(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Nodes of a function without those of the functions defined in it."""
    waiting: list[ast.AST] = [*function.body]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [each for each in ast.iter_child_nodes(node) if not isinstance(each, ast.FunctionDef)]


def test_no_test_passes_because_everything_raises() -> None:
    """``except PlanError: return`` would pass with every problem refused."""
    allowed = {"architecture/test_tree.py"}  # reads every file, of which some are no text
    found = [
        f"{path.relative_to(TESTS)}:{line}"
        for path in TESTS.rglob("test_*.py")
        if path.relative_to(TESTS).as_posix() not in allowed
        for line in empty_endings(path.read_text(encoding="utf-8"))
    ]
    assert not found, f"use pytest.raises, or hypothesis.assume: {', '.join(found)}"


def test_empty_endings_are_recognised() -> None:
    swallowed = "def test_a():\n    try:\n        f()\n    except ValueError:\n        return\n"
    unchecked = "@given(x())\ndef test_b(x):\n    if not x:\n        return\n    assert f(x)\n"
    assumed = "@given(x())\ndef test_c(x):\n    assume(x)\n    assert f(x)\n"
    helper = "def test_d():\n    def g():\n        return 1\n    assert f(g)\n"
    assert [empty_endings(each) for each in (swallowed, unchecked, assumed, helper)] == [[4], [3], [], []]
