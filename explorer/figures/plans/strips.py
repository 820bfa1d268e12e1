"""Plans as strips one above the other: a coloured cell a block with its weight bits, so that differences line up."""

from collections.abc import Mapping

import plotly.graph_objects as go

from explorer.figures import look

_ROW = 56  # pixels of a strip


def figure(plans: Mapping[str, Mapping[str, tuple[int, int]]]) -> go.Figure:
    """Draw the strips.

    Args:
        plans: name to block to (weight bits, activation bits), the upper strip first.
    """
    made = look.blank(_ROW * len(plans) + 120)
    blocks = list(next(iter(plans.values()), {}))
    for name, row in plans.items():
        made.add_bar(
            y=[name] * len(blocks),
            x=[1] * len(blocks),
            base=list(range(len(blocks))),
            orientation="h",
            marker={
                "color": [look.BIT_COLOURS[w] for w, _ in row.values()],
                "line": {"width": 1, "color": "white"},
            },
            text=[str(w) for w, _ in row.values()],
            textposition="inside",
            textangle=0,
            hovertext=[
                f"<b>{block}</b><br>weights {w} bits, activations {a} bits" for block, (w, a) in row.items()
            ],
            hovertemplate="%{hovertext}<extra></extra>",
            name=name,
            showlegend=False,
        )
    made.update_layout(barmode="overlay", bargap=0.2)
    made.update_xaxes(
        title="block, from input to output",
        tickvals=[place + 0.5 for place in range(len(blocks))],
        ticktext=blocks,
        tickangle=-45,
        range=[0, len(blocks)],
        showgrid=False,
    )
    made.update_yaxes(autorange="reversed", showgrid=False)
    return made
