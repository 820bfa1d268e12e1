"""The three methods of `traces`, each from its draws to a result in words and numbers."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from explorer.curvature.estimators import exact, hutchinson, output_probes, response_signs
from explorer.curvature.estimators.averaging import Budget, average
from explorer.curvature.estimators.choice import (
    Choice,
    chunk_size,
    decide,
    instead,
    unit_products_refused,
)
from explorer.curvature.estimators.hutchinson import Products
from explorer.curvature.estimators.reporting import Limits, Reporter
from explorer.curvature.operators.activation_forms import exact_activation_forms
from explorer.curvature.operators.sample_gradients import SampleGradients
from explorer.curvature.operators.subject import Subject
from explorer.curvature.operators.weight_forms import full_loss, linearised_loss
from explorer.curvature.result import Kept, Traces
from explorer.errors import NoSampleGradients
from explorer.estimates import RunningMeans
from explorer.questions import TracesQuestion
from explorer.watching import Watcher


@dataclass(frozen=True)
class Work:
    """Everything that a method works with."""

    subject: Subject
    engine: SampleGradients
    reporter: Reporter
    choice: Choice
    asked: TracesQuestion
    chunk: int
    is_late: Callable[[], bool]

    def is_over(self) -> bool:
        """Whether the time allowed is over; raises `Stopped` where the watcher asked for an end."""
        self.reporter.check_stop()
        return self.is_late()


def estimate(
    subject: Subject, asked: TracesQuestion, limits: Limits, watcher: Watcher, resume: Kept | None
) -> Traces:
    """Traces by the method asked for, or the one that suits; see `weight_traces`."""
    clock = limits.clock
    deadline = math.inf if limits.max_seconds is None else clock() + limits.max_seconds
    reporter = Reporter(subject, asked, watcher, resume, clock)
    reporter.say(0.0, "looking at the network")
    engine = SampleGradients(subject, asked.of)
    try:
        choice = decide(subject, engine, asked.method)
        # Gradients of many directions at once are better kept in the cache.
        chunk = chunk_size(subject, limits.chunk, most=32 if choice.method == "exact" else 64)
        work = Work(subject, engine, reporter, choice, asked, chunk, lambda: clock() >= deadline)
        if choice.method == "exact":
            return _exact(work)
        if choice.method == "hutchinson":
            return _hutchinson(work)
        try:
            return _probes(work)
        except NoSampleGradients as error:  # of samples that came later than those looked at
            anew = Reporter(subject, asked, watcher, None, clock)
            return _hutchinson(replace(work, reporter=anew, choice=instead(error, asked.method)))
    finally:
        engine.close()


def _hutchinson(work: Work) -> Traces:
    subject, reporter, asked = work.subject, work.reporter, work.asked
    batch = min(hutchinson.BATCH, subject.size)
    most = max(2, math.ceil((asked.samples or hutchinson.DEFAULT_SAMPLES) / batch))
    means = reporter.means("hutchinson")
    how = Products(full_loss(subject), batch, work.chunk, asked.probes, asked.jointly)
    each = 1 if asked.jointly else len(subject.blocks)
    ended = average(
        lambda first, k: hutchinson.uniform_draws(
            subject, work.engine, how, seed=asked.seed, first=first, count=k
        ),
        means,
        budget=Budget(asked.rel_se, most, hutchinson.LEAST_DRAWS, work.is_late),
        per_round=1,
        report=lambda m, fraction: reporter.say(
            fraction,
            f"{m.count * each} Hessian-vector products",
            m.mean,
            m.stderr,
            m.count * batch,
            m.count * each,
        ),
        check_stop=reporter.check_stop,
    )
    kind = "signs" if asked.probes == "rademacher" else "normal variates"
    split = "for all blocks jointly" if asked.jointly else "a block at a time"
    made = (
        f"{means.count} draws, each with fresh random {kind} on {batch} fresh random samples, {split}: "
        f"{means.count * each} Hessian-vector products."
    )
    return reporter.result(
        "hutchinson",
        means.mean,
        means.stderr,
        means.count * batch,
        f"{work.choice.why} {made}",
        ended,
        means.count * each,
    )


def _probes(work: Work) -> Traces:
    subject, reporter, choice = work.subject, work.reporter, work.choice
    curved = bool(choice.curved)
    q_slope = None
    if curved or reporter.draws is None:
        scored = output_probes.scores(
            subject,
            batch=4 * work.chunk,
            report=lambda done: reporter.say(0.3 * done, f"scoring {subject.size} samples"),
            is_over=work.is_over,
        )
        if scored is None:
            return reporter.nothing(
                "output-probes",
                "Nothing was drawn because the time allowed was over while the samples were scored.",
            )
        q, q_slope = map(output_probes.proposal, scored)
    if reporter.draws is not None:
        q = reporter.draws.proposal
    gauss, ended = _gauss_newton(work, q)
    made = f"{gauss.count} samples drawn by importance from {subject.size}, random signs at the outputs."
    note = f"{choice.why} {made}"
    if q_slope is None or not curved:
        return reporter.result(
            "output-probes", gauss.mean, gauss.stderr, gauss.count, note, ended, gauss.count
        )
    return _with_remainder(work, gauss, q_slope, note)


def _gauss_newton(work: Work, q: Tensor) -> tuple[RunningMeans, str]:
    """Gauss-Newton part, and why it ended."""
    subject, reporter, asked = work.subject, work.reporter, work.asked
    curved = bool(work.choice.curved)
    means = reporter.means("probes")
    among = response_signs.responses(subject, q, seed=asked.seed, check_stop=reporter.check_stop)

    def draw(first: int, count: int) -> Tensor:
        positions, values = output_probes.draws(
            subject,
            work.engine,
            q,
            seed=asked.seed,
            first=first,
            count=count,
            chunk=work.chunk,
            among=among,
        )
        reporter.keep(q, positions, values)
        return values

    # Half of the variance for each part where there is a remainder: the errors add in quadrature.
    share = asked.rel_se / math.sqrt(2) if curved else asked.rel_se
    most = asked.samples or output_probes.DEFAULT_DRAWS
    ended = average(
        draw,
        means,
        budget=Budget(share, most, output_probes.LEAST_DRAWS, work.is_late),
        per_round=output_probes.PER_ROUND,
        report=lambda m, fraction: reporter.say(
            0.3 + (0.3 if curved else 0.7) * fraction,
            f"{m.count} samples drawn",
            m.mean,
            m.stderr,
            m.count,
            m.count,
        ),
        check_stop=reporter.check_stop,
    )
    return means, ended


def _with_remainder(work: Work, gauss: RunningMeans, q_slope: Tensor, note: str) -> Traces:
    """Add what Gauss-Newton leaves out, by Hessian-vector products of the loss linearised in the outputs."""
    subject, reporter, asked = work.subject, work.reporter, work.asked
    rest = reporter.means("remainder")
    batch = min(hutchinson.BATCH, subject.size)
    how = Products(linearised_loss(subject), batch, work.chunk)
    most = max(2, math.ceil((asked.samples or hutchinson.DEFAULT_SAMPLES) / batch))
    mask = work.choice.mask(subject)
    mask = mask.repeat(len(gauss.mean) // len(mask))

    def joined(m: RunningMeans) -> tuple[list[float], list[float]]:
        values = [a + b for a, b in zip(gauss.mean, m.mean, strict=True)]
        return values, [math.hypot(a, b) for a, b in zip(gauss.stderr, m.stderr, strict=True)]

    ended = average(
        lambda first, k: (
            hutchinson.weighted_draws(
                subject, work.engine, how, q_slope, seed=asked.seed, first=first, count=k
            )
            * mask
        ),
        rest,
        budget=Budget(asked.rel_se, most, hutchinson.LEAST_DRAWS, work.is_late),
        per_round=1,
        offset=gauss.mean,
        offset_stderr=gauss.stderr,
        report=lambda m, fraction: reporter.say(
            0.6 + 0.4 * fraction,
            f"{m.count} products for the remainder",
            *joined(m),
            gauss.count + m.count * batch,
            gauss.count + m.count,
        ),
        check_stop=reporter.check_stop,
    )
    if rest.count < 2:
        note += " The remainder has not been measured and is missing from the figures."
        return reporter.result(
            "output-probes", gauss.mean, gauss.stderr, gauss.count, note, ended, gauss.count
        )
    values, errors = joined(rest)
    largest = max(abs(r) / max(abs(v), 1e-300) for r, v in zip(rest.mean, values, strict=True))
    note += (
        f" The remainder of Gauss-Newton comes from {rest.count} Hessian-vector products of {batch} samples "
        f"and was added; it is at most {largest:.1%} of a trace."
    )
    samples = gauss.count + rest.count * batch
    return reporter.result("output-probes", values, errors, samples, note, ended, gauss.count + rest.count)


def _exact(work: Work) -> Traces:
    subject, reporter, choice = work.subject, work.reporter, work.choice
    unit_products_refused(subject, choice, work.asked.of)
    uniform = torch.full((subject.size,), 1 / subject.size, dtype=torch.float64)
    before = 0 if reporter.draws is None else len(reporter.draws.positions)

    def keep(positions: Tensor, values: Tensor) -> None:
        reporter.keep(uniform, positions, values)

    def say(fraction: float) -> None:
        message, draws = "summing over samples and output directions", reporter.draws
        if draws is None:
            reporter.say(fraction, message)
            return
        mean, stderr = exact.estimate(draws.values, subject.size)
        reporter.say(fraction, message, mean.tolist(), stderr.tolist(), len(draws.values))

    finished = exact.own_traces(
        subject,
        work.engine,
        chunk=work.chunk,
        seed=work.asked.seed,
        done=before,
        keep=keep,
        report=say,
        is_over=work.is_over,
    )
    if reporter.draws is None:
        return reporter.nothing("exact", "The time allowed was over before the first samples were summed.")
    mean, stderr = exact.estimate(reporter.draws.values, subject.size)
    made = "Sum over all"
    if not finished:
        made = f"Mean over {len(reporter.draws.values)} random samples of the"
    note = f"{choice.why} {made} {subject.size} samples and all output directions."
    if choice.curved and finished:
        mean = mean + _unit_products(work)
        note += " The remainder of Gauss-Newton comes from a Hessian-vector product with every unit vector."
    elif choice.curved:
        note += " The remainder of Gauss-Newton has not been added yet."
    return reporter.result(
        "exact",
        mean.tolist(),
        stderr.tolist(),
        len(reporter.draws.values),
        note,
        "reached" if finished else "seconds",
    )


def _unit_products(work: Work) -> Tensor:
    """Remainder of Gauss-Newton, without noise."""
    subject, phi = work.subject, linearised_loss(work.subject)
    wanted = sorted(work.choice.curved)
    found: Tensor | None = None
    for part in torch.arange(subject.size).split(work.chunk):
        work.reporter.check_stop()
        if work.asked.of == "weights":
            forms = subject.per_block(hutchinson.exact_forms(subject, phi, part, wanted, chunk=work.chunk))
        else:
            forms = exact_activation_forms(subject, phi, part, wanted, chunk=work.chunk)
        share = len(part) / subject.size * forms
        found = share if found is None else found + share
    assert found is not None
    return found
