"""Plans that papers published, to compare one's own with.

HAWQ's plan for ResNet-20 on CIFAR-10: Dong et al., "HAWQ: Hessian AWare Quantization of Neural Networks with
Mixed-Precision" (ICCV 2019), Table VI. Eleven blocks: the first convolution, nine
residual blocks, the classifier. Its 268,336 weights (no biases, no batch-norm, shortcuts without parameters)
take 655,104 bits, 81,888 bytes, 13.107 times less than in FP32.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from explorer.blocks import Block
from explorer.plans.plan.plan import BlockBits, Plan, StudyIdentity
from explorer.studies.study import AnyStudy

TABLE_VI_SOURCE = "HAWQ (Dong et al. 2019), Table VI: ResNet-20 on CIFAR-10"

# module: (weights, weight bits, activation bits)
TABLE_VI: Mapping[str, tuple[int, int, int]] = {
    "conv1": (432, 8, 8),
    "layer1.0": (4608, 6, 4),
    "layer1.1": (4608, 6, 4),
    "layer1.2": (4608, 8, 4),
    "layer2.0": (13824, 3, 4),
    "layer2.1": (18432, 3, 4),
    "layer2.2": (18432, 3, 4),
    "layer3.0": (55296, 2, 4),
    "layer3.1": (73728, 2, 4),
    "layer3.2": (73728, 2, 4),
    "linear": (640, 3, 8),
}


@dataclass(frozen=True)
class Published:
    """A published plan, as a plan of this study.

    Attributes:
        plan: named as people know it.
        source: where it was published.
    """

    plan: Plan
    source: str


def published_plans(study: AnyStudy, blocks: Sequence[Block]) -> tuple[Published, ...]:
    """The published plans that fit these blocks; none for a network nobody published one for.

    A plan for modules also serves the layers inside them, each with its module's bits.
    """
    if not study.has_network:
        source = study.card.source or study.card.title
        return tuple(
            Published(Plan.of_weights(study, blocks, bits, name=name), source)
            for name, bits in study.published_plans.items()
        )
    plan = table_vi(study, blocks)
    return (Published(plan, TABLE_VI_SOURCE),) if plan else ()


def table_vi(study: StudyIdentity, blocks: Sequence[Block]) -> Plan | None:
    """HAWQ's Table VI as a plan for these blocks, or None when they are not its ResNet-20.

    The names of the modules and the number of weights in each must agree, at either granularity.
    """
    weights = dict.fromkeys(TABLE_VI, 0)
    bits = {}
    for block in blocks:
        module = next((name for name in TABLE_VI if f"{block.name}.".startswith(f"{name}.")), None)
        if module is None:
            return None
        weights[module] += block.weights
        bits[block.name] = BlockBits(*TABLE_VI[module][1:])
    if weights != {name: n for name, (n, _, _) in TABLE_VI.items()}:
        return None
    return Plan(study.name, study.weights_sha256, bits, "HAWQ Table VI")
