r"""Hessian traces of every block, of its weights or of its activations: which method, and what came of it.

- ``exact``: no sampling noise (`exact`; Hessian-vector products with unit vectors where the network is not
  piecewise linear in a block and the block is small).
- ``output-probes``: random signs at the outputs and importance-sampled data (`output_probes`). Where the
  network is not piecewise linear, that is the Gauss-Newton part, and the remainder is estimated with
  Hessian-vector products of the loss linearised in the outputs (`hutchinson`) and added, errors in
  quadrature.
- ``hutchinson``: Hessian-vector products of the loss alone, as in HAWQ-V2.
- ``auto``: ``output-probes`` where the loss's output Hessian can be had, else ``hutchinson``.
"""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from explorer.blocks import Block, Granularity
from explorer.curvature.estimators.estimation import METHODS, Asked, estimate
from explorer.curvature.estimators.hutchinson import Probes
from explorer.curvature.operators.subject import prepare
from explorer.curvature.result import Kept, Method, Traces, TracesProgress
from explorer.studies.study import Study

__all__ = ["METHODS", "activation_traces", "weight_traces"]


def weight_traces(
    study: Study,
    *,
    blocks: tuple[Block, ...] | None = None,
    granularity: Granularity = "layer",
    method: Method = "auto",
    samples: int | None = None,
    rel_se: float = 0.05,
    seed: int = 0,
    max_seconds: float | None = None,
    probes: Probes = "rademacher",
    jointly: bool = True,
    rows: Tensor | None = None,
    dtype: torch.dtype = torch.float32,
    chunk: int | None = None,
    progress: Callable[[TracesProgress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    resume: Kept | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Traces:
    """Tr(H_i) of the mean training loss over the weights of every block.

    Args:
        blocks: the blocks, else those of ``granularity``.
        method: see the module's words.
        samples: draw at most so many data samples (with repetition); ``exact`` always takes all.
        rel_se: stop when every block's standard error is below this share of its trace.
        max_seconds: stop after about so long.
        probes: for ``hutchinson``, the entries of the random vectors: ``rademacher`` (signs) or ``gaussian``.
        jointly: for ``hutchinson``, one product a draw for all blocks; else one for each, as the papers do.
        rows: rows of the training split that count as the data, else all.
        chunk: samples processed at once, else as many as fit comfortably.
        progress: called often, with the estimates so far and a state to resume from.
        should_stop: asked often; when true, what has been reached is returned.
        resume: ``kept`` of an earlier `Traces` or `TracesProgress` with the same arguments; ``rel_se``,
            ``samples`` and ``max_seconds`` may differ, so that a result can be extended.
        clock: tells the seconds that ``max_seconds`` and ``seconds`` are counted in.

    Raises:
        CurvatureError: an option is out of range, a value is not finite, or the loss does not depend on a
            block.
    """
    subject = prepare(study, blocks=blocks, granularity=granularity, rows=rows, dtype=dtype)
    asked = Asked("weights", method, samples, rel_se, seed, max_seconds, probes, jointly, chunk)
    return estimate(subject, asked, progress, should_stop, resume, clock)


def activation_traces(
    study: Study,
    *,
    blocks: tuple[Block, ...] | None = None,
    granularity: Granularity = "layer",
    method: Method = "auto",
    samples: int | None = None,
    rel_se: float = 0.05,
    seed: int = 0,
    max_seconds: float | None = None,
    probes: Probes = "rademacher",
    jointly: bool = True,
    rows: Tensor | None = None,
    dtype: torch.dtype = torch.float32,
    chunk: int | None = None,
    progress: Callable[[TracesProgress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    resume: Kept | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Traces:
    """T_j = N^-1 sum_n Tr d^2 l_n / d a_j(x_n)^2 over the inputs of every block's layers.

    HAWQ-V2, section 3.4, with its second 1/N removed: samples are independent, so each has a Hessian of its
    own and the mean over samples is taken. ``n`` is the number of activations for one sample. The arguments
    are those of `weight_traces`.
    """
    subject = prepare(study, blocks=blocks, granularity=granularity, rows=rows, dtype=dtype)
    asked = Asked("activations", method, samples, rel_se, seed, max_seconds, probes, jointly, chunk)
    return estimate(subject, asked, progress, should_stop, resume, clock)
