"""What a reader moves in an experiment: named values with limits, drawn by a page or by a notebook.

A name is short, lower-case and belongs to one control of a lesson: it is the keyword of the experiment's function, and
what the value is called in the address of the page.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from explorer.errors import LessonError

Value = bool | int | float | str


@dataclass(frozen=True)
class Slider:
    """A number between two limits; a whole one if the default is.

    Attributes:
        unit: behind the number, as in ``bits``.
    """

    name: str
    label: str
    low: float
    high: float
    default: float
    step: float = 1
    unit: str = ""
    help: str = ""

    def check(self, value: Any) -> Value:
        """The value as the experiment takes it.

        Raises:
            LessonError: it is no number, or outside the limits.
        """
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not self.low <= value <= self.high:
            raise LessonError(f"{self.name} is {value!r}; it must be from {self.low:g} to {self.high:g}")
        return type(self.default)(value)

    @property
    def other(self) -> Value:
        """A value that is not the default."""
        return type(self.default)(self.high if self.default != self.high else self.low)


@dataclass(frozen=True)
class Choice:
    """One of some options.

    Attributes:
        words: what an option is called, where that is not its own text.
        clicked: a click on a point of the picture whose first ``customdata`` is an option chooses it, too.
    """

    name: str
    label: str
    options: tuple[Value, ...]
    default: Value
    words: Mapping[Any, str] = field(default_factory=dict)
    clicked: bool = False
    help: str = ""

    def said(self, option: Value) -> str:
        """What an option is called."""
        return self.words.get(option, str(option))

    def check(self, value: Any) -> Value:
        """The value if it is an option.

        Raises:
            LessonError: it is none.
        """
        if value not in self.options:
            options = ", ".join(repr(option) for option in self.options)
            raise LessonError(f"{self.name} is {value!r}; use one of {options}")
        return self.options[self.options.index(value)]

    @property
    def other(self) -> Value:
        """A value that is not the default."""
        return next(option for option in reversed(self.options) if option != self.default)


@dataclass(frozen=True)
class Switch:
    """On or off."""

    name: str
    label: str
    default: bool = False
    help: str = ""

    def check(self, value: Any) -> Value:
        """The value if it is true or false.

        Raises:
            LessonError: it is neither.
        """
        if not isinstance(value, bool):
            raise LessonError(f"{self.name} is {value!r}; it must be True or False")
        return value

    @property
    def other(self) -> Value:
        """A value that is not the default."""
        return not self.default


@dataclass(frozen=True)
class Again:
    """A button that draws once more: its value is how often it was pressed, which seeds the draws."""

    name: str
    label: str
    default: int = 0
    help: str = ""
    most: int = 9_999

    def check(self, value: Any) -> Value:
        """The value if it is a count.

        Raises:
            LessonError: it is none.
        """
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= self.most:
            raise LessonError(f"{self.name} is {value!r}; it must be a whole number from 0 to {self.most}")
        return value

    @property
    def other(self) -> Value:
        """A value that is not the default."""
        return self.default + 1


Control = Slider | Choice | Switch | Again


def checked(controls: tuple[Control, ...], given: Mapping[str, Any]) -> dict[str, Value]:
    """A value for every control: what is given, else the default.

    Raises:
        LessonError: there is no control of a name, or a value is outside its limits.
    """
    known = {control.name: control for control in controls}
    for name in given:
        if name not in known:
            raise LessonError(f"there is no control {name!r}; use {', '.join(known) or 'none'}")
    return {
        name: control.check(given[name]) if name in given else control.default
        for name, control in known.items()
    }
