"""The layers whose outputs teach, and whose inputs take noise: convolutions, or linear layers where there are none."""

from torch import nn

from explorer.blocks import CONVOLUTIONS, TRANSPOSED

CONVOLVING = (*CONVOLUTIONS, *TRANSPOSED)


def teaching_layers(network: nn.Module) -> list[str]:
    """Their names, each module once."""
    kinds = [
        [name for name, module in network.named_modules() if isinstance(module, kind)]
        for kind in (CONVOLVING, nn.Linear)
    ]
    return kinds[0] or kinds[1]
