"""What there is on the picture of cost against damage: plans in the unit of its axis, and what a card says of each.

Points of the frontier carry what they change from the next larger one, and the widths of their blocks, one letter each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from explorer.figures import look
from explorer.plans import CostName, Plan
from explorer.plans.scene import Scene

COSTS: Mapping[CostName, str] = {"size": "size", "bops": "bit operations", "latency": "latency"}
UNITS: Mapping[CostName, tuple[str, float]] = {
    "size": ("kB", 1e3),
    "bops": ("GBOPs", 1e9),
    "latency": ("ms", 1.0),
}
_LABELS: Mapping[CostName, str] = {
    "size": "packed weights",
    "bops": "bit operations per sample",
    "latency": "published latency, NVIDIA T4",
}
WIDTH_LETTERS: Mapping[int, str] = {
    bits: "0123456789abcdefghijklmnopqrstuvwxyz"[bits] for bits in look.BIT_COLOURS
}


@dataclass(frozen=True)
class Marked:
    """A plan with a name, and the letters of its widths, of weights and of activations."""

    name: str
    cost: float
    omega: float
    widths: str = ""
    inputs: str = ""


@dataclass(frozen=True)
class Measured:
    """A plan that was measured without training.

    Attributes:
        cost: in the unit of the axis.
        accuracy, stderr: shares.
        widths, inputs: letters, as of ``Marked``.
    """

    cost: float
    accuracy: float
    stderr: float
    widths: str = ""
    inputs: str = ""


@dataclass(frozen=True)
class Levels:
    """How the counts of a dot of set B become the widths of its blocks.

    Attributes:
        order: places of the blocks that are in set B's order, the least sensitive first: the first so many have the
            first width of the menu, and so on.
        base: (L,) a letter a block, right for those that are not in the order.
        menu: a letter for each width.
    """

    order: tuple[int, ...]
    base: str
    menu: str


@dataclass(frozen=True, eq=False)
class FrontierView:
    """Everything on the picture, in the unit of its axis.

    Attributes:
        cost, omega: (P,) the points of the frontier that are drawn.
        total: how many points the frontier has; 0: those that are drawn.
        lower, upper: (P,) the band of Ω; empty where the traces have no errors.
        changes: (P,) what each changes from the next larger one, lines parted by ``<br>``; or nothing.
        widths: (P,) a letter a block, see ``WIDTH_LETTERS``; or nothing.
        inputs: (P,) the same of the activations, where they were chosen.
        label, unit: of the cost axis.
        exact: whether nothing was rounded.
        set_b_cost, set_b_omega: (M,) one entry a plan of set B that is drawn.
        set_b_levels: (M, k) how many blocks have each width of the menu; see ``Levels``.
        set_b_total: how many plans set B has.
        greedy_cost, greedy_omega, greedy_widths, greedy_inputs: the path of the greedy baseline.
        measured: plans with their accuracy, drawn on an axis of its own at the right; nothing without.
        metric: what that accuracy is called.
        full: accuracy of FP32 on the same images.
    """

    cost: np.ndarray
    omega: np.ndarray
    label: str
    unit: str
    total: int = 0
    changes: Sequence[str] = ()
    widths: Sequence[str] = ()
    inputs: Sequence[str] = ()
    exact: bool = True
    lower: np.ndarray = field(default_factory=lambda: np.empty(0))
    upper: np.ndarray = field(default_factory=lambda: np.empty(0))
    set_b_cost: np.ndarray = field(default_factory=lambda: np.empty(0))
    set_b_omega: np.ndarray = field(default_factory=lambda: np.empty(0))
    set_b_levels: np.ndarray = field(default_factory=lambda: np.empty(0))
    set_b_total: int = 0
    greedy_cost: np.ndarray = field(default_factory=lambda: np.empty(0))
    greedy_omega: np.ndarray = field(default_factory=lambda: np.empty(0))
    greedy_widths: Sequence[str] = ()
    greedy_inputs: Sequence[str] = ()
    uniform: Sequence[Marked] = ()
    published: Sequence[Marked] = ()
    saved: Sequence[Marked] = ()
    measured: Sequence[Measured] = ()
    metric: str = "accuracy"
    full: float | None = None


def axis(scene: Scene) -> tuple[str, float]:
    """Unit of the cost axis, and how many of the cost table's units it is."""
    highest = scene.frontier.cost[-1]
    if scene.question.cost == "size":
        return ("kB", 1e3) if highest < 1e6 else ("MB", 1e6)
    if scene.question.cost == "bops" and highest < 1e8:
        return ("MBOPs", 1e6)
    return UNITS[scene.question.cost]


def view(
    scene: Scene, measured: Sequence[Measured] = (), full: float | None = None, metric: str = "accuracy"
) -> FrontierView:
    """What is drawn of a scene, and what was measured along its frontier."""
    unit, scale = axis(scene)
    frontier, points, set_b, greedy = scene.frontier, scene.points, scene.set_b, scene.greedy
    chosen = bool(frontier.problem.a_menu)
    stderr = frontier.stderr()[points]
    omega = frontier.omega[points]
    empty = np.empty(0)
    own = scene.question.cost == "latency" and bool(scene.question.latencies)
    return FrontierView(
        cost=frontier.cost[points] / scale,
        omega=omega,
        label="latency, your table" if own else _LABELS[scene.question.cost],
        unit=unit,
        total=len(frontier),
        exact=frontier.exact,
        changes=[_change(scene, int(place)) for place in points],
        widths=_letters(frontier.bits[points]),
        inputs=_letters(frontier.a_bits[points]) if chosen else (),
        lower=omega - stderr if stderr.any() else empty,
        upper=omega + stderr if stderr.any() else empty,
        set_b_cost=set_b.cost[scene.dots] / scale if set_b else empty,
        set_b_omega=set_b.omega[scene.dots] if set_b else empty,
        set_b_levels=_counts(scene) if set_b else empty,
        set_b_total=len(set_b) if set_b else 0,
        greedy_cost=greedy.cost / scale if greedy else empty,
        greedy_omega=greedy.omega if greedy else empty,
        greedy_widths=_letters(greedy.bits) if greedy else (),
        greedy_inputs=_letters(greedy.a_bits) if greedy and chosen else (),
        measured=measured,
        metric=metric,
        full=full,
        **{kind: [_mark(scene, plan, scale) for plan in found] for kind, found in scene.named.items()},
    )


def changes_text(before: Mapping[str, int], after: Mapping[str, int], cost: str, *, most: int = 4) -> str:
    """What one plan changes from another, block by block, and what that costs."""
    changed = [
        f"{name}: {before[name]} → {bits} bits" for name, bits in after.items() if bits != before[name]
    ]
    more = [f"and {len(changed) - most} more blocks"] if len(changed) > most else []
    return "<br>".join([*changed[:most], *more, cost])


def _change(scene: Scene, place: int) -> str:
    """What a point changes from the next larger one."""
    frontier = scene.frontier
    if place == len(frontier) - 1:
        return "largest plan"
    before, after = frontier.bits[place + 1], frontier.bits[place]
    where = np.flatnonzero(before != after)
    names = frontier.blocks
    return "vs. next larger plan: " + changes_text(
        {names[i]: int(before[i]) for i in where},
        {names[i]: int(after[i]) for i in where},
        f"−{_said(scene.question.cost, float(frontier.cost[place + 1] - frontier.cost[place]))}",
    )


def _said(cost: CostName, amount: float) -> str:
    """An amount of a cost, with the unit that suits it."""
    if cost == "size":
        return look.bytes_text(amount)
    return f"{look.count_text(amount)}BOPs" if cost == "bops" else f"{amount:.3g} ms"


def _mark(scene: Scene, plan: Plan, scale: float) -> Marked:
    cost, omega = scene.place(plan)
    weights, inputs = (
        "".join(WIDTH_LETTERS[bits] for bits in row.values()) for row in (plan.w_bits, plan.a_bits)
    )
    return Marked(plan.name, cost / scale, omega, weights, inputs)


def levels(scene: Scene) -> Levels | None:
    """What the dots of set B have in common; None where it is not drawn."""
    if scene.set_b is None or not len(scene.set_b):
        return None
    menu = "".join(WIDTH_LETTERS[bits] for bits in scene.frontier.problem.menu)
    return Levels(tuple(_order(scene)), _letters(scene.set_b.bits[:1])[0], menu)


def _order(scene: Scene) -> list[int]:
    assert scene.set_b is not None
    places = {name: place for place, name in enumerate(scene.set_b.blocks)}
    return [places[name] for name in reversed(scene.set_b.order)]


def _counts(scene: Scene) -> np.ndarray:
    """(M, k) how many blocks of set B's order have each width, for the dots that are drawn."""
    assert scene.set_b is not None
    bits = scene.set_b.bits[scene.dots][:, _order(scene)]
    counts = [(bits == width).sum(axis=1) for width in scene.frontier.problem.menu]
    return np.stack(counts, axis=1).astype(np.uint16)


def _letters(bits: np.ndarray) -> list[str]:
    """A text a plan, a letter a block."""
    letters = np.array([WIDTH_LETTERS.get(width, "0") for width in range(33)])
    return ["".join(row) for row in letters[bits]]
