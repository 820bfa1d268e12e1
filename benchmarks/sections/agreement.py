"""Do the peers compute the same thing? Shown before any time is compared."""

import torch

from benchmarks import ours
from benchmarks.arithmetic import largest_difference, relative_errors
from benchmarks.peers import Peers
from benchmarks.peers.common import signs
from benchmarks.problem import Problem, drawn
from benchmarks.settings import Settings
from benchmarks.tables import Column, Findings, Row, Table

TOLERANCE = 1e-3  # of float32, after sums over a few million terms in another order


def agreement(problem: Problem, peers: Peers, settings: Settings) -> tuple[Findings, Peers]:
    """The table, and the peers that agree: products with the same vector, and the exact traces of BackPACK.

    A Gauss-Newton product mixes the blocks otherwise than the Hessian does, but has the same diagonal blocks where
    the network is piecewise linear: it is compared with a vector that is zero outside one block.
    """
    some = problem.on(drawn(problem.study, 2 * settings.chunk, seed=5))
    batches = some.batches(settings.chunk)
    rows: list[Row] = []
    for kind in peers.products:
        peer = kind(some)
        blocks = [None] if peer.hessian else [0, len(some.names) // 2, len(some.names) - 1]
        worst = 0.0
        for block in blocks:
            z = signs(some, torch.Generator().manual_seed(1), block)
            theirs, mine = peer.forms(peer.operator(batches), z), ours.forms(some, z, settings.chunk)
            if block is not None:
                theirs, mine = [theirs[block]], [mine[block]]
            worst = max(worst, largest_difference(theirs, mine))
        what = "z·Hz of every block, one z" if peer.hessian else "z·Gz of three blocks, z in that block alone"
        rows.append(_row(peer.name, peers.versions[peer.library], what, worst))
    if peers.has("BackPACK"):
        from benchmarks.peers.backpack import BackPack

        difference = max(relative_errors(BackPack(some).exact(some), ours.values(ours.exact(some))))
        rows.append(_row("BackPACK", peers.versions["BackPACK"], "exact trace of every block", difference))
    rows += [{"peer": name, "what": why, "same": "no"} for name, why in peers.missing.items()]
    columns = (
        Column("peer", "peer"),
        Column("version", "version"),
        Column("what", "compared with ours"),
        Column("difference", "largest relative difference", "number"),
        Column("same", "agrees"),
    )
    note = f"Over {some.size} samples, float32. A difference above {TOLERANCE:g} counts as a disagreement."
    title = f"{problem.study.name}: do the peers compute the same?"
    findings = Findings([Table("agreement", title, columns, tuple(rows), (note,))])
    disagreeing = {
        row["peer"]: f"its numbers differ from ours by {row['difference']:.1g}"
        for row in rows
        if "difference" in row and not row["difference"] <= TOLERANCE
    }
    return findings, peers.without(disagreeing)


def _row(name: str, version: str, what: str, difference: float) -> Row:
    same = "yes" if difference <= TOLERANCE else "**no**"
    return {"peer": name, "version": version, "what": what, "difference": difference, "same": same}
