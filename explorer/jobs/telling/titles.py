"""The title of a run in every list: the name that a person gave it, or what it computes · its study · its settings."""

from pathlib import PurePath

from explorer.errors import ExplorerError
from explorer.jobs import registry
from explorer.questions.base import Question
from explorer.questions.telling import titles
from explorer.runs.run import Run
from explorer.runs.spec import RunSpec

_MOST_KNOWN = 16_384
_known: dict[
    tuple[str, str], str
] = {}  # by id and study: a list is drawn again and again, and specs never change


def of(run: Run) -> str:
    """The title of a run; the one it was given when it was asked for where its question is not known here."""
    return run.name or _own(run) or run.title or run.spec.kind.replace("_", " ")


def _own(run: Run) -> str:
    if run.status == "unreadable":
        return ""
    key = run.id, run.spec.study
    if key not in _known:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[key] = of_spec(run.spec)
    return _known[key]


def of_spec(spec: RunSpec) -> str:
    """The title that a run of this spec has by itself; nothing where its question is not known here."""
    question = question_of(spec)
    return "" if question is None else titles.title(question, study_name(spec.study))


def within_study(run: Run) -> str:
    """The title of a run where all are of one study, which it does not name."""
    question = question_of(run.spec)
    if run.name or question is None:
        return of(run)
    return titles.title(question, None)


def question_of(spec: RunSpec) -> Question | None:
    """What was asked, or None where an option or the kind is of another version."""
    try:
        return registry.question(spec)
    except ExplorerError:
        return None


def study_name(locator: str) -> str:
    """The name of a study in a list: of one's own, the folder that its ``study.toml`` is in."""
    path = PurePath(locator)
    return path.parent.name or locator if path.name == "study.toml" else path.name or locator
