"""Named streams of random numbers, and rows drawn with them.

Every stream has one purpose and one number. A generator is seeded from the seed that a person gives, the number of
the stream and the number of the draw, so that draws of different streams are independent of one another, and a draw
does not depend on which others were made before it.

PyTorch's generator on the CPU takes the lowest 32 bits of its seed. Within one seed the streams below meet nowhere in
their first ten million draws.

The streams in `_AS_RECORDED` are seeded by rules that are older than this table, and stay, for the sake of results
that are recorded. Among themselves, and there alone, two streams may begin with the same numbers: each draws from
something else (the images of a split, the values of a tensor, the widths of a plan).
"""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum, unique

import numpy as np
import torch
from torch import Tensor


@unique
class Stream(IntEnum):
    """What random numbers are for. A number is never given to another purpose; a new purpose takes a new one."""

    TRACE_BATCHES = 1  # samples and probes of Hutchinson's estimator
    TRACE_WEIGHTED_SAMPLES = 2  # the same with samples drawn by a proposal
    OUTPUT_PROBE_SAMPLES = 3
    OUTPUT_PROBE_SIGNS = 4
    OUTPUT_PROBE_CHECK = 5
    REMAINDER_CHECK = 6
    HESSIAN_ROWS = 7  # rows of the training split that a Hessian is a mean over, and those held out
    EIGENVECTOR_STARTS = 8  # a draw a block
    SPECTRUM_PROBES = 9  # a draw a probe
    PERTURBATION_SAMPLES = 10
    PERTURBATION_SIGNS = 11
    EXACT_TRACE_ORDER = 12
    EXACT_TRACE_SIGNS = 13
    LANDSCAPE_DIRECTIONS = 14  # a draw a direction
    REDRAWN_SCORES = 15  # of the blocks, for the interval of a rank correlation
    REDRAWN_TRACES = 16  # for the uncertainty of a plan
    SHOWN_PLANS = 17  # which plans of set B the frontier shows
    LAPQ_TEST_IMAGES = 18
    LAPQ_IMAGES = 19  # of the training split, that steps are calibrated on
    LAPQ_SEARCH = 20  # steps looked at by the gradient method
    NORMAL_VALUES = 21  # in place of a tensor, for a curve of quantization errors
    TENSOR_VALUES = 22  # which values stand for a large tensor
    OBSERVED_VALUES = 23  # the same while activations are observed
    TRAINING_ORDER = 24  # a draw an epoch
    PROXY_PLANS = 25
    PLAN_RESAMPLES = 26  # for the interval of a rank correlation over plans
    BATCH_NORM_ROWS = 27  # that batch norm is estimated on again, and their augmentation
    TRAINING_TRACE = 28  # samples and signs of the trace that is shown while a network trains
    INPUT_CHANGE_SAMPLES = 29
    INPUT_CHANGE_SIGNS = 30
    HELD_OUT_ROWS = 31  # of the training split, that choose what a training keeps
    LESSONS = 32  # of the course, see `explorer.lessons.common.draws`
    SYNTHETIC_INTERACTIONS = 33  # of users and items that nobody had
    NEGATIVE_ITEMS = 34  # that stand for what users did not like, a draw an epoch; 0 is the study's own
    DATASET_SAMPLES = 35  # what a person's own data set draws when it is asked for a sample, a draw a sample
    DATASET_SPLIT = 36  # which rows are test samples where the data do not say
    RESPONSES = 37  # of a network's outputs to its weights: which samples, and how the weights move
    DETECTION_SCENES = 38  # made of pictures of clothes, a draw a scene
    REDRAWN_PICTURES = 39  # for the error of an average precision
    OUTPUT_CHANGE_SAMPLES = 40
    OUTPUT_CHANGE_SIGNS = 41
    BINARY_WEIGHTS = 43  # of stochastic BinaryConnect, a draw a step and layer
    GRADIENT_ROUNDING = 44  # of DoReFa's gradients, a draw a step and layer
    AUGMENTATION = 45  # crops and flips of training images, a draw a step
    FEATURE_NOISE = 46  # added to the inputs of layers in training, a draw a step


def _plain(seed: int, draw: int) -> int:
    if draw:
        raise ValueError(f"draw={draw}: this stream has a single draw a seed; give it a number of its own")
    return seed


_AS_RECORDED: Mapping[Stream, Callable[[int, int], int]] = {
    Stream.LAPQ_IMAGES: _plain,
    Stream.LAPQ_SEARCH: _plain,
    Stream.NORMAL_VALUES: _plain,
    Stream.TENSOR_VALUES: _plain,
    Stream.OBSERVED_VALUES: _plain,
    Stream.TRAINING_ORDER: lambda seed, draw: seed * 100_003 + draw,
    Stream.PROXY_PLANS: _plain,
    Stream.PLAN_RESAMPLES: _plain,
}


def generator(stream: Stream, seed: int, draw: int = 0) -> torch.Generator:
    """PyTorch generator of one draw of a stream, on the CPU."""
    if stream in _AS_RECORDED:
        return torch.Generator().manual_seed(_AS_RECORDED[stream](seed, draw))
    return torch.Generator().manual_seed(_mixed(stream, seed, draw))


def numpy_generator(stream: Stream, seed: int, draw: int = 0) -> np.random.Generator:
    """NumPy generator of one draw of a stream."""
    if stream in _AS_RECORDED:
        return np.random.default_rng(_AS_RECORDED[stream](seed, draw))
    return np.random.default_rng([seed, stream, draw])


@contextmanager
def fixed_draws(stream: Stream, seed: int, draw: int = 0) -> Iterator[None]:
    """Python's, NumPy's and PyTorch's own generators seeded for as long as it lasts; afterwards they are as before.

    For code of other people that draws from them: what it draws is decided by stream, seed and draw alone.
    """
    mixed = _mixed(stream, seed, draw)
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002 - theirs
    random.seed(mixed)
    np.random.seed(mixed % 2**32)  # noqa: NPY002
    torch.default_generator.manual_seed(mixed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        torch.set_rng_state(before[2])


def _mixed(stream: Stream, seed: int, draw: int) -> int:
    return (seed * 0x9E3779B97F4A7C15 + stream * 0xBF58476D1CE4E5B9 + draw * 0x94D049BB133111EB) % 2**63


def drawn_rows(size: int, count: int | None, source: torch.Generator) -> Tensor:
    """Rows drawn without replacement from ``size`` of them, int64; all of them for None or where there are no more.

    The order is random, so that the first rows of a larger draw are a smaller draw by a generator seeded alike.
    """
    return torch.randperm(size, generator=source)[:count]


def spread_rows(size: int, count: int) -> Tensor:
    """``count`` of ``size`` rows, evenly spread, int64 ascending; all of them where there are no more."""
    count = min(count, size)
    return torch.arange(count) * size // max(count, 1)


def spread_order(size: int) -> Tensor:
    """All of ``size`` rows in an order of which every beginning is evenly spread, int64.

    Van der Corput's sequence: row numbers by their binary digits read backwards.

    >>> spread_order(8).tolist()
    [0, 4, 2, 6, 1, 5, 3, 7]
    """
    digits = max(size - 1, 0).bit_length()
    numbers = torch.arange(1 << digits)
    backwards = torch.zeros_like(numbers)
    for digit in range(digits):
        backwards |= ((numbers >> digit) & 1) << (digits - 1 - digit)
    return backwards[backwards < size]


def drawn_values(values: Tensor, count: int, stream: Stream, seed: int = 0) -> Tensor:
    """Values that stand for those along the last axis: ``count`` of them and the extremes; all if there are no more.

    They are drawn with replacement, at the same places in every row.
    """
    size = values.shape[-1]
    if size <= count:
        return values
    places = torch.randint(size, (count,), generator=generator(stream, seed))
    return torch.cat([values[..., places], *values.aminmax(dim=-1, keepdim=True)], dim=-1)
