r"""The drop of accuracy that a plan costs, with limits within which it lies.

The drop is the mean over n samples of (metric of FP32 − metric of the plan), each in [−1, 1], with the standard error
s / sqrt(n) of that paired mean. Where few samples differ, s is too small to be believed: 256 samples without a single
difference do not show that the drop is 0. A net drop of t has a variance of at least t (1 − t), so the upper limit is
the larger of

    d + z s / sqrt(n)     and     the root U of (U − d)^2 = z^2 U (1 − U) / n,

Wilson's limit (Journal of the American Statistical Association 22, 1927) of a share equal to the drop; without any
difference it is z^2 / (n + z^2). The lower limit is d − z s / sqrt(n).

Mean average precision is no mean over samples. Its drop is the difference of two figures of the same n pictures,
s / sqrt(n) the bootstrap's standard error of that (`explorer.detections`), and no least variance of it is known, since
a picture has many boxes. The second limit is a floor all the same: how often it holds was measured (docs/choose.md).
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

from torch import Tensor

from explorer.estimates import NOISE, paired


@dataclass(frozen=True)
class Drop:
    """Accuracy lost against FP32 on the same samples.

    Attributes:
        value, stderr: mean of the differences, in [-1, 1], or the difference of a metric of all samples together, and
            its standard error; infinite for one sample.
        samples: how many.
    """

    value: float
    stderr: float
    samples: int

    @classmethod
    def between(cls, reference: Tensor, plan: Tensor) -> "Drop":
        """The drop from the metric of FP32 to that of a plan, both (n,) values of samples."""
        return cls(*paired(reference, plan), len(plan))

    def upper(self, z: float = NOISE) -> float:
        """The least drop that is not excluded from above, see the module."""
        share = z * z / self.samples
        middle = 2 * self.value + share
        inner = middle**2 - 4 * (1 + share) * self.value**2
        wilson = (middle + math.sqrt(inner)) / (2 * (1 + share)) if inner >= 0 else self.value
        return max(self.value + z * self.stderr, wilson)

    def lower(self, z: float = NOISE) -> float:
        """The drop less ``z`` standard errors."""
        return self.value - z * self.stderr


def z_of(error: float) -> float:
    """Standard errors that a normal variate exceeds with this probability, on one side."""
    return -NormalDist().inv_cdf(error)
