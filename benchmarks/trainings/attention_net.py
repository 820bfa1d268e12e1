"""A small network with attention for images of 28×28: 16 patches, two encoder layers, the mean of what comes out."""

import torch
from torch import Tensor, nn

WIDTH, HEADS, HIDDEN, LAYERS, PATCH, SIDE = 32, 4, 64, 2, 7, 28


class AttentionNet(nn.Module):
    """Patches as by Dosovitskiy et al. 2021, without their class token; layer norm first (Xiong et al. 2020)."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, WIDTH, PATCH, stride=PATCH)
        self.place = nn.Parameter(torch.zeros((SIDE // PATCH) ** 2, WIDTH))
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, HIDDEN, dropout=0.0, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(WIDTH)
        self.linear = nn.Linear(WIDTH, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 1, 28, 28) to scores (N, classes)."""
        tokens = self.patches(x).flatten(2).transpose(1, 2) + self.place
        found: Tensor = self.linear(self.norm(self.encoder(tokens).mean(1)))
        return found


def build() -> nn.Module:
    """The network, untrained."""
    return AttentionNet()
