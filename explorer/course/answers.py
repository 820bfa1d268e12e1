"""Answers to exercises: what is right, and what is wrong for a reason that a hint can name.

A right answer is computed, not written down: the functions are called when an answer is judged for the first time.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from typing import Any, Protocol

from explorer.errors import LessonError

LONGEST = 2_000  # characters of an answer that is typed
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.IGNORECASE)
_SAME = str.maketrans({"−": "-", "–": "-", "×": "*", "⋅": "*", "·": "*"})


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right, and what is said to whoever gave it."""

    right: bool
    words: str


@dataclass(frozen=True)
class Trap:
    """An answer that is wrong and plausible, and the hint for whoever falls for it."""

    answer: Any
    hint: str


class Answer(Protocol):
    """What an exercise expects."""

    @property
    def asked(self) -> str:
        """How an answer is written, for the label of a field."""

    @property
    def examples(self) -> tuple[Any, ...]:
        """Right answers."""

    @property
    def wrong(self) -> tuple[Any, ...]:
        """Wrong answers, plausible ones among them."""

    def read(self, text: str) -> Any:
        """The answer that was typed.

        Raises:
            LessonError: it is none.
        """

    def judge(self, given: Any) -> Verdict:
        """Judge an answer.

        Raises:
            LessonError: it is of a kind that no answer to this is.
        """


@dataclass(frozen=True)
class Number:
    """A number.

    Attributes:
        right: the number, or what computes it.
        tolerance: by how much an answer may be off, absolutely.
        traps: none lies within the tolerance.
    """

    right: float | Callable[[], float]
    tolerance: float = 0.0
    unit: str = ""
    traps: tuple[Trap, ...] = ()

    @cached_property
    def value(self) -> float:
        """The right answer."""
        return float(self.right() if callable(self.right) else self.right)

    @property
    def asked(self) -> str:
        """How an answer is written."""
        return f"A number{f' ({self.unit})' if self.unit else ''}, such as 0.25, 1/4 or 2^-2"

    @property
    def examples(self) -> tuple[Any, ...]:
        """The right answer."""
        return (self.value,)

    @property
    def wrong(self) -> tuple[Any, ...]:
        """The traps, and what lies just outside the tolerance."""
        off = 1.01 * self.tolerance + max(abs(self.value), 1.0) * 1e-6
        return (*(trap.answer for trap in self.traps), self.value + off, self.value - off)

    def read(self, text: str) -> float:
        """The number that was typed.

        Raises:
            LessonError: it is none.
        """
        return number(text)

    def judge(self, given: Any) -> Verdict:
        """Judge a number.

        Raises:
            LessonError: it is no number.
        """
        found = plain_number(given)
        if abs(found - self.value) <= self.tolerance + 1e-9 * abs(self.value):
            return _RIGHT
        for trap in self.traps:
            if abs(found - float(trap.answer)) <= self.tolerance + 1e-9 * abs(self.value):
                return Verdict(False, trap.hint)
        if self.value and abs(found + self.value) <= self.tolerance:
            return Verdict(False, "The size is right; look at the sign again.")
        return Verdict(False, f"That is too {'large' if found > self.value else 'small'}.")


@dataclass(frozen=True)
class Numbers:
    """Several numbers in order, such as a row of a matrix; ``right`` may be what computes them."""

    right: Sequence[float] | Callable[[], Sequence[float]]
    tolerance: float = 0.0
    traps: tuple[Trap, ...] = ()

    @cached_property
    def values(self) -> tuple[float, ...]:
        """The right answer."""
        return tuple(float(each) for each in (self.right() if callable(self.right) else self.right))

    @property
    def asked(self) -> str:
        """How an answer is written."""
        return f"{len(self.values)} numbers with spaces between them"

    @property
    def examples(self) -> tuple[Any, ...]:
        """The right answer."""
        return (self.values,)

    @property
    def wrong(self) -> tuple[Any, ...]:
        """The traps, one number changed, and one too few."""
        off = 2 * self.tolerance + max(map(abs, self.values)) * 1e-3 + 1e-6
        return (
            *(trap.answer for trap in self.traps),
            (*self.values[:-1], self.values[-1] + off),
            self.values[:-1],
        )

    def read(self, text: str) -> tuple[float, ...]:
        """The numbers that were typed, with spaces, semicolons or commas between them.

        Raises:
            LessonError: one of them is none.
        """
        parts = re.split(r"[\s;,\[\]()]+", text[:LONGEST])
        return tuple(number(part) for part in parts if part)

    def judge(self, given: Any) -> Verdict:
        """Judge several numbers.

        Raises:
            LessonError: they are none.
        """
        found = _sequence(given)
        if len(found) != len(self.values):
            return Verdict(False, f"{len(self.values)} numbers are asked for, and these are {len(found)}.")
        if self._same(found, self.values):
            return _RIGHT
        for trap in self.traps:
            if self._same(found, _sequence(trap.answer)):
                return Verdict(False, trap.hint)
        off = [i for i in range(len(found)) if not self._same(found[i : i + 1], self.values[i : i + 1])]
        words = "number 1 is" if off == [0] else f"number {off[0] + 1} is the first that is"
        return Verdict(False, f"{len(found) - len(off)} of {len(found)} are right; {words} not.")

    def _same(self, found: Sequence[float], values: Sequence[float]) -> bool:
        return len(found) == len(values) and all(
            abs(a - b) <= self.tolerance + 1e-9 * abs(b) for a, b in zip(found, values, strict=True)
        )


@dataclass(frozen=True)
class OneOf:
    """One of some statements.

    Attributes:
        why_not: every wrong option, and the hint for whoever chooses it.
    """

    right: str
    why_not: Mapping[str, str] = field(default_factory=dict)

    @property
    def options(self) -> tuple[str, ...]:
        """The options in an order that does not tell the right one: alphabetical."""
        return tuple(sorted((self.right, *self.why_not)))

    @property
    def asked(self) -> str:
        """How an answer is written."""
        return "One of the statements"

    @property
    def examples(self) -> tuple[Any, ...]:
        """The right option, and its number as a notebook counts them, from 1."""
        return (self.right, self.options.index(self.right) + 1)

    @property
    def wrong(self) -> tuple[Any, ...]:
        """The other options."""
        return tuple(self.why_not)

    def read(self, text: str) -> str:
        """The option that was chosen.

        Raises:
            LessonError: it is none.
        """
        return self._option(text)

    def judge(self, given: Any) -> Verdict:
        """Judge an option, or its number from 1.

        Raises:
            LessonError: there is no such option.
        """
        chosen = self._option(given)
        return _RIGHT if chosen == self.right else Verdict(False, self.why_not[chosen])

    def _option(self, given: Any) -> str:
        if isinstance(given, int) and not isinstance(given, bool) and 1 <= given <= len(self.options):
            return self.options[given - 1]
        if given not in self.options:
            raise LessonError(
                f"{given!r} is none of the statements; give its number, 1 to {len(self.options)}"
            )
        return str(given)


@dataclass(frozen=True)
class Found:
    """Numbers that meet a condition, where there is more than one answer: a plan under a budget, say.

    Attributes:
        fault: what is wrong with numbers of this length, in a sentence; None where nothing is.
        count: how many numbers are asked for.
        good: some right answers, or what computes them.
        bad: some wrong but plausible ones, likewise.
    """

    fault: Callable[[tuple[float, ...]], str | None]
    count: int
    good: Callable[[], Sequence[Sequence[float]]]
    bad: Callable[[], Sequence[Sequence[float]]]

    @property
    def asked(self) -> str:
        """How an answer is written."""
        return "A number" if self.count == 1 else f"{self.count} numbers with spaces between them"

    @property
    def examples(self) -> tuple[Any, ...]:
        """Some right answers."""
        return tuple(self.good())

    @property
    def wrong(self) -> tuple[Any, ...]:
        """Some wrong ones."""
        return tuple(self.bad())

    def read(self, text: str) -> tuple[float, ...]:
        """The numbers that were typed.

        Raises:
            LessonError: one of them is none.
        """
        return tuple(number(part) for part in re.split(r"[\s;,\[\]()]+", text[:LONGEST]) if part)

    def judge(self, given: Any) -> Verdict:
        """Judge the numbers.

        Raises:
            LessonError: they are none.
        """
        found = _sequence(given) if self.count > 1 or not _is_number(given) else (float(given),)
        if len(found) != self.count:
            return Verdict(False, f"{self.asked} is asked for, and these are {len(found)}.")
        fault = self.fault(found)
        return _RIGHT if fault is None else Verdict(False, fault)


_RIGHT = Verdict(True, "Right.")


def number(text: str) -> float:
    """A number as a person types it: 0.25, 1/4, 2^-2, 3e-5, 12 %, with a comma for the point or a typographic minus.

    Raises:
        LessonError: it is none.

    >>> number("1/510") == 1 / 510, number("2^-3"), number("−0,5"), number("12.5 %")
    (True, 0.125, -0.5, 0.125)
    """
    typed = text.strip()[:80].translate(_SAME).replace(",", ".").replace(" ", "").replace("**", "^")
    percent = typed.endswith("%")
    for sign, join in (("/", operator.truediv), ("^", operator.pow)):
        left, found, right = typed.rstrip("%").partition(sign)
        if found:
            a, b = _plain(left, text), _plain(right, text)
            try:
                value = join(a, b)
            except (ZeroDivisionError, OverflowError):
                raise LessonError(f"{text[:80]!r} is no number") from None
            break
    else:
        value = _plain(typed.rstrip("%"), text)
    if isinstance(value, complex) or not isfinite(value):
        raise LessonError(f"{text[:80]!r} is no number")
    return float(value / 100 if percent else value)


def plain_number(given: Any) -> float:
    """A number out of what a notebook hands over: Python's own, NumPy's, or a tensor of one element.

    Raises:
        LessonError: it is none.
    """
    if isinstance(given, str):
        return number(given)
    if isinstance(given, bool) or not hasattr(given, "__float__"):
        raise LessonError(f"a number is asked for, not {type(given).__name__}")
    try:
        found = float(given)
    except (TypeError, ValueError, RuntimeError):
        raise LessonError(f"one number is asked for, not {type(given).__name__} of several") from None
    if not isfinite(found):
        raise LessonError(f"a finite number is asked for, not {found}")
    return found


def _plain(text: str, whole: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise LessonError(f"{whole[:80]!r} is no number; write one as in 0.25, 1/4 or 2^-2")
    return float(text)


def _is_number(given: Any) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool)


def _sequence(given: Any) -> tuple[float, ...]:
    if hasattr(given, "reshape") and hasattr(given, "tolist"):
        given = given.reshape(-1).tolist()
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise LessonError(f"a list of numbers is asked for, not {type(given).__name__}")
    flat = [each for row in given for each in (row if isinstance(row, list | tuple) else (row,))]
    return tuple(plain_number(each) for each in flat)
