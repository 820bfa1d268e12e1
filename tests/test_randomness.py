"""Random streams: one purpose each, and independent of one another; rows drawn with them."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.randomness import (
    _AS_RECORDED,
    Stream,
    drawn_rows,
    drawn_values,
    generator,
    numpy_generator,
    spread_rows,
)
from tests.examples import examples

SEEDS = st.integers(0, 10_000)
INDEPENDENT = [stream for stream in Stream if stream not in _AS_RECORDED]


def of_torch(stream: Stream, seed: int, draw: int = 0) -> list[int]:
    return torch.randint(2**31, (4,), generator=generator(stream, seed, draw)).tolist()


def of_numpy(stream: Stream, seed: int, draw: int = 0) -> list[int]:
    return [int(each) for each in numpy_generator(stream, seed, draw).integers(0, 2**31, 4)]


def test_no_two_streams_share_a_number() -> None:
    """An IntEnum takes a second name of a number for an alias, and both would draw the same."""
    numbers = [stream.value for stream in Stream.__members__.values()]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("drawn", [of_torch, of_numpy])
@settings(max_examples=examples(20))
@given(seed=SEEDS)
def test_two_streams_with_one_seed_draw_differently(
    drawn: Callable[[Stream, int], list[int]], seed: int
) -> None:
    """A spectrum's probes were the signs of the exact traces, number for number."""
    found = {tuple(drawn(stream, seed)) for stream in INDEPENDENT}
    assert len(found) == len(INDEPENDENT)


@settings(max_examples=examples(20))
@given(seed=st.integers(1, 10_000))
def test_no_stream_of_its_own_rule_draws_as_one_of_the_table(seed: int) -> None:
    """Streams seeded by older rules may share numbers among themselves, and with no other stream."""
    table = {tuple(of_torch(stream, seed)) for stream in INDEPENDENT}
    assert table.isdisjoint(tuple(of_torch(stream, seed)) for stream in _AS_RECORDED)


def test_streams_of_a_seed_do_not_meet_in_their_first_draws() -> None:
    """PyTorch keeps 32 bits of a seed, so two streams could meet: draw d of one is draw d + k of the other.

    The seeds are linear in the numbers of stream and draw; k solves distance * B + k * C = 0 modulo 2^32.
    """
    per_stream, per_draw, bits = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 2**32
    for distance in range(1, max(Stream) + 1):
        k = -distance * per_stream * pow(per_draw, -1, bits) % bits
        assert min(k, bits - k) > 10_000_000
    a, b = generator(Stream.TRACE_BATCHES, 3, 2), generator(Stream.TRACE_BATCHES, 3, 1)
    assert (a.initial_seed() - b.initial_seed()) % bits == per_draw % bits


def test_draws_of_one_stream_differ_and_come_back() -> None:
    """A draw depends on its number alone, so that a run resumed later draws what it would have drawn."""
    for drawn in (of_torch, of_numpy):
        found = [drawn(Stream.SPECTRUM_PROBES, 3, draw) for draw in range(20)]
        assert len({tuple(each) for each in found}) == 20
        assert drawn(Stream.SPECTRUM_PROBES, 3, 7) == found[7]


@pytest.mark.parametrize(
    ("stream", "seed"),
    [
        (Stream.TRACE_BATCHES, 4872692554340400590),
        (Stream.HESSIAN_ROWS, 4589436981586681892),
        (Stream.EIGENVECTOR_STARTS, 9153913737888450013),
    ],
)
def test_streams_keep_their_numbers(stream: Stream, seed: int) -> None:
    """Recorded results come back: the seed of a generator with seed 3, draw 2."""
    assert generator(stream, 3, 2).initial_seed() == seed


def test_streams_with_an_older_rule_keep_it() -> None:
    """Training went through the samples in these orders, and LAPQ calibrated on these images."""
    older = torch.Generator().manual_seed(5 * 100_003 + 2)
    assert torch.equal(
        drawn_rows(50, None, generator(Stream.TRAINING_ORDER, 5, 2)), torch.randperm(50, generator=older)
    )
    plain = torch.randperm(50, generator=torch.Generator().manual_seed(5))[:8]
    assert torch.equal(drawn_rows(50, 8, generator(Stream.LAPQ_IMAGES, 5)), plain)
    assert of_numpy(Stream.LAPQ_SEARCH, 5) == np.random.default_rng(5).integers(0, 2**31, 4).tolist()
    with pytest.raises(ValueError, match="single draw"):
        generator(Stream.LAPQ_IMAGES, 5, 1)


@given(size=st.integers(1, 200), count=st.integers(1, 250), seed=SEEDS)
def test_drawn_rows_are_different_and_the_first_of_more(size: int, count: int, seed: int) -> None:
    """More samples of the same seed contain fewer, so that results are comparable."""
    rows = drawn_rows(size, count, generator(Stream.HESSIAN_ROWS, seed))
    everything = drawn_rows(size, None, generator(Stream.HESSIAN_ROWS, seed))
    assert len(rows) == min(size, count)
    assert torch.equal(rows, everything[:count])
    assert sorted(everything.tolist()) == list(range(size))


@given(size=st.integers(0, 200), count=st.integers(1, 250))
def test_spread_rows_are_spread_evenly(size: int, count: int) -> None:
    """Gaps differ by one at most, so a split that is sorted by class is covered."""
    rows = spread_rows(size, count)
    assert len(rows) == min(size, count)
    gaps = torch.cat([rows, torch.tensor([size])]).diff()
    if len(rows):
        assert rows[0] == 0
        assert gaps.max() - gaps.min() <= 1
        assert gaps.min() >= 1


def test_drawn_values_hold_the_extremes() -> None:
    """Steps are chosen from them, and a clip at the largest value must be among the choices."""
    values = torch.randn(3, 1000, generator=torch.Generator().manual_seed(0))
    drawn = drawn_values(values, 10, Stream.TENSOR_VALUES)
    assert drawn.shape == (3, 12)
    assert torch.equal(drawn.amax(1), values.amax(1))
    assert torch.equal(drawn.amin(1), values.amin(1))
    assert torch.equal(drawn_values(values[0], 10, Stream.TENSOR_VALUES), drawn[0])
    assert drawn_values(values, 1000, Stream.TENSOR_VALUES) is values
