"""The language model and the recommender go the whole way on the command line, a few samples of each."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from explorer import studies
from tests import shortened

from .conftest import Command, complaint


@pytest.mark.parametrize(
    ("make", "metric", "blocks", "damage"),
    [
        (
            shortened.language_model,
            "token accuracy",
            15,
            "l2",
        ),  # its products take minutes, of few samples too
        (shortened.recommender, "HR@10", 7, "product"),
    ],
    ids=["language-model", "recommender"],
)
def test_it_goes_the_whole_way(
    explore: Command, tmp_path: Path, make: Callable[[Path], Path], metric: str, blocks: int, damage: str
) -> None:
    """Traces, frontier, LAPQ's steps, a training with its teacher, a file that runs elsewhere, and a report."""
    pytest.importorskip("onnxruntime")
    study, plan, stepped = make(tmp_path / "few"), tmp_path / "plan.json", tmp_path / "stepped.json"
    asked = ("--study", study)
    for of in ("weights", "activations"):
        traces = explore("traces", *asked, "--of", of, "--samples", 8, "--json").json
        assert len(traces["blocks"]) == blocks
    words = ("frontier", *asked, "--damage", damage, "--budget-ratio", 8)
    chosen = explore(*words, "--out", plan, "--json").json["chosen"]
    steps = explore(
        "lapq", *asked, "--plan", plan, "--calibration", 8, "--method", "gradient", "--out", stepped, "--json"
    ).json
    losses = [steps["stages"][phase]["calibration_loss"] for phase in ("layerwise", "quadratic", "joint")]
    assert losses == sorted(losses, reverse=True), "it never rises from one stage to the next"
    trained = explore("finetune", *asked, "--plan", stepped, "--epochs", 1, "--batch-size", 16, "--json").json
    assert trained["after"]["size_bytes"] == chosen["cost"]
    assert len(trained["candidates"]) >= 2, "the teacher's loss is finite, and training went to its end"
    if metric == "HR@10":
        said = complaint(explore("choose", *asked, "--max-drop", "50%", "--samples", 8))
        assert "counts nothing beside its loss on the samples that choose" in said

    out = tmp_path / "out"
    explore("export", *asked, "--run", trained["run"], "--out", out, "--tried", 4)
    run = explore("run-exported", out / "model.onnx", *asked, "--json").json
    foretold = explore("evaluate", *asked, "--plan", plan, "--deployed", "--json").json
    assert run["metric"] == foretold["metric"] == metric
    assert ("perplexity" in run) is (metric == "token accuracy")
    assert run["accuracy"] == pytest.approx(trained["after"]["accuracy"], abs=0.1)
    if metric == "token accuracy":
        _says_a_class_for_every_token(explore, study, out / "model.onnx", tmp_path / "inputs.npy")
    report = tmp_path / "report.html"
    explore("report", *asked, "--run", trained["run"], "--out", report)
    assert metric in report.read_text("utf-8")


def _says_a_class_for_every_token(explore: Command, study: Path, file: Path, inputs: Path) -> None:
    """Which dimension holds the classes is the study's to say; without it nothing is guessed."""
    np.save(inputs, studies.load_network(study).data.inputs("test", slice(0, 3)).numpy())
    words = ("run-exported", file, "--data", inputs)
    classes = explore(*words, "--study", study, "--json").json["classes"]
    assert np.shape(classes) == (3, 64)
    assert np.max(classes) < 257
    assert "name the --study that it is of" in complaint(explore(*words))
