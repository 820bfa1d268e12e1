"""The kinds of computation a run can be: what asks for each, what carries it out, what comes out.

Modules are named, not imported: the app can list and draw runs without loading what computes them. A kind is a plain
name from this table and nothing else, so a spec from outside cannot make a worker import something.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from explorer import questions
from explorer.errors import RunError
from explorer.questions import Question
from explorer.questions.selftest import SelftestQuestion

if TYPE_CHECKING:
    from explorer.runs.spec import RunSpec


class Result(Protocol):
    """What a kind of run finds; its class has ``from_json`` too."""

    def to_json(self) -> dict[str, Any]: ...


RunFunction = Callable[..., Result | dict[str, Any]]
"""``run(study, question, context)``; without the study for a kind that needs none."""


@dataclass(frozen=True)
class Kind:
    """One kind of run.

    Attributes:
        question: class of what asks for it; it has the kind's name and version.
        run: address of the function that carries it out, ``module:function``, or the function.
        result: address of the class of its result, which has ``from_json``.
        needs_study: whether the function takes the loaded study first.
    """

    question: type[Question]
    run: str | RunFunction
    result: str = ""
    needs_study: bool = True


_JOBS = "explorer.jobs.kinds."
KINDS: Mapping[str, Kind] = {
    kind.question.kind: kind
    for kind in (
        Kind(questions.TracesQuestion, _JOBS + "traces:run", "explorer.curvature.result:Traces"),
        Kind(questions.FinetuneQuestion, _JOBS + "finetune:run", "explorer.qat.record:TrainingRecord"),
        Kind(questions.EvaluateQuestion, _JOBS + "evaluate:run", "explorer.plans.plan.value:PlanValue"),
        Kind(questions.LandscapeQuestion, _JOBS + "landscape:run", "explorer.landscape.result:Slice"),
        Kind(
            questions.EigenvaluesQuestion,
            _JOBS + "eigenvalues:run",
            "explorer.curvature.spectra.eigenresult:Eigenvalues",
        ),
        Kind(
            questions.SpectrumQuestion,
            _JOBS + "spectrum:run",
            "explorer.curvature.spectra.spectrum:SpectralDensity",
        ),
        Kind(questions.LapqQuestion, _JOBS + "lapq:run", "explorer.lapq.result:LapqResult"),
        Kind(
            questions.LapqSurfaceQuestion,
            _JOBS + "lapq_diagnostics:surface",
            "explorer.lapq.diagnostics.surfaces:Surface",
        ),
        Kind(
            questions.LapqSweepQuestion,
            _JOBS + "lapq_diagnostics:sweep",
            "explorer.lapq.diagnostics.sweeping:SweepResult",
        ),
        Kind(
            questions.LapqHessianQuestion,
            _JOBS + "lapq_diagnostics:hessian",
            "explorer.lapq.diagnostics.dependence:Dependence",
        ),
        Kind(questions.LapqTableQuestion, _JOBS + "lapq_table:run", "explorer.lapq.rivals.table:Comparison"),
        Kind(questions.DamageQuestion, _JOBS + "damage:run", "explorer.plans.damage.measured:MeasuredDamage"),
        Kind(questions.ChooseQuestion, _JOBS + "choose:run", "explorer.choosing.result:Choice"),
        Kind(questions.ProxyQuestion, _JOBS + "proxy:run", "explorer.proxy.experiment:ProxyResult"),
        Kind(
            questions.MeasureFrontierQuestion,
            _JOBS + "measure_frontier:run",
            "explorer.proxy.along:MeasuredFrontier",
        ),
        Kind(questions.LessonQuestion, _JOBS + "lesson:run", "explorer.lessons.common.longs:LongResult"),
        Kind(
            questions.ExportQuestion,
            "explorer.jobs.exports.writing:run",
            "explorer.export.record:ExportRecord",
        ),
        Kind(
            questions.ExportLatencyQuestion,
            "explorer.jobs.exports.timing:run",
            "explorer.export.record:LatencyRecord",
        ),
    )
}
_HIDDEN = {"selftest": Kind(SelftestQuestion, _JOBS + "selftest:run", needs_study=False)}
_registered: dict[str, Kind] = {}


def names() -> tuple[str, ...]:
    """The kinds a person can ask for."""
    return tuple(KINDS)


def kind(name: str) -> Kind:
    """The kind of this name; RunError unless it is known."""
    for table in (_registered, KINDS, _HIDDEN):
        if name in table:
            return table[name]
    raise RunError(f"There is no kind of run {name!r}; use one of {', '.join(names())}.")


def known(name: str) -> bool:
    """Whether there is a kind of this name."""
    return any(name in table for table in (_registered, KINDS, _HIDDEN))


def question(spec: "RunSpec") -> Question:
    """The question a spec was made of.

    Raises:
        ExplorerError: an option is unknown here or out of range, as one of another version may be.
    """
    asked = kind(spec.kind).question
    return asked.from_parameters(asked.recorded(spec.parameters, spec.version), spec.seed)


def function(name: str) -> RunFunction:
    """The function of a kind, imported now."""
    run = kind(name).run
    found: RunFunction = _at(run) if isinstance(run, str) else run
    return found


def result(name: str, content: Mapping[str, Any]) -> Any:
    """The typed result of a kind, from what a run recorded."""
    return _at(kind(name).result).from_json(content)


def register(new: Kind) -> None:
    """Add a kind for this process only; a launched worker does not know it. Meant for tests and notebooks."""
    name = new.question.kind
    if not name.isidentifier():
        raise RunError(f"The kind {name!r} cannot be registered; use letters, digits and underscores.")
    _registered[name] = new


def _at(address: str) -> Any:
    module, _, name = address.partition(":")
    return getattr(importlib.import_module(module), name)
