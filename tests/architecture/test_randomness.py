"""Random numbers come from named streams: no algorithm seeds a generator of its own or draws from the global one."""

import ast
from pathlib import Path

import pytest

EXPLORER = Path(__file__).resolve().parents[2] / "explorer"

# Each for a reason.
EXCEPTIONS = {
    "randomness.py",  # where generators are made
    "runs/holding/patience.py",  # by chance waiting workers do not all come back at once; no result has it
    # The shipped weights come from their seed; nn.init takes no generator.
    "studies/shipped/pretraining.py",
    "studies/shipped/language.py",
    "studies/shipped/recommending.py",
    "studies/shipped/detecting.py",
}

SEEDING = {
    "manual_seed",
    "seed",
    "default_rng",
    "RandomState",
    "SeedSequence",
    "PCG64",
    "MT19937",
    "Generator",
}
DRAWING = {"rand", "randn", "randint", "randperm", "multinomial", "bernoulli", "normal"}
FROM_GLOBAL = {"rand_like", "randn_like", "randint_like", "uniform_", "normal_", "bernoulli_", "random_"}


def own_randomness(source: str) -> list[int]:
    """Lines that seed a generator, or draw from the global one: `torch.rand*` without ``generator=``."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import) and any(alias.name == "random" for alias in node.names):
            found.append(node.lineno)
        if not isinstance(node, ast.Call):
            continue
        whole = ast.unparse(node.func)
        name = whole.rpartition(".")[2]
        given = any(keyword.arg == "generator" for keyword in node.keywords)
        draws = whole.startswith("torch.") and name in DRAWING and not given
        if name in SEEDING or draws or (name in FROM_GLOBAL and not given):
            found.append(node.lineno)
    return found


def test_randomness_comes_from_named_streams() -> None:
    """Two purposes that seed alike draw the same numbers, which shows nowhere but in the results."""
    found = [
        f"explorer/{path.relative_to(EXPLORER).as_posix()}:{line}"
        for path in sorted(EXPLORER.rglob("*.py"))
        if path.relative_to(EXPLORER).as_posix() not in EXCEPTIONS
        for line in own_randomness(path.read_text(encoding="utf-8"))
    ]
    assert not found, f"use a stream of explorer.randomness: {', '.join(found)}"


@pytest.mark.parametrize("name", sorted(EXCEPTIONS))
def test_exceptions_are_still_needed(name: str) -> None:
    assert own_randomness((EXPLORER / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("torch.Generator().manual_seed(seed)", True),
        ("rng = np.random.default_rng(0)", True),
        ("from numpy.random import default_rng\ndefault_rng(0)", True),
        ("import random", True),
        ("torch.manual_seed(1)", True),
        ("x = torch.randn(3)", True),
        ("x = torch.randn_like(y)", True),
        ("np.random.seed(0)", True),
        ("x = torch.randn(3, generator=source)", False),
        ("def f(source: torch.Generator) -> Tensor: ...", False),
        ("generator(Stream.HESSIAN_ROWS, seed)", False),
        ("source.standard_normal(3)", False),
    ],
)
def test_the_rule_itself(source: str, wrong: bool) -> None:
    """The checker tells right from wrong, or the test above would pass whatever is written."""
    assert bool(own_randomness(source)) is wrong
