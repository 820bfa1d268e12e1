"""Making the study ``tiny-language-model`` again: ``python -m explorer pretrain tiny-language-model``.

AdamW on windows that begin anywhere in the training part of the text, learning rate warmed up and cosine-decayed; the
test part is only measured. One seed fixes weights and windows.
"""

import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from explorer.estimates import means
from explorer.studies.kinds.text import TextSection
from explorer.studies.losses import IGNORED, Loss
from explorer.studies.networks.language import CONTEXT, tiny_language_model
from explorer.studies.shipped import builtin
from explorer.studies.shipped.pretraining import write_network
from explorer.studies.toml import described

NAME = "tiny-language-model"
STEPS, BATCH, WARMUP = 2500, 64, 200
LEARNING_RATE, WEIGHT_DECAY, SEED = 3e-3, 0.01, 0


def make(out: Path, data: Path | None = None, report: Callable[[str], None] = print) -> None:
    """Train the network and write what the study ships.

    Args:
        out: folder to write into.
        data: the text; the shipped one by default.
        report: told how far it is.
    """
    text = data or builtin.ASSETS / NAME / "text.txt"
    section = described(builtin.toml_path(NAME)).data
    assert isinstance(section, TextSection)
    assert section.test_share is not None
    numbers = torch.frombuffer(bytearray(text.read_bytes()), dtype=torch.uint8).long()
    ends = training_bytes(len(numbers), section.test_share)
    network = _trained(numbers[: ends + 1], report)
    parts = {"training part": numbers[: ends + 1], "test part": numbers[ends:]}
    facts = {
        "training": f"{STEPS:,} steps of {BATCH} windows of {CONTEXT} bytes, AdamW, learning rate {LEARNING_RATE:g}, "
        f"seed {SEED}",
        **{name: _said(network, part) for name, part in parts.items()},
    }
    write_network(out, network, facts)
    if text.resolve() != (out / "text.txt").resolve():
        shutil.copyfile(text, out / "text.txt")


def training_bytes(count: int, test_share: float) -> int:
    """Where the test part begins of a text of so many bytes: at a window of the study's data."""
    windows = -(-(count - 1) // CONTEXT)
    return (windows - round(test_share * windows)) * CONTEXT


def _trained(numbers: Tensor, report: Callable[[str], None]) -> nn.Module:
    """The network, trained on a text."""
    torch.manual_seed(SEED)  # nn.init takes no generator
    network = tiny_language_model().train()
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
    draw = torch.Generator().manual_seed(SEED)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / WARMUP, 0.5 * (1 + math.cos(math.pi * step / STEPS)))
    )
    loss_of, started = Loss("token_cross_entropy"), time.monotonic()
    for step in range(1, STEPS + 1):
        first = torch.randint(len(numbers) - CONTEXT, (BATCH, 1), generator=draw)
        taken = numbers[first + torch.arange(CONTEXT + 1)]
        loss = loss_of(network(taken[:, :-1]), taken[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 500 == 0:
            report(f"step {step:,} of {STEPS:,}: loss {loss.item():.4f}, {time.monotonic() - started:.0f} s")
    return network.eval()


def _said(network: nn.Module, numbers: Tensor) -> str:
    """Loss and perplexity on windows that do not overlap, each alike, the last and shorter one too, as the study has
    them."""
    count = -(-(len(numbers) - 1) // CONTEXT)
    filled = torch.cat([numbers, numbers.new_full((CONTEXT,), IGNORED)])
    taken = filled[torch.arange(count)[:, None] * CONTEXT + torch.arange(CONTEXT + 1)]
    loss_of = Loss("token_cross_entropy")
    with torch.inference_mode():
        losses = torch.cat(
            [loss_of.per_sample(network(each[:, :-1].clamp(min=0)), each[:, 1:]) for each in taken.split(256)]
        )
    mean, error = (each.item() for each in means(losses))
    return f"loss {mean:.4f} ± {error:.4f} nats a byte, perplexity {math.exp(mean):.3f}"
