"""Export and what runs exports, from the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from .conftest import LAYERS, Command, complaint, example_arrays
from .test_whole_path import write_plan

pytest.importorskip("onnxruntime")


def test_a_plan_is_exported_run_and_unpacked(explore: Command, folder: Path, tmp_path: Path) -> None:
    """What runs has the accuracy that `evaluate --deployed` foretells, within the images that rounding moves."""
    plan = write_plan(folder, dict.fromkeys(LAYERS, 7))
    asked = ("--study", folder, "--plan", plan)
    foretold = explore("evaluate", *asked, "--deployed", "--json").json
    assert any("int32" in sentence for sentence in foretold["remarks"])
    assert "remarks" not in explore("evaluate", *asked, "--json").json

    written = explore("export", *asked, "--carrier", "packed", "--out", tmp_path / "onnx", "--json").json
    assert written == {
        "folder": str(tmp_path / "onnx"),
        **json.loads((tmp_path / "onnx/manifest.json").read_text()),
    }
    assert {path.name for path in (tmp_path / "onnx").iterdir()} == {"model.onnx", "manifest.json"}
    assert written["promised_bytes"] <= written["weight_bytes"] <= written["promised_bytes"] + 2 * len(LAYERS)
    checks = written["checks"]
    assert checks["as written beside the simulated network"]["samples"] == 45
    assert checks["as written beside the simulated network"]["same"] >= 0.8
    assert checks["accuracy as run"]["stderr"] > 0
    run = explore("run-exported", tmp_path / "onnx/model.onnx", "--study", folder, "--json").json
    assert run["samples"] == 45
    assert run["accuracy"] == pytest.approx(foretold["accuracy"], abs=2 / 45)

    images = example_arrays()["test_images"][:7]
    np.save(tmp_path / "inputs.npy", ((images / 255 - 0.5) / 0.25).astype(np.float32).transpose(0, 3, 1, 2))
    own = explore(
        "run-exported", tmp_path / "onnx/model.onnx", "--data", tmp_path / "inputs.npy", "--json"
    ).json
    assert own["samples"] == len(own["classes"]) == 7

    explore("export", *asked, "--format", "packed", "--out", tmp_path / "packed")
    packed = tmp_path / "packed/model.packed.safetensors"
    found = explore("unpack", packed, "--out", tmp_path / "tensors.safetensors", "--json").json
    assert found["weight_bytes"] == written["promised_bytes"] == foretold["size_bytes"]
    assert load_file(tmp_path / "tensors.safetensors")["stem.weight"].shape == (4, 3, 3, 3)


def test_a_trained_run_is_exported_with_its_own_accuracy(
    explore: Command, folder: Path, tmp_path: Path
) -> None:
    plan = write_plan(folder, dict.fromkeys(LAYERS, 4))
    trained = explore("finetune", "--study", folder, "--plan", plan, "--json").json
    asked = ("export", "--study", folder, "--run", trained["run"], "--format", "packed")
    written = explore(*asked, "--out", tmp_path / "out", "--json").json
    assert written["run"] == trained["run"]
    made = explore(
        "adopt", "--study", folder, "--run", trained["run"], "--out", tmp_path / "own", "--json"
    ).json
    assert explore("traces", "--study", made["study"], "--json").json["study"] == made["name"]
    from explorer import studies
    from explorer.evaluation import measure
    from explorer.export.packed import NAME, loaded, opened

    study = studies.load_network(folder)
    found = measure(loaded(study, opened(tmp_path / "out" / NAME)), study)
    assert found.accuracy == trained["accuracy"]
    other = write_plan(folder, dict.fromkeys(LAYERS, 8))
    assert "trained another plan" in complaint(explore(*asked, "--plan", other, "--out", tmp_path / "no"))
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("export --study tiny --out x", "neither a plan nor a run"),
        ("export --study tiny --out x --plan p.json --format tflite", "use onnx or packed or qonnx or aimet"),
        ("export --study tiny --out x --plan p.json --flavour int", "use integer or faithful"),
        ("export --study tiny --out . --plan p.json", "something at"),
        ("run-exported nowhere.onnx", "--study"),
        ("run-exported nowhere.onnx --data x.npy", "nowhere.onnx cannot be read"),
        ("unpack nowhere --out x", "nowhere"),
    ],
)
def test_mistakes_are_one_line(
    explore: Command, folder: Path, monkeypatch: pytest.MonkeyPatch, words: str, said: str
) -> None:
    monkeypatch.chdir(folder.parent)
    assert said in complaint(explore(*words.split()))
