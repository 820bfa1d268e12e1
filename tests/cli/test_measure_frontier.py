"""``measure-frontier``: a frontier that was printed, measured; mistakes in a line."""

import json
from pathlib import Path
from typing import Any

import pytest

from explorer import plans, studies
from explorer.plans import Plan

from .conftest import LAYERS, Command, complaint
from .test_whole_path import write_frontier


def test_what_frontier_prints_is_measured(explore: Command, folder: Path) -> None:
    """Both commands in a row, along latencies of one's own, with activations chosen for each block and a limit on bit
    operations; the dearest plan is worth what evaluate says."""
    rows = [f"{name},{w},{a},{w + a / 16}" for name in LAYERS for w in (2, 4, 8) for a in (4, 8)]
    (folder / "mine.csv").write_text("\n".join(["block,w_bits,a_bits,milliseconds", *rows]))
    asked = ("--bits", "2,4,8", "--a-bits", "4,8", "--cost", "latency", "--latency", folder / "mine.csv")
    most = sum(block.macs for block in studies.load_network(folder).blocks()) * 48
    printed = explore("frontier", "--study", folder, *asked, "--limit", f"bops={most}", "--json").json
    path = folder / "frontier.json"
    path.write_text(json.dumps(printed))
    words = ("measure-frontier", "--study", folder, "--frontier", path, "--samples", 1000, "--points", 6)
    answer = explore(*words, "--json").json
    assert [plan["cost"] for plan in answer["plans"]] == sorted(plan["cost"] for plan in answer["plans"])
    assert len(answer["plans"]) == 6
    assert answer["calibration"]["plans"] == 6
    dearest, said = answer["plans"][-1], printed["points"][-1]
    assert (dearest["cost"], dearest["omega"]) == (said["cost"], said["omega"])
    assert dearest["bits"] == [said["bits"][name] for name in answer["blocks"]]
    assert dearest["a_bits"] == [said["a_bits"][name] for name in answer["blocks"]]
    study = studies.load_network(folder)
    bits = {
        name: plans.BlockBits(w, a)
        for name, w, a in zip(answer["blocks"], dearest["bits"], dearest["a_bits"], strict=True)
    }
    expected = plans.evaluate_plan(study, Plan(study.name, study.weights_sha256, bits), study.blocks())
    assert (dearest["loss"], dearest["accuracy"]) == pytest.approx((expected.loss, expected.accuracy))
    table = explore(*words)
    assert table.status == 0
    assert "FP32" in table.out
    assert "within noise" in table.err


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "not JSON"),
        ({"points": []}, "give what frontier --json printed"),
        ({"points": [{"bits": {}}]}, "give what frontier --json printed"),
        ("twice", "all have one cost"),
        ("other", "has blocks that tiny does not have"),
        ("nine", "there is no width of 9 bits"),
    ],
)
def test_a_mistake_is_one_line(explore: Command, folder: Path, content: Any, told: str) -> None:
    uniform = {bits: dict.fromkeys(LAYERS, bits) for bits in (2, 8, 9)}
    if content in ("twice", "other", "nine"):
        rows = {"twice": [2, 2], "other": [2, 8], "nine": [2, 9]}[content]
        path = write_frontier(folder, [uniform[bits] for bits in rows])
        if content == "other":
            path.write_text(path.read_text().replace(next(iter(LAYERS)), "elsewhere"))
    else:
        path = folder / "frontier.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    assert told in complaint(explore("measure-frontier", "--study", folder, "--frontier", path))
