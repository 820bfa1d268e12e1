"""CONTRIBUTING's recipe for a training method, followed in a copy: library and command line train by it."""

import json
from pathlib import Path

import pytest

from tests import learnable
from tests.recipes.copying import copy, insert, run

pytestmark = [pytest.mark.slow, pytest.mark.soak]

METHOD = '''"""Straight-through training whose latent weights stay within 0.3, as BinaryConnect keeps them within 1."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from explorer.qat.methods.base import Method
from explorer.quantizers.given import GivenSteps
from explorer.quantizers.simulated import prepare_training, weight_quantizers


class Bounded(Method):
    """Bounded weights; see the module."""

    title = "bounded weights"

    def prepare(
        self,
        model: nn.Module,
        bits: Mapping[str, tuple[int, int]],
        calibration: Iterable[Tensor],
        steps: GivenSteps | None,
    ) -> nn.Module:
        return prepare_training(model, bits, calibration, steps=steps)

    @torch.no_grad()
    def after_step(self, network: nn.Module) -> None:
        for _, _, latent in weight_quantizers(network):
            latent.clamp_(-0.3, 0.3)

    def series(self, network: nn.Module) -> dict[str, float]:
        return {"largest weight": max(float(latent.abs().max()) for _, _, latent in weight_quantizers(network))}
'''

USE = """
import json, sys
from pathlib import Path
from explorer import qat, studies
from explorer.cli import main
from explorer.plans import Plan
from explorer.quantizers import quantized_layers
from explorer.runs import Store

study = studies.load_network(sys.argv[1])
blocks = study.blocks()
plan = Plan.uniform(study, blocks, 4, 8)
result = qat.finetune(study, plan, blocks, method="bounded", batch_size=64, epochs=1, keep="last")
layers = quantized_layers(result.network).values()
largest = max(float(layer.weight.dequantize().abs().max()) for layer in layers)
print(json.dumps([result.after.loss, largest]))
Path("plan.json").write_text(json.dumps(plan.to_json()))
main(["finetune", "--list-methods"])
few = ["--batch-size", "64", "--epochs", "1", "--keep", "last"]
words = ["--study", sys.argv[1], "--plan", "plan.json", "--method", "bounded", *few, "--json"]
status = main(["finetune", *words])
[run] = Store.open().list(kind="finetune")
print(json.dumps(Store.open().points(run.id, "method")))
sys.exit(status)
"""


@pytest.mark.timeout(600)
def test_a_method_by_the_recipe(tmp_path: Path) -> None:
    folder = copy(tmp_path / "copy")
    methods = folder / "explorer" / "qat" / "methods"
    (methods / "bounded.py").write_text(METHOD)
    insert(
        methods / "__init__.py",
        "from explorer.qat.methods.ste",
        "from explorer.qat.methods.bounded import Bounded\n",
    )
    insert(methods / "__init__.py", '    "ste": StraightThrough,', '    "bounded": Bounded,\n')
    study = str(learnable.write(tmp_path / "learnable").resolve())
    direct, *listed, trained, told = run(folder, USE, tmp_path / "home", study).splitlines()
    loss, largest = json.loads(direct)
    assert largest < 0.4, "0.3 and its rounding to 4 bits"
    assert listed[:2] == ["bounded: bounded weights", "ste: straight-through estimator"]
    assert json.loads(trained)["loss"] == loss
    assert [point["largest weight"] <= 0.301 for point in json.loads(told)] == [True]
