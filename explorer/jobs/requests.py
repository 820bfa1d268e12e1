"""From a question and a study to the spec of a run, and back."""

from typing import Protocol

from explorer.jobs import registry
from explorer.questions import Question
from explorer.runs.spec import RunSpec


class Known(Protocol):
    """Identity of a study, and where it can be loaded from."""

    @property
    def reference(self) -> str: ...

    @property
    def fingerprint(self) -> str: ...


def spec_of(study: Known, question: Question) -> RunSpec:
    """Spec of the run that answers a question to a study as it is now."""
    return RunSpec(
        kind=question.kind,
        study=study.reference,
        fingerprint=study.fingerprint,
        parameters=question.parameters(),
        seed=question.seed,
        version=question.version,
    )


def question_of(spec: RunSpec) -> Question:
    """Question that a spec was made of; see `registry.question`."""
    return registry.question(spec)
