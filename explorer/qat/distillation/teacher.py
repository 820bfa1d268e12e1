"""The FP32 network as a teacher: in eval mode, without gradients, on the very inputs that the other network trains on.

Its layers' outputs are there for one step alone. A network whose in-place operations overwrite a layer's output (a ReLU
right behind a convolution) is found out on a few samples; the outputs of such layers are copied.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from explorer.qat.distillation.layers import CONVOLVING, teaching_layers
from explorer.qat.distillation.standardized import standardized_apart


@dataclass(eq=False)
class Lesson:
    """One step's.

    Attributes:
        outputs: of the teacher.
        features: its layers' outputs, one a call, by layer.
        apart: how far each output of the other network's layers is from the teacher's.
    """

    outputs: Any
    features: dict[str, list[Tensor]]
    apart: list[Tensor] = field(default_factory=list)


class Teacher:
    """See the module.

    Args:
        network: a fresh FP32 copy.
        example: inputs of a few samples.
        channels: whether its layers teach.
    """

    def __init__(self, network: nn.Module, example: Any, *, channels: bool) -> None:
        self._network = network.eval().requires_grad_(False)
        self._layers = teaching_layers(network) if channels else []
        self._copied: frozenset[str] = frozenset()
        self._copied = self._overwritten(example)

    def teach(self, inputs: Any) -> Lesson:
        """The lesson on a batch of inputs."""
        features: dict[str, list[Tensor]] = {name: [] for name in self._layers}

        def keep(name: str, layer: nn.Module, args: Any, output: Tensor) -> None:
            features[name].append(output.clone() if name in self._copied else output)

        with self._hooked(self._network, keep), torch.no_grad():
            outputs = self._network(inputs)
        return Lesson(outputs, features)

    @contextmanager
    def compared(self, network: nn.Module, lesson: Lesson) -> Iterator[None]:
        """Compare what the layers of a network give while the block runs with what the lesson says."""

        def compare(name: str, layer: nn.Module, args: Any, output: Tensor) -> None:
            taught = lesson.features[name].pop(0)
            own = output.clone() if name in self._copied else output
            axis = 1 if isinstance(layer, CONVOLVING) else -1
            lesson.apart.append(standardized_apart(own, taught, axis=axis))

        with self._hooked(network, compare):
            yield

    def _overwritten(self, example: Any) -> frozenset[str]:
        """Layers whose output is not what it was when the network is done."""
        found: dict[str, list[tuple[Tensor, int]]] = {name: [] for name in self._layers}

        def note(name: str, layer: nn.Module, args: Any, output: Tensor) -> None:
            found[name].append((output, output._version))

        with self._hooked(self._network, note), torch.no_grad():
            self._network(example)
        return frozenset(
            name for name, outputs in found.items() if any(one._version != before for one, before in outputs)
        )

    @contextmanager
    def _hooked(self, network: nn.Module, hook: Any) -> Iterator[None]:
        handles = [
            network.get_submodule(name).register_forward_hook(partial(hook, name)) for name in self._layers
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
