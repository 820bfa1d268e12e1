"""What widgets show: answers that the store has or that come with the project; else they are computed here.

The questions are those of the app, so that a notebook finds what a page computed, and the other way round.
"""

from collections.abc import Sequence
from typing import Any

from explorer import plans
from explorer.blocks import Granularity
from explorer.jobs import answers, basis, execute, registry, shipped
from explorer.jobs.basis import Basis
from explorer.jobs.requests import spec_of
from explorer.jobs.snapshot import Snapshot
from explorer.plans import FrontierQuestion
from explorer.questions import Question, TracesQuestion
from explorer.questions.telling.titles import title
from explorer.runs import Store
from explorer.studies import AnyStudy
from explorer.studies.study import Study, require_network


def opened() -> Store:
    """The store of this person's runs, with the results that come with the project."""
    store = Store.open()
    shipped.give(store)
    return store


def judged(study: AnyStudy, question: FrontierQuestion, granularity: Granularity) -> Basis:
    """What Ω is computed from, by the measure that a question names.

    A network's traces, and the damage by its measure, are computed where the store has none.

    Raises:
        ExplorerError: what stands against the computation.
    """
    store = opened()
    runs = Snapshot(store, study.fingerprint)
    if isinstance(study, Study):
        missing: list[Question] = []
        if basis.basis_of(runs, study, granularity) is None:
            missing.append(TracesQuestion(granularity=granularity))
        missing += [
            asked
            for asked in basis.further(study, question, granularity).values()
            if answers.result_of(runs, study, asked) is None
        ]
        for asked in missing:
            execute(store, spec_of(study, asked), title=title(asked, study.name), study=study)
        runs = Snapshot(store, study.fingerprint, runs)
    found = basis.measured(runs, study, question, granularity)
    traces = basis.basis_of(runs, study, granularity)
    assert found is not None
    assert traces is not None
    return basis.with_damage(study, question, traces, found, basis.TABULATED)


def answered(study: AnyStudy, question: Question, *, any_of: Sequence[str] = ()) -> Any:
    """The typed result of a question: the best finished one about the same, else computed here.

    Args:
        any_of: options that a finished one may differ in, besides those that `Question.free` names.

    Raises:
        ExplorerError: the study has no network, or what stands against the computation.
    """
    network, store = require_network(study), opened()
    for each in answers.asked(store, network, question.kind) if any_of else ():
        alike = question.but(**{name: getattr(each.question, name) for name in any_of})
        if each.run.status == "done" and each.question.about() == alike.about():
            question = alike
            break
    known = answers.best(store, network, question)
    if known is not None:
        return known.result
    run = execute(store, spec_of(network, question), title=title(question, network.name), study=network)
    return registry.result(question.kind, run.result or {})


def problem(study: AnyStudy, question: FrontierQuestion, known: Basis) -> plans.Problem:
    """What a frontier solves, with the damage of a basis."""
    return plans.study_problem(study, known.traces, question=question, damage=known.table)
