r"""da . H_a da of given changes of layers' inputs, in the currency of dW . H dW (`perturbations`).

With da_j the change of the input a_j of layer j in one sample, J_j the Jacobian of the outputs with respect to it and
H_L the Hessian of the loss at the outputs,

    da_j . H da_j = E_n [w_n (J_j da_j)^T H_L (J_j da_j)] = E_n,z [w_n (da_j . grad_j (v . f))^2],   w_n = 1 / (N q_n),

v = S z with S S^T = H_L and random signs z, as for weights: a quantized input moves the outputs by J_j da_j, a
quantized weight by J dW, and half of the mean of the same form of either is its rise of the loss to second order. One
backward pass a draw carries the gradients of all inputs. The mean trace times |da|^2 (HAWQ-V2, section 2.2) stands for
the same number under the assumption that da has no direction of its own.

The form is Gauss-Newton's: what the slope of the loss adds, of first order or through the curvature of the network, is
left out. All layers of a block, and all uses of a layer, move together. Samples are drawn with q_n proportional to the
curvature at the outputs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from explorer.blocks import Block
from explorer.curvature.estimators import output_probes
from explorer.curvature.estimators.choice import chunk_size
from explorer.curvature.operators.subject import Subject, prepare, single_tensor
from explorer.curvature.operators.tangents import probes
from explorer.curvature.perturbations import Forms
from explorer.errors import CurvatureError
from explorer.estimates import means
from explorer.randomness import Stream, generator
from explorer.studies.study import Study
from explorer.watching import UNWATCHED, Watcher

InputChange = Callable[
    [str, Tensor], Tensor
]  # name of a module and its input a -> K changes da, (K, *a.shape)

DRAWS = 1024
_MOST = 16  # samples at once: inputs and their gradients, of all layers, are held
_SCORING = 0.3  # of the time


def input_forms(
    study: Study,
    layers: Mapping[str, int],
    change: InputChange,
    sets: int,
    *,
    blocks: tuple[Block, ...],
    samples: int = DRAWS,
    seed: int = 0,
    proposal: Tensor | None = None,
    watcher: Watcher = UNWATCHED,
) -> Forms:
    """da . H da of the inputs of every block, for ``sets`` changes at once, (sets, blocks).

    Args:
        layers: name of each module whose input is changed, to the place of its block.
        change: the changes of one input, whose first dimension is the samples.
        samples: rows drawn, with repetition.
        proposal: (N,) with which probability a row is drawn, as of the weights' traces; saves a pass over the data.
        watcher: told how far it is; may stop before every few samples.

    Raises:
        CurvatureError: ``samples`` is too small, a value is not finite, or the loss's Hessian at the outputs is too
            large.
        Stopped: the watcher asked for it.
    """
    if samples < 2:
        raise CurvatureError(f"samples={samples} gives no standard error; give at least 2")
    subject = prepare(study, blocks=blocks)
    chunk = chunk_size(subject, most=_MOST)
    q = proposal
    if q is None:
        batch = 4 * chunk_size(subject)  # as for the traces, to the last digit
        q, _ = output_probes.proposals(subject, batch=batch, watcher=watcher, share=_SCORING)
    positions = torch.multinomial(
        q, samples, replacement=True, generator=generator(Stream.INPUT_CHANGE_SAMPLES, seed)
    )
    signs = generator(Stream.INPUT_CHANGE_SIGNS, seed)
    found = []
    with _Watched(subject.network, layers) as watched:
        for _, inputs, targets in subject.chunks(positions, chunk):
            watcher.check_stop()
            found.append(_forms(subject, watched, change, sets, inputs, targets, signs))
            done = sum(map(len, found))
            watcher.report(_SCORING + (1 - _SCORING) * done / samples, f"{done} of {samples} samples")
    draws = torch.cat(found) / (subject.size * q[positions])[:, None, None]
    for place, block in enumerate(blocks):
        if not torch.isfinite(draws[:, :, place]).all():
            raise CurvatureError(
                f"block {block.name}: the curvature along its input's rounding is not finite; check weights and data"
            )
    values, stderrs = means(draws)
    return Forms(tuple(block.name for block in blocks), values, stderrs, samples, 0, draws)


@dataclass
class _Use:
    """One call of one module: its input, and the gradients there of what was sent back last."""

    name: str
    inputs: Tensor
    slopes: list[Tensor]


class _Watched:
    """Hooks that give every module an input of its own, so that a gradient there comes through this module alone."""

    def __init__(self, model: nn.Module, layers: Mapping[str, int]) -> None:
        self.layers, self.uses = layers, list[_Use]()
        self._handles = [
            model.get_submodule(name).register_forward_pre_hook(self._before(name), with_kwargs=True)
            for name in layers
        ]

    def __enter__(self) -> "_Watched":
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _before(self, name: str) -> Any:
        def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            given = args[0] if args else kwargs["input"]
            own = given.clone() if given.requires_grad else given.detach().clone().requires_grad_(True)
            use = _Use(name, given.detach().clone(), [])
            own.register_hook(use.slopes.append)
            self.uses.append(use)
            return ((own, *args[1:]), kwargs) if args else (args, {**kwargs, "input": own})

        return hook


def _forms(
    subject: Subject,
    watched: _Watched,
    change: InputChange,
    sets: int,
    inputs: Tensor,
    targets: Tensor,
    signs: torch.Generator,
) -> Tensor:
    """Values whose mean over random signs is da . H_n da, (n, sets, blocks) float64."""
    watched.uses.clear()
    subject.model.requires_grad_(False)
    try:
        with torch.enable_grad():
            outputs = single_tensor(subject.model(inputs))
    finally:
        subject.model.requires_grad_(True)
    many = len(outputs)
    found = torch.zeros(many, sets, len(subject.blocks), dtype=torch.float64)
    vectors = probes(subject, outputs, targets, signs) if outputs.requires_grad else []
    with torch.no_grad():
        moved = [change(use.name, use.inputs).reshape(sets, many, -1) for use in watched.uses]
    for place, (sign, vector) in enumerate(vectors):
        last = place + 1 == len(vectors)
        torch.autograd.backward(outputs, vector.to(outputs.dtype).view_as(outputs), retain_graph=not last)
        slopes = torch.zeros_like(found)
        for use, off in zip(watched.uses, moved, strict=True):
            for slope in use.slopes:
                along = (off * slope.reshape(1, many, -1)).sum(2, dtype=torch.float64)
                slopes[:, :, watched.layers[use.name]] += along.T.cpu()
            use.slopes.clear()
        found += sign * slopes.square()
    return found
