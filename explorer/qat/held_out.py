"""What a training keeps: the best of its candidates by samples of the training split that were held out.

Candidates are the plan without training, the network after each epoch, the last one, and that with batch norm estimated
again. The better metric wins; where it is the same, or there is none, the lower loss; where that is the same too, the
candidate that came later. So what is kept is never worse than the start on those samples, and the test split, which
chooses nothing, says what it is worth.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from explorer.evaluation import measure_samples
from explorer.evaluation.per_sample import Check
from explorer.randomness import Stream, drawn_rows, generator
from explorer.studies import Study

MOST, SHARE = 1000, 0.1
UNTRAINED, LAST, RE_ESTIMATED = "untrained plan", "last", "last, batch norm estimated again"
_OF_EPOCH = "epoch "


@dataclass(frozen=True)
class Candidate:
    """One network that might be kept.

    Attributes:
        name: which.
        loss, accuracy: means over the samples held out; the study's metric, None where it says nothing.
    """

    name: str
    loss: float
    accuracy: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Candidate":
        """The inverse of ``to_json``."""
        return cls(**content)


def after_epoch(number: int) -> str:
    """What the candidate after this epoch, 1 being the first, is called."""
    return f"{_OF_EPOCH}{number}"


def epoch_of(kept: str, epochs: int) -> int:
    """After how many of a training's epochs the candidate of this name stood."""
    if kept == UNTRAINED:
        return 0
    return int(kept.removeprefix(_OF_EPOCH)) if kept.startswith(_OF_EPOCH) else epochs


def split_rows(size: int, seed: int, *, hold: bool) -> tuple[Tensor, Tensor]:
    """Rows that are trained on and rows held out, int64 ascending: a tenth of them, at most 1,000.

    Args:
        hold: whether any are held out.
    """
    count = min(MOST, int(size * SHARE)) if hold else 0
    held = drawn_rows(size, count, generator(Stream.HELD_OUT_ROWS, seed)).sort().values
    others = torch.ones(size, dtype=torch.bool)
    others[held] = False
    return others.nonzero().flatten(), held


class Chooser:
    """Measures candidates.

    Args:
        rows: held out; without any nothing is measured, and every candidate replaces the one before.
    """

    def __init__(self, study: Study, rows: Tensor, check: Check) -> None:
        self._study, self._rows, self._check = study, rows, check

    @property
    def chooses(self) -> bool:
        """Whether there are samples to choose by."""
        return len(self._rows) > 0

    def measured(self, name: str, network: nn.Module) -> Candidate:
        """A network in its post-training form as a candidate."""
        found = measure_samples(self._study, network, "train", rows=self._rows, check=self._check)
        return Candidate(name, found.losses.mean().item(), found.mean_metric)

    def prefers(self, one: Candidate, other: Candidate) -> bool:
        """Whether ``one``, the later, is kept rather than ``other``."""
        if one.accuracy is not None and other.accuracy is not None and one.accuracy != other.accuracy:
            return self._study.metric.better(one.accuracy, other.accuracy)
        return one.loss <= other.loss
