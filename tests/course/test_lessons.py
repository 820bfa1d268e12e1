"""Every lesson: checks tell right from wrong, experiments answer, notebooks run, links lead somewhere."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from explorer import studies
from explorer.course import finding, writing
from explorer.course.answers import number
from explorer.course.controls import checked
from explorer.course.parts import Exercise, Experiment, InTheApp, Lesson, Notice, Text
from explorer.errors import LessonError
from explorer.ui.parts.vocabulary import TERMS
from explorer.ui.shell import navigation

ROOT = Path(__file__).parents[2]
LESSONS = list(finding.lessons().values())
EXERCISES = [exercise for lesson in LESSONS for exercise in lesson.exercises]
EXPERIMENTS = [(lesson, experiment) for lesson in LESSONS for experiment in lesson.experiments]
TAKEN = {"study", "blocks", "plan", "steps", "block", "present"}  # names that the address has for itself
each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: str(lesson.number))


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_right_answers_pass_and_wrong_ones_are_refused_with_a_hint(exercise: Exercise) -> None:
    """The plausible wrong ones, too, each in words of its own."""
    assert exercise.answer.examples
    for right in exercise.answer.examples:
        assert exercise.check(right).right, right
    assert exercise.answer.wrong
    said = []
    for wrong in exercise.answer.wrong:
        verdict = exercise.check(wrong)
        assert not verdict.right, wrong
        assert len(verdict.words) > 10
        said.append(verdict.words)
    assert len(set(said)) > 1, "a hint says what went wrong, so it is not the same for every answer"


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_an_answer_that_is_typed_is_the_answer(exercise: Exercise) -> None:
    for right in exercise.answer.examples[:1]:
        typed = " ".join(map(repr, right)) if isinstance(right, tuple) else str(right)
        assert exercise.check(exercise.answer.read(typed)).right
    with pytest.raises(LessonError):
        exercise.check(exercise.answer.read("x" * 50))


@pytest.mark.parametrize(
    ("lesson", "experiment"), EXPERIMENTS, ids=lambda each: getattr(each, "key", getattr(each, "number", ""))
)
def test_every_control_of_an_experiment_changes_what_is_shown(lesson: Lesson, experiment: Experiment) -> None:
    """A control that moves nothing teaches nothing; what is beyond its limits is a sentence."""
    controls = experiment.settled()
    assert controls
    before = shown(experiment, {})
    for control in controls:
        assert shown(experiment, {control.name: control.other}) != before, control.name
        with pytest.raises(LessonError, match=control.name):
            checked(controls, {control.name: object()})
    assert shown(experiment, {}) == before, "the same values give the same"


def shown(experiment: Experiment, values: dict[str, Any]) -> str:
    """All that an outcome shows, as text."""
    outcome = experiment.at(**values)
    assert outcome.pictures
    assert outcome.finding.endswith((".", "!"))
    for picture in outcome.pictures:
        assert len(picture.alt) > 20
    figures = [str(picture.figure.to_dict()) for picture in outcome.pictures]
    return "\n".join([outcome.finding, *(quantity.text for quantity in outcome.quantities), *figures])


@each_lesson
def test_names_are_a_lesson_s_own_and_links_lead_somewhere(lesson: Lesson) -> None:
    moved = [experiment.settled() for experiment in lesson.experiments] + [
        long.controls for long in lesson.longs
    ]
    names = [control.name for controls in moved for control in controls]
    assert len(names) == len(set(names)), "two controls of a lesson would share a place in the address"
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{0,15}", name) and name not in TAKEN for name in names)
    keys = [each.key for each in lesson.experiments] + [each.key for each in lesson.longs]
    assert len(keys) == len(set(keys))
    assert [exercise.id for exercise in lesson.exercises] == [
        f"{lesson.number}.{n}" for n in range(1, len(lesson.exercises) + 1)
    ]
    assert set(lesson.terms) <= set(TERMS)
    for part in lesson.parts:
        if isinstance(part, Text | Notice):
            assert set(re.findall(r"glossary#([\w-]+)", part.words)) <= set(TERMS)
        if isinstance(part, InTheApp):
            assert navigation.has(part.page)
            assert part.study in studies.names()
    assert (ROOT / "pages" / f"{lesson.page}.py").is_file()


@each_lesson
@pytest.mark.parametrize("whom", ["student", "teacher"])
def test_the_shipped_notebook_is_the_lesson_s(lesson: Lesson, whom: writing.For) -> None:
    """``make notebooks`` writes them; what is written is a notebook."""
    path = ROOT / "notebooks" / writing.FOLDERS[whom] / f"{lesson.notebook}.ipynb"
    written = writing.text(lesson, whom)
    assert path.read_text("utf-8") == written, "run `make notebooks`"
    nbformat.validate(nbformat.reads(written, as_version=4))  # type: ignore[no-untyped-call]


@each_lesson
def test_every_cell_of_the_teacher_s_notebook_runs_and_every_answer_is_right(
    lesson: Lesson, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also the student's as it is given out: nothing is answered, and nothing fails."""
    for whom in ("teacher", "student"):
        names: dict[str, Any] = {"__name__": "__main__"}
        for source in writing.code_of(writing.notebook(lesson, whom)):
            exec(compile(source, f"lesson {lesson.number} for the {whom}", "exec"), names)
        said = capsys.readouterr().out
        right = re.findall(r"✓ Exercise (\S+):", said)
        assert "✗" not in said
        assert right == ([exercise.id for exercise in lesson.exercises] if whom == "teacher" else [])


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("1/510", 1 / 510),
        ("2^-3", 0.125),
        ("−0,5", -0.5),
        ("63.75", 63.75),
        ("1e-3", 1e-3),
        ("21.07 %", 0.2107),
    ],
)
def test_a_number_as_a_person_types_it(typed: str, value: float) -> None:
    assert number(typed) == pytest.approx(value)


@pytest.mark.parametrize(
    "typed", ["", "x", "1/0", "9^9999", "nan", "inf", "__import__('os')", "1e999", "(-8)^0.5", "-8^0.5"]
)
def test_what_is_no_number(typed: str) -> None:
    with pytest.raises(LessonError, match="no number"):
        number(typed)
