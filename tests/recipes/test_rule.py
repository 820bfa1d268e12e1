"""CONTRIBUTING's recipe for a rule that chooses a step, followed in a copy: quantizers and commands take it by name."""

import json
from pathlib import Path

import pytest

from tests import learnable
from tests.recipes.copying import copy, insert, run

pytestmark = [pytest.mark.slow, pytest.mark.soak]

RULE = '''"""Half of the min-max step: the upper half of every row's range is clipped."""

from dataclasses import replace

from torch import Tensor

from explorer.quantizers.grid import Grid, Scheme
from explorer.quantizers.steps import min_max
from explorer.quantizers.uniform import Affine


def choose(x: Tensor, grid: Grid, *, axis: int | None, scheme: Scheme) -> Affine:
    """Half of the min-max step of x."""
    widest = min_max.choose(x, grid, axis=axis, scheme=scheme)
    return replace(widest, step=widest.step / 2)
'''

USE = """
import json, sys
import torch
from explorer import studies
from explorer.cli import main
from explorer.plans import Plan, evaluate_plan
from explorer.quantizers import QuantizerSettings, weight_affine

weight = torch.randn(4, 9, generator=torch.Generator().manual_seed(0))
steps = {rule: weight_affine(weight, 4, QuantizerSettings(step=rule)).step for rule in ("half", "min-max")}
study = studies.load_network(sys.argv[1])
blocks = study.blocks()
plan = Plan.uniform(study, blocks, 4, 8)
losses = [evaluate_plan(study, plan, blocks, weights=QuantizerSettings(step=rule)).loss for rule in steps]
print(json.dumps([bool((2 * steps["half"] == steps["min-max"]).all()), losses]))
words = ["proxy", "--plans", "4", "--samples", "40", "--damage-samples", "8", "--eigen-samples", "8", "--json"]
sys.exit(main([*words, "--study", sys.argv[1], "--step", "half"]))
"""


@pytest.mark.timeout(600)
def test_a_rule_by_the_recipe(tmp_path: Path) -> None:
    folder = copy(tmp_path / "copy")
    steps = folder / "explorer" / "quantizers" / "steps"
    (steps / "half.py").write_text(RULE)
    insert(
        steps / "__init__.py",
        "from explorer.quantizers.uniform",
        "from explorer.quantizers.steps import half\n",
    )
    insert(steps / "__init__.py", '    "mse": mse.choose,', '    "half": half.choose,\n')
    study = str(learnable.write(tmp_path / "learnable").resolve())
    found, answered = map(json.loads, run(folder, USE, tmp_path / "home", study).splitlines())
    halved, (half, min_max) = found
    assert halved
    assert half != min_max
    assert answered["study"] == "learnable"
