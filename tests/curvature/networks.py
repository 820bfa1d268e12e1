"""Small studies for the curvature tests."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from explorer.studies.data.images import ImageData
from explorer.studies.data.samples import Rows
from explorer.studies.losses import Loss
from explorer.studies.study import Card, Study

Network = TypeVar("Network", bound=nn.Module)


def study_of(
    network: nn.Module,
    *,
    shape: tuple[int, int, int] = (6, 6, 2),
    size: int = 23,
    classes: int = 3,
    loss: Loss | None = None,
) -> Study:
    """A study with random images; every batch-norm statistic is made uneven."""
    generator = np.random.default_rng(7)
    arrays: dict[str, np.ndarray] = {}
    for split in ("train", "test"):
        arrays[f"{split}_images"] = generator.integers(0, 256, (size, *shape), dtype=np.uint8)
        arrays[f"{split}_labels"] = generator.integers(0, classes, size)
    data = ImageData(arrays, mean=(0.4,) * shape[2], std=(0.3,) * shape[2])
    torch_generator = torch.Generator().manual_seed(3)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None:
            module.running_mean.copy_(torch.randn(module.num_features, generator=torch_generator) * 0.3)
            assert module.running_var is not None
            module.running_var.copy_(torch.rand(module.num_features, generator=torch_generator) + 0.5)
    return Study("tiny", "tiny", Card("tiny"), data, loss or Loss("cross_entropy"), "0" * 64, network.eval())


def seeded(build: Callable[..., Network], *args: Any) -> Network:
    """Build a network with reproducible weights, leaving the global generator alone."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return build(*args)


def in_double(study: Study, rows: Rows) -> tuple[Tensor, Tensor]:
    """Training inputs in float64, tokens as they are, and their targets."""
    inputs = study.data.inputs("train", rows)
    return inputs.double() if inputs.is_floating_point() else inputs, study.data.targets("train", rows)


def dense_weight_trace(study: Study, parameter: str) -> float:
    """Tr(H) of the mean loss over one weight, from torch.func.hessian in float64."""
    model = study.model().double()
    for module in model.modules():
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]
    inputs, targets = in_double(study, slice(None))
    whole = dict(model.named_parameters())
    weight = whole[parameter].detach()

    def loss(flat: Tensor) -> Tensor:
        outputs = torch.func.functional_call(model, {**whole, parameter: flat.view_as(weight)}, (inputs,))
        return study.loss(outputs, targets)

    with sdpa_kernel(SDPBackend.MATH):
        return float(torch.func.hessian(loss)(weight.flatten()).trace())


def dense_activation_trace(study: Study, name: str) -> tuple[int, float]:
    """Activations of one sample that layer ``name`` reads, and the mean over samples of the trace of their
    Hessian."""
    model = study.model().double()
    for module in model.modules():
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]
    layer = model.get_submodule(name)
    total, size, added = 0.0, 0, torch.zeros(1)

    def add(_module: nn.Module, args: tuple[Tensor]) -> Tensor:
        nonlocal size
        size = args[0].numel()
        return args[0] + added.view_as(args[0]) if added.numel() == size else args[0]

    layer.register_forward_pre_hook(add)
    for n in range(study.data.size("train")):
        x, y = in_double(study, slice(n, n + 1))
        model(x)

        def loss(e: Tensor, x: Tensor = x, y: Tensor = y) -> Tensor:
            nonlocal added
            added = e
            return study.loss(model(x), y)

        zero = torch.zeros(size, dtype=torch.float64)
        with sdpa_kernel(SDPBackend.MATH):
            total += float(torch.autograd.functional.hessian(loss, zero).trace())
    return size, total / study.data.size("train")


class Tokens(ImageData):
    """Grey images read as sentences: a token a pixel, integers below ``VOCABULARY``."""

    VOCABULARY = 7

    def inputs(self, split: str, rows: Rows) -> Tensor:
        return torch.from_numpy(self.images(split, rows)).flatten(1).long() % self.VOCABULARY


class Reader(nn.Module):
    """Tokens through an embedding, a layer that is not piecewise linear and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(Tokens.VOCABULARY, 4)
        self.hidden = nn.Linear(4, 5)
        self.leave = nn.Linear(5, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.leave(torch.tanh(self.hidden(self.embedding(tokens))).mean(1))


def token_study(size: int = 12) -> Study:
    """Sentences of six tokens, and a network that reads them."""
    generator = np.random.default_rng(4)
    arrays: dict[str, np.ndarray] = {}
    for split in ("train", "test"):
        arrays[f"{split}_images"] = generator.integers(0, 256, (size, 2, 3, 1), dtype=np.uint8)
        arrays[f"{split}_labels"] = generator.integers(0, 3, size)
    data = Tokens(arrays, mean=(0.0,), std=(1.0,))
    network = seeded(Reader).eval()
    return Study("tokens", "tokens", Card("tokens"), data, Loss("cross_entropy"), "0" * 64, network)


class Mixed(nn.Module):
    """Convolution, batch norm, ReLU6, depthwise, max pooling, dilation, groups, a residual sum, average
    pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, stride=1, padding=1)
        self.bn = nn.BatchNorm2d(4)
        self.relu6 = nn.ReLU6(inplace=True)
        self.depthwise = nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(2)
        self.grouped = nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(2, 1), dilation=(2, 1), groups=2)
        self.point = nn.Conv2d(6, 4, 1)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.linear = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu6(self.bn(self.stem(x)))
        x = self.pool(self.relu(self.depthwise(x) + x))
        x = self.point(torch.relu(self.grouped(x)))
        return self.linear(self.average(x).flatten(1))


class Smooth(nn.Module):
    """A two-layer tanh network: Gauss-Newton is not its Hessian."""

    def __init__(self, inputs: int = 72, hidden: int = 4, classes: int = 3) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, hidden)
        self.second = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.tanh(self.first(x.flatten(1))))


class Twice(nn.Module):
    """One layer used twice in a row, and a classifier tied to it."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(72, 3)
        self.shared = nn.Linear(3, 3)
        self.tied = nn.Linear(3, 3)
        self.tied.weight = self.shared.weight

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.enter(x.flatten(1)))
        x = torch.relu(self.shared(x) + 1)
        x = torch.relu(self.shared(x) + 1)
        return self.tied(x)


class Attention(nn.Module):
    """Rows of the image as a sequence through attention, layer norm and GELU."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(12, 4)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.norm = nn.LayerNorm(4)
        self.mlp = nn.Linear(4, 5)
        self.leave = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x.permute(0, 2, 3, 1).flatten(2))
        x = self.norm(x + self.attention(x, x, x, need_weights=False)[0])
        return self.leave(nn.functional.gelu(self.mlp(x)).mean(1))
