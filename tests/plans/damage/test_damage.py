"""Ω is mean trace times squared error with its sign, and nothing that is not a number gets into it."""

from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.errors import PlanError
from explorer.plans import damage_table, interpolate_errors


def test_omega_is_mean_trace_times_squared_error() -> None:
    table = damage_table({"a": 2.0, "b": -0.5}, {"a": {4: 3.0}, "b": {4: 8.0}})
    assert table.omega({"a": 4, "b": 4}) == 6.0 - 4.0
    assert table.omega({"a": 32, "b": 4}) == -4.0


@pytest.mark.parametrize(
    ("traces", "errors", "sentence"),
    [
        ({"a": nan}, {"a": {4: 1.0}}, "the mean trace of a is nan"),
        ({"a": 1.0}, {"a": {4: nan}}, "the squared error of a at 4 bits is nan"),
        ({"a": 1.0}, {"a": {4: -1.0}}, "the squared error of a at 4 bits is -1.0"),
        ({"a": 1.0}, {}, "no quantization error is known for a"),
    ],
)
def test_a_figure_that_is_no_figure_names_its_block(traces: dict, errors: dict, sentence: str) -> None:
    with pytest.raises(PlanError, match=sentence):
        damage_table(traces, errors)


def test_a_standard_error_that_is_no_number_names_its_block() -> None:
    with pytest.raises(PlanError, match=r"the mean trace of a is 1\.0 ± nan"):
        damage_table({"a": 1.0}, {"a": {4: 1.0}}, stderr={"a": nan})


@given(st.floats(1e-6, 1e6))
def test_a_uniform_quantizers_law_is_interpolated_exactly(scale: float) -> None:
    published = {"a": {4: scale * 4.0**-4, 8: scale * 4.0**-8}}
    filled, estimated = interpolate_errors(published, (2, 3, 4, 6, 8, 16, 32))
    for bits in (2, 3, 4, 6, 8, 16):
        assert filled["a"][bits] == pytest.approx(scale * 4.0**-bits, rel=1e-9)
    assert estimated == {("a", bits) for bits in (2, 3, 6, 16)}
    assert 32 not in filled["a"]


@given(st.floats(1e-6, 1e3), st.floats(1e-6, 1e3))
def test_interpolated_errors_stay_between_their_neighbours(low: float, high: float) -> None:
    filled, _ = interpolate_errors({"a": {4: low, 8: high}}, range(1, 9))
    row = [filled["a"][bits] for bits in range(4, 9)]
    assert all(min(low, high) * (1 - 1e-9) <= error <= max(low, high) * (1 + 1e-9) for error in row)


def test_what_rests_on_an_estimate_says_so() -> None:
    errors, estimated = interpolate_errors({"a": {4: 1.0, 8: 0.004}}, (4, 6, 8))
    table = damage_table({"a": 1.0}, errors, estimated=estimated)
    assert table.is_estimated({"a": 6})
    assert not table.is_estimated({"a": 4})


def test_nothing_is_interpolated_from_nothing() -> None:
    with pytest.raises(PlanError, match="no quantization error is published for a"):
        interpolate_errors({"a": {32: 0.0}}, (4,))


def test_activations_add_their_part_where_they_are_named() -> None:
    table = damage_table({"a": 2.0}, {"a": {4: 3.0}}, stderr={"a": 1.0})
    both = table.with_activation({"a": {4: 0.5, 8: 0.25}}, {"a": {4: 4.0}})
    assert both.has_activations
    assert not table.has_activations
    assert both.omega({"a": 4}) == 6.0
    assert both.omega({"a": 4}, {"a": 8}) == 6.25
    assert both.omega({"a": 4}, {"a": 32}) == 6.0, "activations in full precision do no damage"
    assert table.omega({"a": 4}, {"a": 4}) == 6.0
    assert both.omega_stderr({"a": 4}, {"a": 4}) == 5.0
    assert both.omega_stderr({"a": 4}, {"a": 8}) == 3.0
    with pytest.raises(PlanError, match="no damage of the activations is known for a at 2 bits"):
        both.at_activation("a", 2)
