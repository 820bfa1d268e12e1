"""A study's network with a layer beside it that nothing reaches."""

from dataclasses import replace

from torch import Tensor, nn

from explorer.studies import Study


class _Spare(nn.Module):
    def __init__(self, used: nn.Module) -> None:
        super().__init__()
        self.used, self.spare = used, nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.used(x)
        return found


def with_spare(study: Study) -> Study:
    """The same study; its layers are now under ``used``, and there is one more, ``spare``."""
    return replace(study, network=_Spare(study.model()).eval())
