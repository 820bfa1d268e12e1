"""Trainings from the command line: presets, stages by what was computed, and sweeps in one table."""

import statistics
from pathlib import Path
from typing import Any

import pytest

from explorer import jobs
from explorer.jobs.requests import question_of
from explorer.questions import FinetuneQuestion
from explorer.questions.presets import PRESETS
from explorer.runs import Store
from tests.cli.conftest import LAYERS, Command
from tests.cli.test_whole_path import write_plan

FAST = ("--epochs", 1, "--batch-size", 16)


def asked() -> list[FinetuneQuestion]:
    found = [question_of(run.spec) for run in Store.open().list(kind="finetune")]
    assert all(isinstance(each, FinetuneQuestion) for each in found)
    return found  # type: ignore[return-value]


def test_a_preset_sets_what_was_not_typed(explore: Command, folder: Path) -> None:
    """Even where what was typed is the default."""
    path = write_plan(folder, dict.fromkeys(LAYERS, 3))
    words = ("finetune", "--study", folder, "--plan", path, "--epochs", 1, "--batch-size", 16)
    found = explore(*words, "--preset", "fpq", "--noise", 0, "--json").json
    assert found["kept"] == "last"
    [question] = asked()
    expected = {**PRESETS["fpq"], "noise": 0.0, "batch_size": 16, "learning_rate": None}  # 0.01, sgd's own
    assert {name: getattr(question, name) for name in expected} == expected


def test_stages_go_by_traces_that_were_computed(explore: Command, folder: Path) -> None:
    path = write_plan(folder, dict.fromkeys(LAYERS, 3))
    words = ("finetune", "--study", folder, "--plan", path, *FAST, "--stages", 2, "--json")
    refused = explore(*words)
    assert refused.status == 2
    assert "compute its traces on the Sensitivity page or with the command traces" in refused.err
    assert explore("traces", "--study", folder, "--rel-se", 0.5, "--json").status == 0
    descending = explore(*words).json
    ascending = explore(*words, "--stage-order", "ascending").json
    assert descending["loss"] != ascending["loss"]


def test_a_sweep_is_a_table_of_runs_of_their_own(
    explore: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is asked for before any is waited for, and is the run that the command for it alone finds."""
    queued: list[Any] = []
    monkeypatch.setattr(jobs, "request", lambda store, spec, **_: queued.append(spec))
    paths = []
    for name, bits in (("three", 3), ("four", 4)):
        paths.append(write_plan(folder, dict.fromkeys(LAYERS, bits)).rename(folder / f"{name}.json"))
    sweep = (
        "finetune",
        "--study",
        folder,
        "--plans",
        *paths,
        "--methods",
        "lsq,ste",
        "--seeds",
        "0,1",
        *FAST,
    )
    found = explore(*sweep, "--json").json
    assert len(queued) == len(found["runs"]) == len(asked()) == 8
    assert [(Path(row["plan"]).stem, row["method"], row["runs"]) for row in found["rows"]] == [
        ("three", "lsq", 2), ("three", "ste", 2), ("four", "lsq", 2), ("four", "ste", 2)
    ]  # fmt: skip
    alone = [
        explore(
            "finetune",
            "--study",
            folder,
            "--plan",
            paths[0],
            "--method",
            "lsq",
            "--seed",
            seed,
            *FAST,
            "--json",
        ).json
        for seed in (0, 1)
    ]
    assert {each["run"] for each in alone} <= {each["run"] for each in found["runs"]}
    losses = [each["loss"] for each in alone]
    spread = found["rows"][0]["loss"]
    assert spread["mean"] == pytest.approx(statistics.fmean(losses))
    assert spread["deviation"] == pytest.approx(statistics.stdev(losses))
    assert "±" in explore(*sweep).out
