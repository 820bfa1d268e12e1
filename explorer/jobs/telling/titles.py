"""The title of a run in every list: the name that a person gave it, or what it computes · its study · its settings."""

import functools
from pathlib import PurePath
from typing import Any

from explorer.errors import ExplorerError
from explorer.jobs import registry
from explorer.questions import titles
from explorer.questions.base import Question
from explorer.runs.plain import canonical, decode
from explorer.runs.run import Run
from explorer.runs.spec import RunSpec


def of(run: Run) -> str:
    """The title of a run; the one it was given when it was asked for where its question is not known here."""
    return run.name or of_spec(run.spec) or run.title or run.spec.kind.replace("_", " ")


def of_spec(spec: RunSpec) -> str:
    """The title that a run of this spec has by itself; nothing where its question is not known here."""
    question = question_of(spec)
    return "" if question is None else titles.title(question, study_name(spec.study))


def question_of(spec: RunSpec) -> Question | None:
    """What was asked, or None where an option or the kind is of another version."""
    try:
        return _question(spec.kind, canonical(spec.parameters, "parameters"), spec.seed)
    except ExplorerError:
        return None


def study_name(locator: str) -> str:
    """The name of a study in a list: of one's own, the folder that its ``study.toml`` is in."""
    path = PurePath(locator)
    return path.parent.name or locator if path.name == "study.toml" else path.name or locator


@functools.lru_cache(maxsize=16_384)  # a list is drawn again and again
def _question(kind: str, parameters: str, seed: int) -> Question:
    content: dict[str, Any] = decode(parameters)
    return registry.kind(kind).question.from_parameters(content, seed)
