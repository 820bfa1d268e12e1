"""Imports run one way, downwards; who breaks the direction is named with file and line.

``app, pages > ui > reports, course, widgets > figures, jobs > runs > algorithms > evaluation > quantizers, replay >
studies > blocks > errors``
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# From the top down. A part imports from lower layers only, and from itself.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"app", "pages"}),
    frozenset({"ui"}),
    frozenset({"reports", "course", "widgets"}),
    frozenset({"figures", "jobs"}),
    frozenset({"runs"}),
    frozenset({"lessons"}),
    frozenset({"qat", "lapq", "plans", "curvature", "landscape", "export", "proxy", "choosing"}),
    frozenset({"evaluation"}),
    frozenset({"quantizers", "replay"}),
    frozenset({"studies"}),
    frozenset({"timing", "detections"}),
    frozenset({"blocks", "devices", "estimates", "randomness", "watching", "questions", "access"}),
    frozenset({"errors", "files", "places", "products", "reading"}),
)
DEPTH = {part: depth for depth, layer in enumerate(LAYERS) for part in layer}

# The exceptions within a layer, each for a reason.
SIDEWAYS = {
    ("places", "errors"),  # a folder that cannot be found is reported as a mistake of the person's
    ("reading", "errors"),  # so is a file that is not what it should be
    ("qat", "plans"),  # training starts from a plan
    ("qat", "curvature"),  # the trace that is shown while a network trains
    ("lapq", "plans"),  # found steps become a plan
    ("landscape", "curvature"),  # a slice runs along eigenvectors and shows what the Hessian predicts
    ("plans", "curvature"),  # Ω is made of traces, and a frontier asked for without them computes them
    ("proxy", "plans"),  # what is put to the test
    ("proxy", "curvature"),
    ("export", "plans"),  # what a file must weigh and what its manifest says
    ("choosing", "plans"),  # the frontier whose plans are measured
    ("choosing", "proxy"),  # what measures them
    ("choosing", "lapq"),  # steps of the plan that was found
}

# The command line has no page: it reaches every computation and nothing that draws.
COMMAND_LINE = {"__main__", "cli"}
NOT_FOR_THE_COMMAND_LINE = {"app", "pages", "ui", "widgets", "figures"}
NOT_FOR_FIGURES = {"runs", "jobs"}  # a figure draws a result, whoever found it


@dataclass(frozen=True)
class Import:
    """One imported module: ``part`` imports ``target`` at ``where`` (file:line)."""

    part: str
    target: str
    where: str

    @property
    def target_part(self) -> str | None:
        """The part of the project that is imported; None for another library or the bare package."""
        names = self.target.split(".")
        if names[0] in ("app", "pages"):
            return names[0]
        return names[1] if names[0] == "explorer" and len(names) > 1 else None


def _part(path: Path) -> str:
    """explorer/qat/ste.py -> qat; explorer/blocks.py -> blocks; pages/model.py -> pages; app.py -> app."""
    names = path.relative_to(ROOT).with_suffix("").parts
    return names[1] if names[0] == "explorer" else names[0]


def _package(path: Path) -> list[str]:
    names = list(path.relative_to(ROOT).with_suffix("").parts)
    return names[:-1]


def imports_of(source: str, *, package: list[str], part: str, file: str) -> Iterator[Import]:
    """Every import of a file, wherever in it: at the top, inside a function, or for types alone."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            # `from explorer import qat` imports explorer.qat; below that the module alone decides.
            names = [f"{module}.{alias.name}" for alias in node.names] if module == "explorer" else [module]
        else:
            continue
        for name in names:
            yield Import(part, name, f"{file}:{node.lineno}")


def _all_imports() -> list[Import]:
    found: list[Import] = []
    for path in _sources():
        file = str(path.relative_to(ROOT))
        source = path.read_text(encoding="utf-8")
        found += imports_of(source, package=_package(path), part=_part(path), file=file)
    return found


def _sources() -> list[Path]:
    folders = [*(ROOT / "explorer").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]
    return sorted([*folders, *ROOT.glob("app.py")])


def wrong_direction(each: Import) -> str | None:
    """What is wrong with an import, in words; None if nothing is."""
    target = each.target_part
    if target is None or target == each.part or each.part == "__init__":
        return None
    if each.part == "figures" and target in NOT_FOR_FIGURES:
        wrong = True
    elif each.part in COMMAND_LINE:
        wrong = target in NOT_FOR_THE_COMMAND_LINE
    elif target in COMMAND_LINE:
        wrong = True
    else:
        sideways = DEPTH[target] == DEPTH[each.part] and (each.part, target) not in SIDEWAYS
        wrong = DEPTH[target] < DEPTH[each.part] or sideways
    return f"{each.where}: {each.part} imports {target}" if wrong else None


def test_every_part_has_its_place() -> None:
    """A new module or package says in which layer it lives before anything imports it."""
    parts = {_part(path) for path in _sources()} | {i.target_part for i in _all_imports()} - {None}
    unknown = {str(part) for part in parts} - set(DEPTH) - COMMAND_LINE - {"__init__"}
    assert not unknown, f"in no layer: {sorted(unknown)}; add each to LAYERS"


def test_imports_run_downwards() -> None:
    """Mathematics knows nothing of the page, a page knows nothing of another."""
    known = set(DEPTH) | COMMAND_LINE
    found = [wrong_direction(i) for i in _all_imports() if i.part in known and i.target_part in known]
    wrong = [words for words in found if words]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("library", "allowed"),
    [
        ("streamlit", {"app", "pages", "ui"}),
        ("plotly", {"app", "pages", "ui", "reports", "widgets", "figures"}),
    ],
)
def test_drawing_stays_at_the_top(library: str, allowed: set[str]) -> None:
    """A worker or a script imports every computation without a web framework or a drawing library."""
    wrong = [i.where for i in _all_imports() if i.target.split(".")[0] == library and i.part not in allowed]
    assert not wrong, f"{library} is imported below where it may be: {wrong}"


@pytest.mark.parametrize("part", ["figures", "pages"])
def test_figures_and_pages_compute_nothing(part: str) -> None:
    """Figures draw what they are given and pages ask for results: neither holds a tensor."""
    barred = {"torch", "scipy"} | ({"numpy"} if part == "pages" else set())
    wrong = [i.where for i in _all_imports() if i.part == part and i.target.split(".")[0] in barred]
    assert not wrong, f"{part} must not import {sorted(barred)}: {wrong}"


def test_pages_stay_thin() -> None:
    """A page is a title, some prose and a few calls; what grows belongs in ui or figures."""
    lengths = {path.name: len(path.read_text("utf-8").splitlines()) for path in (ROOT / "pages").glob("*.py")}
    long = {name: lines for name, lines in lengths.items() if lines > 120}
    assert not long, f"pages of more than 120 lines: {long}"


@pytest.mark.parametrize(
    ("part", "source", "words"),
    [
        ("qat", "from explorer.plans.plan.plan import Plan", None),
        ("plans", "from explorer.qat import finetune", "plans imports qat"),
        ("plans", "def f():\n    from explorer.runs import store", "plans imports runs"),
        ("figures", "from explorer.jobs import requests", "figures imports jobs"),
        ("figures", "from explorer.curvature import Traces", None),
        ("jobs", "from explorer import qat", None),
        ("quantizers", "from explorer import ui", "quantizers imports ui"),
        ("studies", "from ..figures import theme", "studies imports figures"),
        ("studies", "from . import builtin", None),
        ("errors", "from explorer.blocks import Block", "errors imports blocks"),
        ("cli", "from explorer import qat, runs", None),
        ("cli", "from explorer.figures import frontier", "cli imports figures"),
        ("runs", "from explorer.__main__ import main", "runs imports __main__"),
        ("ui", "import pages.model", "ui imports pages"),
    ],
)
def test_the_rule_itself(part: str, source: str, words: str | None) -> None:
    """The checker tells right from wrong, or the tests above would pass whatever is written."""
    found = [
        wrong_direction(i) for i in imports_of(source, package=["explorer", part], part=part, file="some.py")
    ]
    wrong = [each for each in found if each]
    if words is None:
        assert not wrong
    else:
        assert len(wrong) == 1
        assert wrong[0].endswith(words)
