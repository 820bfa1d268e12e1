r"""A small detector after RetinaNet: backbone, feature pyramid, shared heads, focal loss (Lin et al. 2017).

Every place of two levels of the pyramid, 8 and 16 pixels apart, says one box: one square anchor a place, four times as
wide as places are apart. The backbone halves a picture four times; its last two stages come together in the pyramid
(Lin et al. 2017, "Feature pyramid networks"), and one head for classes and one for boxes serve both levels. A box is
anchor edge + anchor width × output, linear instead of RetinaNet's exponential, so that the network is piecewise linear
and Gauss-Newton is its whole Hessian.

The loss of a picture, with P places that stand for a box and p_pc the probability that place p has class c:

    1/max(P, 1) [ sum_pc FL(p_pc) + BOX sum_positive p sum_edges smooth-L1((said - true) / anchor width) ]
    FL(p) = -alpha_t (1 - p_t)^gamma log p_t,    alpha = 0.25, gamma = 2

Its own positives normalise a picture's loss, so that a mean over pictures weighs each alike. A place stands for the box
whose size belongs to its level (narrower than four and a half places or not, by the root of the area) and whose middle
half, or the nearest place to the middle, it lies in; of several for the smallest.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explorer import detections

STRIDES = (8, 16)
ANCHOR = 4  # widths of a stride
ALPHA, GAMMA, BETA, BOX = 0.25, 2.0, 1 / 9, 1.0
_BORDER = 4.5 * STRIDES[0]  # pixels, from which on a box belongs to the second level
_WIDE = 32  # channels of the pyramid


class Detector(nn.Module):
    """Boxes and logits of every place.

    Args:
        classes: how many.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(_normed(1, 16, 2), _normed(16, 16, 2))
        self.near = nn.Sequential(_normed(16, 32, 2), _normed(32, 32))
        self.far = nn.Sequential(_normed(32, 48, 2), _normed(48, 48))
        self.lateral = nn.ModuleList([nn.Conv2d(32, _WIDE, 1), nn.Conv2d(48, _WIDE, 1)])
        self.smooth = nn.ModuleList([nn.Conv2d(_WIDE, _WIDE, 3, padding=1) for _ in STRIDES])
        self.class_head, self.box_head = _head(classes), _head(4)

    def forward(self, x: Tensor) -> Tensor:
        """From pictures (N, 1, H, W) to (N, places, 4 + classes).

        The first four are left, top, right and bottom in pixels, the others logits; the places of the first level come
        first, row by row.
        """
        near = self.near(self.stem(x))
        far = self.far(near)
        coarse = self.lateral[1](far)
        fine = self.lateral[0](near) + F.interpolate(coarse, size=near.shape[2:])
        levels = [smooth(level) for smooth, level in zip(self.smooth, (fine, coarse), strict=True)]
        said = [torch.cat([self.box_head(each), self.class_head(each)], dim=1) for each in levels]
        places = torch.cat([each.flatten(2).transpose(1, 2) for each in said], dim=1)
        x_, y, wide = anchors(x.shape[2], x.shape[3]).to(places).unbind(1)
        edges = torch.stack([x_ - wide / 2, y - wide / 2, x_ + wide / 2, y + wide / 2], dim=1)
        return torch.cat([edges + wide[:, None] * places[..., :4], places[..., 4:]], dim=2)


def anchors(height: int, width: int) -> Tensor:
    """Middle (x, y) and width of the anchor of every place of a picture, in pixels, (places, 3)."""
    found = []
    for stride in STRIDES:
        y, x = (stride * (torch.arange(-(-size // stride)) + 0.5) for size in (height, width))
        grid = torch.stack(torch.meshgrid(y, x, indexing="ij"), dim=-1).flip(-1).reshape(-1, 2)
        found.append(F.pad(grid, (0, 1), value=float(ANCHOR * stride)))
    return torch.cat(found)


def assigned(boxes: Tensor, middles: Tensor) -> Tensor:
    """Number of the box that each place stands for, -1 for none, (places,) int64.

    Args:
        boxes: (k, 4).
        middles: of `anchors`.
    """
    if not len(boxes):
        return torch.full((len(middles),), -1)
    size = boxes[:, 2:] - boxes[:, :2]
    apart = (middles[:, None, :2] - (boxes[:, :2] + size / 2)).abs()
    stride = middles[:, None, 2:] / ANCHOR
    inside = (apart <= torch.maximum(size / 4, stride / 2)).all(2)
    area = size.prod(1)
    second = (area.sqrt() >= _BORDER).expand(len(middles), -1)
    fits = inside & (second == (stride[..., 0] > STRIDES[0]))
    smallest = torch.where(fits, area, torch.inf).min(1)
    return torch.where(smallest.values.isfinite(), smallest.indices, -1)


def detection_loss(outputs: Tensor, targets: list[dict[str, Tensor]]) -> Tensor:
    """The loss of each picture, (N,).

    Args:
        outputs: of a `Detector`.
        targets: ``boxes`` (k, 4) and ``labels`` (k,) of each picture, and its ``size``, height and width in pixels.

    Raises:
        StudyError: a box has a label for which there is no output.
    """
    return torch.stack([_of_one(said, target) for said, target in zip(outputs, targets, strict=True)])


def loss() -> object:
    """`detection_loss`, as the factory of a study's loss."""
    return detection_loss


def fashion_detector() -> nn.Module:
    """The network of the study ``detector-fashion``."""
    return Detector(10)


def _of_one(said: Tensor, target: dict[str, Tensor]) -> Tensor:
    height, width = (int(each) for each in target["size"])
    places = anchors(height, width).to(said)
    boxes = target["boxes"].to(said)
    detections.check_labels(target["labels"], said.shape[1] - 4)
    own = assigned(boxes, places)
    positive = own >= 0
    hot = torch.zeros_like(said[:, 4:])
    hot[positive, target["labels"][own[positive]]] = 1
    logits = said[:, 4:]
    p = logits.sigmoid()
    missed = torch.where(hot > 0, 1 - p, p)
    weight = torch.where(hot > 0, ALPHA, 1 - ALPHA)
    focal = weight * missed**GAMMA * F.binary_cross_entropy_with_logits(logits, hot, reduction="none")
    apart = (said[positive, :4] - boxes[own[positive]]) / places[positive, 2:]
    edges = F.smooth_l1_loss(apart, torch.zeros_like(apart), beta=BETA, reduction="sum")
    return (focal.sum() + BOX * edges) / positive.sum().clamp(min=1)


def _normed(of: int, to: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(of, to, 3, stride, padding=1, bias=False), nn.BatchNorm2d(to), nn.ReLU())


def _head(outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(_WIDE, _WIDE, 3, padding=1), nn.ReLU(), nn.Conv2d(_WIDE, outputs, 3, padding=1)
    )
