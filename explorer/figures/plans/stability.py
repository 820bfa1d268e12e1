"""How often each block gets each width when the traces are drawn again: one stacked bar a block."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from explorer.figures import look


def figure(
    shares: Mapping[str, Mapping[int, float]], held: Mapping[str, int], *, height: int = 320
) -> go.Figure:
    """Draw the shares.

    Args:
        shares: block to width to the share of draws that chose it.
        held: block to its width in the plan itself.
    """
    made = look.blank(height)
    names = list(shares)
    for bits in sorted({width for row in shares.values() for width in row}):
        made.add_bar(
            x=names,
            y=[row.get(bits, 0.0) for row in shares.values()],
            marker={"color": look.BIT_COLOURS[bits]},
            name=f"{bits} bits",
            customdata=[[name, held[name]] for name in names],
            hovertemplate=f"<b>%{{customdata[0]}}</b><br>{bits} bits in %{{y:.0%}} of the draws<br>"
            "%{customdata[1]} bits in the plan<extra></extra>",
        )
    made.update_layout(barmode="stack")
    made.update_xaxes(title="block, from input to output", tickangle=-45, tickfont={"size": 12})
    made.update_yaxes(title="share of the draws", tickformat=".0%", range=[0, 1])
    return made


def unsure(changes: Mapping[str, float], *, least: float = 0.1) -> Sequence[str]:
    """The blocks that change their width in at least this share of the draws, the unsurest first."""
    found = [name for name, share in changes.items() if share >= least]
    return sorted(found, key=changes.__getitem__, reverse=True)
