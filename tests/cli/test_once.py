"""A command loads its study once and runs the network once to find its blocks, whatever it computes."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from explorer import blocks, studies

from .conftest import LAYERS, Command
from .test_whole_path import write_frontier, write_plan

STEPS = ("--calibration", 12)
SITES = ("--first", "residual.first.weight", "--second", "residual.second.weight")
PLANS = ("--plans", 4, "--samples", 12, "--bits", "2,8", "--damage-samples", 12, "--eigen-samples", 12)
WORDS: dict[str, tuple[object, ...]] = {
    "traces": ("--samples", 20),
    "eigenvalues": ("--samples", 12, "--k", 1, "--max-products", 3),
    "spectrum": ("--block", "head", "--samples", 12, "--steps", 3, "--probes", 2),
    "landscape": ("--block", "residual", "--dims", 1, "--points", 5, "--samples", 12),
    "damage": ("--samples", 12, "--bits", "2,4"),
    "frontier": ("--budget-ratio", 8, "--a-bits", "4,8", "--bits", "4,8"),
    "choose": ("--max-drop", "90%", "--samples", 40, "--bits", "4,8"),
    "proxy": PLANS,
    "measure-frontier": ("--frontier", "FRONTIER", "--points", 2, "--samples", 12),
    "lapq": ("--method", "gradient", *STEPS),
    "lapq-table": (*STEPS, "--corrections", "none"),
    "lapq-surface": (*SITES, "--points", 5, *STEPS),
    "lapq-sweep": ("--sweep", "p", *STEPS),
    "lapq-hessian": STEPS,
    "evaluate": ("--plan", "PLAN"),
    "finetune": ("--plan", "PLAN"),
}


@pytest.mark.parametrize("verb", WORDS)
def test_the_study_is_loaded_and_partitioned_once(
    explore: Command, folder: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    plan = write_plan(folder, dict.fromkeys(LAYERS, 4))
    frontier = write_frontier(folder, [dict.fromkeys(LAYERS, bits) for bits in (2, 8)])
    words = [{"PLAN": plan, "FRONTIER": frontier}.get(str(word), word) for word in WORDS[verb]]
    counted: Counter[str] = Counter()

    def count(module: Any, name: str) -> None:
        counted_one = getattr(module, name)

        def call(*args: Any, **options: Any) -> Any:
            counted[name] += 1
            return counted_one(*args, **options)

        monkeypatch.setattr(module, name, call)

    count(studies, "load")
    count(blocks, "_observe")
    assert explore(verb, "--study", folder, *words, "--json").json
    assert counted == {"load": 1, "_observe": 1}
