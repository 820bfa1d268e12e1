"""Every kind of data goes the whole way on a tiny network, from ``check`` to a report of what was computed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.kinds_of_data import KINDS

from .conftest import Answer, Command, complaint

UNCOUNTED = ("arrays", "detection")  # kinds whose example counts nothing beside its loss
TRAINING = ("--method", "ste", "--epochs", 1, "--batch-size", 6, "--augmentation", "none", "--keep", "last")


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_data_goes_the_whole_way(explore: Command, tmp_path: Path, kind: str) -> None:
    """What one command writes the next reads; samples that differ in size and outputs that are a dict are among them."""
    write, many = KINDS[kind]
    folder, plan, points = tmp_path / kind, tmp_path / "plan.json", tmp_path / "frontier.json"
    write(folder)

    def ask(verb: str, *words: object) -> Answer:
        return explore(verb, "--study", folder, *words)

    assert explore("check", folder, "--json").json["right"] is True
    traces = ask("traces", "--json").json
    assert all(np.isfinite(block["trace"]) for block in traces["blocks"])
    assert len(traces["blocks"]) >= 2
    damage = () if kind == "factory" else ("--damage", "trace")  # ΔWᵀHΔW on inputs of the richest structure
    found = ask("frontier", "--budget-ratio", 6, *damage, "--out", plan, "--json")
    assert found.json["chosen"] is not None
    points.write_text(found.out, encoding="utf-8")
    along = ask("measure-frontier", "--frontier", points, "--points", 2, "--json").json
    assert len(along["plans"]) == 2
    before: dict[str, Any] = ask("evaluate", "--plan", plan, "--json").json
    assert (before["accuracy"] is None) == (kind in UNCOUNTED)

    chosen = ask("choose", "--max-drop", "99%", "--samples", 6, "--damage", "trace")
    if kind in UNCOUNTED:
        assert "counts nothing beside its loss" in complaint(chosen)
    else:
        assert chosen.status == 0, chosen.err
    lapq = ask("lapq", "--w-bits", 4, "--a-bits", 8, "--calibration", 6)
    assert lapq.status == 0, lapq.err
    assert many in lapq.out
    line = ask("landscape", "--directions", "random", "--dims", 1, "--points", 5, "--json").json
    assert np.isfinite(line["loss"]).all()

    taught = ("--logits", 0) if kind == "detection" else ()  # outputs that are a dict teach nothing
    after = ask("finetune", "--plan", plan, *TRAINING, *taught, "--json").json
    assert after["before"]["loss"] == pytest.approx(before["loss"])
    assert after["loss"] != before["loss"]
    assert explore("runs", "show", after["run"]).status == 0
    report = ask("report", "--plan", plan, "--run", after["run"], "--out", tmp_path / "report.html")
    assert report.status == 0, report.err
    assert many in (tmp_path / "report.html").read_text(encoding="utf-8")
