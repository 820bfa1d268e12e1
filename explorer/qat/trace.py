r"""Trace of the loss's Hessian over all weights while a network trains (FPQ, arXiv 2503.11159, Figure 5), cheaply.

Of the network quantized as it is, its weights at their quantized values and gradients passing its activations'
quantizers straight through, the Gauss-Newton matrix of sample n is J_n^T H_n J_n, H_n = S_n S_n^T that of the loss at
the outputs. With one vector of independent random signs z_n a sample, for a batch of B

    E || sum_n J_n^T S_n z_n ||^2 / B = mean over the batch of Tr(J_n^T H_n J_n)

since the terms of different samples cancel on average: one forward and one backward pass a batch, and no gradients of
single samples. The standard error is that of the mean over batches. Samples and signs are the same after each epoch, so
that two points of one curve differ by what the network learnt.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from explorer.curvature.operators.output_hessian import roots
from explorer.estimates import Estimate, mean
from explorer.evaluation.per_sample import Check
from explorer.randomness import Stream, drawn_rows, generator
from explorer.studies import Study

BATCH = 64
LEAST_BATCHES = 2  # fewer have no standard error


def weight_trace(
    study: Study, network: nn.Module, layers: Sequence[str], count: int, *, seed: int, check: Check
) -> Estimate:
    """Trace over the weights of some layers of a network in its post-training form, per sample.

    Args:
        layers: whose weights the trace is over.
        count: samples of the training split; what does not fill a batch is left out.
    """
    draw = generator(Stream.TRAINING_TRACE, seed)
    rows = drawn_rows(study.data.size("train"), count, draw)
    size = 1 if study.data.ragged else max(1, min(BATCH, len(rows) // LEAST_BATCHES))
    owned = (network.get_parameter(f"{name}.weight" if name else "weight") for name in layers)
    weights = list({id(weight): weight for weight in owned}.values())  # layers may share one
    found = []
    for batch in rows[: len(rows) // size * size].split(size):
        check()
        outputs = network(study.data.inputs("train", batch))
        if not isinstance(outputs, Tensor):
            return Estimate(math.nan, math.inf)
        total = 0.0
        parts = roots(study.loss, outputs, study.data.targets("train", batch))
        for place, root in enumerate(parts):
            shape = len(outputs), outputs[0].numel()
            signs = torch.randint(0, 2, shape, generator=draw).double().mul_(2).sub_(1).to(outputs.device)
            pulled = root.times(signs).to(outputs.dtype).view_as(outputs)
            again = place + 1 < len(parts)
            gradients = torch.autograd.grad(outputs, weights, pulled, retain_graph=again, allow_unused=True)
            squares = sum(float(g.double().square().sum()) for g in gradients if g is not None)
            total += root.sign * squares / len(batch)
        found.append(total)
    return mean(torch.tensor(found, dtype=torch.float64))
