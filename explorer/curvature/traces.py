r"""Hessian traces of every block, of its weights or of its activations: which method, and what came of it.

- ``exact``: no sampling noise (`output_probes.exact_sum`; Hessian-vector products with unit vectors where the
  network is not piecewise linear in a block and the block is small).
- ``output-probes``: random signs at the outputs and importance-sampled data (`output_probes`). Where the
  network is not piecewise linear, that is the Gauss-Newton part, and the remainder is estimated with
  Hessian-vector products of the loss linearised in the outputs (`hutchinson`) and added, errors in
  quadrature.
- ``hutchinson``: Hessian-vector products of the loss alone, as in HAWQ-V2.
- ``auto``: ``output-probes`` where the loss's output Hessian can be had, else ``hutchinson``.
"""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from explorer.blocks import Block, Granularity
from explorer.curvature import hutchinson, output_probes
from explorer.curvature.averaging import Budget, Means, average
from explorer.curvature.choice import Choice, chunk_size, decide, unit_products_refused
from explorer.curvature.operators import full_loss, linearised_loss
from explorer.curvature.reporting import Reporter
from explorer.curvature.result import Method, Of, Traces, TracesProgress
from explorer.curvature.sample_gradients import SampleGradients
from explorer.curvature.subject import Subject, prepare
from explorer.errors import CurvatureError
from explorer.studies.study import Study

METHODS = ("auto", "exact", "output-probes", "hutchinson")


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
    rows: Tensor | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    chunk: int | None = None,
    progress: Callable[[TracesProgress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    resume_state: Mapping[str, Any] | None = None,
) -> Traces:
    """Tr(H_i) of the mean training loss over the weights of every block.

    Args:
        blocks: the blocks, else those of ``granularity``.
        method: see the module's words.
        samples: draw at most so many data samples (with repetition); ``exact`` always takes all.
        rel_se: stop when every block's standard error is below this share of its trace.
        max_seconds: stop after about so long.
        rows: rows of the training split that count as the data, else all.
        chunk: samples processed at once, else as many as fit comfortably.
        progress: called often, with the estimates so far and a state to resume from.
        should_stop: asked often; when true, what has been reached is returned.
        resume_state: of an earlier `Traces` or `TracesProgress` with the same arguments; ``rel_se``,
            ``samples`` and ``max_seconds`` may differ, so that a result can be extended.

    Raises:
        CurvatureError: an option is out of range, a value is not finite, or the loss does not depend on a
            block.
    """
    subject = prepare(study, blocks=blocks, granularity=granularity, rows=rows, device=device, dtype=dtype)
    reporter = Reporter(subject, "weights", method, seed, rel_se, progress, should_stop, resume_state)
    return _traces(subject, reporter, "weights", method, samples, rel_se, seed, max_seconds, chunk)


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
    rows: Tensor | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    chunk: int | None = None,
    progress: Callable[[TracesProgress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    resume_state: Mapping[str, Any] | None = None,
) -> Traces:
    """T_j = N^-1 sum_n Tr d^2 l_n / d a_j(x_n)^2 over the inputs of every block's layers.

    HAWQ-V2, section 3.4, with its second 1/N removed: samples are independent, so each has a Hessian of its
    own and the mean over samples is taken. ``n`` is the number of activations for one sample. The arguments
    are those of `weight_traces`.
    """
    subject = prepare(study, blocks=blocks, granularity=granularity, rows=rows, device=device, dtype=dtype)
    reporter = Reporter(subject, "activations", method, seed, rel_se, progress, should_stop, resume_state)
    return _traces(subject, reporter, "activations", method, samples, rel_se, seed, max_seconds, chunk)


def _traces(
    subject: Subject,
    reporter: Reporter,
    of: Of,
    method: Method,
    samples: int | None,
    rel_se: float,
    seed: int,
    max_seconds: float | None,
    chunk: int | None,
) -> Traces:
    if method not in METHODS:
        raise CurvatureError(f"there is no method {method!r}; use one of {', '.join(METHODS)}")
    if not rel_se > 0:
        raise CurvatureError(f"rel_se={rel_se} is no error to reach; give a number above 0, such as 0.05")
    if samples is not None and samples < 2:
        raise CurvatureError(f"samples={samples} gives no standard error; give at least 2")
    deadline = None if max_seconds is None else time.monotonic() + max_seconds
    chunk = chunk or chunk_size(subject)
    reporter.say(0.0, "looking at the network")
    engine = SampleGradients(subject, of)
    try:
        choice = decide(subject, engine, method)
        if choice.method == "exact":
            return _exact(subject, reporter, engine, choice, chunk)
        if choice.method == "hutchinson":
            return _hutchinson(subject, reporter, engine, choice, samples, rel_se, seed, deadline, chunk)
        return _probes(subject, reporter, engine, choice, samples, rel_se, seed, deadline, chunk)
    finally:
        engine.close()


def _hutchinson(
    subject: Subject,
    reporter: Reporter,
    engine: SampleGradients,
    choice: Choice,
    samples: int | None,
    rel_se: float,
    seed: int,
    deadline: float | None,
    chunk: int,
) -> Traces:
    batch = min(hutchinson.BATCH, subject.size)
    most = max(2, math.ceil((samples or hutchinson.DEFAULT_SAMPLES) / batch))
    means = reporter.means("hutchinson")
    phi = full_loss(subject)
    ended = average(
        lambda first, k: hutchinson.uniform_draws(
            subject, engine, phi, seed=seed, first=first, count=k, batch=batch, chunk=chunk
        ),
        means,
        budget=Budget(rel_se, most, hutchinson.LEAST_DRAWS, deadline),
        per_round=1,
        report=lambda m, fraction: reporter.say(
            fraction, f"{m.count} Hessian-vector products", m.mean, m.stderr, m.count * batch
        ),
        should_stop=reporter.should_stop,
    )
    made = f"{means.count} Hessian-vector products, each with a fresh probe on {batch} fresh random samples"
    return reporter.result(
        "hutchinson", means.mean, means.stderr, means.count * batch, f"{choice.why} {made}.", ended
    )


def _probes(
    subject: Subject,
    reporter: Reporter,
    engine: SampleGradients,
    choice: Choice,
    samples: int | None,
    rel_se: float,
    seed: int,
    deadline: float | None,
    chunk: int,
) -> Traces:
    curved = bool(choice.curved)
    scored = output_probes.scores(
        subject,
        batch=4 * chunk,
        report=lambda done: reporter.say(0.3 * done, f"scoring {subject.size} samples"),
        should_stop=reporter.should_stop,
    )
    if scored is None:
        return reporter.nothing("output-probes", "Stopped while scoring the samples.")
    score, slope = scored
    q, q_slope = output_probes.proposal(score), output_probes.proposal(slope)
    gauss = reporter.means("probes")
    rest = reporter.means("remainder")
    # Half of the variance for each part: the errors add in quadrature.
    share = rel_se / math.sqrt(2) if curved else rel_se
    ended = average(
        lambda first, k: output_probes.draws(
            subject, engine, q, seed=seed, first=first, count=k, chunk=chunk
        ),
        gauss,
        budget=Budget(share, samples or output_probes.DEFAULT_DRAWS, output_probes.LEAST_DRAWS, deadline),
        per_round=output_probes.PER_ROUND,
        report=lambda m, fraction: reporter.say(
            0.3 + (0.3 if curved else 0.7) * fraction, f"{m.count} samples drawn", m.mean, m.stderr, m.count
        ),
        should_stop=reporter.should_stop,
    )
    made = f"{gauss.count} samples drawn by importance from {subject.size}, random signs at the outputs."
    if not curved or ended == "stopped":
        return reporter.result(
            "output-probes", gauss.mean, gauss.stderr, gauss.count, f"{choice.why} {made}", ended
        )
    batch = min(hutchinson.BATCH, subject.size)
    phi = linearised_loss(subject)
    most = max(2, math.ceil((samples or hutchinson.DEFAULT_SAMPLES) / batch))

    def joined(m: Means) -> tuple[list[float], list[float]]:
        values = [a + b for a, b in zip(gauss.mean, m.mean, strict=True)]
        return values, [math.hypot(a, b) for a, b in zip(gauss.stderr, m.stderr, strict=True)]

    ended = average(
        lambda first, k: (
            hutchinson.weighted_draws(
                subject, engine, phi, q_slope, seed=seed, first=first, count=k, batch=batch, chunk=chunk
            )
            * choice.mask(subject)
        ),
        rest,
        budget=Budget(rel_se, most, hutchinson.LEAST_DRAWS, deadline),
        per_round=1,
        offset=gauss.mean,
        offset_stderr=gauss.stderr,
        report=lambda m, fraction: reporter.say(
            0.6 + 0.4 * fraction,
            f"{m.count} products for the remainder",
            *joined(m),
            gauss.count + m.count * batch,
        ),
        should_stop=reporter.should_stop,
    )
    if rest.count < 2:
        return reporter.result(
            "output-probes", gauss.mean, gauss.stderr, gauss.count, f"{choice.why} {made}", ended
        )
    values, errors = joined(rest)
    largest = max(abs(r) / max(abs(v), 1e-300) for r, v in zip(rest.mean, values, strict=True))
    made += (
        f" The remainder of Gauss-Newton comes from {rest.count} Hessian-vector products of {batch} samples "
        f"and was added; it is at most {largest:.1%} of a trace."
    )
    return reporter.result(
        "output-probes", values, errors, gauss.count + rest.count * batch, f"{choice.why} {made}", ended
    )


def _exact(
    subject: Subject, reporter: Reporter, engine: SampleGradients, choice: Choice, chunk: int
) -> Traces:
    unit_products_refused(subject, choice)
    found = output_probes.exact_sum(
        subject,
        engine,
        chunk=chunk,
        report=lambda fraction, values: reporter.say(
            fraction, "exact sum over samples and outputs", values.tolist(), [0.0] * len(values), subject.size
        ),
        should_stop=reporter.should_stop,
    )
    if found is None:
        return reporter.nothing("exact", "Stopped; the exact sum has no use in part.")
    made = f"Sum over all {subject.size} samples and all output directions."
    if choice.curved:
        extra = torch.zeros(len(subject.weights), dtype=torch.float64)
        for part in torch.arange(subject.size).split(chunk):
            share = len(part) / subject.size
            extra += share * hutchinson.exact_forms(
                subject, linearised_loss(subject), part, sorted(choice.curved), chunk=chunk
            )
        found = found + subject.per_block(extra)
        made += " The remainder of Gauss-Newton comes from a Hessian-vector product with every unit vector."
    zeros = [0.0] * len(subject.blocks)
    return reporter.result("exact", found.tolist(), zeros, subject.size, f"{choice.why} {made}", "reached")
