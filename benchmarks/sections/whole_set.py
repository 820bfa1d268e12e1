"""Traces over the whole training set, to 5 % in every block.

Ours draws samples by importance after one forward pass over all. A peer that multiplies with the Hessian draws a
random batch and a random vector each time: both make its variance. A peer that gives the Gauss-Newton diagonal
takes all samples, or as many uniformly drawn ones as the unequal samples demand. The exact traces over all
samples are the reference.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from benchmarks import ours
from benchmarks.arithmetic import (
    Price,
    Ratio,
    claimed_variances,
    ratio,
    relative_errors,
    relative_variances,
    samples_needed,
)
from benchmarks.peers import Peers
from benchmarks.peers.common import ProductPeer, signs
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
from benchmarks.tables import Claim, Column, Findings, Row, Table
from benchmarks.timing import Timed, in_turns
from explorer.curvature import Traces

if TYPE_CHECKING:
    from benchmarks.peers.backpack import BackPack


def whole_set(problem: Problem, peers: Peers, settings: Settings) -> Findings:
    """The tables of products and of the diagonal, with what is claimed of them."""
    every = problem.on(drawn(problem.study, settings.whole))
    full = in_turns({"exact": lambda _: ours.exact(every)}, repeats=1, warm_up=False)["exact"]
    reference = ours.values(full.values[0])
    timed = in_turns(
        {"ours": lambda k: ours.probes(every, settings.rel_se, 200 + k)}, repeats=settings.seeds
    )["ours"]
    price = Price.joint(timed.median, claimed_variances([ours.stderrs(t) for t in timed.values], reference))
    found = Findings()
    _products(every, peers, settings, timed, price, reference, found)
    _diagonal(every, peers, settings, timed, full, reference, found)
    worst = [max(b.stderr / abs(r) for b, r in zip(t.blocks, reference, strict=True)) for t in timed.values]
    found.claims.insert(
        0,
        Claim.of_cifar(
            every.study.name,
            f"all {len(reference)} blocks over {every.size:,} samples, standard error {settings.rel_se:.0%} or better",
            "under 20 s",
            f"{timed.best:.1f} to {max(timed.seconds):.1f} s in {len(timed.seconds)} runs; "
            f"largest standard error {max(worst):.1%}",
            max(timed.seconds) < 20 and max(worst) <= settings.rel_se * 1.1,
        ),
    )
    return found


def _ours_row(timed: Timed[Traces], price: Price, reference: Sequence[float], settings: Settings) -> Row:
    values = [ours.values(run) for run in timed.values]
    errors = [sorted(relative_errors(v, reference)) for v in values]
    line = row(f"ours, output-probes to {settings.rel_se:.0%}", values, timed.median, price, reference, None)
    line["worst_error"] = max(e[-1] for e in errors)
    line["median_error"] = sum(e[len(e) // 2] for e in errors) / len(errors)
    return line


def _products(
    every: Problem,
    peers: Peers,
    settings: Settings,
    timed: Timed[Traces],
    price: Price,
    reference: Sequence[float],
    found: Findings,
) -> None:
    rows = [_ours_row(timed, price, reference, settings)]
    ratios: list[tuple[Drawn, Ratio]] = []
    made = [kind(every) for kind in peers.products]
    plans = [(settings.batch, settings.draws_whole, made)]
    plans.append(
        (settings.rows, settings.draws_large, [peer for peer in made if peer.library == "PyHessian"])
    )
    for size, count, chosen in plans:
        methods: list[tuple[Drawn, Draw]] = []
        for peer in chosen:
            begun = draws_of(peer, methods, count, settings.draws_timing, f"random batches of {size}")
            methods.append((begun, _random_batches(peer, size, settings.chunk, 10_000 * len(methods))))
        draw_in_turns(methods)
        everything = [each for each, _ in methods]
        for each in everything:
            theirs = priced(each, everything, reference)
            against = ratio(theirs, price)
            line = row(each.name, each.draws, min(each.seconds), theirs, reference, against)
            line["to_error"] = theirs.seconds_to(settings.rel_se)
            rows.append(line)
            ratios.append((each, against))
    rows[0]["to_error"] = timed.median
    rows += [{"method": f"{name}: {why}"} for name, why in peers.missing.items()]
    heading = f"s to {settings.rel_se:.0%} in all blocks"
    columns = (*COLUMNS[:8], Column("to_error", heading, "count"), *COLUMNS[8:])
    found.tables.append(
        Table(
            "b-products",
            f"{every.study.name}: traces over all {every.size:,} samples, against Hessian-vector products",
            columns,
            tuple(rows),
            (
                "A peer's draw is one product over a fresh random batch with a fresh vector; its variance is measured "
                "on the draws (of all Hessian peers together), so it holds both. Seconds to the error asked for are "
                "the price over its square.",
            ),
        )
    )
    found.claims += product_claims(every.study.name, f"over all {every.size:,} samples", 200, ratios)


def _random_batches(peer: ProductPeer, size: int, chunk: int, seed: int) -> Draw:
    def draw(number: int) -> list[float]:
        generator = torch.Generator().manual_seed(seed + number)
        positions = torch.randperm(peer.problem.size, generator=generator)[:size]
        z = signs(peer.problem, generator)
        return peer.forms(peer.operator([peer.problem.batch(part) for part in positions.split(chunk)]), z)

    return draw


def _diagonal(
    every: Problem,
    peers: Peers,
    settings: Settings,
    timed: Timed[Traces],
    full: Timed[Traces],
    reference: Sequence[float],
    found: Findings,
) -> None:
    rows: list[Row] = [
        {
            "method": f"ours, output-probes to {settings.rel_se:.0%}",
            "seconds": timed.median,
            "how": "measured",
        },
        {"method": "ours, exact", "samples": every.size, "seconds": full.best, "how": "measured once"},
    ]
    what = (
        f"time to {settings.rel_se:.0%} over all {every.size:,} samples, Gauss-Newton diagonal peer over ours"
    )
    drawn_from = timed.values[0].draws
    if peers.has("BackPACK") and drawn_from is not None:
        theirs = _backpack_rows(every, settings, full.values[0], drawn_from.proposal, reference)
        ratios = {str(line["method"]): float(str(line["seconds"])) / timed.median for line in theirs}
        exact = next(method for method in ratios if method.endswith("all samples"))
        drawn = min((method for method in ratios if method != exact), key=ratios.__getitem__)
        found.claims += [
            Claim.of_cifar(
                every.study.name,
                what,
                "at least 20 times",
                f"{ratios[exact]:.0f} times ({exact})",
                ratios[exact] >= 20,
            ),
            Claim(every.study.name, what, "", f"{ratios[drawn]:.0f} times ({drawn})", None),
        ]
        rows += theirs
    else:
        missing = peers.missing["BackPACK"]
        rows.append({"method": f"BackPACK: {missing}"})
        found.claims.append(Claim.of_cifar(every.study.name, what, "at least 20 times", missing, None))
    for line in rows:
        if "seconds" in line:
            line["times"] = float(str(line["seconds"])) / timed.median
    found.tables.append(
        Table(
            "b-diagonal",
            f"{every.study.name}: traces over all {every.size:,} samples, against the Gauss-Newton diagonal",
            (
                Column("method", "method"),
                Column("samples", "samples", "count"),
                Column("seconds", "s", "seconds"),
                Column("times", "times ours", "times"),
                Column("how", "how it was found"),
            ),
            tuple(rows),
            (
                f"Uniformly drawn samples need so many because few carry the traces: the relative variance of one "
                f"sample's own trace is {max(_own_variances(full.values[0], reference)):,.0f} in the worst block.",
            ),
        )
    )


def _backpack_rows(
    every: Problem, settings: Settings, full: Traces, proposal: Tensor, reference: Sequence[float]
) -> list[Row]:
    from benchmarks.peers.backpack import BackPack

    pack = BackPack(every)
    part = every.on(every.rows[torch.randperm(every.size, generator=_generator(3))[: settings.scaled_rows]])
    pack.tune(part, settings.backpack_chunks)
    timed = in_turns(
        {"exact": lambda _: pack.exact(part), "sampled": lambda k: pack.sampled(part, k)},
        repeats=settings.repeats,
    )
    exact, label = timed["exact"].best / part.size, timed["sampled"].best / part.size
    needed = samples_needed(max(_own_variances(full, reference)), settings.rel_se, every.size)
    labels = _label_variance(pack, every, proposal, settings, reference) / settings.rel_se**2
    measured = f"measured on {part.size} samples, in proportion"
    variance = "from the own traces of all samples"
    return [
        {
            "method": "BackPACK, DiagGGNExact, all samples",
            "samples": every.size,
            "seconds": exact * every.size,
            "how": measured,
        },
        {
            "method": "BackPACK, DiagGGNExact, uniformly drawn samples",
            "samples": needed,
            "seconds": exact * needed,
            "how": f"{measured}; number of samples {variance}",
        },
        {
            "method": "BackPACK, DiagGGNMC, uniformly drawn samples",
            "samples": labels,
            "seconds": label * labels,
            "how": f"{measured}; number of samples from the gradients for every label",
        },
    ]


def _label_variance(
    pack: "BackPack", every: Problem, proposal: Tensor, settings: Settings, reference: Sequence[float]
) -> float:
    """Relative variance of one uniformly drawn sample with one drawn label, in the worst block.

    Its mean square over all samples is estimated from samples drawn by importance.
    """
    chosen = torch.multinomial(proposal, settings.label_samples, replacement=True, generator=_generator(4))
    _, square = pack.label_moments(every.on(every.rows[chosen]))
    mean_square = (square / (every.size * proposal[chosen]).unsqueeze(1)).mean(0)
    return float((mean_square / torch.tensor(reference, dtype=torch.float64) ** 2 - 1).max())


def _own_variances(full: Traces, reference: Sequence[float]) -> list[float]:
    """Relative variance of one uniformly drawn sample's own exact trace, every block."""
    assert full.draws is not None
    own: Tensor = full.draws.own_traces
    return relative_variances(own.tolist(), reference)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
