"""What trained plans are worth: methods, plans of one size, FPQ's parts, HAWQ's stages, and predictions after training.

    python -m benchmarks.training_tables [--minutes 60] [--only GROUP] [--markdown FILE] [--json FILE]
    python -m benchmarks.training_tables --attention FOLDER
    python -m benchmarks.training_tables --predictions STUDY [--minutes 60] [--markdown FILE] [--json FILE]

Every training is the run of a `FinetuneQuestion` in the store that EXPLORER_HOME names: a second call computes what is
missing, one that was interrupted goes on. `--minutes` is how long trainings are begun, with 0 the tables of what is
there are written. `--only` takes groups of `benchmarks/trainings/experiments.py`, `--list` names their trainings.
cifar10-resnet20 is left out where its files are not (EXPLORER_DATA).

`--attention` trains a small network with attention on Fashion-MNIST and makes a study of it. `--predictions` asks
`proxy` of a study and trains its plans of the three smallest sizes for one epoch.
"""

import argparse
import math
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

if __package__ in (None, ""):  # run as a file: the folder above is where `benchmarks` and `explorer` lie
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.report import report
from benchmarks.tables import Table
from benchmarks.trainings import attention_study, predictions
from benchmarks.trainings import plans as named_plans
from benchmarks.trainings.comparing import Trained, measured, table, traces_table
from benchmarks.trainings.experiments import GROUPS, Training, queue
from explorer import studies
from explorer.errors import RunError
from explorer.evaluation.per_sample import unstacked
from explorer.jobs import answers, execute, registry, shipped
from explorer.jobs.bounds.allocation import keep_freed_memory
from explorer.jobs.kinds.proxy import LOSSES
from explorer.jobs.requests import spec_of
from explorer.plans import Plan
from explorer.proxy import ProxyResult
from explorer.questions import FinetuneQuestion, ProxyQuestion, Question
from explorer.runs import Run, Store
from explorer.studies import Study
from explorer.studies.shipped import builtin


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, help="begin no training after so many")
    parser.add_argument("--only", action="append", choices=list(GROUPS), help="by default all groups")
    parser.add_argument(
        "--attention", type=Path, metavar="FOLDER", help="make the study with attention there"
    )
    parser.add_argument("--predictions", metavar="STUDY", help="rank correlations before and after training")
    parser.add_argument("--list", action="store_true", help="name the trainings in their order and stop")
    parser.add_argument("--markdown", type=Path, help="write the tables there")
    parser.add_argument("--json", type=Path, help="write the numbers there")
    options = parser.parse_args(arguments)
    wanted = [each for each in queue() if each.group.key in (options.only or GROUPS)]
    wanted = [each for each in wanted if builtin.card(each.group.study).available]
    if options.list:
        for each in wanted:
            print(f"{each.group.key}, seed {each.seed}: {each.row.label}")
        return 0
    torch.set_num_threads(1)
    keep_freed_memory()
    if options.attention is not None:
        print(attention_study.make(options.attention))
        return 0
    bench = Bench(Store.open(), options.minutes)
    name = options.predictions
    tables = _groups(bench, wanted) if name is None else _predictions(bench, name)
    report(
        tables,
        script="training_tables",
        title="What trained plans are worth",
        markdown=options.markdown,
        numbers=options.json,
    )
    return 0


def _groups(bench: "Bench", wanted: Sequence[Training]) -> list[Table]:
    known = []
    for each in wanted:
        with suppress(TooLateError):
            question = bench.question(each)
            known.append((each, question))
            bench.train(each.group.study, question, f"{each.group.key}: {each.row.label}")
    tables = []
    for group in {each.group.key: each.group for each in wanted}.values():
        asked = {(each.row.label, each.seed): question for each, question in known if each.group is group}
        done = {place: bench.trained(group.study, question) for place, question in asked.items()}
        found = {place: trained for place, trained in done.items() if trained is not None}
        if found:
            tables.append(table(group, found))
        if any(each.traces for each in found.values()):
            tables.append(traces_table(group, found))
    return tables


def _predictions(bench: "Bench", name: str) -> list[Table]:
    study = bench.study(name)
    result, losses = bench.predicted(study)
    tables = [predictions.untrained(result)]
    asked = {
        place: FinetuneQuestion(plan=predictions.plan_at(study, result, place).to_json(), epochs=1)
        for place in predictions.places(result)
    }
    for place, question in asked.items():
        with suppress(TooLateError):
            bench.train(name, question, predictions.roles(result.plans[place]))
    done = {place: bench.trained(name, question) for place, question in asked.items()}
    found = {place: trained for place, trained in done.items() if trained is not None}
    if len(found) < 3:
        return tables
    trained = np.stack([each.losses for each in found.values()])
    for when, of in (("without training", losses[list(found)]), ("after one epoch", trained)):
        title = f"{len(found)} plans of the smallest sizes {when}, {of.shape[1]:,} test images"
        tables.append(predictions.of_losses(result, list(found), of, title))
    tables.append(predictions.by_size(result, list(found), list(found.values())))
    return tables


class TooLateError(RunError):
    """Something is not computed yet, and nothing more is begun."""


class Bench:
    """The store with the studies and plans in use.

    Args:
        minutes: after which no training is begun; None for never.
    """

    def __init__(self, store: Store, minutes: float | None) -> None:
        self._store = store
        self._ends = math.inf if minutes is None else time.monotonic() + 60 * minutes
        shipped.give(store)
        self.study = cache(studies.load_network)
        self._plan = cache(self._plan_of)

    def ask(self, study: Study, question: Question) -> Any:
        """Typed result of a question, computed here if nobody did."""
        return registry.result(question.kind, self._run(study, question).result or {})

    def predicted(self, study: Study) -> tuple[ProxyResult, np.ndarray]:
        """What ``proxy`` says of a study, and the losses (P, N) of its plans."""
        run = self._run(study, ProxyQuestion())
        losses = unstacked(self._store.tensors(run.id, LOSSES))[1:]
        return ProxyResult.from_json(run.result or {}), np.stack([each.losses.numpy() for each in losses])

    def train(self, name: str, question: FinetuneQuestion, title: str) -> None:
        """Have a training of a study done.

        Raises:
            TooLateError: the time is over.
        """
        begun = time.process_time()
        after = (self._run(self.study(name), question).result or {})["after"]["accuracy"]
        took = time.process_time() - begun
        print(f"{title}, seed {question.seed}: {after:.2%} ({took:.0f} s)", file=sys.stderr, flush=True)

    def trained(self, name: str, question: FinetuneQuestion) -> Trained | None:
        """What a training ended with, on every test image; None where it was not done."""
        study = self.study(name)
        run = self._store.find(spec_of(study, question))
        if run is None or run.status != "done":
            return None
        return measured(self._store, study, run)

    def question(self, training: Training) -> FinetuneQuestion:
        """What a training of a group asks.

        Raises:
            TooLateError: the time is over, and what its plan is made of is not there.
        """
        plan = self._plan(training.row.plan, training.group.study)
        return FinetuneQuestion(plan=plan.to_json(), seed=training.seed, **training.row.options)

    def _plan_of(self, name: str, study: str) -> Plan:
        return named_plans.named(name, self.study(study), self.ask)

    def _run(self, study: Study, question: Question) -> Run:
        best = answers.best(self._store, study, question)
        if best is not None:
            return best.run
        if time.monotonic() >= self._ends:
            raise TooLateError(f"the {question.kind} of {study.name} is not there; allow more --minutes")
        return execute(self._store, spec_of(study, question), study=study)


if __name__ == "__main__":
    sys.exit(main())
