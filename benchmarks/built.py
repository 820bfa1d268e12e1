"""Networks of other sizes for the scaling measurements, untrained, with random labels; a small transformer, trained.

What a pass costs does not depend on the weights. How many draws an error takes does: untrained networks have
samples that are much alike, so they take fewer.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from explorer import studies
from explorer.studies.data.images import ImageData
from explorer.studies.networks.attention import open_attention
from explorer.studies.networks.small import BasicBlock, ResNet20
from explorer.studies.study import Study


def resnet(depth: int, classes: int, in_channels: int) -> ResNet20:
    """He et al. 2016, section 4.2: 6 n + 2 layers; n = 3 is the built-in studies' ResNet-20.

    Raises:
        ValueError: no such depth.
    """
    if depth < 20 or (depth - 2) % 6:
        raise ValueError(f"depth={depth} is not 6 n + 2 with n of at least 3")
    network = ResNet20(in_channels, classes)
    for stage, width in ((network.layer1, 16), (network.layer2, 32), (network.layer3, 64)):
        assert isinstance(stage, nn.Sequential)
        for _ in range((depth - 20) // 6):
            stage.append(BasicBlock(width, width, 1))
    return network


def untrained(study: Study, *, depth: int, classes: int, images: int, seed: int = 0) -> Study:
    """The first images of a study with random labels, and an untrained network whose batch norms know them."""
    assert isinstance(study.data, ImageData)
    pixels = study.data.images("train", slice(0, images))
    labels = np.random.default_rng(seed).integers(0, classes, len(pixels))
    labels[-1] = classes - 1  # the largest label tells the number of classes
    arrays = {
        "train_images": pixels,
        "train_labels": labels,
        "test_images": pixels,
        "test_labels": labels,
    }
    data = ImageData(arrays, mean=study.data.mean, std=study.data.std)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        network = resnet(depth, classes, pixels.shape[3]).train()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = None  # the plain average over what follows
        for part in torch.arange(min(len(pixels), 256)).split(64):
            network(data.inputs("train", part))
    name = f"resnet{depth}-{classes}-classes"
    return replace(study, name=name, reference=name, data=data, network=network.eval())


class Transformer(nn.Module):
    """16 patches of 7 x 7 pixels as tokens of 32 numbers, one encoder layer of 4 heads, the mean of the tokens."""

    def __init__(self, classes: int = 10, width: int = 32) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, width, 7, stride=7)
        self.places = nn.Parameter(torch.randn(1, 16, width) * 0.02)
        self.encoder = nn.TransformerEncoderLayer(width, 4, 2 * width, dropout=0.0, batch_first=True)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2) + self.places
        logits: Tensor = self.head(self.encoder(tokens).mean(dim=1))
        return logits


def attention(*, epochs: int = 3, seed: int = 0) -> Study:
    """Fashion-MNIST with a small transformer, trained here."""
    study = studies.load_network("fashion-thin")
    size = study.data.size("train")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = Transformer().train()
        optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
        for _ in range(epochs):
            for rows in torch.randperm(size).split(128):
                inputs, targets = next(study.data.batches("train", 128, rows))
                optimizer.zero_grad()
                nn.functional.cross_entropy(network(inputs), targets).backward()
                optimizer.step()
    ready = open_attention(network).eval().requires_grad_(False)
    return replace(study, name="attention", reference="attention", network=ready, weights_sha256="0" * 64)
