"""What a method of quantization-aware training decides; the loop does the rest (`qat.finetuning`).

The loop asks a method in this order, and for nothing else:

    prepare             once: the network that trains
    parameter_groups    once: what the optimizer moves, and how fast
    start_epoch         before the first step of every epoch
    penalty             at every step: what is added to the study's loss
    after_step          after every step of the optimizer
    series              with every point of the curves: numbers to show beside loss and accuracy

Only `prepare` has to be written. A training makes one object of the class, so a method may keep what it needs
(a teacher) from `prepare` on; what training changes belongs into the network, whose state dict the checkpoints hold.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from explorer.quantizers.given import GivenSteps


@dataclass(frozen=True, eq=False)
class Batch:
    """One batch on its way through a step.

    Attributes:
        inputs, targets: as the study gives them.
        outputs: of the network that trains; gradients flow through them.
    """

    inputs: Tensor
    targets: Tensor
    outputs: Tensor


class Method(ABC):
    """A method of quantization-aware training.

    Attributes:
        title: its name on pages and in help texts, without an article.
    """

    title: ClassVar[str]

    @abstractmethod
    def prepare(
        self,
        model: nn.Module,
        bits: Mapping[str, tuple[int, int]],
        calibration: Iterable[Tensor],
        steps: GivenSteps | None,
    ) -> nn.Module:
        """A copy of a study's network that trains under quantization.

        Args:
            bits: of the weight and of the input of each layer that is quantized.
            calibration: batches of inputs, to choose the activations' steps with.
            steps: that the plan carries; they go before rules.
        """

    def parameter_groups(
        self, network: nn.Module, *, learning_rate: float, weight_decay: float
    ) -> list[dict[str, Any]]:
        """Parameter groups as `torch.optim` takes them; one without its own ``lr`` or ``weight_decay`` gets these."""
        return [{"params": [each for each in network.parameters() if each.requires_grad]}]

    def start_epoch(self, network: nn.Module) -> None:  # noqa: B027 - nothing, unless a method has something to do
        """Change the network before an epoch, in place."""

    def penalty(self, network: nn.Module, batch: Batch) -> Tensor | None:
        """A scalar to add to the mean loss of the batch; None: nothing."""
        return None

    def after_step(self, network: nn.Module) -> None:  # noqa: B027 - as start_epoch
        """Change the network after a step, in place, such as to clip its weights."""

    def series(self, network: nn.Module) -> dict[str, float]:
        """Numbers to show as curves, by name."""
        return {}
