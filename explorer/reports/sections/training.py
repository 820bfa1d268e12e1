"""Trainings under quantization: how each went, and what was kept."""

import html
import shlex

from explorer.figures.training import curves, overlay
from explorer.figures.training.overlay import Course
from explorer.jobs import answers
from explorer.jobs.telling import titles
from explorer.qat.record import TrainingRecord
from explorer.questions import EvaluateQuestion, FinetuneQuestion
from explorer.questions.telling.titles import settings
from explorer.reports.material import Absent, Material
from explorer.reports.page import Part, Picture, Section, Words
from explorer.runs import Run

MOST = 8


def section(of: Material) -> Section | Absent:
    """The curves of every training, in one picture where there are several."""
    runs = of.trainings[:MOST]
    if not runs:
        if not of.study.has_network:
            return Absent("Training under quantization")
        return Absent(
            "Training under quantization",
            f"python -m explorer finetune --study {shlex.quote(of.reference)} --plan plan.json",
        )
    parts: list[Part] = [
        Words(
            "Training goes on while weights and activations are rounded as the plan says, so that the network adapts to it. "
            "Test samples are only looked at: what is kept is chosen by training samples that were held out."
        )
    ]
    if len(runs) > 1:
        courses = [
            Course(html.escape(name), of.store.points(run.id, "test"))
            for name, run in zip(_names(runs), runs, strict=True)
        ]
        more = f" The first {MOST} of {len(of.trainings)} trainings." if len(of.trainings) > MOST else ""
        caption = f"Loss and {of.study.metric.name} on the test samples over the epochs, of {len(runs)} trainings.{more}"
        parts.append(Picture(overlay.figure(courses, metric=of.study.metric.name, height=460), caption))
    for name, run in zip(_names(runs), runs, strict=True):
        if len(runs) == 1:
            parts.append(_curves(of, run))
        parts.append(Words(_told(name, run)))
    return Section("training", "Training under quantization", tuple(parts), tuple(run.id for run in runs))


def _curves(of: Material, run: Run) -> Picture:
    record = TrainingRecord.from_json(run.result or {})
    full = answers.best(of.runs, of.study, EvaluateQuestion()) if of.study.has_network else None
    figure = curves.figure(
        of.store.points(run.id, "train"),
        of.store.points(run.id, "test"),
        epochs=record.epochs or 1,
        reference=None if full is None else full.result.accuracy,
        kept=curves.Kept.of(record, record.epochs or 1),
        metric=of.study.metric.name,
        noun=of.study.noun.many,
    )
    counted = f"Loss and {of.study.metric.name}"
    return Picture(
        figure,
        f"{counted} of training batches (line), of the test samples (dots) over the epochs, and of what was kept (star).",
    )


def _told(name: str, run: Run) -> str:
    record = TrainingRecord.from_json(run.result or {})
    question = titles.question_of(run.spec)
    options = ", ".join(settings(question)) if isinstance(question, FinetuneQuestion) else ""
    held_out = f", chosen on {record.held_out:,} samples held out of the training" if record.held_out else ""
    return f"{name}: {record.seconds:,.0f} s. Kept: {record.kept}{held_out}. Settings: {options or 'not known here'}."


def _names(runs: tuple[Run, ...]) -> list[str]:
    found = [titles.of(run) for run in runs]
    return [
        name if found.count(name) == 1 else f"{name} · {run.id[:5]}"
        for name, run in zip(found, runs, strict=True)
    ]
