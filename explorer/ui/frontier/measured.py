"""Measured accuracy along the frontier: the run, what it found on the current axes, and what Ω then says of every plan.

The picture is drawn with what was measured once the run has ended or was stopped, so that it keeps its zoom while plans
come in; until then they are told below.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import streamlit as st

from explorer.errors import PlanError
from explorer.figures import look
from explorer.figures.plans import frontier_view
from explorer.figures.plans.frontier_view import WIDTH_LETTERS, Measured
from explorer.jobs import registry
from explorer.jobs.requests import spec_of
from explorer.plans import Plan
from explorer.plans.scene import Scene
from explorer.proxy import Calibration, MeasuredPlan, calibrate, ladder_of
from explorer.proxy.along import CANDIDATES, SERIES, spread_along
from explorer.questions import MeasureFrontierQuestion
from explorer.runs import Run, RunSpec
from explorer.studies import Study
from explorer.ui.parts import run_panel
from explorer.ui.shell import caches, results, session, yardstick
from explorer.ui.shell.plain import plain
from explorer.ui.state import address

_GRID = 200  # Ω at which the curve is sent to the browser
_TOLD = 4  # plans, or pairs of them, that are told one by one


@dataclass(frozen=True, eq=False)
class Along:
    """What was measured along the frontier of a scene.

    Attributes:
        spec: of the run that measures it.
        run: that run; None while it was not asked for.
        full: FP32; None while it was not measured.
        plans: that were measured, the cheapest first.
        points: (N,) their places on the frontier.
        curve: accuracy to expect at every Ω; None for too few plans.
    """

    spec: RunSpec
    run: Run | None
    full: MeasuredPlan | None
    plans: tuple[MeasuredPlan, ...]
    points: np.ndarray
    curve: Calibration | None

    @property
    def key(self) -> tuple[str, int]:
        """What decides what is drawn of it."""
        return ("", 0) if not self.drawn or self.run is None else (self.run.id, len(self.plans))

    @property
    def drawn(self) -> bool:
        """Whether it belongs on the picture: it is wanted, there is some, and no more is on its way."""
        wanted = bool(st.session_state.get(_switch()))
        return wanted and self.accurate and self.run is not None and not self.run.live

    @property
    def accurate(self) -> bool:
        """Whether there are accuracies; a study without classes has losses alone."""
        return any(plan.accuracy is not None for plan in self.plans)


def bind() -> None:
    """Take over from the address whether accuracies are drawn."""
    address.switch(_switch(), "measured", default=True)


def along(scene: Scene) -> Along | None:
    """What there is along the frontier; None where there is no network, or a single plan."""
    study = session.study()
    if not isinstance(study, Study) or len(scene.frontier) < 2:
        return None
    try:
        ladder = ladder_of(scene.frontier)
    except PlanError:  # two points whose plans are the same
        return None
    spec = spec_of(study, MeasureFrontierQuestion(plans=ladder))
    run = results.runs(study).find(spec)
    found = () if run is None else _found(run)
    full = next((plan for plan in found if plan.place < 0), None)
    plans = tuple(sorted((plan for plan in found if plan.place >= 0), key=lambda plan: plan.place))
    points = spread_along(scene.frontier.cost, CANDIDATES)[[plan.place for plan in plans]]
    better = study.metric.higher_is_better
    curve = calibrate(scene.frontier.omega[points].tolist(), plans) if better else None
    return Along(spec, run, full, plans, points, curve)


def dots(scene: Scene, found: Along | None) -> tuple[list[Measured], float | None]:
    """What is drawn on the picture, and FP32's accuracy; nothing where it is not to be."""
    if found is None or not found.drawn:
        return [], None
    _, scale = frontier_view.axis(scene)
    joint = bool(scene.frontier.problem.a_menu)
    drawn = [
        Measured(
            float(scene.frontier.cost[point] / scale),
            plan.accuracy,
            plan.accuracy_stderr or 0.0,
            _letters(plan.bits),
            _letters(plan.a_bits) if joint else "",
        )
        for plan, point in zip(found.plans, found.points, strict=True)
        if plan.accuracy is not None
    ]
    return drawn, None if found.full is None else found.full.accuracy


def plan_at(scene: Scene, found: Along, index: int) -> Plan:
    """The plan behind a dot."""
    kept = [point for plan, point in zip(found.plans, found.points, strict=True) if plan.accuracy is not None]
    return scene.frontier.point(int(kept[index])).plan(session.study(), session.blocks())


def curve(found: Along | None) -> Mapping[str, Any] | None:
    """What the cards of the picture say of a plan by its Ω alone, as the browser takes it."""
    if found is None or found.curve is None:
        return None
    ends = found.curve.log_omega[0], found.curve.log_omega[-1]
    at = np.union1d(np.linspace(*ends, _GRID), found.curve.log_omega)
    value, band = found.curve.along_log(at)
    return {"at": at.tolist(), "value": value.tolist(), "band": band.tolist(), "plans": found.curve.plans}


def show(scene: Scene, found: Along | None) -> None:
    """The button or the run, whether it is drawn, and what to notice."""
    if found is None:
        return
    run = found.run
    with st.container(horizontal=True, vertical_alignment="center", key="frontier_measured"):
        if run is None and st.button(
            "Measure along the frontier",
            key="measure_frontier",
            icon=":material/straighten:",
            help=f"{session.study().metric.title} of 16 plans without training, on 2,000 test {_images()}: both ends first, then where it changes "
            "most. It can be stopped at any time, and what was measured stays.",
        ):
            run_panel.begin([found.spec])
        if found.accurate:
            st.toggle(f"Measured {session.study().metric.name}", key=_switch(), persist_state="session")
    if run is not None and (run.live or run.status != "done"):
        run_panel.watch(run.id, lambda now: _so_far(scene, now))
    if found.plans and (run is None or not run.live):
        st.caption(sentence(scene, found, session.plan()))


def sentence(scene: Scene, found: Along, held: Plan | None) -> str:
    """What the measurements say: of the current plan, and which plans are equal within noise."""
    unit, scale = frontier_view.axis(scene)
    costs = scene.frontier.cost[found.points] / scale
    said = [
        f"{len(found.plans)} plans measured without training on {found.plans[0].samples:,} test {_images()}."
    ]
    smallest = None
    for cost, plan in zip(reversed(costs), reversed(found.plans), strict=True):
        if not plan.equals_full:
            break
        smallest = cost
    if smallest is None:
        said.append(
            "Even the largest differs from FP32 by more than noise (2 s.e. of the paired difference)."
        )
    else:
        said.append(
            f"From {smallest:,.4g} {unit} up, every one equals FP32 within noise (2 s.e. of the paired difference)."
        )
    equal = [
        f"{before:,.4g} and {cost:,.4g} {unit}"
        for (before, cost), plan in zip(pairwise(costs), found.plans[1:], strict=True)
        if plan.equals_smaller and (smallest is None or cost <= smallest)
    ]
    if equal:
        more = f" and {len(equal) - _TOLD} more pairs" if len(equal) > _TOLD else ""
        said.append(f"Neighbours within noise of each other: {', '.join(equal[:_TOLD])}{more}.")
    if held is not None and (expected := expectation(scene, found, held)):
        said.append(f"By its Ω the current plan has {expected}.")
    return plain(" ".join(said))


def expectation(scene: Scene, found: Along, plan: Plan) -> str:
    """The accuracy of a plan to expect by its Ω, in words; nothing where that was not measured."""
    try:
        _, omega = scene.place(plan)
    except PlanError:
        return ""
    expected = None if found.curve is None else found.curve.at(omega)
    if found.curve is None or expected is None:
        return ""
    value, band = (100 * each for each in expected)
    return f"about {value:.1f} ± {band:.1f} % (from {found.curve.plans} measured plans)"


def _found(run: Run) -> tuple[MeasuredPlan, ...]:
    """Plans of a finished run, or those of one that works or was stopped; FP32 among them."""
    if run.result is not None:
        result = registry.result(run.spec.kind, run.result)
        return (result.full, *result.plans)
    return tuple(MeasuredPlan.from_json(point) for point in caches.store().points(run.id, SERIES))


def _so_far(scene: Scene, run: Run) -> None:
    """The plans that were measured last, while more come."""
    if not run.live:
        return
    unit, scale = frontier_view.axis(scene)
    points = spread_along(scene.frontier.cost, CANDIDATES)
    plans = [plan for plan in _found(run) if plan.place >= 0]
    told = [
        f"{scene.frontier.cost[points[plan.place]] / scale:,.4g} {unit}: "
        + (
            look.percent_text(plan.accuracy, plan.accuracy_stderr)
            if plan.accuracy is not None
            else f"loss {plan.loss:.4g} ± {plan.loss_stderr:.2g}"
        )
        for plan in plans[-_TOLD:]
    ]
    if told:
        st.caption(plain(f"{len(plans)} plans measured so far, the last of them at {'; '.join(told)}."))


def _letters(bits: Sequence[int]) -> str:
    return "".join(WIDTH_LETTERS[width] for width in bits)


def _images() -> str:
    return session.study().noun.many


def _switch() -> str:
    return yardstick.key("frontier_measured")
