"""Making the study ``detector-fashion`` again: ``python -m explorer pretrain detector-fashion``.

AdamW on batches of scenes of one size, which are others than the study's, learning rate warmed up and cosine-decayed;
the study's scenes are only measured. One seed fixes weights and the order of the batches.
"""

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from explorer import detections
from explorer.studies.metrics import METRICS
from explorer.studies.networks.detecting import detection_loss, fashion_detector
from explorer.studies.shipped import scenes
from explorer.studies.shipped.pretraining import write_network

NAME = "detector-fashion"
SCENES, EPOCHS, BATCH, WARMUP = 8000, 20, 16, 200
LEARNING_RATE, WEIGHT_DECAY, SEED = 3e-3, 1e-2, 0
_RARE = 0.01  # probability that every class has at every place before training
_TOLD = 500  # steps

Sample = tuple[Tensor, dict[str, Tensor]]


def make(out: Path, data: Path | None = None, report: Callable[[str], None] = print) -> None:
    """Train the network and write what the study ships, weights in half precision.

    Args:
        out: folder to write into.
        data: not needed: clothes are the shipped ones.
        report: told how far it is.
    """
    learnt = scenes.Scenes("train", SCENES, scenes.LEARNT)
    network = _trained([learnt[row] for row in range(SCENES)], report)
    network = rounded(network)
    facts = {
        "training": f"{EPOCHS} epochs of {SCENES:,} scenes in batches of {BATCH}, AdamW, learning rate "
        f"{LEARNING_RATE:g}, seed {SEED}; rounded to half precision",
        "test scenes": _said(network, scenes.Scenes("test", scenes.TEST)),
    }
    write_network(out, network.half(), facts)


def rounded(network: nn.Module) -> nn.Module:
    """The network as it is read from a file in half precision."""
    return network.half().float()


def batches(sizes: Sequence[tuple[int, ...]], draw: torch.Generator) -> list[list[int]]:
    """Numbers of samples in batches of one size, in a random order; every sample once.

    Args:
        sizes: of the samples.
    """
    groups: dict[tuple[int, ...], list[int]] = {}
    for number in torch.randperm(len(sizes), generator=draw).tolist():
        groups.setdefault(sizes[number], []).append(number)
    found = [group[at : at + BATCH] for group in groups.values() for at in range(0, len(group), BATCH)]
    return [found[place] for place in torch.randperm(len(found), generator=draw).tolist()]


def _trained(samples: Sequence[Sample], report: Callable[[str], None]) -> nn.Module:
    torch.manual_seed(SEED)  # nn.init takes no generator
    network = fashion_detector().train()
    rare = torch.tensor(-math.log(1 / _RARE - 1))
    with torch.no_grad():
        network.get_parameter("class_head.2.bias").fill_(rare)
    draw = torch.Generator().manual_seed(SEED)
    sizes = [tuple(picture.shape) for picture, _ in samples]
    order = [batch for _ in range(EPOCHS) for batch in batches(sizes, draw)]
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / WARMUP, 0.5 * (1 + math.cos(math.pi * step / len(order))))
    )
    started = time.monotonic()
    for step, batch in enumerate(order, start=1):
        pictures = torch.stack([samples[number][0] for number in batch])
        loss = detection_loss(network(pictures), [samples[number][1] for number in batch]).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimizer.step()
        schedule.step()
        if step % _TOLD == 0:
            report(
                f"step {step:,} of {len(order):,}: loss {loss.item():.4f}, {time.monotonic() - started:.0f} s"
            )
    return network.eval()


def _said(network: nn.Module, test: scenes.Scenes) -> str:
    """Mean average precision, of all thresholds and of the lowest."""
    found: dict[str, list[Tensor]] = {"map": [], "ap50": []}
    for row in range(len(test)):
        picture, target = test[row]
        with torch.inference_mode():
            outputs = network(picture[None])
        for name, records in found.items():
            values = METRICS[name].per_sample(outputs, [target])
            assert values is not None
            records.append(values)
    said = []
    for name, records in found.items():
        value, error = detections.average_precision(detections.joined(records))
        said.append(f"{METRICS[name].name} {value:.4f} ± {error:.4f}")
    return ", ".join(said)
