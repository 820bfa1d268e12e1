"""What a lesson is made of: parts that are read from top to bottom, as plain data.

Nothing here draws. Pages (`explorer.ui.course`) and notebooks (`explorer.course.notebooks`) go through the parts of a
`Lesson` and draw each in their own way, so that both say, show and ask the same.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from explorer.course.answers import Answer, Verdict
from explorer.course.controls import Control, checked
from explorer.errors import LessonError
from explorer.figures.drawing import Drawing
from explorer.questions import Question

Named = TypeVar("Named")


@dataclass(frozen=True)
class Text:
    """Markdown with LaTeX between dollar signs. A heading begins with ``##``."""

    words: str


@dataclass(frozen=True)
class Notice:
    """What to notice in the experiment above, in a few sentences."""

    words: str


@dataclass(frozen=True)
class Code:
    """Some lines of Python that a notebook runs and a page shows folded. The cells of a lesson share their names."""

    source: str
    title: str = "The same in Python"


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure, and what it shows for those who cannot see it: the finding, not the kind of chart."""

    figure: Drawing
    alt: str
    title: str = ""


@dataclass(frozen=True)
class Quantity:
    """A number in a line above the picture, with its unit and its standard error where it has one."""

    label: str
    text: str
    help: str = ""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What an experiment gives for some values of its controls.

    Attributes:
        pictures: one, or two side by side.
        finding: a sentence of what came out, with numbers.
        table: columns by name, all of one length.
    """

    pictures: tuple[Picture, ...]
    finding: str
    quantities: tuple[Quantity, ...] = ()
    table: Mapping[str, Sequence[Any]] | None = None


@dataclass(frozen=True)
class Experiment:
    """Something a reader moves and sees answered at once, in less than 200 ms.

    Attributes:
        key: of the lesson's own, lower-case; notebooks call it by this name.
        try_this: what to do with the controls, in an imperative sentence.
        controls: what can be moved; or what makes them, where that needs a network.
        compute: takes a keyword a control.
    """

    key: str
    title: str
    controls: tuple[Control, ...] | Callable[[], tuple[Control, ...]]
    compute: Callable[..., Outcome]
    try_this: str = ""

    def settled(self) -> tuple[Control, ...]:
        """The controls."""
        return self.controls() if callable(self.controls) else self.controls

    def at(self, **values: Any) -> Outcome:
        """The outcome for values of some controls; the others keep their defaults.

        Raises:
            LessonError: there is no such control, or a value is outside its limits.
        """
        return self.compute(**checked(self.settled(), values))


@dataclass(frozen=True)
class Exercise:
    """A question that checks the answer by itself.

    Attributes:
        id: the lesson and the place in it, ``2.3``.
        hints: shown one by one on demand, the broadest first.
        solution: worked out, in Markdown; on demand, and in the teacher's notebook.
        code: lines of Python that end with ``answer = ...``; the teacher's notebook runs them.
    """

    id: str
    prompt: str
    answer: Answer
    solution: str
    code: str
    hints: tuple[str, ...] = ()

    def check(self, given: Any) -> Verdict:
        """Judge an answer.

        Raises:
            LessonError: it is of a kind that no answer to this is.
        """
        return self.answer.judge(given)


@dataclass(frozen=True)
class Source:
    """Where something is from: a paper or the lecture, with the section, slide or equation."""

    title: str
    place: str = ""
    url: str = ""

    @property
    def line(self) -> str:
        """The source as Markdown."""
        name = f"[{self.title}]({self.url})" if self.url else self.title
        return f"{name}, {self.place}" if self.place else name


@dataclass(frozen=True)
class Sources:
    """The sources of a lesson, by section."""

    of: tuple[Source, ...]


@dataclass(frozen=True)
class InTheApp:
    """Where in the app the same thing is done for real.

    Attributes:
        page: file of the page, such as ``frontier``.
        study: that shows it best.
        address: further values of the page's address, such as ``{"view": "eigenvalues"}``.
    """

    page: str
    words: str
    study: str = "fashion-thin"
    address: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Long:
    """An experiment that takes longer than a reader waits: a run with progress, which a control makes smaller.

    Attributes:
        study: that it is run on.
        controls: the first of them is the size, the default small enough for half a minute or so.
        question: made of a keyword a control; a `explorer.questions.LessonQuestion` or one of the app's own kinds.
        draw: the outcome of the run's typed result.
        takes: how long with the defaults, on two cores, as in ``about 20 s``.
    """

    key: str
    title: str
    words: str
    study: str
    controls: tuple[Control, ...]
    question: Callable[..., Question]
    draw: Callable[[Any], Outcome]
    takes: str


Part = Text | Notice | Code | Experiment | Exercise | Sources | InTheApp | Long


@dataclass(frozen=True)
class Lesson:
    """One lesson.

    Attributes:
        question: that a student would ask, and the lesson answers.
        goals: what the reader can do afterwards, each beginning with a verb.
        minutes: that reading, playing and the exercises take.
        terms: keys of the glossary whose terms this lesson explains.
        prepare: what a teacher does beforehand, if anything.
    """

    number: int
    title: str
    question: str
    goals: tuple[str, ...]
    minutes: int
    parts: tuple[Part, ...]
    terms: tuple[str, ...] = ()
    prepare: str = ""

    @property
    def page(self) -> str:
        """File of the lesson's page."""
        return f"lesson_{self.number:02}"

    @property
    def notebook(self) -> str:
        """Name of the lesson's notebook, without its ending."""
        return f"{self.number:02}-{re.sub(r'[^a-z0-9]+', '-', self.title.lower()).strip('-')}"

    @property
    def experiments(self) -> tuple[Experiment, ...]:
        """What can be moved."""
        return tuple(part for part in self.parts if isinstance(part, Experiment))

    @property
    def exercises(self) -> tuple[Exercise, ...]:
        """What is asked."""
        return tuple(part for part in self.parts if isinstance(part, Exercise))

    @property
    def longs(self) -> tuple[Long, ...]:
        """What is a run."""
        return tuple(part for part in self.parts if isinstance(part, Long))

    def experiment(self, key: str) -> Experiment:
        """The experiment of this key.

        Raises:
            LessonError: there is none.
        """
        return _named({each.key: each for each in self.experiments}, key, "experiment")

    def long(self, key: str) -> Long:
        """The long experiment of this key.

        Raises:
            LessonError: there is none.
        """
        return _named({each.key: each for each in self.longs}, key, "long experiment")

    def exercise(self, id: str) -> Exercise:
        """The exercise of this number.

        Raises:
            LessonError: there is none.
        """
        return _named({each.id: each for each in self.exercises}, id, "exercise")


def _named(known: Mapping[str, Named], name: str, what: str) -> Named:
    if name not in known:
        raise LessonError(f"there is no {what} {name!r} in this lesson; use {', '.join(known) or 'none'}")
    return known[name]
