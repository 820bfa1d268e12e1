"""The benchmark of training runs, and compares every method with FP32 training."""

import json
from pathlib import Path

import pytest

from benchmarks import training
from tests import learnable


def test_a_quick_run_writes_its_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "tune_allocation", lambda: True)  # it holds for the whole process
    study = learnable.write(tmp_path / "learnable")
    page, numbers = tmp_path / "training.md", tmp_path / "training.json"
    words = ["--quick", "--study", str(study), "--markdown", str(page), "--json", str(numbers)]
    assert training.main(words) == 0
    steps, evaluations = json.loads(numbers.read_text(encoding="utf-8"))["tables"]
    names = [row["name"] for row in steps["rows"]]
    assert names[:5] == [f"{name}, ours" for name in (*training.TRAINED, "lsq, distillation on logits")]
    assert all(0 < row["lower"] <= row["ratio"] <= row["upper"] for row in steps["rows"])
    assert [row["batch"] for row in evaluations["rows"]] == [16, 32, 16, 32]
    assert all(row["ratio"] > 0 for row in evaluations["rows"])
    assert "Training step of learnable" in page.read_text(encoding="utf-8")
