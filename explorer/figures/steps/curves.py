"""Curves about step sizes: error against step, loss and accuracy against p, distance and images, the joint descent.

After Figs. 3, 4, 5 and B.2 of LAPQ. Every view is of plain results; errors are drawn as bands or bars.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import plotly.graph_objects as go

from explorer.figures import look

COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
)  # Okabe and Ito: told apart by all
_FINE = 60  # points of a parabola


@dataclass(frozen=True)
class Curve:
    """One line: its points in order, standard errors where they are known, and how it is drawn."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    stderr: tuple[float, ...] = ()
    colour: str = look.ACCENT
    dash: str = "solid"
    markers: bool = True


@dataclass(frozen=True)
class Spot:
    """A point to notice."""

    name: str
    x: float
    y: float
    colour: str = look.ACCENT


@dataclass(frozen=True)
class View:
    """Curves on shared axes.

    Attributes:
        x_title, y_title: with units.
        per_cent: y is a share.
        ticks: values of the x axis that are labelled; () leaves that to the drawing.
    """

    curves: tuple[Curve, ...]
    x_title: str
    y_title: str
    spots: tuple[Spot, ...] = ()
    log_x: bool = False
    log_y: bool = False
    per_cent: bool = False
    ticks: tuple[float, ...] = field(default=())


def errors_view(content: Mapping[str, Any]) -> View:
    """The ``error`` sweep: every p's error in units of its own least, so that all lie in one picture (Fig. 4)."""
    curves, spots = [], []
    for k, p in enumerate(content["p"]):
        colour = COLOURS[k % len(COLOURS)]
        least = min(content["errors"][k])
        name = f"p = {p:g}"
        relative = tuple(error / least if least else error for error in content["errors"][k])
        curves.append(Curve(name, tuple(content["steps"]), relative, colour=colour, markers=False))
        spots.append(Spot(f"{name}: least at {content['best'][k]:.4g}", content["best"][k], 1.0, colour))
    tensor = content.get("site") or "N(0, 1)"
    return View(
        curves=tuple(curves),
        spots=tuple(spots),
        x_title=f"step Δ of {tensor} (units of the tensor)",
        y_title="L_p error over its least",
        log_y=True,
    )


def p_view(
    content: Mapping[str, Any], *, of: str = "loss", unit: str = "nats", metric: str = "accuracy"
) -> View:
    """The ``p`` sweep, or the ``p_curve`` of a LAPQ result, with the parabola and its vertex (Figs. 3, 5b).

    Args:
        of: ``loss``, of the calibration samples; ``test_loss`` or ``accuracy``.
        metric: what the accuracy is called.
    """
    points = content["points"] if "points" in content else _p_curve_points(content)
    known = [point for point in points if _finite(point.get(of))]
    measured = _curve("measured", known, "p", of)
    coefficients, vertex = content["coefficients"], content["vertex"]
    curves, spots = [measured], []
    if of == "loss" and coefficients:
        low, high = 2.0, 4.0
        x = tuple(low + (high - low) * k / _FINE for k in range(_FINE + 1))
        fitted = tuple(_polynomial(coefficients, each) for each in x)
        curves.append(
            Curve("fitted parabola", x, fitted, colour=look.TEXT_ON_BOTH, dash="dash", markers=False)
        )
        if vertex is not None:
            spots.append(Spot(f"vertex, p* = {vertex:.3g}", vertex, _polynomial(coefficients, vertex)))
    return View(
        curves=tuple(curves),
        spots=tuple(spots),
        x_title="p of the L_p error that the steps minimise",
        y_title=_measure(of, unit, metric),
        per_cent=of == "accuracy",
    )


def distance_view(content: Mapping[str, Any], *, unit: str = "nats") -> View:
    """The ``distance`` sweep (Fig. 5a)."""
    curve = _curve("all steps together", content["points"], "ratio", "loss")
    here = [point["loss"] for point in content["points"] if math.isclose(point["ratio"], 1.0, abs_tol=1e-9)]
    return View(
        curves=(curve,),
        spots=tuple(Spot("Δ*", 1.0, loss) for loss in here),
        x_title="steps over the steps that were found, Δ/Δ*",
        y_title=f"loss of the calibration samples ({unit})",
    )


def beside(view: View, name: str, others: Mapping[str, View]) -> View:
    """A view with the measured curves of others, such as those at other bits.

    Args:
        name: of the view's own.
        others: name to view; their fits and spots are left out.
    """
    if not others:
        return view
    measured, *fits = view.curves
    more = [
        replace(each.curves[0], name=other, colour=COLOURS[k % len(COLOURS)])
        for k, (other, each) in enumerate(others.items())
        if each.curves
    ]
    return replace(view, curves=(replace(measured, name=name), *more, *fits))


def calibration_view(
    content: Mapping[str, Any], *, of: str = "accuracy", unit: str = "nats", metric: str = "accuracy"
) -> View:
    """The ``calibration`` sweep: the mean over draws and the standard error of that mean (Fig. B.2).

    Args:
        of, metric: as of `p_view`.
    """
    known = [point for point in content["points"] if _finite(point.get(of))]
    sizes = sorted({point["size"] for point in known})
    means, errors = [], []
    for size in sizes:
        values = [point[of] for point in known if point["size"] == size]
        mean = sum(values) / len(values)
        spread = sum((value - mean) ** 2 for value in values)
        means.append(mean)
        errors.append(math.sqrt(spread / (len(values) - 1) / len(values)) if len(values) > 1 else 0.0)
    curve = Curve("mean over draws", tuple(map(float, sizes)), tuple(means), tuple(errors))
    return View(
        curves=(curve,),
        x_title="calibration samples (log)",
        y_title=_measure(of, unit, metric),
        log_x=True,
        per_cent=of == "accuracy",
        ticks=tuple(map(float, sizes)),
    )


def descent_view(paths: Mapping[str, Sequence[Mapping[str, Any]]], *, unit: str = "nats") -> View:
    """The joint descent of one or more methods: the best loss so far against the work it took."""
    curves = [
        Curve(
            name,
            tuple(float(point["forward_equivalents"]) for point in path),
            tuple(point["loss"] for point in path),
            colour=COLOURS[k % len(COLOURS)],
        )
        for k, (name, path) in enumerate(paths.items())
    ]
    return View(
        curves=tuple(curves),
        x_title="work, in forward passes over all calibration samples",
        y_title=f"best loss so far ({unit})",
    )


def curvature_view(results: Sequence[Mapping[str, Any]], *, by: str = "clip") -> View:
    """log10 |K| at several widths, with both exponents (eq. 9); of ``hessian`` records of ``lapq_hessian`` runs."""
    records = sorted(results, key=lambda each: _width(each))
    widths = tuple(float(_width(each)) for each in records)
    paper, general = (
        tuple(float(each["curvature"][by][key]) for each in records) for key in ("log10", "log10_n")
    )
    return View(
        curves=(
            Curve("eq. 9, exponent 2", widths, paper, colour=COLOURS[0]),
            Curve("exponent (n + 2)/2", widths, general, colour=COLOURS[1], dash="dash"),
        ),
        x_title="bits of the quantized tensors",
        y_title=f"log₁₀ |Gaussian curvature|, by {by}s",
        ticks=widths,
    )


def separability_view(results: Sequence[Mapping[str, Any]]) -> View:
    """The interactions' share of the damage at several widths."""
    records = sorted(results, key=lambda each: _width(each))
    widths = tuple(float(_width(each)) for each in records)
    return View(
        curves=(
            Curve(
                "all tensors together", widths, tuple(each["share"] for each in records), colour=COLOURS[0]
            ),
            Curve(
                "two at a time",
                widths,
                tuple(each["pair_share"] for each in records),
                colour=COLOURS[1],
                dash="dash",
            ),
        ),
        x_title="bits of the quantized tensors",
        y_title="share of the interactions in the damage",
        per_cent=True,
        ticks=widths,
    )


def coupling_view(results: Sequence[Mapping[str, Any]]) -> View:
    """Mean coupling |H_ij|/√|H_ii H_jj| of tensors that lie so far apart, a curve a width (Fig. A.1)."""
    curves = [
        Curve(
            "the plan's bits" if each["w_bits"] is None else f"{_width(each)} bits",
            tuple(float(k + 1) for k in range(len(each["coupling_by_distance"]))),
            tuple(each["coupling_by_distance"]),
            colour=look.ACCENT if each["w_bits"] is None else look.BIT_COLOURS[_width(each)],
        )
        for each in sorted(results, key=lambda each: math.inf if each["w_bits"] is None else _width(each))
    ]
    return View(
        curves=tuple(curves),
        x_title="distance of two tensors, in the order of the network",
        y_title="mean coupling |Hᵢⱼ| / √|Hᵢᵢ Hⱼⱼ|",
    )


def figure(view: View, *, height: int = 400, revision: str = "step curves") -> go.Figure:
    """Lines with their bands and spots."""
    made = look.blank(height)
    number = ".2%" if view.per_cent else ".4g"
    for curve in view.curves:
        error = {"type": "data", "array": list(curve.stderr), "thickness": 1.5} if curve.stderr else None
        made.add_scatter(
            x=list(curve.x),
            y=list(curve.y),
            error_y=error,
            mode="lines+markers" if curve.markers else "lines",
            line={"color": curve.colour, "width": 2.2, "dash": curve.dash},
            marker={"size": 6},
            name=curve.name,
            hovertemplate=f"%{{x:.4g}}<br>%{{y:{number}}}<extra>{curve.name}</extra>",
        )
    for spot in view.spots:
        made.add_scatter(
            x=[spot.x],
            y=[spot.y],
            mode="markers",
            marker={
                "symbol": "star",
                "size": 13,
                "color": spot.colour,
                "line": {"width": 1, "color": "white"},
            },
            name=spot.name,
            hovertemplate=f"<b>{spot.name}</b><br>%{{x:.4g}}, %{{y:{number}}}<extra></extra>",
        )
    made.update_xaxes(title=view.x_title, type="log" if view.log_x else "linear")
    made.update_yaxes(title=view.y_title, type="log" if view.log_y else "linear")
    if view.ticks:
        made.update_xaxes(tickvals=list(view.ticks), ticktext=[f"{tick:g}" for tick in view.ticks])
    if view.per_cent:
        made.update_yaxes(tickformat=".0%")
    return made.update_layout(uirevision=revision)


def _curve(name: str, points: Sequence[Mapping[str, Any]], x: str, y: str) -> Curve:
    stderr = tuple(float(point[f"{y}_stderr"]) for point in points if f"{y}_stderr" in point)
    return Curve(
        name, tuple(float(point[x]) for point in points), tuple(float(point[y]) for point in points), stderr
    )


def _measure(of: str, unit: str, metric: str) -> str:
    if of == "accuracy":
        return f"{metric} on the test samples"
    return f"loss of the {'test' if of == 'test_loss' else 'calibration'} samples ({unit})"


def _p_curve_points(content: Mapping[str, Any]) -> list[dict[str, float]]:
    return [{"p": p, "loss": loss} for p, loss in zip(content["p"], content["losses"], strict=True)]


def _width(record: Mapping[str, Any]) -> int:
    """The bits of what is quantized: of the activations, or of the weights where those are left alone."""
    return min(int(record["w_bits"]), int(record["a_bits"]))


def _polynomial(coefficients: Sequence[float], x: float) -> float:
    value = 0.0
    for coefficient in coefficients:
        value = value * x + coefficient
    return value


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
