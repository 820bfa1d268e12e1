"""Lesson 4, calibration: which range an activation's grid spans, what four rules say of it, and what it is worth.

An activation behind a ReLU has no negative value, so its grid is unsigned and its range is [0, c]:

    step = c / (2^b - 1)       x^ = step clip(round(x / step), 0, 2^b - 1)

The clip c is chosen from a few images before the network is used. Min-max: the largest value. Percentile: the value
that all but a few do not exceed (Wu et al. 2020, section 4). MSE: the least mean squared error. KL: the clip whose
quantized histogram tells least from the true one (Migacz 2017), here of `BINS` bins, where
`explorer.quantizers.steps.kl` has 2,001 or 8,001. Half the values behind a ReLU are exactly zero; they may be left out
of the histogram, by giving the first bin the height of the second, as NVIDIA's ``pytorch-quantization`` does.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import torch
from torch import Tensor, nn

from explorer.export import Options, Subject, export
from explorer.export.latency import latency
from explorer.export.onnx_files import running
from explorer.export.onnx_files.converting import converted
from explorer.lessons.common import material, measuring
from explorer.lessons.common.longs import LongExperiment, Values
from explorer.plans import Plan, fp32_bytes, size_bytes
from explorer.qat import finetune
from explorer.quantizers import FLOAT_BITS, GivenSteps, Grid, LayerSteps, simulate, steps
from explorer.quantizers.steps import kl
from explorer.randomness import spread_rows
from explorer.studies import Study
from explorer.studies.calibration import calibration_batches
from explorer.watching import Part, Watcher

RULES = ("min-max", "percentile", "mse", "kl")
BINS = 400
VALUES = 10_000  # of an activation, that stand for it
IMAGES = 16  # that the lesson's pictures are calibrated on
CLIPS = 60  # of the curves
PASSES = 4  # over an activation that fake quantization makes: divide, round, clip, multiply
FLOAT_BYTES = 4


@cache
def activations() -> dict[str, np.ndarray]:
    """Those of ``fashion-thin`` that the lesson's pictures show, as `given`."""
    return given(material.study(), IMAGES)


def given(study: Study, images: int) -> dict[str, np.ndarray]:
    """Inputs of all layers that are given no negative value: up to `VALUES` + 1 values each, the largest among them.

    Args:
        images: of the training split, evenly spread.
    """
    network, kept = study.model(), {}

    def keep(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            kept[name] = inputs[0].detach().flatten().double().numpy()

        return hook

    names = [layer.name for block in study.blocks() for layer in block.layers]
    for name in names:
        network.get_submodule(name).register_forward_pre_hook(keep(name))
    with torch.no_grad():
        network(study.data.inputs("train", spread_rows(study.data.size("train"), images)))
    return {
        name: np.append(kept[name][spread_rows(len(kept[name]), VALUES).numpy()], kept[name].max())
        for name in names
        if kept[name].min() >= 0
    }


@dataclass(frozen=True)
class Range:
    """What a layer is given, in units of the activation: some of its quantiles, and the share of exact zeros."""

    layer: str
    median: float
    percentile: float
    largest: float
    zeros: float


def ranges(percent: float) -> tuple[Range, ...]:
    """Of every layer with such an input, from the first to the last."""
    return tuple(
        Range(
            name,
            float(np.median(values)),
            clip_of("percentile", values, 8, percent=percent),
            float(values.max()),
            float((values == 0).mean()),
        )
        for name, values in activations().items()
    )


def clip_of(
    rule: str, values: np.ndarray, bits: int, *, percent: float = 99.9, with_zeros: bool = False
) -> float:
    """The clip c that a rule gives values of no sign, for an unsigned grid of so many bits.

    Args:
        rule: one of `RULES`.
        percent: of the values that ``percentile`` does not clip.
        with_zeros: whether ``kl`` counts the exact zeros.

    Raises:
        QuantizerError: there is no such rule.
    """
    if rule == "kl":
        clips, apart = divergences(values, bits, with_zeros=with_zeros)
        return float(clips[apart.argmin()])
    grid = Grid.unsigned(bits)
    named = f"percentile:{percent:g}" if rule == "percentile" else rule
    q = steps.choose(named, torch.from_numpy(np.asarray(values, float)), grid)
    return float(q.step) * grid.qmax


def divergences(values: np.ndarray, bits: int, *, with_zeros: bool) -> tuple[np.ndarray, np.ndarray]:
    """Clips, ascending, and KL(P || Q) in nats at each; see `explorer.quantizers.steps.kl`."""
    most = float(values.max())
    counts = np.histogram(values, bins=BINS, range=(0, most))[0]
    if not with_zeros:
        counts[0] = counts[1]
    shares, apart = kl.divergences(counts, 2**bits, one_sided=True)
    return most * shares, apart


def levels(clip: float, bits: int) -> np.ndarray:
    """The values that the grid has, (2^b,)."""
    return np.linspace(0, clip, 2**bits)


def error(values: np.ndarray, clip: float, bits: int) -> float:
    """Mean squared error of quantizing values to [0, clip]."""
    step = clip / (2**bits - 1)
    back = step * np.round(values / step).clip(0, 2**bits - 1)
    return float(np.square(back - values).mean())


@dataclass(frozen=True, eq=False)
class Objectives:
    """What two rules make small, against the clip.

    Attributes:
        clips, errors: of the mean squared error, (C,).
        kl_clips, apart: of the divergence in nats, (K,).
    """

    clips: np.ndarray
    errors: np.ndarray
    kl_clips: np.ndarray
    apart: np.ndarray


@cache
def objectives(layer: str, bits: int, with_zeros: bool) -> Objectives:
    """Of what a layer is given."""
    values = activations()[layer]
    clips = values.max() * np.arange(1, CLIPS + 1) / CLIPS
    kl_clips, apart = divergences(values, bits, with_zeros=with_zeros)
    return Objectives(clips, np.array([error(values, clip, bits) for clip in clips]), kl_clips, apart)


@dataclass(frozen=True)
class Traffic:
    """Bytes that one image moves through a layer: weights, shared by a batch, and the input.

    Attributes:
        float32: in FP32.
        fake: fake-quantized: as FP32, and every pass of the quantizer reads and writes the input once more.
        integer: of whole numbers of so many bits.
    """

    layer: str
    float32: float
    fake: float
    integer: float


def traffic(bits: int, batch: int) -> tuple[Traffic, ...]:
    """Of every layer of ``fashion-thin``."""
    found = []
    for block in material.study().blocks():
        for layer in block.layers:
            inputs = float(np.prod(layer.input_shape))
            float32 = FLOAT_BYTES * (layer.weights / batch + inputs)
            fake = float32 + PASSES * 2 * FLOAT_BYTES * inputs
            found.append(Traffic(layer.name, float32, fake, float32 * bits / FLOAT_BITS))
    return tuple(found)


def accuracy(study: Study, watcher: Watcher, *, images: int, calibration: int, widths: str) -> Values:
    """Test accuracy with activations behind a ReLU quantized by each rule; weights stay in FP32.

    Args:
        images: of the test split.
        calibration: images of the training split that the rules see.
        widths: as in ``8,4``.
    """
    seen = given(study, calibration)
    asked = [
        (rule, zeros, int(bits))
        for bits in widths.split(",")
        for rule, zeros in (*((rule, False) for rule in RULES), ("kl", True))
    ]
    full = measuring.accuracy(study, study.model(), images)
    rows: list[list[Any]] = [["FP32", FLOAT_BITS, *full]]
    for n, (rule, zeros, bits) in enumerate(asked):
        watcher.check_stop()
        watcher.report(n / len(asked), f"{rule}, {bits} bits")
        found_steps = {
            name: LayerSteps(
                a_step=clip_of(rule, values, bits, with_zeros=zeros) / (2**bits - 1), a_signed=False
            )
            for name, values in seen.items()
        }
        network = simulate(
            study.model(), dict.fromkeys(found_steps, (FLOAT_BITS, bits)), [], steps=GivenSteps(found_steps)
        )
        found = measuring.accuracy(study, network, images)
        rows.append([f"{rule}, with zeros" if zeros else rule, bits, *found])
    return {"columns": ["rule", "bits", "accuracy", "stderr"], "rows": rows}


def exercise(study: Study, watcher: Watcher, *, images: int, epochs: int) -> Values:
    """The lecture's exercise: accuracy, size and time in FP32, quantized after training, and trained with it.

    Times are medians over rounds in which all take turns, of a batch of 64 images on one thread; the ratio is that of
    a round. Integer arithmetic is ONNX Runtime's, where it is installed.

    Args:
        images: of the test split.
        epochs: of quantization-aware training at 4 bits; 0: none.
    """
    blocks, calibration = study.blocks(), calibration_batches(study)
    watcher.report(0.0, "quantizing")
    rows: list[list[Any]] = [["FP32", *measuring.accuracy(study, study.model(), images), fp32_bytes(blocks)]]
    networks = {}
    for bits in (8, 4):
        watcher.check_stop()
        plan = Plan.uniform(study, blocks, bits, bits)
        networks[bits] = simulate(study.model(), plan.layer_bits(blocks), calibration)
        rows.append(
            [
                f"W{bits}A{bits} after training",
                *measuring.accuracy(study, networks[bits], images),
                size_bytes(blocks, plan.w_bits),
            ]
        )
    if epochs:
        plan = Plan.uniform(study, blocks, 4, 4)
        trained = finetune(study, plan, blocks, epochs=epochs, watcher=Part(watcher, 0.1, 0.8))
        rows.append(
            [
                f"W4A4, {epochs} epoch{'s' if epochs > 1 else ''} of training",
                *measuring.accuracy(study, trained.network, images),
                size_bytes(blocks, plan.w_bits),
            ]
        )
    watcher.report(0.85, "measuring time")
    return {
        "columns": ["network", "accuracy", "stderr", "bytes"],
        "rows": rows,
        "times": _times(study, networks[8], watcher),
    }


def _times(study: Study, fake: nn.Module, watcher: Watcher, rounds: int = 7, batch: int = 64) -> list[Values]:
    """Milliseconds of the same batch, everything in turns."""
    inputs = study.data.inputs("test", slice(0, batch))
    exact = study.model()
    ways: dict[str, Callable[[], Any]] = {
        "FP32 in PyTorch": lambda: exact(inputs),
        "W8A8, fake-quantized in PyTorch": lambda: fake(inputs),
    }
    threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as folder:
        if running.installed() is not None:
            ways |= _in_runtime(study, inputs, Path(folder))
        timed: dict[str, list[float]] = {name: [] for name in ways}
        torch.set_num_threads(1)
        try:
            with torch.no_grad():
                for turn in range(rounds + 1):
                    watcher.check_stop()
                    for name, run in ways.items():
                        started = time.perf_counter()
                        run()
                        run()
                        if turn:  # the first round warms up
                            timed[name].append((time.perf_counter() - started) / 2)
        finally:
            torch.set_num_threads(threads)
    plain = timed["FP32 in PyTorch"]
    return [latency(name, batch, own, plain).to_json() for name, own in timed.items()]


def _in_runtime(study: Study, inputs: Any, folder: Path) -> dict[str, Callable[[], Any]]:
    blocks = study.blocks()
    subject = Subject.untrained(study, Plan.uniform(study, blocks, 8, 8), blocks, Options(tried=64))
    export(subject, "onnx", folder / "integer")
    whole = running.Running(next((folder / "integer").glob("*.onnx")), threads=1)
    plain = folder / "fp32.onnx"
    plain.write_bytes(ir.to_proto(converted(study.model(), inputs[:2], ragged=False)).SerializeToString())
    exact = running.Running(plain, threads=1)
    return {
        "FP32 in ONNX Runtime": lambda: exact(inputs),
        "W8A8, integers in ONNX Runtime": lambda: whole(inputs),
    }


LONG = {
    "accuracy": LongExperiment(
        accuracy,
        {
            "images": (100, 5000),
            "calibration": frozenset({1, 16, 128}),
            "widths": frozenset({"8,4", "8,4,3", "8,6,4,3,2"}),
        },
    ),
    "exercise": LongExperiment(exercise, {"images": (100, 5000), "epochs": (0, 5)}),
}
