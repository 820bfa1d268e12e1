"""What a network says of a few fixed samples, as a hash that machines and numbers of threads agree on.

Outputs and losses of the first test samples, each run alone in double precision, to six digits of the largest: sums
taken in another order differ by 1e-15 of it, so that two machines round differently once in about 1e9. A network that
works in single precision, in part or throughout, is off by 1e-6 and more: of it only the root mean square of all
outputs and the mean loss count, to one part in a hundred. What is found this way is what the source does not show, such
as another version of an installed package; the source itself is hashed beside it.

A network that says something else of the same sample when it is asked again draws at random, goes by the clock or
keeps a state: its outputs identify nothing and are left out, and a remark says so.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from explorer.errors import StudyError
from explorer.studies.data.samples import Samples, mapped, tensors_of
from explorer.studies.identity.parts import digest
from explorer.studies.losses import Loss
from explorer.studies.standard.computed import copied

SAMPLES = 2
LARGE = 2**28  # bytes of weights beyond which no copy in double precision is made
MOST = 64  # outputs of a sample that are looked at one by one


@dataclass(frozen=True)
class Said:
    """What the network says: its hash, or why there is none."""

    sha256: str | None
    remark: str | None = None


def said(network: nn.Module, data: Samples, loss: Loss) -> Said:
    """What a network says of the first test samples; neither it nor any generator is changed.

    Raises:
        StudyError: it cannot take a sample of its data.
    """
    data = data.on(torch.device("cpu"))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        before = torch.get_rng_state()
        values, precise = _double(network, data, loss), True
        if values is None:
            values, precise = _single(network, data, loss), False
        # Two passes alone may agree by chance: of three outputs half of which are dropped, one time in eight.
        drawn = not torch.equal(torch.get_rng_state(), before)
    near = 1e-9 if precise else 1e-4
    if drawn or not _close(values[0], values[-1], near):
        return Said(
            None,
            "The network says something else each time it is asked about the same sample, by chance, by the clock or "
            "by a state that it keeps: no number about it comes out twice, and a change of what it computes is "
            "noticed only by its code.",
        )
    return Said(_fine(values[:-1]) if precise else _coarse(values[:-1]))


@dataclass(frozen=True)
class _Value:
    """Outputs of one sample, flat and in double precision, and its loss."""

    outputs: Tensor
    loss: float


def _double(network: nn.Module, data: Samples, loss: Loss) -> list[_Value] | None:
    """In double precision; None where the network is too large for a copy, or does not keep to it."""
    if sum(parameter.numel() * parameter.element_size() for parameter in network.parameters()) > LARGE:
        return None
    doubled, samples = copied(network).eval().cpu().double(), _samples(data, torch.float64)
    try:
        with _Singles() as singles:
            first = _pass(doubled, loss, *samples[0])
        return None if singles.met else [first, *(_pass(doubled, loss, *each) for each in samples[1:])]
    except Exception:  # a person's own forward may raise anything when it meets another type than it expects
        return None


def _single(network: nn.Module, data: Samples, loss: Loss) -> list[_Value]:
    alone = copied(network).eval().cpu()
    try:
        return [_pass(alone, loss, *each) for each in _samples(data, torch.float32)]
    except StudyError:
        raise
    except Exception as error:  # a person's own forward may raise anything
        raise StudyError(
            f"the network or its loss cannot take one {data.noun.one} alone: {type(error).__name__}: {error}"
        ) from error


def _samples(data: Samples, dtype: torch.dtype) -> list[tuple[Any, Tensor]]:
    """Input and target of the first samples, one at a time, and of the very first again at the end."""

    def typed(tensor: Tensor) -> Tensor:
        return tensor.to(dtype) if tensor.is_floating_point() else tensor

    rows = [slice(row, row + 1) for row in (*range(min(SAMPLES, data.size("test"))), 0)]
    return [
        (mapped(typed, data.inputs("test", row)), mapped(typed, data.targets("test", row))) for row in rows
    ]


def _pass(network: nn.Module, loss: Loss, inputs: Any, targets: Tensor) -> _Value:
    outputs = network(inputs)
    tensors = [tensor.detach().double().flatten() for tensor in tensors_of(outputs)]
    flat = torch.cat(tensors) if tensors else torch.zeros(0, dtype=torch.float64)
    return _Value(flat, float(loss.per_sample(outputs, targets).sum()))


class _Singles(TorchDispatchMode):
    """Notices whether anything is computed in less than double precision."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.met = False

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # it would be imported, which takes longer than all that a study needs at first

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        for each in found if isinstance(found, list | tuple) else (found,):
            if isinstance(each, Tensor) and each.is_floating_point() and each.dtype != torch.float64:
                self.met = True
        return found


def _close(first: _Value, again: _Value, near: float) -> bool:
    if first.outputs.shape != again.outputs.shape:
        return False
    scale = _largest(first.outputs)
    return torch.allclose(first.outputs, again.outputs, rtol=0, atol=near * scale, equal_nan=True) and (
        math.isclose(first.loss, again.loss, rel_tol=near, abs_tol=near)
    )


def _fine(values: list[_Value]) -> str:
    chosen = []
    for value in values:
        step = max(1, math.ceil(len(value.outputs) / MOST))
        finite = value.outputs[value.outputs.isfinite()]
        whole = [float(finite.mean()), float(finite.square().mean().sqrt())] if len(finite) else []
        chosen += [*value.outputs[::step].tolist(), *whole]
    scale = _largest(torch.tensor(chosen, dtype=torch.float64))
    rounded = [round(x / scale * 1e6) if math.isfinite(x) else str(x) for x in chosen]
    return digest(f"{scale:.5e} {rounded} {_losses(values, 1e6)}")


def _coarse(values: list[_Value]) -> str:
    outputs = torch.cat([value.outputs for value in values])
    finite = outputs[outputs.isfinite()]
    size = float(finite.square().mean().sqrt()) if len(finite) else 0.0
    return digest(f"single precision {len(outputs)} {size:.1e} {_losses(values, 1e2)}")


def _losses(values: list[_Value], steps: float) -> int:
    """Mean loss in steps of itself, or of 1 where it is less: a loss near zero is the rounding of larger numbers."""
    mean = sum(value.loss for value in values) / len(values)
    return round(mean / 10.0 ** math.floor(math.log10(max(abs(mean), 1.0))) * steps)


def _largest(values: Tensor) -> float:
    finite = values[values.isfinite()].abs()
    return float(finite.max()) if len(finite) and float(finite.max()) > 0 else 1.0
