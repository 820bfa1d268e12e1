"""A lesson in a notebook: experiments with sliders, checks, hints and long experiments.

    from explorer.course import bench
    lesson = bench.open_lesson(2)
    lesson.play("clip")                      # moves like the page
    lesson.at("clip", wbits=2).finding       # the same for values of one's own
    lesson.check("2.1", 63.75)               # says whether it is right

Sliders need ``ipywidgets`` (``pip install mixed-precision-explorer[notebooks]``); without them the picture of the
defaults is shown.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

from explorer import studies
from explorer.course import finding
from explorer.course.answers import OneOf
from explorer.course.controls import Again, Choice, Control, Slider, Switch, checked
from explorer.course.parts import Lesson, Outcome


def open_lesson(number: int) -> "Bench":
    """The lesson of a number.

    Raises:
        LessonError: there is none.
    """
    return Bench(finding.lesson(number))


class Bench:
    """A lesson as a notebook uses it."""

    def __init__(self, lesson: Lesson) -> None:
        self.lesson = lesson
        self._hints: dict[str, int] = {}

    def at(self, key: str, **values: Any) -> Outcome:
        """The outcome of an experiment for values of its controls.

        Raises:
            LessonError: there is no such experiment or control, or a value is outside its limits.
        """
        return self.lesson.experiment(key).at(**values)

    def play(self, key: str, **values: Any) -> None:
        """Show an experiment with its sliders, which begin at these values.

        Raises:
            LessonError: as `at`.
        """
        experiment = self.lesson.experiment(key)
        controls = experiment.settled()
        start = checked(controls, values)
        widgets = _ipywidgets()
        if widgets is None:
            show(experiment.compute(**start))
            return
        moved = {control.name: _widget(widgets, control, start[control.name]) for control in controls}
        place = widgets.Output()

        def draw(change: Any = None) -> None:
            with place:
                _display().clear_output(wait=True)
                given = {name: _value(widget, controls, name) for name, widget in moved.items()}
                show(experiment.compute(**given))

        for widget in moved.values():
            widget.observe(draw, names="value")
        draw()
        _display().display(widgets.VBox([widgets.HBox(list(moved.values()), layout=_WRAPPED), place]))

    def check(self, id: str, given: Any) -> bool | None:
        """Judge an answer and say the verdict; None where there is no answer yet.

        Raises:
            LessonError: there is no such exercise, or the answer is of another kind.
        """
        exercise = self.lesson.exercise(id)
        if given is ... or given is None:
            print(f"Exercise {id}: not answered yet. Expected: {exercise.answer.asked.lower()}.")
            return None
        verdict = exercise.check(given)
        print(f"{'✓' if verdict.right else '✗'} Exercise {id}: {verdict.words}")
        return verdict.right

    def hint(self, id: str) -> None:
        """Print a hint, the next one every time.

        Raises:
            LessonError: there is no such exercise.
        """
        hints: Sequence[str] = self.lesson.exercise(id).hints
        shown = self._hints.get(id, 0)
        print(hints[min(shown, len(hints) - 1)] if hints else "There is no hint to this one.")
        self._hints[id] = shown + 1

    def solution(self, id: str) -> None:
        """Show the worked solution.

        Raises:
            LessonError: there is no such exercise.
        """
        exercise = self.lesson.exercise(id)
        right = f"\n\n*{exercise.answer.right}.*" if isinstance(exercise.answer, OneOf) else ""
        _markdown(exercise.solution + right)

    def run(self, key: str, **values: Any) -> Outcome:
        """Do a long experiment, with its progress, or read it back where it was done before; its outcome, shown.

        Raises:
            LessonError: there is no such experiment or control, or a value is outside its limits.
            RunError: it failed.
        """
        long = self.lesson.long(key)
        from explorer.jobs import execute, registry
        from explorer.jobs.requests import spec_of
        from explorer.runs import Store

        study = studies.load_network(long.study)
        asked = long.question(**checked(long.controls, values))
        run = execute(Store.open(), spec_of(study, asked), title=long.title, study=study)
        outcome = long.draw(registry.result(asked.kind, run.result or {}))
        show(outcome)
        return outcome


def show(outcome: Outcome) -> None:
    """Numbers, pictures, the finding and the table."""
    if outcome.quantities:
        print("   ".join(f"{quantity.label}: {quantity.text}" for quantity in outcome.quantities))
    for picture in outcome.pictures:
        if picture.title:
            print(picture.title)
        _display().display(picture.figure)
    _markdown(outcome.finding)
    if outcome.table is not None:
        import pandas as pd

        _display().display(pd.DataFrame({name: list(values) for name, values in outcome.table.items()}))


_WRAPPED = {"flex_flow": "row wrap"}


def _ipywidgets() -> Any | None:
    try:
        return importlib.import_module("ipywidgets")
    except ModuleNotFoundError:
        return None


def _display() -> Any:
    return importlib.import_module("IPython.display")


def _markdown(words: str) -> None:
    _display().display(_display().Markdown(words))


def _widget(widgets: Any, control: Control, value: Any) -> Any:
    """The widget of a control; a label may be long, so it is written in full."""
    common = {"description": control.label, "style": {"description_width": "initial"}, "value": value}
    match control:
        case Slider():
            kind: Callable[..., Any] = widgets.IntSlider if isinstance(value, int) else widgets.FloatSlider
            return kind(
                min=control.low, max=control.high, step=control.step, continuous_update=False, **common
            )
        case Choice():
            options = [(control.said(option), option) for option in control.options]
            return widgets.Dropdown(options=options, **common)
        case Switch():
            return widgets.Checkbox(**common)
        case Again():
            return widgets.BoundedIntText(min=0, max=control.most, **common)


def _value(widget: Any, controls: Sequence[Control], name: str) -> Any:
    control = next(each for each in controls if each.name == name)
    return control.check(widget.value)
