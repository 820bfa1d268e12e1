"""Experiments of lessons that take longer than a reader waits: each is a run of the kind ``lesson``.

A module of `explorer.lessons` names them in ``LONG``, a mapping from a name such as ``accuracy`` to a `LongExperiment`.
Its function takes the study, a watcher and the options as keywords, calls ``watcher.report`` and ``watcher.check_stop``
often, saves with ``watcher.save`` where it takes more than a minute, and returns plain data.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from explorer import lessons
from explorer.errors import LessonError
from explorer.questions.lessons import LessonQuestion
from explorer.studies import Study
from explorer.watching import UNWATCHED, Watcher

Values = dict[str, Any]


@dataclass(frozen=True)
class LongExperiment:
    """What carries an experiment out.

    Attributes:
        run: ``run(study, watcher, **options)`` to plain data.
        limits: option to its lowest and highest value, or to the values that it may have.
        edition: raised whenever its numbers change.
    """

    run: Callable[..., Values]
    limits: Mapping[str, tuple[float, float] | frozenset[Any]]
    edition: int = 1

    def check(self, options: Mapping[str, Any]) -> None:
        """Every option is there and within its limits.

        Raises:
            LessonError: one is not.
        """
        if options.keys() != self.limits.keys():
            raise LessonError(f"the options are {', '.join(options)}; give {', '.join(self.limits)}")
        for name, value in options.items():
            limits = self.limits[name]
            if isinstance(limits, frozenset):
                fits = value in limits
            else:
                fits = isinstance(value, int | float) and limits[0] <= value <= limits[1]
            if not fits:
                raise LessonError(f"{name} is {value!r}, which this experiment does not take")


@dataclass(frozen=True)
class LongResult:
    """What a long experiment found."""

    experiment: str
    values: Values

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"experiment": self.experiment, "values": self.values}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "LongResult":
        """The result that a run recorded."""
        return cls(str(content["experiment"]), dict(content["values"]))


def experiment(address: str) -> LongExperiment:
    """The experiment ``module:name``.

    Raises:
        LessonError: there is none.
    """
    module, _, name = address.partition(":")
    if module not in {each.name for each in pkgutil.iter_modules(lessons.__path__) if not each.ispkg}:
        raise LessonError(f"there is no lesson {module!r} with long experiments")
    known: Mapping[str, LongExperiment] = getattr(
        importlib.import_module(f"{lessons.__name__}.{module}"), "LONG", {}
    )
    if name not in known:
        raise LessonError(f"there is no experiment {name!r} in {module}; use one of {', '.join(known)}")
    return known[name]


def question(address: str, **options: Any) -> LessonQuestion:
    """The question that a run of an experiment answers, with its options checked.

    Raises:
        LessonError: there is no such experiment, or an option is outside its limits.
    """
    found = experiment(address)
    found.check(options)
    return LessonQuestion(experiment=address, edition=found.edition, settings=options)


def carry_out(study: Study, asked: LessonQuestion, watcher: Watcher = UNWATCHED) -> LongResult:
    """Do what a question asks for.

    Raises:
        LessonError: it is of another edition of the experiment, or an option is outside its limits.
    """
    found = experiment(asked.experiment)
    if asked.edition != found.edition:
        raise LessonError(f"{asked.experiment} has changed since this was asked for; ask again")
    found.check(asked.settings)
    return LongResult(asked.experiment, found.run(study, watcher, **asked.settings))
