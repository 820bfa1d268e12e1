"""Traces over the same samples: what a relative variance of 1 costs by each method.

The exact traces of these samples are the reference, so every difference is a method's own noise.
"""

import time
from collections.abc import Callable, Sequence
from statistics import fmean

import torch

from benchmarks import ours
from benchmarks.arithmetic import Price, Ratio, claimed_variances, ratio, relative_errors, relative_variances
from benchmarks.peers import Peers
from benchmarks.peers.common import Product, ProductPeer, signs
from benchmarks.problem import Problem, drawn
from benchmarks.sections.drawing import (
    COLUMNS,
    Draw,
    Drawn,
    draw_in_turns,
    draws_of,
    priced,
    product_claims,
    row,
)
from benchmarks.settings import Settings
from benchmarks.tables import Findings, Row, Table
from benchmarks.timing import in_turns
from explorer.curvature import Traces


def same_samples(problem: Problem, peers: Peers, settings: Settings) -> Findings:
    """The table, and whether ours is at least 20 times cheaper than the best peer."""
    some = problem.on(drawn(problem.study, settings.rows))
    reference = ours.values(ours.exact(some))
    rows, price = _ours(some, reference, settings)
    methods: list[tuple[Drawn, Draw]] = []
    for kind in peers.products:
        peer = kind(some)
        product = peer.operator(some.batches(settings.chunk))
        begun = draws_of(peer, methods, settings.draws, settings.draws_timing, "one z for all blocks")
        methods.append((begun, _joint(peer, product, 1000 * len(methods))))
    if peers.has("BackPACK"):
        from benchmarks.peers.backpack import BackPack

        pack = BackPack(some)
        pack.tune(some, settings.backpack_chunks)
        begun = Drawn("BackPACK, DiagGGNMC", "label", settings.draws_timing)
        methods.append((begun, lambda number: pack.sampled(some, number)))
        mean, square = pack.label_moments(some)
        labels = ((square - mean.square()).sum(0) / some.size**2 / torch.tensor(reference) ** 2).tolist()
    draw_in_turns(methods)
    everything = [each for each, _ in methods]
    ratios: list[tuple[Drawn, Ratio]] = []
    for each in everything:
        if each.family == "label":
            theirs = Price.joint(min(each.seconds), labels)
        else:
            theirs = priced(each, everything, reference)
        against = ratio(theirs, price)
        rows.append(row(each.name, each.draws, min(each.seconds), theirs, reference, against))
        ratios.append((each, against))
    methods.clear()  # and with them what the peers keep between draws
    if peers.has("PyHessian"):
        line, against = _alone(some, reference, price, settings)
        rows.append(line)
        ratios.append((Drawn(str(line["method"]), "hessian", settings.draws_alone), against))
    rows += [{"method": f"{name}: {why}"} for name, why in peers.missing.items()]
    table = Table(
        "a",
        f"{problem.study.name}: traces of {len(reference)} blocks over the same {some.size} samples",
        COLUMNS,
        tuple(rows),
        (
            f"Ours: {settings.seeds} runs, with everything that a run does from the start; its draw is a whole run "
            f"(median seconds, mean variance), its error the largest of the runs. Peers: least seconds of a draw, what "
            f"can be kept between draws kept; the error is that of the mean of the draws.",
            "The variance of a product's draw is that of the draws of all Hessian-vector peers together (one "
            "distribution). Few draws of a heavy-tailed quantity make its variance look "
            "smaller than it is: the peers' prices are, if anything, too low. That of DiagGGNMC is computed from the "
            "gradients for every label: its draws nearly all miss the labels that matter.",
        ),
    )
    return Findings(
        [table], product_claims(problem.study.name, f"over the same {some.size} samples", 20, ratios)
    )


def _ours(some: Problem, reference: Sequence[float], settings: Settings) -> tuple[list[Row], Price]:
    rows, prices = [], []
    for rel_se in (settings.rel_se, settings.rel_se / 2.5):
        timed = in_turns({"ours": _run(some, rel_se)}, repeats=settings.seeds)
        runs = timed["ours"].values
        values = [ours.values(run) for run in runs]
        price = Price.joint(
            timed["ours"].median, claimed_variances([ours.stderrs(run) for run in runs], reference)
        )
        errors = [relative_errors(v, reference) for v in values]
        line = row(
            f"ours, output-probes to {rel_se:.1%}", values, timed["ours"].median, price, reference, None
        )
        line["worst_error"] = max(max(e) for e in errors)
        line["median_error"] = fmean(sorted(e)[len(e) // 2] for e in errors)
        rows.append(line)
        prices.append(price)
    return rows, prices[0]


def _run(some: Problem, rel_se: float) -> Callable[[int], Traces]:
    return lambda repeat: ours.probes(some, rel_se, 100 + repeat)


def _joint(peer: ProductPeer, product: Product, seed: int) -> Draw:
    def draw(number: int) -> list[float]:
        generator = torch.Generator().manual_seed(seed + number)
        return peer.forms(product, signs(peer.problem, generator))

    return draw


def _alone(some: Problem, reference: Sequence[float], price: Price, settings: Settings) -> tuple[Row, Ratio]:
    """PyHessian block by block, as HAWQ-V2 does it: a product a block, drawn as often as the block needs."""
    from benchmarks.peers.pyhessian import PyHessian

    product = PyHessian(some).alone(some.batches(settings.chunk))
    draws: list[list[float]] = []
    seconds = [float("inf")] * len(some.names)
    for number in range(settings.draws_alone):
        vectors = signs(some, torch.Generator().manual_seed(7000 + number))
        values = []
        for i, z in enumerate(vectors):
            started = time.perf_counter()
            values.append(float((z * product(i, z)).sum(dtype=torch.float64)))
            seconds[i] = min(seconds[i], time.perf_counter() - started)
        draws.append(values)
    theirs = Price(tuple(seconds), tuple(relative_variances(draws, reference)), alone=True)
    against = ratio(theirs, price)
    name = "PyHessian, a z for each block"
    return row(name, draws, sum(seconds), theirs, reference, against), against
