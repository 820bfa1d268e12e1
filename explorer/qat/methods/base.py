"""What a method of quantization-aware training decides; the loop does the rest (`qat.finetuning`).

The loop asks a method in this order, and for nothing else:

    check               before anything is computed: whether it can train these widths
    prepare             once: the network that trains
    parameter_groups    once: what the optimizer moves, and how fast
    expect              once: how many steps there will be in all
    start_epoch         before the first step of every epoch
    seed_step           before every step: where its random draws begin
    penalty             at every step: what is added to the study's loss
    after_step          after every step of the optimizer
    series              with every point of the curves: numbers to show beside loss and accuracy
    layer_series        with every point of the curves: numbers of every layer

Only `prepare` has to be written. A training makes one object of the class, so a method may keep what it needs
from `prepare` on; what training changes belongs into the network, whose state dict the checkpoints hold.

What a person may choose about a method is a model of its own, a subclass of `MethodOptions` with a default, limits and
a description for each field; the class names it as `Options`, and an object is made with one: `METHODS[name](options)`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from explorer.quantizers.given import GivenSteps
from explorer.questions.base import Frozen

_MOST_LAYERS = 4096


def draw_of(step: int, layer: int) -> int:
    """The draw of a random stream that a layer takes at a step; layers are numbered as they come."""
    return step * _MOST_LAYERS + layer


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


class MethodOptions(Frozen):
    """Options of a method; this one has none."""


class Method(ABC):
    """A method of quantization-aware training.

    Attributes:
        title: its name on pages and in help texts, without an article.
        Options: model of its options; every field has a default.
        options: chosen ones.
    """

    title: ClassVar[str]
    Options: ClassVar[type[MethodOptions]] = MethodOptions

    def __init__(self, options: MethodOptions | None = None) -> None:
        self.options = self.Options() if options is None else options

    def check(self, bits: Mapping[str, tuple[int, int]]) -> None:  # noqa: B027 - as start_epoch
        """Refuse widths that the method cannot train; ``bits`` as in `prepare`.

        Raises:
            RunError: there is such a width.
        """

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
        """Parameter groups as `torch.optim` takes them; one without its own ``lr`` or ``weight_decay`` gets these.

        Weights decay; vectors and scalars do not: biases, batch norm, step sizes, clips.
        """
        moved = [each for each in network.parameters() if each.requires_grad]
        weights, others = ([each for each in moved if (each.ndim > 1) is wide] for wide in (True, False))
        return [{"params": weights}, {"params": others, "weight_decay": 0.0}]

    def expect(self, steps: int) -> None:  # noqa: B027 - as start_epoch
        """Learn how many steps the training has in all, for what changes along it."""

    def start_epoch(self, network: nn.Module) -> None:  # noqa: B027 - nothing, unless a method has something to do
        """Change the network before an epoch, in place."""

    def seed_step(self, network: nn.Module, seed: int, step: int) -> None:  # noqa: B027 - as start_epoch
        """Begin the step number ``step``, from 0: every random draw in it follows from ``seed`` and ``step``."""

    def penalty(self, network: nn.Module, batch: Batch) -> Tensor | None:
        """A scalar to add to the mean loss of the batch; None: nothing."""
        return None

    def after_step(self, network: nn.Module) -> None:  # noqa: B027 - as start_epoch
        """Change the network after a step, in place, such as to clip its weights."""

    def series(self, network: nn.Module) -> dict[str, float]:
        """Numbers to show as curves, by name."""
        return {}

    def layer_series(self, network: nn.Module) -> dict[str, dict[str, float]]:
        """Numbers of each layer, by layer and by what they are."""
        return {}
