"""Every kind of data goes the whole way on a tiny network: traces, frontier, LAPQ, training, an evaluation."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.kinds_of_data import KINDS

from .conftest import Answer, Command

WHOLE = [
    kind for kind in KINDS if kind not in ("csv", "label")
]  # which are a folder and a text otherwise spelled


@pytest.mark.parametrize("kind", WHOLE)
def test_a_kind_of_data_goes_the_whole_way(explore: Command, tmp_path: Path, kind: str) -> None:
    write, many = KINDS[kind]
    folder, plan = tmp_path / kind, tmp_path / "plan.json"
    write(folder)

    def ask(verb: str, *words: object) -> Answer:
        return explore(verb, "--study", folder, *words)

    traces = ask("traces", "--json").json
    assert all(np.isfinite(block["trace"]) for block in traces["blocks"])
    assert len(traces["blocks"]) >= 2
    damage = () if kind == "factory" else ("--damage", "trace")  # ΔWᵀHΔW on inputs of the richest structure
    chosen = ask("frontier", "--budget-ratio", 6, *damage, "--out", plan, "--json").json["chosen"]
    assert chosen is not None
    lapq = ask("lapq", "--w-bits", 4, "--a-bits", 8, "--calibration", 6)
    assert lapq.status == 0, lapq.err
    assert many in lapq.out
    before: dict[str, Any] = ask("evaluate", "--plan", plan, "--json").json
    words = ("--method", "ste", "--epochs", 1, "--batch-size", 6, "--augmentation", "none", "--keep", "last")
    taught = ("--logits", 0) if kind == "detection" else ()  # outputs that are a dict teach nothing
    after = ask("finetune", "--plan", plan, *words, *taught, "--json").json
    assert after["before"]["loss"] == pytest.approx(before["loss"])
    assert after["loss"] != before["loss"]
