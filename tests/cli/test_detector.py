"""A detector on scenes that differ in size goes the whole way on the command line."""

import json
import shutil
from pathlib import Path

import pytest

from explorer import studies
from explorer.studies.shipped.builtin import ASSETS

from .conftest import Command

DATA = """from explorer.studies.shipped.scenes import Scenes


def splits():
    return {"train": Scenes("train", 12), "test": Scenes("test", 6), "noun": "scene"}
"""


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """The shipped detector with a dozen scenes."""
    folder = tmp_path / "few"
    folder.mkdir()
    source = ASSETS / "detector-fashion"
    shutil.copy(source / "weights.safetensors", folder)
    text = (source / "study.toml").read_text("utf-8")
    text = text.replace("explorer.studies.shipped.scenes:splits", "data.py:splits")
    (folder / "study.toml").write_text(text.replace("detector-fashion", "few-scenes"), "utf-8")
    (folder / "data.py").write_text(DATA, "utf-8")
    return folder


def plan(folder: Path, bits: int) -> Path:
    study = studies.load_network(folder)
    blocks = {block.name: {"w_bits": bits, "a_bits": bits} for block in study.blocks()}
    path = folder / "plan.json"
    content = {"version": 1, "study": study.name, "weights_sha256": study.weights_sha256, "blocks": blocks}
    path.write_text(json.dumps(content), "utf-8")
    return path


def test_a_detector_goes_the_whole_way(explore: Command, few: Path, tmp_path: Path) -> None:
    """Traces over weights and inputs, a plan, its mAP before and after a training, a file that runs elsewhere."""
    for of in ("weights", "activations"):
        traces = explore("traces", "--study", few, "--of", of, "--samples", 6, "--json").json
        assert traces["method"] == "hutchinson", "more outputs than a Hessian is made of, in larger scenes"
        assert len(traces["blocks"]) == 14
    frontier = explore("frontier", "--study", few, "--damage", "l2", "--budget-ratio", 6, "--json").json
    assert frontier["chosen"]["cost"] <= 94_288 * 4 / 6
    eight = plan(few, 8)
    value = explore("evaluate", "--study", few, "--plan", eight, "--json").json
    assert value["metric"] == "mAP"
    assert 0.3 < value["accuracy"] < 0.8
    assert value["accuracy_stderr"] > 0
    out = tmp_path / "out"
    explore("export", "--study", few, "--plan", eight, "--out", out)
    assert (out / "model.onnx").is_file()
    words = ["--study", few, "--plan", plan(few, 4), "--epochs", 1, "--batch-size", 4, "--logits", 0]
    trained = explore("finetune", *words, "--channels", 0, "--json").json
    assert trained["after"]["accuracy"] is not None


def test_a_label_that_no_output_stands_for_is_named(explore: Command, few: Path) -> None:
    """Boxes of an eleventh class are a mistake in the data, told in a sentence."""
    text = """
class More(Scenes):
    def __getitem__(self, row):
        picture, target = super().__getitem__(row)
        return picture, {**target, "labels": target["labels"] + 10}
"""
    data = (few / "data.py").read_text("utf-8").replace('Scenes("test"', 'More("test"')
    (few / "data.py").write_text(data.replace("\n\ndef", f"\n{text}\n\ndef", 1), "utf-8")
    found = explore("check", few)
    assert found.status == 1
    assert "a box has the label" in " ".join(found.out.replace("│", "").split())
