"""The page of the docs, made from what was found."""

from collections.abc import Sequence

from benchmarks.peers import Peers
from benchmarks.tables import Findings, as_markdown, claims_table

_HEAD = """# Curvature against its peers

Hessian traces of every block, and the largest eigenvalue, by this project and by
{peers}.
`python -m benchmarks.curvature` made this page in one run; `benchmarks/README.md` says how to repeat it.

{machine}

How to read it. A method gives independent draws of the traces; a draw takes t seconds and has a relative variance
v (its variance over the squared trace), so k draws take k·t seconds and leave a squared relative error of v/k. The
product t·v is the price of precision whatever k is, in seconds for a relative variance of 1. "All blocks" is the
price of the worst block, since one draw serves them all (the sum, where every block is drawn by itself). A time is
the least of several (of ours to a given error: the median of several runs), and compared works were timed in turns.
"""


def document(found: Findings, machine: Sequence[str], peers: Peers, *, quick: bool) -> str:
    """Markdown with the claims first."""
    names = [f"{name} {version}" for name, version in peers.versions.items()]
    names += [f"{name} ({why})" for name, why in peers.missing.items()]
    listed = ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else "".join(names)
    parts = [_HEAD.format(peers=listed, machine="\n".join(f"- {line}" for line in machine))]
    if quick:
        parts.append("**Made with `--quick`: sizes too small to be quoted.**\n")
    tables = [claims_table(found.claims), *found.tables] if found.claims else found.tables
    return "\n".join([*parts, *map(as_markdown, tables)])
