"""Sweeps: what is asked, the group that it makes, and the table, against differences taken by hand."""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from explorer.errors import RunError
from explorer.evaluation import PerSample
from explorer.jobs import sweeps
from explorer.jobs.sweeps.grouping import Group
from explorer.questions import FinetuneQuestion
from explorer.runs import Run, RunSpec, Store
from explorer.runs.run import Status

PLANS = {
    name: {"version": 1, "study": "s", "blocks": {"a": {"w_bits": bits, "a_bits": 8}}}
    for name, bits in (("two", 2), ("three", 3))
}
USUAL = FinetuneQuestion(plan={}, method_options={"granularity": "tensor", "activations": "min-max"})
RIGHT = {("lsq", 0): "1110", ("lsq", 1): "1100", ("ste", 0): "1111", ("ste", 1): "1101"}


def test_a_sweep_asks_every_plan_by_every_recipe_with_every_seed() -> None:
    """A name that is no method is a recipe as published; options go to the methods that have them."""
    found = sweeps.questions(USUAL, PLANS, ["lsq", "fpq", "ste"], [0, 2])
    assert len(found) == 12
    assert [(each.method, each.noise, each.batch_size) for each in list(found.values())[:6:2]] == [
        ("lsq", 0.0, 128), ("lsq", 0.3, 256), ("ste", 0.0, 128)
    ]  # fmt: skip
    [lsq, fpq, ste] = [found[sweeps.Place("two", name, 2)] for name in ("lsq", "fpq", "ste")]
    assert (lsq.seed, lsq.plan, lsq.method_options) == (2, PLANS["two"], USUAL.method_options)
    assert (fpq.method_options, ste.method_options) == ({}, {"activations": "min-max"})
    with pytest.raises(RunError, match="'quick' is not available; use ste or lsq"):
        sweeps.questions(USUAL, PLANS, ["quick"], [0])
    with pytest.raises(RunError, match="at most 500 trainings; this one has 600"):
        sweeps.questions(USUAL, PLANS, ["lsq"], range(300))


def run_of(question: FinetuneQuestion, result: Mapping[str, Any] | None, status: Status = "done") -> Run:
    spec = RunSpec(
        kind="finetune", study="s", fingerprint="f", parameters=question.parameters(), seed=question.seed,
        version=question.version,
    )  # fmt: skip
    now = datetime.now(UTC)
    return Run(
        spec.run_id, spec, "", status, 1.0 if status == "done" else 0.25, "", None, now, now, now,
        lambda: None if result is None else dict(result), {}, 0,
    )  # fmt: skip


def result(right: np.ndarray) -> dict[str, Any]:
    value = {
        "accuracy": float(right.mean()), "accuracy_stderr": float(right.std()) / math.sqrt(len(right)),
        "loss": 1.0, "size_bytes": 10,
    }  # fmt: skip
    return {"before": value, "after": value}


@pytest.fixture
def swept() -> dict[sweeps.Place, Run]:
    asked = sweeps.questions(FinetuneQuestion(plan={}), {"two": PLANS["two"]}, ["lsq", "ste"], [0, 1])
    return {
        place: run_of(question, result(np.array([*map(int, RIGHT[place.recipe, place.seed])], float)))
        for place, question in asked.items()
    }


def test_rows_are_compared_image_by_image(swept: dict[sweeps.Place, Run]) -> None:
    """Both seeds differ by the same image, so that what is hard for both is no part of the error."""
    rights = {run.id: RIGHT[place.recipe, place.seed] for place, run in swept.items()}

    def samples(run: Run) -> PerSample:
        right = torch.tensor([*map(float, rights[run.id])], dtype=torch.float64)
        return PerSample(torch.zeros(4, dtype=torch.float64), right)

    first, other = sweeps.summarised(swept, samples)
    assert (first.method, first.runs, first.apart) == ("lsq", 2, None)
    assert first.after is not None
    assert (first.after.mean, first.after.deviation) == pytest.approx((0.625, math.sqrt(0.03125)))
    assert other.apart is not None
    # d = (0, 0, 0, 1) of both seeds: no error of the seeds, and that of four images is sd / sqrt(4) = 0.5 / 2
    assert (other.apart.value, other.apart.stderr) == pytest.approx((0.25, 0.25))
    assert (other.apart.seeds, other.apart.paired, other.apart.verdict) == (2, True, "within noise")
    [_, back] = sweeps.summarised(swept, samples, against=("two", "ste"))[::-1]
    assert back.apart is not None
    assert back.apart.value == pytest.approx(-0.25)


def test_without_a_record_of_the_images_errors_are_added(swept: dict[sweeps.Place, Run]) -> None:
    """As of trainings of an earlier version: never smaller than the paired error, and said."""
    [_, other] = sweeps.summarised(swept, lambda run: None)
    assert other.apart is not None
    lsq, ste = ([np.array([*map(int, RIGHT[of, seed])], float) for seed in (0, 1)] for of in ("lsq", "ste"))
    parts = [
        np.mean([each.std() / 2 for each in runs]) ** 2 + np.var([each.mean() for each in runs], ddof=1) / 2
        for runs in (lsq, ste)
    ]
    assert other.apart.stderr == pytest.approx(math.sqrt(sum(parts)))
    assert other.apart.words().endswith("not paired")


def test_a_group_says_how_far_the_whole_is(tmp_path: Path) -> None:
    """By the tag that its runs carry in the store, whatever else they carry; asked again it is the same group."""
    store = Store.open(home=tmp_path)
    asked = sweeps.questions(FinetuneQuestion(plan={}), PLANS, ["lsq", "fpq"], [0])
    runs = [store.submit(run_of(each, None).spec, "") for each in asked.values()]
    store.shelf.describe(runs[0].id, name="", note="", tags=["mine"])
    tag = sweeps.gather(store, runs)
    assert sweeps.gather(store, runs[::-1]) == tag
    alone = store.submit(run_of(FinetuneQuestion(plan={}, seed=9), None).spec, "")
    [group] = sweeps.groups(store.list())
    assert group.tag == tag
    assert alone.id not in {run.id for run in group.runs}
    assert store.get(runs[0].id).tags == ("mine", tag)
    assert list(group.places()) == [
        ("W2, A8", "LSQ + distillation", 0), ("W2, A8", "LSQ + distillation of channels + feature noise 0.3", 0),
        ("W3, A8", "LSQ + distillation", 0), ("W3, A8", "LSQ + distillation of channels + feature noise 0.3", 0),
    ]  # fmt: skip
    assert group.title() == "Sweep · s · 2 plans, 2 recipes, 1 seed"
    states: tuple[Status, ...] = ("done", "running", "queued", "cancelled")
    now = Group(
        tag,
        tuple(replace(run, status=status, fraction=0.5) for run, status in zip(runs, states, strict=True)),
    )
    assert now.words() == "1 of 4 done, 1 running, 1 waiting, 1 stopped"
    assert now.fraction == pytest.approx((1 + 3 * 0.5) / 4)
    assert ([run.id for run in now.live], [run.id for run in now.stopped]) == (
        [runs[1].id, runs[2].id],
        [runs[3].id],
    )
    store.close()
