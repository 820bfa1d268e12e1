"""Random draws of lessons: all of one stream, of which every lesson and purpose has draws of its own."""

import torch

from explorer.randomness import Stream, generator

PURPOSES, DRAWS = 10, 10_000


def source(lesson: int, purpose: int, seed: int = 0, draw: int = 0) -> torch.Generator:
    """Generator of one draw.

    Args:
        lesson: its number.
        purpose: from 0 to 9, each of which the lesson's module names.
        seed: that a reader or a run gives.
        draw: from 0 to 9,999: of an epoch, a step or a repetition.

    Raises:
        ValueError: a number is beyond its limits, where it would be another purpose's draw.
    """
    if not (0 < lesson < 100 and 0 <= purpose < PURPOSES and 0 <= draw < DRAWS):
        raise ValueError(f"there is no draw {draw} for purpose {purpose} of lesson {lesson}")
    return generator(Stream.LESSONS, seed, (lesson * PURPOSES + purpose) * DRAWS + draw)
