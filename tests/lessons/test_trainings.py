"""The long experiments of lessons 5, 6 and 10, on a small depthwise network."""

import math

import pytest

from explorer import studies
from explorer.lessons import binaryconnect, flat_minima, straight_through
from explorer.studies import Study
from explorer.watching import UNWATCHED
from tests import learnable


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return studies.load_network(learnable.write(tmp_path_factory.mktemp("lessons") / "learnable"))


def test_post_training_beside_training(study: Study) -> None:
    rows = straight_through.widths(study, UNWATCHED, epochs=1, bits="4,2", method="ste")["rows"]
    assert [row["name"] for row in rows] == ["4", "2"]
    assert rows[0]["bytes"][0] > rows[1]["bytes"][0], "fewer bits take less"
    assert all(0 <= row["after"][0] <= 1 and row["after"][1] >= 0 for row in rows)


def test_binary_weights_beside_their_twin(study: Study) -> None:
    rows = binaryconnect.network(study, UNWATCHED, epochs=1, rate=0.01)["rows"]
    twin, *binary = rows
    assert twin["bytes"][0] == twin["bytes"][1], "the twin stays in FP32"
    assert {row["bytes"][0] for row in binary} == {binaryconnect.memory(study)[1]}
    assert [point["epoch"] for point in binary[0]["points"]] == [0, 1]
    assert twin["before"][0] >= binary[0]["before"][0], "signs alone cost accuracy before any training"


def test_the_trace_is_told_of_all_four_trainings(study: Study) -> None:
    rows = flat_minima.fpq(study, UNWATCHED, epochs=1, w_bits=4, a_bits=4, images=64)["rows"]
    assert [row["name"] for row in rows] == list(flat_minima.VARIANTS)
    for row in rows:
        assert [point["epoch"] for point in row["points"]] == [0, 1]
        assert all(point["trace"] > 0 and math.isfinite(point["stderr"]) for point in row["points"])
    starts = {row["points"][0]["trace"] for row in rows}
    assert len(starts) == 1, "all four begin from one network"
    assert len({row["points"][1]["trace"] for row in rows}) == 4, "and each ends elsewhere"
