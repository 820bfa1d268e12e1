"""How one block's estimate converged: against the samples drawn and against the probes (HAWQ-V2, Fig. 5 and 8).

The band is one standard error either way, as it was known at that moment, not with hindsight.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from explorer.figures import look


@dataclass(frozen=True)
class Step:
    """The estimate after so many samples and probes: mean trace and its standard error."""

    samples: int
    probes: int
    value: float
    stderr: float


@dataclass(frozen=True)
class Convergence:
    """The steps of one block, in the order in which they came, and the final estimate."""

    name: str
    steps: tuple[Step, ...]
    value: float
    stderr: float


def view(result: Mapping[str, Any], name: str) -> Convergence | None:
    """The ``history`` of a traces result for one block.

    None where there is nothing to see: no history, no such block, or fewer than two moments with an error.
    """
    names = [block["name"] for block in result["blocks"]]
    if name not in names:
        return None
    i = names.index(name)
    block = result["blocks"][i]
    n = max(block["n"], 1)
    steps = tuple(
        Step(moment["samples"], moment["probes"], moment["traces"][i] / n, moment["stderrs"][i] / n)
        for moment in result.get("history", ())
        if _is_finite(moment["stderrs"][i])
    )
    if len(steps) < 2 or not any(step.stderr for step in steps):
        return None
    return Convergence(name, steps, block["mean_trace"], block["stderr"] / n)


def figure(view: Convergence, *, of: str = "weights", noun: str = "samples", height: int = 340) -> go.Figure:
    """Draw the estimate with its band; one panel where every sample has one probe, else one for each."""
    colour = look.WEIGHTS if of == "weights" else look.ACTIVATIONS
    made = look.blank(height)
    alike = all(step.samples == step.probes for step in view.steps)
    counts = [(f"{noun} drawn, one probe each (log)" if alike else f"{noun} drawn (log)", "samples")]
    if not alike:
        counts.append(("probes (log)", "probes"))
    for column, (title, count) in enumerate(counts):
        suffix = "" if column == 0 else str(column + 1)
        _curve(made, view, count, colour, noun, axis=f"x{suffix}", first=column == 0)
        width = 1 / len(counts)
        start, end = column * width + (0.04 if column else 0), (column + 1) * width
        end -= 0.04 if column + 1 < len(counts) else 0
        drawn = [getattr(step, count) for step in view.steps]
        xaxis = {"title": {"text": title}, "type": "log", "domain": [start, end]}
        xaxis |= look.log_ticks(min(drawn), max(drawn))
        made.update_layout({f"xaxis{suffix}": xaxis})
    made.update_yaxes(title="mean trace, Tr(H)/n (loss per weight²)", exponentformat="power")
    made.update_layout(margin={"r": 40})
    return made


def finding(view: Convergence, noun: str = "samples") -> str:
    """What the picture shows, in words."""
    first = view.steps[0]
    return (
        f"Convergence of {view.name}'s mean trace: {first.value:.3g} ± {first.stderr:.1g} after {first.samples:,} "
        f"{noun} to {view.value:.3g} ± {view.stderr:.1g} after {view.steps[-1].samples:,}."
    )


def _curve(
    made: go.Figure, view: Convergence, count: str, colour: str, noun: str, *, axis: str, first: bool
) -> None:
    x = [getattr(step, count) for step in view.steps]
    upper = [step.value + step.stderr for step in view.steps]
    lower = [step.value - step.stderr for step in view.steps]
    made.add_scatter(
        x=[*x, *x[::-1]],
        y=[*upper, *lower[::-1]],
        xaxis=axis,
        fill="toself",
        fillcolor=look.faded(colour),
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        name="± 1 s.e.",
        legendgroup="band",
        showlegend=first,
    )
    made.add_scatter(
        x=x,
        y=[step.value for step in view.steps],
        xaxis=axis,
        mode="lines+markers",
        line={"color": colour, "width": 2},
        marker={"size": 5},
        customdata=[[step.stderr, step.samples, step.probes] for step in view.steps],
        hovertemplate=f"%{{customdata[1]:,}} {noun}, %{{customdata[2]:,}} probes<br>"
        "%{y:.3g} ± %{customdata[0]:.1g}<extra></extra>",
        name="estimate so far",
        legendgroup="estimate",
        showlegend=first,
    )
    made.add_scatter(
        x=[x[0], x[-1]],
        y=[view.value, view.value],
        xaxis=axis,
        mode="lines",
        line={"color": look.ACCENT, "dash": "dot", "width": 1.5},
        hovertemplate=f"final {view.value:.3g} ± {view.stderr:.1g}<extra></extra>",
        name=f"final, {view.value:.3g} ± {view.stderr:.1g}",
        legendgroup="final",
        showlegend=first,
    )


def _is_finite(value: float | None) -> bool:
    return value is not None and abs(value) < float("inf")


def moments(steps: Sequence[Step]) -> list[dict[str, float]]:
    """The steps as rows of a table."""
    return [
        {"samples": s.samples, "probes": s.probes, "mean_trace": s.value, "stderr": s.stderr} for s in steps
    ]
