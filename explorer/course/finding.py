"""The lessons that there are: modules of `explorer.course.texts`, found by their names."""

import importlib
import pkgutil
import re
from collections.abc import Mapping
from functools import cache

from explorer.course import texts
from explorer.course.parts import Lesson
from explorer.errors import LessonError

_NAME = re.compile(r"l(\d\d)_[a-z_]+")


@cache
def lessons() -> Mapping[int, Lesson]:
    """Every lesson by its number, ascending."""
    found: dict[int, Lesson] = {}
    for module in sorted(pkgutil.iter_modules(texts.__path__), key=lambda each: each.name):
        named = _NAME.fullmatch(module.name)
        if named is None:
            raise ValueError(f"{module.name!r} is no name of a lesson: use one such as l02_quantizing")
        lesson: Lesson = importlib.import_module(f"{texts.__name__}.{module.name}").LESSON
        if lesson.number != int(named[1]):
            raise ValueError(f"{module.name} is lesson {lesson.number}")
        found[lesson.number] = lesson
    return found


def lesson(number: int) -> Lesson:
    """The lesson of a number.

    Raises:
        LessonError: there is none.
    """
    if number not in lessons():
        raise LessonError(f"there is no lesson {number!r}; use one of {', '.join(map(str, lessons()))}")
    return lessons()[number]


def explaining() -> Mapping[str, Lesson]:
    """Keys of the glossary to the first lesson that explains the term."""
    found: dict[str, Lesson] = {}
    for lesson in lessons().values():
        for key in lesson.terms:
            found.setdefault(key, lesson)
    return found
