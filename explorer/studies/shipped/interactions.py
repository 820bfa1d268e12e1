"""Who likes what: interactions of users and items, made up from a seed or read from MovieLens-100K.

MovieLens may not be redistributed, so what ships is synthetic, of the same form: users and items have places in a small
space, some items are liked by many, and a user likes those that are near and popular (Gumbel noise makes the draw).
As in He et al. 2017 the last item of every user is held out, to be found among CANDIDATES - 1 items the user did not
touch; a training set pairs every liked item with NEGATIVES others.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer import reading
from explorer.errors import StudyError
from explorer.randomness import Stream, numpy_generator

CANDIDATES, NEGATIVES, CALIBRATION = 1000, 4, 10_000
_USERS, _ITEMS, _SPACE, _LEAST, _MOST = 600, 1200, 6, 20, 120
_RATINGS = reading.Kind(
    "the ratings", 10_000_000, StudyError, "unpack MovieLens-100K, and name the folder that has u.data"
)


@dataclass(frozen=True)
class Interactions:
    """What users liked, in order of time.

    Attributes:
        liked: item numbers of each user; the last is held out.
        items: how many there are.
    """

    liked: tuple[np.ndarray, ...]
    items: int

    def pairs(self, rng: np.random.Generator, positives: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Users, items and labels of training pairs, (n, 1) each.

        Args:
            positives: how many liked items are drawn; all by default.
        """
        users = np.concatenate([np.full(len(own) - 1, user) for user, own in enumerate(self.liked)])
        items = np.concatenate([own[:-1] for own in self.liked])
        if positives is not None and positives < len(users):
            chosen = np.sort(rng.permutation(len(users))[:positives])
            users, items = users[chosen], items[chosen]
        others = np.repeat(users, NEGATIVES)
        untouched = rng.integers(self.items, size=len(others))
        touched = self._touched
        while (wrong := touched[others, untouched]).any():
            untouched[wrong] = rng.integers(self.items, size=int(wrong.sum()))
        labels = np.concatenate([np.ones(len(users)), np.zeros(len(others))])
        parts = (np.concatenate([users, others]), np.concatenate([items, untouched]))
        u, i = (torch.from_numpy(part.astype(np.int64))[:, None] for part in parts)
        return u, i, torch.from_numpy(labels.astype(np.float32))[:, None]

    def candidates(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Users, items and labels, (users, C) each: the item that was held out first, then others."""
        touched = self._touched
        count = min(CANDIDATES - 1, self.items - max(map(len, self.liked)))
        rows = []
        for user, own in enumerate(self.liked):
            free = np.flatnonzero(~touched[user])
            rows.append(np.concatenate([own[-1:], rng.permutation(free)[:count]]))
        items = torch.from_numpy(np.stack(rows).astype(np.int64))
        users = torch.arange(len(rows))[:, None].expand_as(items).contiguous()
        labels = torch.zeros(items.shape)
        labels[:, 0] = 1
        return users, items, labels

    @cached_property
    def _touched(self) -> np.ndarray:
        found = np.zeros((len(self.liked), self.items), bool)
        for user, own in enumerate(self.liked):
            found[user, own] = True
        return found


class Pairs:
    """A map-style dataset of pairs: ``((users, items), labels)``."""

    def __init__(self, users: Tensor, items: Tensor, labels: Tensor) -> None:
        self._users, self._items, self._labels = users, items, labels

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, row: int) -> tuple[tuple[Tensor, Tensor], Tensor]:
        return (self._users[row], self._items[row]), self._labels[row]


def synthetic(seed: int = 0) -> Interactions:
    """Interactions that nobody had."""
    rng = numpy_generator(Stream.SYNTHETIC_INTERACTIONS, seed)
    users, items = rng.standard_normal((_USERS, _SPACE)), rng.standard_normal((_ITEMS, _SPACE))
    popular = 1.2 * rng.standard_normal(_ITEMS)
    drawn = 1.5 * (users @ items.T) / _SPACE**0.5 + popular - np.log(-np.log(rng.random((_USERS, _ITEMS))))
    counts = rng.integers(_LEAST, _MOST, size=_USERS)
    order = np.argsort(-drawn, axis=1)
    return Interactions(
        tuple(rng.permutation(order[user, :count]) for user, count in enumerate(counts)), _ITEMS
    )


def movielens(folder: Path) -> Interactions:
    """MovieLens-100K, every rating an interaction.

    Raises:
        StudyError: there is no u.data in the folder, or it is something else.
    """
    path = folder / "u.data"
    text = reading.read_text(path, _RATINGS)
    try:
        rows = np.array([[int(each) for each in line.split("\t")] for line in text.splitlines()])
        users, items, _, times = rows.T
    except ValueError as error:
        raise StudyError(
            f"{path} is not a table of user, item, rating and time; unpack MovieLens-100K"
        ) from error
    order = np.lexsort((items, times, users))
    users, items = users[order] - 1, items[order] - 1
    liked = tuple(items[users == user] for user in range(int(users.max()) + 1))
    return Interactions(liked, int(items.max()) + 1)


def tensors(of: Interactions) -> dict[str, tuple[Tensor, Tensor, Tensor]]:
    """Users, items and labels of both splits: the pairs LAPQ calibrates on (section 5.2), everybody's candidates."""
    rng = numpy_generator(Stream.NEGATIVE_ITEMS, 0)
    return {"train": of.pairs(rng, CALIBRATION), "test": of.candidates(rng)}


def synthetic_splits() -> dict[str, Any]:
    """Data of the study ``ncf-synthetic``, as a factory gives it."""
    return {**{split: Pairs(*parts) for split, parts in tensors(synthetic()).items()}, "noun": "sample"}
