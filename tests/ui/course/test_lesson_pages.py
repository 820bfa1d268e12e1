"""The pages of the lessons: each opens, answers its controls, judges answers, and shows one picture to a class."""

import pytest
from streamlit.testing.v1 import AppTest

from explorer.course import finding
from explorer.course.controls import Again, Choice, Slider, Switch
from explorer.course.parts import Experiment, Lesson
from explorer.ui.course import going_on
from tests.ui.conftest import Opens

LESSONS = list(finding.lessons().values())


def sound(page: AppTest) -> AppTest:
    assert not page.exception, [each.stack_trace for each in page.exception]
    assert [each.value for each in page.error] == []
    return page


def whole(page: AppTest) -> AppTest:
    """The page of a lesson to its end, which a browser asks for by and by."""
    page.session_state["course_drawn"] = 99
    return sound(page.run())


def address(page: AppTest) -> dict[str, str]:
    """What the address says, each value once."""
    return {name: value if isinstance(value, str) else value[0] for name, value in page.query_params.items()}


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: str(lesson.number))
def test_a_lesson_opens_and_every_control_moves(opens: Opens, app: list[str], lesson: Lesson) -> None:
    """And the address says what is shown, so that a link shows the same."""
    page = sound(opens(lesson.page))
    assert [title.value for title in page.title] == [f"{lesson.number} {lesson.title}"]
    assert 1 <= len(page.get("plotly_chart")) <= 2, "it begins with the first experiment alone"
    whole(page)
    assert len(page.get("plotly_chart")) >= len(lesson.experiments)
    moved = {}
    for experiment in lesson.experiments:
        for control in experiment.settled():
            key = f"lesson{lesson.number}_{control.name}"
            match control:
                case Slider():
                    page.slider(key=key).set_value(control.other)
                case Switch():
                    page.toggle(key=key).set_value(bool(control.other))
                case Again():
                    page.button(key=f"{key}_again").click()
                case Choice():
                    widgets = [each for each in (*page.selectbox, *page.button_group) if each.key == key]
                    widgets[0].set_value(control.other)
            moved[control.name] = control.other
    sound(page.run())
    assert set(page.query_params) == set(moved), "what was moved, and nothing of a study or a plan"
    again = whole(opens(lesson.page, **address(page)))
    for name, value in moved.items():
        assert again.session_state[f"lesson{lesson.number}_{name}"] == value
    assert app == [], "nothing is computed but what the page itself answers"


@pytest.mark.usefixtures("settled")
def test_an_answer_is_judged_with_hints_and_a_solution_on_demand(opens: Opens) -> None:
    page = whole(opens("lesson_02"))

    def answer(text: str) -> list[str]:
        page.text_input(key="exercise_2_1_answer").set_value(text)
        submit = next(
            each for each in page.button if (each.key or "").startswith("FormSubmitter:exercise_2_1-")
        )
        sound(submit.click().run())
        return [each.value for each in (*page.success, *page.warning)]

    assert "fence" in answer("64")[0]
    assert "no number" in answer("[[[")[0]
    assert answer("63.75") == ["Right."]
    page.toggle(key="exercise_2_1_solution").set_value(True).run()
    assert any("255 / 4" in each.value for each in page.markdown)
    course = page.switch_page("pages/course.py").run()
    assert any("1 of" in each.value for each in course.caption), "progress is kept"


@pytest.mark.usefixtures("settled")
def test_one_picture_is_shown_to_a_class(opens: Opens) -> None:
    """By a link, or by the button beside it; the next one by a click."""
    page = sound(opens("lesson_02", present="clip"))
    assert [title.value for title in page.title] == ["A real layer under a clip"]
    page.button(key="presenting_Next picture").click().run()
    assert [title.value for title in page.title] == ["Channels of a MobileNet"]
    page.button(key="presenting_End presentation").click().run()
    assert page.title[0].value.startswith("2 ")
    assert "present" not in page.query_params


@pytest.mark.usefixtures("settled")
def test_a_lesson_leads_into_the_app_with_its_study(opens: Opens) -> None:
    page = whole(opens("lesson_02"))
    button = next(each for each in page.button if each.label == "Open in Step sizes")
    sound(button.click().run())
    assert page.title[0].value == "Step sizes"
    assert address(page)["study"] == "fashion-thin"


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: str(lesson.number))
def test_a_lesson_is_cut_behind_its_experiments_and_loses_no_part(lesson: Lesson) -> None:
    stretches = going_on.stretches(lesson.parts)
    assert [placed for stretch in stretches for placed in stretch] == [*enumerate(lesson.parts)]
    for stretch in stretches:
        assert sum(isinstance(part, Experiment) for _, part in stretch) <= 1, "one more picture at a time"


@pytest.mark.usefixtures("settled")
def test_another_lesson_begins_with_its_first_experiment_again(opens: Opens) -> None:
    """And going on leaves out no stretch, whichever the browser asks for first."""
    page = whole(opens("lesson_02"))
    drawn = len(page.get("plotly_chart"))
    page.switch_page("pages/lesson_03.py").run()
    page.switch_page("pages/lesson_02.py").run()
    assert len(sound(page).get("plotly_chart")) < drawn
    page.session_state["course_drawn"] = 2
    assert any("Clip against resolution" in each.value for each in page.run().markdown)
