"""Pictures of lesson 4: what the layers are given, two objectives against the clip, accuracy, bytes moved, times."""

from collections.abc import Mapping, Sequence
from typing import Any

from explorer.figures import look
from explorer.figures.drawing import Drawing
from explorer.figures.lessons import levels
from explorer.figures.steps import curves
from explorer.lessons.calibration import Objectives, Range, Traffic

RULE_WORDS = {"min-max": "min-max", "percentile": "percentile", "mse": "least squared error", "kl": "KL"}
RULE_COLOURS = {
    "min-max": curves.COLOURS[1],
    "percentile": curves.COLOURS[2],
    "mse": curves.COLOURS[0],
    "kl": curves.COLOURS[3],
    "kl, with zeros": curves.COLOURS[4],
}


def ranges_figure(found: Sequence[Range], percent: float, marked: str, *, height: int = 380) -> Drawing:
    """Median, percentile and largest value of what every layer is given; a click gives the layer's name."""
    made = look.blank(height)
    x = list(range(1, len(found) + 1))
    for name, values, symbol, colour in (
        ("largest", [each.largest for each in found], "triangle-up", RULE_COLOURS["min-max"]),
        (
            f"{percent:g} % are below",
            [each.percentile for each in found],
            "diamond",
            RULE_COLOURS["percentile"],
        ),
        ("median", [each.median for each in found], "line-ew-open", look.MUTED),
    ):
        made.add_scatter(
            x=x,
            y=values,
            mode="markers",
            name=name,
            marker={
                "symbol": symbol,
                "color": colour,
                "size": [15 if each.layer == marked else 10 for each in found],
                "line": {"width": [3 if each.layer == marked else 0 for each in found], "color": look.ACCENT},
            },
            customdata=[[each.layer] for each in found],
            hovertemplate="%{customdata[0]}<br>%{y:.3g}<extra></extra>",
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}},
        )
    made.update_xaxes(title="layer whose input it is, from first to last")
    return made.update_yaxes(title="value (units of the activation)", rangemode="tozero")


def objectives_view(found: Objectives, clips: Mapping[str, float], bits: int) -> curves.View:
    """Both objectives over their least value against the clip, and what four rules choose."""
    mse = found.errors / found.errors.min()
    apart = found.apart / found.apart.min()
    last = float(found.kl_clips[-1])

    def at(rule: str, clip: float) -> float:
        x, y = (found.kl_clips, apart) if rule == "kl" else (found.clips, mse)
        nearest = min(range(len(x)), key=lambda i: abs(float(x[i]) - clip))
        return float(y[nearest])

    return curves.View(
        curves=(
            curves.Curve(
                "mean squared error",
                tuple(map(float, found.clips)),
                tuple(map(float, mse)),
                colour=RULE_COLOURS["mse"],
                markers=False,
            ),
            curves.Curve(
                "KL divergence",
                tuple(map(float, found.kl_clips)),
                tuple(map(float, apart)),
                colour=RULE_COLOURS["kl"],
                dash="dash",
                markers=False,
            ),
        ),
        spots=tuple(
            curves.Spot(
                f"{RULE_WORDS[rule]}: {clip:.3g}", min(clip, last), at(rule, clip), RULE_COLOURS[rule]
            )
            for rule, clip in clips.items()
        ),
        x_title=f"clip c at {bits} bits (units of the activation)",
        y_title="over its least value",
        log_y=True,
    )


def accuracy_figure(rows: Sequence[Sequence[Any]], *, height: int = 380) -> Drawing:
    """Accuracy against bits, a curve a rule, with its standard error; rows of rule, bits, accuracy, error."""
    curves = [
        levels.of_rows(
            RULE_WORDS.get(rule, rule),
            [row for row in rows if row[0] == rule],
            (1, 2),
            colour,
            dash="dash" if rule == "kl, with zeros" else "solid",
        )
        for rule, colour in RULE_COLOURS.items()
    ]
    full = next(row for row in rows if row[0] == "FP32")[2]
    made = levels.figure(curves, hover="%{x} bits: %{y:.2%}", against=full, height=height)
    made.update_xaxes(title="bits of every activation", autorange="reversed", dtick=1)
    return made.update_yaxes(title="test accuracy (dashed: FP32)", tickformat=".0%")


def traffic_figure(found: Sequence[Traffic], bits: int, *, height: int = 380) -> Drawing:
    """Bytes a layer, three ways."""
    made = look.blank(height)
    for name, values, colour in (
        ("FP32", [each.float32 for each in found], look.BIT_COLOURS[32]),
        ("fake-quantized", [each.fake for each in found], look.BIT_COLOURS[3]),
        (f"integers of {bits} bits", [each.integer for each in found], look.BIT_COLOURS[8]),
    ):
        made.add_bar(
            x=[each.layer for each in found],
            y=values,
            name=name,
            marker={"color": colour},
            hovertemplate="%{x}: %{y:,.0f} B<extra></extra>",
        )
    made.update_xaxes(title="layer", tickangle=-60)
    return made.update_yaxes(title="bytes moved, an image")


def times_figure(times: Sequence[Mapping[str, Any]], *, height: int = 320) -> Drawing:
    """Milliseconds a batch."""
    made = look.blank(height)
    made.add_bar(
        x=[each["what"] for each in times],
        y=[each["milliseconds"] for each in times],
        marker={
            "color": [
                look.BIT_COLOURS[32] if "FP32" in each["what"] else look.BIT_COLOURS[8] for each in times
            ]
        },
        customdata=[[each["ratio"], each["lowest"], each["highest"]] for each in times],
        hovertemplate="%{x}<br>%{y:.2f} ms, %{customdata[0]:.2f} times as fast as FP32 in PyTorch "
        "(%{customdata[1]:.2f} to %{customdata[2]:.2f})<extra></extra>",
        showlegend=False,
    )
    return made.update_yaxes(title="ms for 64 images (median)", rangemode="tozero")
