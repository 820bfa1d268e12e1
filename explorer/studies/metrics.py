"""What a study counts beside its loss: a value per sample between 0 and 1, and figures of all samples together.

A metric is averaged over samples as the loss is. Where targets are classes it is the share of samples that are right;
where it says nothing of the targets (a regression's), it is None throughout and only the loss is shown.

    accuracy          the largest output is the target's class
    top5              the target's class is among the five largest outputs
    token-accuracy    share of a sequence's counted tokens that are predicted
    hr10              the positive one is among the ten best of a user's candidates (HR@10)
    ndcg10            1 / log2(1 + its place) if it is, else 0 (NDCG@10 of one relevant item)
    map, ap50         a record of what is found in a picture; mean average precision is counted of all records together

hr10 and ndcg10 are those of He et al., "Neural collaborative filtering", section 4.1. A candidate of equal score counts
as better than the positive one, so that a network that says the same of all is not right.

What a detector finds is told from outputs (n, places, 4 + classes): left, top, right and bottom in the unit of the true
boxes, then logits. As RetinaNet does, of all pairs of a place and a class with a probability above 0.05 the 1,000 most
probable are looked at from the most probable down; a box that overlaps one of its class that was kept by an IoU above
0.5 is left out; at most 100 are kept.

Figures of all samples are functions of the mean loss L with standard error s, by the delta method:

    perplexity        exp(L) ± exp(L) s         of token cross-entropy
    rmse              sqrt(L) ± s / (2 sqrt(L))  of the squared error
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from explorer import detections
from explorer.estimates import Estimate
from explorer.studies.losses import IGNORED, Loss

_SURE, _SAME, _LOOKED_AT = (
    0.05,
    0.5,
    1000,
)  # probability, IoU and number of boxes a detector's outputs are read by


@dataclass(frozen=True)
class Metric:
    """A value per sample.

    Attributes:
        name: what its mean is called.
        per_sample: of outputs and targets, shape (N,), or records (N, entries, 3) of `explorer.detections`; None
            where it cannot be told from them.
        higher_is_better: which way is better.
        scores: how many dimensions outputs have that are scores, the last of which is looked through for the largest:
            2 of (N, C), 3 of (N, T, C); None where outputs are something else, such as boxes.
        of_all: whether it is computed of the records of all samples together, and is no mean over them.
    """

    name: str
    per_sample: Callable[[Any, Any], Tensor | None]
    higher_is_better: bool = True
    scores: int | None = 2
    of_all: bool = False

    @property
    def title(self) -> str:
        """The name at the beginning of a label."""
        return self.name[:1].upper() + self.name[1:]

    def largest(self, outputs: Any) -> Tensor | None:
        """Place of the largest score, (N,), of a language model of every token's, (N, T); None without scores."""
        if not isinstance(outputs, Tensor) or outputs.ndim != self.scores or outputs.shape[-1] < 2:
            return None
        return outputs.argmax(-1)

    def better(self, one: float, other: float) -> bool:
        """Whether ``one`` is better than ``other``."""
        return one > other if self.higher_is_better else one < other


def classified_rightly(outputs: Any, targets: Tensor) -> Tensor | None:
    """Whether the largest output is the target's class; None where there are no classes to tell."""
    if not _classes(outputs, targets):
        return None
    found: Tensor = outputs.argmax(1) == targets
    return found


def among_five(outputs: Any, targets: Tensor) -> Tensor | None:
    """Whether the target's class is among the five largest outputs; None where there are no classes to tell."""
    if not _classes(outputs, targets):
        return None
    best = outputs.topk(min(5, outputs.shape[1]), dim=1).indices
    found: Tensor = (best == targets.unsqueeze(1)).any(1)
    return found


def tokens_predicted(outputs: Any, targets: Tensor) -> Tensor | None:
    """Share of the tokens of (N, T) targets that have the largest of (N, T, V) outputs; None of other shapes."""
    if not isinstance(outputs, Tensor) or outputs.ndim != 3 or targets.shape != outputs.shape[:2]:
        return None
    counted = targets != IGNORED
    right = (outputs.argmax(2) == targets) & counted
    return right.sum(1).double() / counted.sum(1).clamp(min=1)


def hit_among_ten(outputs: Any, targets: Tensor) -> Tensor | None:
    """Whether the positive one of (N, C) candidates is among the ten of the highest outputs."""
    place = _place(outputs, targets)
    return None if place is None else place <= 10


def boxes_found(outputs: Any, targets: Any) -> Tensor | None:
    """Records of what (n, places, 4 + classes) outputs find in pictures, (n, entries, 3) of `explorer.detections`.

    Raises:
        StudyError: a box has a label for which there is no output.
    """
    if not isinstance(outputs, Tensor) or outputs.ndim != 3 or outputs.shape[2] < 5:
        return None
    if not isinstance(targets, list) or not all({"boxes", "labels"} <= set(each) for each in targets):
        return None
    classes = outputs.shape[2] - 4
    records = []
    for said, target in zip(outputs.detach().cpu(), targets, strict=True):
        labels = target["labels"].cpu()
        detections.check_labels(labels, classes)
        found = _found(said[:, :4], said[:, 4:].sigmoid())
        records.append(detections.record(*found, target["boxes"].cpu(), labels)[None])
    return detections.joined(records)


def boxes_found_loosely(outputs: Any, targets: Any) -> Tensor | None:
    """The same at the lowest IoU alone."""
    records = boxes_found(outputs, targets)
    return None if records is None else detections.at_lowest(records)


def gain_among_ten(outputs: Any, targets: Tensor) -> Tensor | None:
    """1 / log2(1 + place) of the positive one among (N, C) candidates where it is among the ten highest, else 0."""
    place = _place(outputs, targets)
    return None if place is None else torch.where(place <= 10, 1 / torch.log2(1 + place.double()), 0.0)


ACCURACY = Metric("accuracy", classified_rightly)
METRICS = {
    "accuracy": ACCURACY,
    "top5": Metric("top-5 accuracy", among_five),
    "token-accuracy": Metric("token accuracy", tokens_predicted, scores=3),
    "hr10": Metric("HR@10", hit_among_ten),
    "ndcg10": Metric("NDCG@10", gain_among_ten),
    "map": Metric("mAP", boxes_found, scores=None, of_all=True),
    "ap50": Metric("AP50", boxes_found_loosely, scores=None, of_all=True),
}


def usual(loss: Loss) -> Metric:
    """What is counted where a study does not say: of tokens their accuracy, else that of classes."""
    return METRICS["token-accuracy"] if loss.kind == "token_cross_entropy" else ACCURACY


def figures(loss: Loss, mean: Estimate) -> dict[str, Estimate]:
    """Figures of all samples together, by their mean loss."""
    if loss.kind == "token_cross_entropy" and mean.value < 700:  # beyond, a float has no exponential
        value = math.exp(mean.value)
        return {"perplexity": Estimate(value, value * mean.stderr)}
    if loss.kind == "mse" and mean.value > 0:
        value = math.sqrt(mean.value)
        return {"rmse": Estimate(value, mean.stderr / (2 * value))}
    return {}


def _classes(outputs: Any, targets: Any) -> bool:
    """Whether outputs are scores of classes, and targets numbers of some."""
    if not isinstance(outputs, Tensor) or not isinstance(targets, Tensor) or targets.is_floating_point():
        return False
    return outputs.ndim == 2 and outputs.shape[1] >= 2 and targets.ndim == 1


def _found(boxes: Tensor, probabilities: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes (k, 4), their probabilities and their classes, from all places (places, 4) and (places, classes)."""
    place, label = (probabilities > _SURE).nonzero(as_tuple=True)
    order = probabilities[place, label].argsort(descending=True, stable=True)[:_LOOKED_AT]
    place, label = place[order], label[order]
    boxes = boxes[place]
    clash = (detections.overlaps(boxes, boxes) > _SAME) & (label[:, None] == label)
    left = torch.ones(len(boxes), dtype=torch.bool)
    kept: list[int] = []
    for number in range(len(boxes)):
        if left[number] and len(kept) < detections.MOST:
            kept.append(number)
            left &= ~clash[number]
    return boxes[kept], probabilities[place[kept], label[kept]], label[kept]


def _place(outputs: Any, targets: Any) -> Tensor | None:
    """Place of the positive candidate of every row, from 1; None where not every row has exactly one."""
    if not isinstance(outputs, Tensor) or outputs.ndim != 2 or targets.shape != outputs.shape:
        return None
    positive = targets > 0
    if outputs.shape[1] < 2 or not (positive.sum(1) == 1).all():
        return None
    own = outputs[positive].unsqueeze(1)
    found: Tensor = 1 + ((outputs >= own) & ~positive).sum(1)
    return found
