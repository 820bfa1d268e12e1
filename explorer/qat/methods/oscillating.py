"""The base of the methods whose weights are rounded as they are, with what may be done about oscillation (`levels`)."""

from torch import Tensor, nn

from explorer.qat.methods import levels
from explorer.qat.methods.base import Batch
from explorer.qat.methods.quantized import QuantizedMethod


class OscillationMethod(QuantizedMethod):
    """A method that can dampen or freeze oscillating weights; its options are `levels.OscillationOptions`."""

    _steps = 0  # in all; 0: not known
    _step = 0

    def expect(self, steps: int) -> None:
        """λ and τ move along the whole training."""
        self._steps = steps

    def seed_step(self, network: nn.Module, seed: int, step: int) -> None:
        """Note where in the training it is."""
        super().seed_step(network, seed, step)
        self._step = step

    def penalty(self, network: nn.Module, batch: Batch) -> Tensor | None:
        """Dampening, if asked for."""
        chosen = self.chosen()
        if chosen.oscillation != "dampen":
            return None
        weight = float(chosen.dampening) * levels.rising(self._step, self._steps)
        return weight * levels.dampening(network)

    def after_step(self, network: nn.Module) -> None:
        """Count oscillating weights, and freeze them if asked to."""
        chosen = self.chosen()
        above = None
        if chosen.oscillation == "freeze":
            begun = levels.FREEZE_FROM * chosen.freezing
            above = begun + (chosen.freezing - begun) * levels.rising(self._step, self._steps)
        levels.see_step(network, freeze_above=above)
