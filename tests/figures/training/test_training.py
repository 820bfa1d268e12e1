"""Curves of a training: loss on the left, accuracy on the right, both over epochs."""

from explorer.figures import training
from explorer.qat.record import TrainingRecord

TRAIN = [{"epoch": 0.5, "loss": 1.0, "accuracy": 0.5}, {"epoch": 1.0, "loss": 0.5, "accuracy": 0.75}]
TEST = [{"epoch": 0.0, "loss": 2.0, "accuracy": 0.25}]


def test_four_curves_of_what_was_recorded() -> None:
    made = training.figure(TRAIN, TEST, epochs=2)
    curves = [(t.name, t.xaxis, list(t.x), list(t.y)) for t in made.data]
    assert curves == [
        ("training batches", "x", [0.5, 1.0], [1.0, 0.5]),
        ("test images", "x", [0.0], [2.0]),
        ("training batches", "x2", [0.5, 1.0], [50, 75]),
        ("test images", "x2", [0.0], [25]),
    ]
    assert [t.showlegend for t in made.data] == [True, True, False, False]


def test_without_classes_there_is_no_accuracy_to_draw() -> None:
    made = training.figure([{"epoch": 1.0, "loss": 1.0, "accuracy": None}], [], epochs=1)
    assert [list(t.y or ()) for t in made.data] == [[1.0], [], [], []]


def test_before_the_first_point_the_axes_are_there() -> None:
    made = training.figure([], [], epochs=10)
    assert made.layout.xaxis.range[0] < 0
    assert made.layout.xaxis.range[1] > 10


def test_the_fp32_accuracy_is_a_line_on_the_right() -> None:
    [line] = training.figure(TRAIN, TEST, epochs=2, reference=0.9).layout.shapes
    assert (line.y0, line.y1, line.yref) == (90, 90, "y2")


def test_axes_name_units() -> None:
    layout = training.figure(TRAIN, TEST, epochs=2).layout
    titles = [axis.title.text for axis in (layout.xaxis, layout.xaxis2, layout.yaxis, layout.yaxis2)]
    assert titles[0] == titles[1] == "epochs"
    assert "loss" in titles[2]
    assert titles[3] == "accuracy (%)"


def test_what_a_method_tells_is_a_line_a_name_whenever_it_is_told() -> None:
    points = [{"epoch": 0.5, "clipped": 0.1}, {"epoch": 1.0, "clipped": 0.2, "step": 3.0}]
    clipped, step = training.of_method(points, epochs=1).data
    assert (clipped.name, list(clipped.x), list(clipped.y)) == ("clipped", [0.5, 1.0], [0.1, 0.2])
    assert (step.name, list(step.x), list(step.y)) == ("step", [1.0], [3.0])


def test_what_was_kept_stands_where_it_was_taken_with_its_error() -> None:
    """Batch norm estimated again may leave the end of the curve; an epoch before the last is not at its end."""
    value = {
        "split": "test",
        "samples": 9,
        "size_bytes": 1,
        "fp32_bytes": 2,
        "bops": 3,
        "loss": 0.5,
        "loss_stderr": 0.1,
    }
    value |= {"accuracy": 0.8, "accuracy_stderr": 0.02}
    for name, epoch in (("untrained plan", 0), ("epoch 1", 1), ("last, batch norm estimated again", 2)):
        record = TrainingRecord.from_json(
            {
                "before": value,
                "after": value,
                "weights_artifact": "",
                "plan": {},
                "seconds": 1.0,
                "kept": name,
            }
        )
        made = training.figure(TRAIN, TEST, epochs=2, kept=training.Kept.of(record, 2))
        stars = [each for each in made.data if each.name == "kept"]
        assert [(each.x[0], each.y[0], each.error_y.array[0]) for each in stars] == [
            (epoch, 0.5, 0.1), (epoch, 80.0, 2.0)
        ]  # fmt: skip
    assert not any(each.name == "kept" for each in training.figure(TRAIN, TEST, epochs=2).data)
