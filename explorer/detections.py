r"""Mean average precision of detections, as COCO defines it, with its standard error.

A detection is right at a threshold t if it overlaps a true box of its class by an IoU of at least t; a true box makes
one detection right, that of the highest score. Of all detections of a class, sorted by score, those down to one have a
precision and a recall; with the largest precision at this recall or a higher one,

    AP_t = mean over the recalls 0, 0.01, ..., 1 of the precision, 0 beyond the highest recall reached
    mAP  = mean over classes and over t = 0.50, 0.55, ..., 0.95 of AP_t

(Lin et al. 2014, "Microsoft COCO", and the evaluation of its task: at most 100 detections of a picture, boxes of every
area, no crowds). A class without a true box does not count. AP50 is the same at t = 0.50 alone.

The mean average precision of pictures is no mean of theirs, so what is kept of each picture is a record, from which it
is computed for any set of them: entries (label, score, thresholds) for detections, the thresholds at which it is right
as bits, lowest first, and (label, inf, count) for the true boxes of a class; (-1, 0, 0) fills up. The standard error is
the bootstrap's (Efron 1979): the standard deviation over `RESAMPLES` draws of as many pictures with replacement.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.errors import StudyError
from explorer.estimates import Estimate
from explorer.randomness import Stream, generator

THRESHOLDS: tuple[float, ...] = tuple(np.linspace(0.5, 0.95, 10).tolist())
ALL = 2 ** len(THRESHOLDS) - 1  # bits of a detection that is right at every threshold
MOST = 100  # detections of a class in a picture
RESAMPLES = 200
_RECALLS = torch.from_numpy(np.linspace(0, 1, 101))
_AT_ONCE = 2**22  # numbers of a class that are looked at together


def overlaps(boxes: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of boxes (k, 4) and (m, 4): left, top, right, bottom; (k, m)."""
    low = torch.maximum(boxes[:, None, :2], others[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(2)
    areas = [(each[:, 2:] - each[:, :2]).clamp(min=0).prod(1) for each in (boxes, others)]
    whole = areas[0][:, None] + areas[1][None] - shared
    return torch.where(whole > 0, shared / whole, 0.0)


def check_labels(labels: Tensor, classes: int) -> None:
    """Name a label that a network has no output for.

    Raises:
        StudyError: there is one.
    """
    beyond = labels[(labels < 0) | (labels >= classes)]
    if len(beyond):
        raise StudyError(
            f"a box has the label {int(beyond[0])} and the network has outputs for {classes} classes, from 0"
        )


def record(boxes: Tensor, scores: Tensor, labels: Tensor, true: Tensor, classes: Tensor) -> Tensor:
    """Record of one picture, (entries, 3) float64.

    Args:
        boxes, scores, labels: of detections, (k, 4), (k,), (k,).
        true, classes: boxes that are there and their labels, (m, 4), (m,).
    """
    entries = []
    for label in torch.cat([labels, classes]).unique().tolist():
        own = (labels == label).nonzero().flatten()
        order = own[scores[own].argsort(descending=True, stable=True)][:MOST]
        here = true[classes == label].double()
        bits = _right(overlaps(boxes[order].double(), here))
        found = scores[order].double()
        entries.append(torch.stack([torch.full_like(found, label), found, bits], dim=1))
        if len(here):
            entries.append(torch.tensor([[label, math.inf, len(here)]], dtype=torch.float64))
    return torch.cat(entries) if entries else torch.zeros(0, 3, dtype=torch.float64)


def at_lowest(records: Tensor) -> Tensor:
    """Records of the lowest threshold alone: their mean average precision is AP50."""
    label, score, bits = records.unbind(-1)
    right = (bits.long() & 1) * float(ALL)
    return torch.stack([label, score, torch.where(score.isinf(), bits, right)], dim=-1)


def filled(records: Tensor, entries: int) -> Tensor:
    """Records (..., e, 3) with as many entries as asked for, at least e."""
    more = entries - records.shape[-2]
    padded = F.pad(records, (0, 0, 0, more))
    if more:
        padded[..., records.shape[-2] :, 0] = -1
    return padded


def joined(parts: Sequence[Tensor]) -> Tensor:
    """Records of parts of the pictures, (n, e, 3) each with entries of its own number, one after another."""
    entries = max(part.shape[-2] for part in parts)
    return torch.cat([filled(part, entries) for part in parts])


def average_precision(records: Tensor) -> Estimate:
    """Mean average precision of pictures, (n, e, 3), and its standard error.

    Raises:
        StudyError: there is no true box.
    """
    return _estimate(_precisions(records, _draws(len(records))))


def apart(of: Tensor, than: Tensor) -> Estimate:
    """Mean average precision of ``of`` less that of ``than``, both of the same pictures, each draw of both alike.

    Raises:
        StudyError: there is no true box.
    """
    draws = _draws(len(of))
    return _estimate(_precisions(of, draws) - _precisions(than, draws))


def _estimate(values: Tensor) -> Estimate:
    """The first of them, and how the others scatter."""
    error = values[1:][~values[1:].isnan()].std().item() if len(values) > 2 else math.inf
    return Estimate(values[0].item(), error)


def _draws(pictures: int) -> Tensor:
    """How often each picture is in a draw, (1 + RESAMPLES, n) float64; in the first of them once."""
    once = torch.ones(1, pictures, dtype=torch.float64)
    if pictures < 2:
        return once
    chosen = torch.randint(pictures, (RESAMPLES, pictures), generator=generator(Stream.REDRAWN_PICTURES, 0))
    counts = torch.zeros(RESAMPLES, pictures, dtype=torch.float64)
    return torch.cat([once, counts.scatter_add_(1, chosen, torch.ones(chosen.shape, dtype=torch.float64))])


def _precisions(records: Tensor, draws: Tensor) -> Tensor:
    """Mean average precision of every draw, (draws,); nan where a draw has no true box."""
    records = records.double().cpu()
    label, score, third = records.unbind(-1)
    true = (label >= 0) & score.isinf()
    if not true.any():
        raise StudyError("no true box is there, so there is no average precision; give samples with boxes")
    of_classes = []
    for each in label[true].unique().tolist():
        counts = torch.where(true & (label == each), third, 0.0).sum(1)
        pictures, entries = ((label == each) & ~true).nonzero(as_tuple=True)
        order = (-score[pictures, entries]).argsort(stable=True)
        pictures, bits = pictures[order], third[pictures, entries][order].long()
        right = torch.stack([(bits >> t) & 1 for t in range(len(THRESHOLDS))]).double()
        step = max(1, _AT_ONCE // max(1, right.numel()))
        parts = [_of_class(right, part[:, pictures], part @ counts) for part in draws.split(step)]
        of_classes.append(torch.cat(parts))
    return torch.stack(of_classes).nanmean(0)


def _of_class(right: Tensor, weights: Tensor, there: Tensor) -> Tensor:
    """Average precision of one class, mean over the thresholds.

    Args:
        right: (T, k), of the detections from the highest score down.
        weights: how often each counts in a draw, (b, k).
        there: number of true boxes in a draw, (b,).

    Returns:
        (b,), nan where there is no true box.
    """
    hits = (weights[:, None] * right).cumsum(2)
    all_of_them = weights.cumsum(1)[:, None]
    recall = hits / there[:, None, None]
    precision = torch.where(all_of_them > 0, hits / all_of_them, 0.0)
    precision = precision.flip(2).cummax(2).values.flip(2) if precision.shape[2] else precision
    asked = _RECALLS.expand(*hits.shape[:2], -1).contiguous()
    places = torch.searchsorted(recall.nan_to_num().contiguous(), asked)
    beyond = F.pad(precision, (0, 1))
    value = beyond.gather(2, places).mean((1, 2))
    return torch.where(there > 0, value, math.nan)


def _right(overlap: Tensor) -> Tensor:
    """Thresholds at which each detection is right, as bits, (k,) float64.

    Args:
        overlap: with the true boxes of its class, (k, m), detections from the highest score down.
    """
    lowest, *_ = THRESHOLDS
    found = [0] * len(overlap)
    rows = [(place, row) for place, row in enumerate(overlap.tolist()) if row and max(row) >= lowest]
    for number, threshold in enumerate(THRESHOLDS):
        free = set(range(overlap.shape[1]))
        for place, row in rows:
            best = max(
                free, key=lambda box: (row[box], box), default=None
            )  # of equal ones the last, as COCO's
            if best is not None and row[best] >= min(threshold, 1 - 1e-10):
                free.remove(best)
                found[place] += 2**number
    return torch.tensor(found, dtype=torch.float64)
