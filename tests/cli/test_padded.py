"""Every verb on a network whose convolutions pad in a ``forward`` of their own: numbers, no traceback."""

from pathlib import Path

import pytest
from safetensors.torch import save_file

from tests.curvature.networks import seeded
from tests.padded import Padded

from .conftest import Command
from .test_whole_path import write_plan

LAYERS = ("stem", "depthwise", "standardised", "leave")


@pytest.fixture
def padded(folder: Path) -> Path:
    """The study of `folder` with another network."""
    (folder / "net.py").write_text("from tests.padded import Padded\n\ndef build():\n    return Padded(3)\n")
    save_file(seeded(Padded, 3).state_dict(), folder / "weights.safetensors")
    return folder


@pytest.mark.parametrize("method", ["auto", "exact", "output-probes", "hutchinson"])
@pytest.mark.parametrize("of", ["weights", "activations"])
def test_traces(explore: Command, padded: Path, method: str, of: str) -> None:
    options = ("--of", of, "--method", method, "--samples", 64, "--json")
    found = explore("traces", "--study", padded, *options).json
    assert [block["name"] for block in found["blocks"]] == list(LAYERS)


def test_a_plan_is_measured_trained_and_given_steps(explore: Command, padded: Path) -> None:
    path = write_plan(padded, dict.fromkeys(LAYERS, 4))
    before = explore("evaluate", "--study", padded, "--plan", path, "--json").json
    trained = explore("finetune", "--study", padded, "--plan", path, "--json").json
    assert trained["before"]["loss"] == before["loss"]
    steps = explore("lapq", "--study", padded, "--calibration", 16, "--method", "gradient", "--json").json
    assert {site["layer"] for site in steps["sites"]} == {"depthwise", "standardised"}
