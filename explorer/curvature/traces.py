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
from typing import Any

import torch
from torch import Tensor

from explorer.blocks import Block
from explorer.curvature.estimators.estimation import estimate
from explorer.curvature.estimators.reporting import Limits
from explorer.curvature.operators.subject import prepare
from explorer.curvature.result import Kept, Traces
from explorer.errors import CurvatureError
from explorer.questions import TracesQuestion, question_of
from explorer.questions.traces import Of
from explorer.studies.study import Study
from explorer.watching import UNWATCHED, Watcher

__all__ = ["activation_traces", "weight_traces"]


def weight_traces(
    study: Study,
    question: TracesQuestion | None = None,
    *,
    blocks: tuple[Block, ...] | None = None,
    rows: Tensor | None = None,
    dtype: torch.dtype = torch.float32,
    chunk: int | None = None,
    max_seconds: float | None = None,
    watcher: Watcher = UNWATCHED,
    resume: Kept | None = None,
    clock: Callable[[], float] = time.monotonic,
    **options: Any,
) -> Traces:
    """Tr(H_i) of the mean training loss over the weights of every block.

    Args:
        question: what is asked; or its options one by one, see `TracesQuestion`.
        blocks: the blocks, else those of the question's granularity.
        rows: rows of the training split that count as the data, else all.
        chunk: samples processed at once, else as many as fit comfortably.
        max_seconds: stop after about so long, with what was reached.
        watcher: told the estimates so far as series ``blocks``; keeps a state that the same question goes on from.
        resume: ``kept`` of earlier `Traces` with the same arguments; ``rel_se``, ``samples`` and ``max_seconds``
            may differ, so that a result can be extended. A state of the watcher's goes before it.
        clock: tells the seconds that ``max_seconds`` and ``seconds`` are counted in.
        options: of the question.

    Raises:
        CurvatureError: an option is unknown or out of range, a value is not finite, or the loss does not depend
            on a block.
        Stopped: the watcher asked for it.
    """
    asked = _asked("weights", question, options)
    subject = prepare(study, blocks=blocks, granularity=asked.granularity, rows=rows, dtype=dtype)
    return estimate(subject, asked, Limits(chunk, max_seconds, clock), watcher, resume)


def activation_traces(
    study: Study,
    question: TracesQuestion | None = None,
    *,
    blocks: tuple[Block, ...] | None = None,
    rows: Tensor | None = None,
    dtype: torch.dtype = torch.float32,
    chunk: int | None = None,
    max_seconds: float | None = None,
    watcher: Watcher = UNWATCHED,
    resume: Kept | None = None,
    clock: Callable[[], float] = time.monotonic,
    **options: Any,
) -> Traces:
    """T_j = N^-1 sum_n Tr d^2 l_n / d a_j(x_n)^2 over the inputs of every block's layers.

    HAWQ-V2, section 3.4, with its second 1/N removed: samples are independent, so each has a Hessian of its
    own and the mean over samples is taken. ``n`` is the number of activations for one sample. The arguments
    are those of `weight_traces`.
    """
    asked = _asked("activations", question, options)
    subject = prepare(study, blocks=blocks, granularity=asked.granularity, rows=rows, dtype=dtype)
    return estimate(subject, asked, Limits(chunk, max_seconds, clock), watcher, resume)


def _asked(of: Of, question: TracesQuestion | None, options: dict[str, Any]) -> TracesQuestion:
    asked = question_of(TracesQuestion, question, options if question is not None else {**options, "of": of})
    if asked.of != of:
        raise CurvatureError(
            f"the question is about the traces of {asked.of}; ask for those with the function of that name"
        )
    return asked
