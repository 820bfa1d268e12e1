"""The benchmark of the plans runs, and its ratios are those of its seconds."""

import json
from pathlib import Path

import pytest

from benchmarks import plans


def test_a_quick_run_writes_its_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, numbers = tmp_path / "plans.md", tmp_path / "plans.json"
    assert plans.main(["--quick", "--markdown", str(page), "--json", str(numbers)]) == 0
    (row,) = json.loads(numbers.read_text(encoding="utf-8"))["tables"][0]["rows"]
    assert row["agrees"] == "3 of 3"
    assert row["resolution"] == 0
    assert row["set_b"] == 28, "C(6+3-1, 3-1)"
    assert row["milp_ratio"] == pytest.approx(row["milp"] / row["seconds"])
    assert row["set_b_costs"] >= 1
    assert "6 random blocks" in page.read_text(encoding="utf-8")
    assert "6 random blocks" in capsys.readouterr().out
