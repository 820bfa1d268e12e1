"""A detector on scenes that differ in size goes the whole way on the command line."""

import json
import shutil
from pathlib import Path
from typing import Any

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


@pytest.mark.slow
def test_a_detector_goes_the_whole_way(explore: Command, few: Path, tmp_path: Path) -> None:
    """Traces over weights and inputs, plans with their mAP, LAPQ to its end, a training, a file that runs elsewhere."""

    def ask(verb: str, *words: object) -> dict[str, Any]:
        return explore(verb, "--study", few, *words, "--json").json

    for of in ("weights", "activations"):
        traces = ask("traces", "--of", of, "--samples", 6)
        assert traces["method"] == "hutchinson", "more outputs than a Hessian is made of, in larger scenes"
        assert len(traces["blocks"]) == 14
    points = tmp_path / "frontier.json"
    frontier = ask("frontier", "--damage", "trace", "--budget-ratio", 6)
    assert frontier["chosen"]["cost"] <= 94_288 * 4 / 6
    points.write_text(json.dumps(frontier), "utf-8")
    along = ask("measure-frontier", "--frontier", points, "--points", 2)
    assert [each["samples"] for each in along["plans"]] == [6, 6]
    chosen = ask("choose", "--max-drop", "90%", "--damage", "l2", "--samples", 6)
    assert chosen["promised"]["samples"] == 6
    line = ask("landscape", "--directions", "random", "--dims", 1, "--points", 5, "--samples", 6)
    assert len(line["loss"]) == 5
    steps = ask("lapq", "--w-bits", 4, "--a-bits", 8, "--calibration", 4, "--method", "gradient")
    assert steps["stages"]["joint"]["calibration_loss"] <= steps["stages"]["layerwise"]["calibration_loss"]

    eight = plan(few, 8)
    value = ask("evaluate", "--plan", eight)
    assert value["metric"] == "mAP"
    assert 0.3 < value["accuracy"] < 0.8
    assert value["accuracy_stderr"] > 0
    out = tmp_path / "out"
    assert explore("export", "--study", few, "--plan", eight, "--out", out).status == 0
    elsewhere = explore("run-exported", out / "model.onnx", "--study", few, "--json").json
    assert elsewhere["accuracy"] == pytest.approx(value["accuracy"], abs=0.1)
    four = plan(few, 4)
    trained = ask("finetune", "--plan", four, "--epochs", 1, "--batch-size", 4)
    assert trained["after"]["accuracy"] is not None
    report = tmp_path / "report.html"
    assert (
        explore("report", "--study", few, "--plan", four, "--run", trained["run"], "--out", report).status
        == 0
    )
    assert "mAP" in report.read_text("utf-8")


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
