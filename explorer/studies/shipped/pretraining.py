"""Training the FP32 networks of the built-in studies from scratch, repeatably.

SGD with Nesterov momentum, a linear warm-up and a cosine decay of the learning rate, random crops (2 pixels
of padding) and horizontal flips. One seed fixes the initial weights, the order of the samples and every
augmentation; on one machine with one number of threads the result is the same to the bit.
"""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from explorer.estimates import RunningMean
from explorer.studies.shipped import fashion


@dataclass(frozen=True)
class Recipe:
    """How an FP32 network is trained."""

    epochs: int
    batch_size: int = 128
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup_epochs: float = 1.0
    crop_padding: int = 2
    seed: int = 0


def write_network(out: Path, network: nn.Module, facts: Mapping[str, str]) -> None:
    """Write a network's weights, and its card with what was measured, into a folder that is made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    state = {name: each.contiguous() for name, each in network.state_dict().items()}
    save_file(state, out / "weights.safetensors")
    (out / "card.json").write_text(json.dumps(dict(facts), indent=2) + "\n", encoding="utf-8")


def pretrain(
    build: Callable[[], nn.Module],
    arrays: dict[str, np.ndarray],
    recipe: Recipe,
    report: Callable[[str], None] = print,
) -> nn.Module:
    """Train ``build()`` on ``train_images``/``train_labels`` and return it in eval mode.

    The test images are only measured, once an epoch; no choice depends on them.
    """
    torch.manual_seed(recipe.seed)  # the one place where weights are drawn: nn.init takes no generator
    model = build().train()
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    draw = torch.Generator().manual_seed(recipe.seed)
    images, labels = to_inputs(arrays["train_images"]), torch.from_numpy(arrays["train_labels"])
    per_epoch = len(labels) // recipe.batch_size
    total, warmup = per_epoch * recipe.epochs, recipe.warmup_epochs * per_epoch
    optimizer = torch.optim.SGD(
        _parameter_groups(model, recipe.weight_decay),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=True,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min((step + 1) / max(warmup, 1), 0.5 * (1 + math.cos(math.pi * step / total))),
    )
    start = time.monotonic()
    for epoch in range(recipe.epochs):
        order = torch.randperm(len(labels), generator=draw)[: per_epoch * recipe.batch_size]
        running = RunningMean()
        for batch in order.split(recipe.batch_size):
            x = _augment(images[batch], recipe.crop_padding, draw).to(memory_format=torch.channels_last)
            loss = F.cross_entropy(model(x), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            running.add(loss.item(), len(batch))
        test_loss, accuracy = measure(model, arrays["test_images"], arrays["test_labels"])
        report(
            f"epoch {epoch + 1}/{recipe.epochs}: training loss {running.value:.4f}, "
            f"test loss {test_loss:.4f}, test accuracy {accuracy:.2%}, {time.monotonic() - start:.0f} s"
        )
    return model.eval()


def to_inputs(images: np.ndarray) -> Tensor:
    """uint8 NHWC images to normalised float32 NCHW inputs."""
    x = torch.from_numpy(images.copy()).permute(0, 3, 1, 2).float() / 255
    return (x - fashion.MEAN[0]) / fashion.STD[0]


@torch.no_grad()
def measure(model: nn.Module, images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Mean cross-entropy and accuracy in eval mode, weighed by samples; the model's mode is restored."""
    was_training = model.training
    model.eval()
    targets = torch.from_numpy(labels)
    loss, correct = 0.0, 0
    for rows in torch.arange(len(labels)).split(500):
        logits = model(to_inputs(images[rows.numpy()]).to(memory_format=torch.channels_last))
        loss += F.cross_entropy(logits, targets[rows], reduction="sum").item()
        correct += int((logits.argmax(1) == targets[rows]).sum())
    model.train(was_training)
    return loss / len(labels), correct / len(labels)


def _parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay on matrices and kernels only; BN scales, shifts and biases are left free."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    free = [p for p in model.parameters() if p.ndim <= 1]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": free, "weight_decay": 0.0}]


def _augment(x: Tensor, padding: int, draw: torch.Generator) -> Tensor:
    """One random crop and one random horizontal flip per sample; the background stays black."""
    n, _, height, width = x.shape
    flip = torch.rand(n, generator=draw) < 0.5
    x = torch.where(flip[:, None, None, None], x.flip(3), x)
    background = -fashion.MEAN[0] / fashion.STD[0]
    padded = F.pad(x, (padding,) * 4, value=background)
    shift = torch.randint(0, 2 * padding + 1, (2, n), generator=draw)
    rows = shift[0, :, None] + torch.arange(height)
    columns = shift[1, :, None] + torch.arange(width)
    return padded[torch.arange(n)[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(
        0, 3, 1, 2
    )
