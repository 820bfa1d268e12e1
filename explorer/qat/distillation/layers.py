"""The layers whose outputs teach, and whose inputs take noise: convolutions, or linear layers where there are none."""

from torch import nn

CONVOLUTIONS = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)


def teaching_layers(network: nn.Module) -> list[str]:
    """Their names, each module once."""
    kinds = [
        [name for name, module in network.named_modules() if isinstance(module, kind)]
        for kind in (CONVOLUTIONS, nn.Linear)
    ]
    return kinds[0] or kinds[1]
