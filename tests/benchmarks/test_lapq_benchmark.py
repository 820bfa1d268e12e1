"""The benchmark of LAPQ runs, and its reference computes the losses that ours does."""

import json
from pathlib import Path

import pytest

from benchmarks import lapq
from tests import learnable


def test_a_quick_run_writes_its_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = learnable.write(tmp_path / "learnable")
    page, numbers = tmp_path / "lapq.md", tmp_path / "lapq.json"
    words = [
        "--quick",
        "--study",
        str(study),
        "--w-bits",
        "2",
        "--markdown",
        str(page),
        "--json",
        str(numbers),
    ]
    assert lapq.main(words) == 0
    reference, powell, _, gradient = json.loads(numbers.read_text(encoding="utf-8"))["tables"][0]["rows"]
    assert reference["loss"] == powell["loss"]
    assert reference["equivalents"] >= powell["equivalents"]
    assert powell["faster_than_reference"] == pytest.approx(reference["seconds"] / powell["seconds"])
    assert gradient["method"] == "gradient, ours"
    assert "Joint optimisation of learnable" in page.read_text(encoding="utf-8")
    assert "our Powell's passes" in capsys.readouterr().out
