"""Notebooks of the lessons: the student's has empty cells that check themselves, the teacher's has them filled in.

Both are made from the same parts as the page, so that neither is written twice. A notebook is JSON of nbformat 4.5
(https://nbformat.readthedocs.io); the names of cells come from their place, so that the same lesson gives the same
file.
"""

import json
import re
from pathlib import Path
from typing import Any, Literal

from explorer.course.answers import OneOf
from explorer.course.controls import Choice, Control, Slider
from explorer.course.finding import lessons
from explorer.course.parts import (
    Code,
    Exercise,
    Experiment,
    InTheApp,
    Lesson,
    Long,
    Notice,
    Part,
    Sources,
    Text,
)
from explorer.files import write

For = Literal["student", "teacher"]
FOLDERS: dict[For, str] = {"student": "lessons", "teacher": "teacher"}
_TERM = re.compile(r"\[([^\]]+)\]\(glossary#[^)]+\)")  # the glossary is a page of the app


def write_all(folder: Path) -> list[Path]:
    """Write every lesson for both into ``folder/lessons`` and ``folder/teacher``; the files."""
    written = []
    for whom, name in FOLDERS.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for lesson in lessons().values():
            path = folder / name / f"{lesson.notebook}.ipynb"
            write(path, text(lesson, whom).encode())
            written.append(path)
    return written


def text(lesson: Lesson, whom: For) -> str:
    """The content of the file."""
    return json.dumps(notebook(lesson, whom), indent=1, ensure_ascii=False) + "\n"


def notebook(lesson: Lesson, whom: For) -> dict[str, Any]:
    """The notebook as plain data."""
    cells = [_opening(lesson, whom), _code(_BEGIN.format(number=lesson.number))]
    for part in lesson.parts:
        cells += _cells(part, whom)
    for place, cell in enumerate(cells):
        cell["id"] = f"lesson-{lesson.number:02}-{place:03}"
    return {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def code_of(content: dict[str, Any]) -> list[str]:
    """The sources of the code cells of a notebook, in order."""
    return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]


_BEGIN = """from explorer.course import bench

lesson = bench.open_lesson({number})
check = lesson.check"""


def _opening(lesson: Lesson, whom: For) -> dict[str, Any]:
    note = {
        "student": "Run the cells from top to bottom (Shift-Enter). In an exercise, write your answer in place of "
        "`...` and run the cell: it says whether you are right, and gives a hint where it knows what went wrong.",
        "teacher": "The teacher's copy: every exercise is solved, and its solution worked out.",
    }[whom]
    goals = "\n".join(f"- {goal}" for goal in lesson.goals)
    prepare = f"\n\n**To prepare:** {lesson.prepare}" if whom == "teacher" and lesson.prepare else ""
    return _markdown(
        f"# {lesson.number} {lesson.title}\n\n**{lesson.question}**\n\nAbout {lesson.minutes} minutes. "
        f"You will be able to\n\n{goals}\n\n{note}{prepare}"
    )


def _cells(part: Part, whom: For) -> list[dict[str, Any]]:
    match part:
        case Text():
            return [_markdown(part.words)]
        case Notice():
            return [_markdown(f"**What to notice.** {part.words}")]
        case Code():
            return [_code(part.source)]
        case Experiment():
            words = f"### {part.title}\n\n{part.try_this}".strip()
            return [_markdown(words), _code(f'lesson.play("{part.key}")')]
        case Long():
            options = ", ".join(f"{control.name}={control.default!r}" for control in part.controls)
            words = (
                f"### {part.title}\n\n{part.words}\n\nThis takes about {part.takes}. {_may_be(part.controls)} It is "
                "computed once: with the same values it is read back the next time, here and in the app. Remove the "
                "`#` to begin."
            )
            return [_markdown(words.strip()), _code(f'# lesson.run("{part.key}", {options})')]
        case InTheApp():
            return [
                _markdown(
                    f"**For real, in the app:** {part.words} (page *{_title(part.page)}*, {part.study})."
                )
            ]
        case Sources():
            return [_markdown("## Sources\n\n" + "\n".join(f"- {source.line}" for source in part.of))]
        case Exercise():
            return _exercise(part, whom)


def _exercise(part: Exercise, whom: For) -> list[dict[str, Any]]:
    prompt = f"### Exercise {part.id}\n\n{part.prompt}"
    if isinstance(part.answer, OneOf):
        numbered = "\n".join(f"{place}. {option}" for place, option in enumerate(part.answer.options, 1))
        prompt += f"\n\n{numbered}\n\n(Answer with the number of the statement.)"
    if whom == "student":
        more = f'# lesson.hint("{part.id}")      lesson.solution("{part.id}")'
        return [_markdown(prompt), _code(f'answer = ...\ncheck("{part.id}", answer)\n{more}')]
    return [
        _markdown(prompt),
        _code(f'{part.code}\ncheck("{part.id}", answer)'),
        _markdown(f"**Solution.** {part.solution}"),
    ]


def _may_be(controls: tuple[Control, ...]) -> str:
    said = []
    for control in controls:
        if isinstance(control, Slider):
            said.append(f"`{control.name}` may be {control.low:g} to {control.high:g}")
        elif isinstance(control, Choice):
            said.append(f"`{control.name}` may be {', '.join(map(repr, control.options))}")
    return "; ".join(said) + "." if said else ""


def _title(page: str) -> str:
    return page.replace("_", " ").capitalize()


def _markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": "", "metadata": {}, "source": _lines(_TERM.sub(r"\1", source))}


def _code(source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": "",
        "metadata": {},
        "outputs": [],
        "source": _lines(source),
    }


def _lines(source: str) -> list[str]:
    return source.splitlines(keepends=True)
