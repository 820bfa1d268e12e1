"""A question of every kind of run, a second or so of work on `tests.learnable`, and what its answers have in common."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from explorer import questions as asked
from explorer import studies
from explorer.jobs import registry
from explorer.jobs.requests import spec_of
from explorer.lessons.common import longs
from explorer.plans import Plan
from explorer.questions import Question
from explorer.runs import Run, RunSpec, Store
from explorer.studies import Study
from tests import learnable

# Figures of the work that was done, or of its time: an attempt that was cut short did some of it twice.
OF_THE_WORK = {
    "seconds",
    "speed",
    "forwards",
    "products",
    "equivalents",
    "evaluations",
    "forward_equivalents",
    "joint_equivalents",
    "joint_evaluations",
}
BY_THE_CLOCK = {"traces", "eigenvalues", "spectrum", "damage"}  # kinds whose points are recorded now and then

OF_TIME_ALONE = {"export_latency"}  # kinds that look at no output of the network, and whose answers are times

IN_PIECES = {"landscape", "lapq_surface"}  # kinds that record what was measured since the last point


def write_study(folder: Path) -> Study:
    """The study that every run here is about, in ``folder``."""
    return studies.load_network(str(learnable.write(folder).resolve()))


def question(kind: str, study: Study, seed: int) -> Question:
    """One of this kind; another seed makes another run."""
    plan = Plan.uniform(study, study.blocks(), 2, 8).to_json()
    first, second = "3.weight", "6.input"
    made: dict[str, Question] = {
        "finetune": asked.FinetuneQuestion(plan=plan, epochs=12, batch_size=16, seed=seed),
        "traces": asked.TracesQuestion(method="hutchinson", rel_se=0.03, seed=seed),
        "evaluate": asked.EvaluateQuestion(plan=plan, split="train", seed=seed),
        "landscape": asked.LandscapeQuestion(points=17, seed=seed),
        "eigenvalues": asked.EigenvaluesQuestion(k=3, seed=seed),
        "spectrum": asked.SpectrumQuestion(steps=24, probes=2, seed=seed),
        "lapq": asked.LapqQuestion(leave=(), calibration=256, seed=seed),
        "lapq_surface": asked.LapqSurfaceQuestion(
            first=first, second=second, points=17, calibration=128, seed=seed
        ),
        "lapq_sweep": asked.LapqSweepQuestion(sweep="calibration", sizes=(16, 64), seeds=(0, 1), seed=seed),
        "lapq_hessian": asked.LapqHessianQuestion(leave=(), calibration=256, seed=seed),
        "lapq_table": asked.LapqTableQuestion(leave=(), calibration=64, corrections=("none",), seed=seed),
        "damage": asked.DamageQuestion(measure="lambda-max", seed=seed),
        "measure_frontier": asked.MeasureFrontierQuestion(
            plans=_ladder(study), points=16, samples=200, seed=seed
        ),
        "choose": asked.ChooseQuestion(max_drop=0.05, samples=200, refine=True, seed=seed),
        "proxy": asked.ProxyQuestion(plans=20, samples=200, seed=seed),
        "lesson": longs.question("straight_through:widths", epochs=1 + seed % 10, bits="2", method="lsq"),
        "export": asked.ExportQuestion(plan=plan, tried=100 + seed),
        "export_latency": asked.ExportLatencyQuestion(
            export=asked.ExportQuestion(plan=plan, tried=100 + seed), rounds=2
        ),
    }
    return made[kind]


def _ladder(study: Study) -> asked.Ladder:
    """Plans from 2 to 8 bits, each one bit in one block larger than the one before."""
    names = [block.name for block in study.blocks()]
    rows = [[2] * len(names)]
    while rows[-1] != [8] * len(names):
        place = (len(rows) - 1) % len(names)
        rows.append([bits + (i == place) for i, bits in enumerate(rows[-1])])
    return asked.Ladder.of(names, rows, [[8] * len(names)] * len(rows))


def spec(kind: str, study: Study, seed: int = 0) -> RunSpec:
    """The spec of `question`."""
    return spec_of(study, question(kind, study, seed))


KINDS = registry.names()


def found(store: Store, run: Run) -> dict[str, Any]:
    """What a finished run found, without the figures of its work: result, artifacts and points."""
    assert run.result is not None, (run.status, run.error, store.log_path(run.id).read_text())
    answer: dict[str, Any] = {"artifacts": _contents(store, run.artifacts)}
    if run.spec.kind not in OF_TIME_ALONE:
        answer["result"] = lasting(run.result)
    if run.spec.kind not in BY_THE_CLOCK:
        with store._database.reading() as connection:
            query = "SELECT DISTINCT series FROM points WHERE run_id = ?"
            told = [name for (name,) in connection.exec_driver_sql(query, (run.id,))]
        series = [name for name in told if name not in OF_THE_WORK]
        points = {name: lasting(list(store.points(run.id, name))) for name in sorted(series)}
        if run.spec.kind in IN_PIECES:
            points["points"] = _joined(points["points"])
        answer["points"] = points
    return answer


def _joined(pieces: list[dict[str, list[Any]]]) -> dict[str, list[Any]]:
    """The lists of all pieces, one after the other: where they were cut is a matter of time."""
    return {name: [each for piece in pieces for each in piece[name]] for name in pieces[0]}


def _contents(store: Store, artifacts: Mapping[str, str]) -> dict[str, str]:
    """Name to hash; each is read, which checks that the file holds what its name says."""
    for sha256 in artifacts.values():
        store.artifacts.get_bytes(sha256)
    return dict(artifacts)


def lasting(value: Any) -> Any:
    """Plain data without the figures of the work."""
    if isinstance(value, dict):
        return {name: lasting(each) for name, each in value.items() if name not in OF_THE_WORK}
    if isinstance(value, list | tuple):
        return [lasting(each) for each in value]
    return value
