"""What a report is made of: a study, the plans and runs that it is about, and the answers that the store has.

Nothing is computed for a report but a frontier from its traces. What was never asked is absent, and said to be.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

from explorer.blocks import Block, Granularity
from explorer.errors import ExportError, RunError
from explorer.estimates import Estimate
from explorer.jobs import answers, housekeeping
from explorer.jobs.basis import Basis, usual
from explorer.jobs.snapshot import Snapshot
from explorer.jobs.telling import candidates
from explorer.jobs.telling.candidates import Candidate
from explorer.jobs.telling.titles import question_of
from explorer.plans import FrontierQuestion, Plan
from explorer.questions import FinetuneQuestion
from explorer.questions.base import Question
from explorer.questions.frontier import MEASURE_NAMES
from explorer.reading import Kind, parse_json, read_text
from explorer.runs import Run, Store
from explorer.studies import AnyStudy

MANIFEST = "manifest.json"
_MANIFEST = Kind(
    "the manifest", 20_000_000, ExportError, "name a folder that export wrote", mend="export the plan again"
)
GRANULARITIES: tuple[Granularity, ...] = ("layer", "module")


@dataclass(frozen=True, eq=False)
class Absent:
    """What a report has nothing about.

    Attributes:
        what: begins a sentence: "Step sizes by LAPQ".
        how: the command that would compute it; "" where none does.
    """

    what: str
    how: str = ""


@dataclass(frozen=True, eq=False)
class Material:
    """Everything that sections are written from.

    Attributes:
        study: that the report is about.
        store: whose runs are read.
        runs: the study's runs at one moment.
        named: runs that were named, done all of them.
        plans: that were given or that the named runs are of, with their blocks, no two the same.
        exported: manifests of exported networks, by folder.
    """

    study: AnyStudy
    store: Store
    runs: Snapshot
    named: tuple[Run, ...]
    plans: tuple[tuple[Plan, tuple[Block, ...]], ...]
    exported: Mapping[str, Mapping[str, Any]]

    @property
    def reference(self) -> str:
        """What commands name the study by: a built-in name, or the file in its folder, wherever that is here."""
        path = PurePath(self.study.reference)
        return f"{path.parent.name}/{path.name}" if path.suffix == ".toml" else self.study.reference

    @property
    def comparison(self) -> bool:
        """Whether it is about more than one plan."""
        return len(self.plans) > 1

    @property
    def plan(self) -> Plan | None:
        """The plan it is about, the first of several; None where it is about the study alone."""
        return self.plans[0][0] if self.plans else None

    @property
    def names(self) -> tuple[str, ...]:
        """What the plans are called here."""
        return tuple(
            plan.name or (f"plan {number}" if self.comparison else "the plan")
            for number, (plan, _) in enumerate(self.plans, start=1)
        )

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Of the first plan, else the layers."""
        return self.plans[0][1] if self.plans else self.study.blocks()

    @cached_property
    def granularity(self) -> Granularity:
        """What these blocks are."""
        names = {block.name for block in self.blocks}
        fitting = [each for each in GRANULARITIES if {b.name for b in self.study.blocks(each)} == names]
        return fitting[0] if fitting else "layer"

    @cached_property
    def judged(self) -> tuple[FrontierQuestion, Basis] | None:
        """By what damage is predicted; None where it was not computed for these blocks."""
        return usual(self.runs, self.study, self.granularity)

    @property
    def damage(self) -> str:
        """What Ω is called here."""
        measure = None if self.judged is None else self.judged[0].damage
        return "Predicted damage" + (f" ({MEASURE_NAMES[measure]})" if measure else "")

    def omega(self, plan: Plan) -> Estimate | None:
        """Ω of a plan, where it is known."""
        return None if self.judged is None else self.judged[1].omega(plan)

    @cached_property
    def trainings(self) -> tuple[Run, ...]:
        """Finished trainings: those that were named, else all of the plans, the newest first."""
        named = tuple(run for run in self.named if run.spec.kind == "finetune")
        if named:
            return named
        wanted = [FinetuneQuestion(plan=plan.to_json()).plan for plan, _ in self.plans]
        return tuple(
            run
            for run in self.runs.list(kind="finetune")
            if run.status == "done" and any(_same(trained(run), plan) for plan in wanted)
        )

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """The plans without training, then the runs of them."""
        partitions = tuple(self.study.blocks(each) for each in GRANULARITIES)
        untrained = [
            candidates.of_plan(self.study, plan, blocks, runs=self.runs, omega=self.omega, name=name)
            for name, (plan, blocks) in zip(self.names, self.plans, strict=True)
        ]
        runs = {run.id: run for run in (*self.named, *self.trainings)}
        found = [candidates.of_run(self.study, run, partitions, omega=self.omega) for run in runs.values()]
        return (*untrained, *(each for each in found if each is not None))

    def best(self, question: Question) -> answers.Answer | None:
        """The named run of a question's kind about the same, else the best answer that there is."""
        for run in self.named:
            asked = question_of(run.spec)
            if isinstance(asked, type(question)) and asked.about() == question.about():
                return answers.Answer(run, asked, "asked")
        return answers.best(self.runs, self.study, question)


def gather(
    study: AnyStudy,
    store: Store,
    *,
    plans: Sequence[tuple[Plan, tuple[Block, ...]]] = (),
    runs: Sequence[str] = (),
    exported: Sequence[Path] = (),
) -> Material:
    """What there is of a study, about these plans and runs.

    Args:
        plans: each with its blocks.
        runs: ids, or their beginnings.
        exported: folders that ``export`` wrote.

    Raises:
        RunError: a run is not there, not done, or of another study.
        ExportError: a folder holds no export, or one of another study.
    """
    snapshot = Snapshot(store, study.fingerprint)
    named = tuple(_finished(store, study, run) for run in runs)
    partitions = tuple(study.blocks(each) for each in GRANULARITIES)
    about = list(plans)
    for run in named:
        found = candidates.of_run(study, run, partitions, omega=lambda plan: None)
        if found is not None and not any(_alike(found.plan, plan) for plan, _ in about):
            blocks = next((p for p in partitions if {b.name for b in p} == set(found.plan.blocks)), None)
            if blocks is not None and set(found.plan.w_bits.values()) != {32}:
                about.append((found.plan, blocks))
    manifests = {str(folder): _manifest(folder, study) for folder in exported}
    return Material(study, store, snapshot, named, tuple(about), manifests)


def trained(run: Run) -> Mapping[str, Any]:
    """The plan that a training is of, as plan.json has it."""
    plan = run.spec.parameters.get("plan")
    return plan if isinstance(plan, dict) else {}


def _finished(store: Store, study: AnyStudy, name: str) -> Run:
    run = housekeeping.find(store, name)
    if run.status != "done":
        raise RunError(f"run {run.id} is {run.status}; only a finished run can be reported")
    if run.spec.fingerprint != study.fingerprint:
        raise RunError(
            f"run {run.id} is of another study than {study.name}, or of it before it changed; name its own study"
        )
    return run


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(part) == other.get(part) for part in ("blocks", "steps"))


def _alike(one: Plan, other: Plan) -> bool:
    return dict(one.blocks) == dict(other.blocks) and one.steps == other.steps


def _manifest(folder: Path, study: AnyStudy) -> Mapping[str, Any]:
    path = folder / MANIFEST
    content = parse_json(read_text(path, _MANIFEST), _MANIFEST, of=f" {path}")
    found: dict[str, Any] = content if isinstance(content, dict) else {}
    of = found.get("study")
    if not isinstance(of, dict) or not isinstance(found.get("files"), dict):
        raise ExportError(f"{path} is no manifest of an export; name a folder that export wrote")
    hashed = {str(value) for value in of.values()}
    if study.weights_sha256 not in hashed:
        raise ExportError(
            f"{path} was exported from {json.dumps(of.get('name'))} with other weights than those of {study.name}; "
            "name its own study"
        )
    return found
