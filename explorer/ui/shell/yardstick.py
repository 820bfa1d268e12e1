"""The measure by which plans are judged: the damage a person chose on the Frontier, wherever a plan's Ω is shown.

A plan has one predicted damage at a time. What was not computed by that measure is not shown; another measure's value
never takes its place. Activations that are narrower than 8 bits count where their damage was measured.

Until a person or an address names a measure it is ΔWᵀHΔW where that is computed, else the mean trace. While the
products are on their way and nothing was drawn by the trace, it is ΔWᵀHΔW already, so that no picture changes its axis
under a person's hands without their having asked for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from explorer import plans
from explorer.jobs.basis import Basis, activation_measure, measured
from explorer.jobs.requests import spec_of
from explorer.plans import FrontierQuestion, Measure, Plan
from explorer.questions import DamageQuestion
from explorer.questions.frontier import MEASURE_NAMES
from explorer.runs import RunSpec
from explorer.ui.shell import caches, results, session
from explorer.ui.state import address

Rule = Literal["8", "4", "weights", "chosen"]
MEASURES = MEASURE_NAMES
RULES: Mapping[Rule, str] = {
    "8": "8 bits",
    "4": "4 bits",
    "weights": "as wide as the weights",
    "chosen": "chosen for each block",
}
CHOSEN_FROM = (4, 8)
INPUT_WIDTHS = (2, 3, 4, 6, 8)


@dataclass(frozen=True, eq=False)
class Yardstick:
    """How plans are judged.

    Attributes:
        measure: of the damage.
        basis: with the damage of every block at every width; None while it is not computed.
        activations: whether the damage of rounded activations is in it.
    """

    measure: Measure
    basis: Basis | None
    activations: bool

    @property
    def label(self) -> str:
        """What the number is called: Predicted damage (Hessian trace)."""
        return (
            f"Predicted damage ({MEASURES[self.measure]}{', with activations' if self.activations else ''})"
        )

    @property
    def short_label(self) -> str:
        """The same where there is little room: Ω (Hessian trace)."""
        return f"Ω ({MEASURES[self.measure]}{' + activations' if self.activations else ''})"

    def omega(self, plan: Plan) -> tuple[float, float] | None:
        """Ω of a plan and its standard error; None where it is not known by this measure."""
        return None if self.basis is None else self.basis.omega(plan)

    def shown(self, plan: Plan) -> str:
        """Ω as text, with its standard error where it has one; – where it is not known."""
        found = self.omega(plan)
        if found is None:
            return "–"
        return f"{found[0]:.3g}" + (f" ± {found[1]:.1g}" if found[1] else "")


def key(what: str) -> str:
    """Key of a control of the Frontier that is kept for each study."""
    return f"{what}_{session.study().name}"


def bind() -> None:
    """Take over the measure from the address, on every page: the strip shows Ω by it."""
    named = address.names(key("damage"), "damage")
    if named is not None:
        st.session_state[key("damage_named")] = named
    if not st.session_state.get(key("damage_named")):
        st.session_state[key("damage")] = usual()
    measure_key(always=session.plan() is not None)
    address.choice(key("a_rule"), "acts", rules(), rules()[0])
    address.choices(key("a_menu"), "act_bits", INPUT_WIDTHS, CHOSEN_FROM)


def measure_key(*, always: bool = True) -> str:
    """Key of the measure's control; in the address wherever something on the screen depends on it (``always``)."""
    return address.choice(key("damage"), "damage", measures(), usual(), always=always)


def name_measure() -> None:
    """A person has chosen the measure: it stays, whatever is computed."""
    st.session_state[key("damage_named")] = True


def release_measure() -> None:
    """The measure is the usual one again."""
    st.session_state[key("damage_named")] = False


def drew() -> None:
    """The frontier was drawn by the current measure."""
    st.session_state[_drawn()] = st.session_state.get(key("damage"))


def usual() -> Measure:
    """The measure where nobody named one."""
    study = session.study()
    if plans.usual_measure(study) != "product":
        return "trace"
    run = results.runs(study).find(products())
    if run is None or not (run.live or run.status == "done"):
        return "trace"
    waits = run.live and st.session_state.get(_drawn()) == "trace"
    return "trace" if waits else "product"


def products() -> RunSpec:
    """Spec of the run that computes ΔWᵀHΔW for the current study and partition."""
    return spec_of(session.study(), DamageQuestion(granularity=session.granularity()))


def beside_traces() -> list[RunSpec]:
    """What is computed with the traces: the products, where they cost a fraction of them, which is a layer a block."""
    return [products()] if session.granularity() == "layer" else []


def _drawn() -> str:
    return key(f"frontier_drawn_by_{session.granularity()}")


def measures() -> tuple[Measure, ...]:
    """The measures that the study has; published figures know no other Hessian than its trace."""
    return tuple(MEASURES) if session.study().has_network else ("trace", "l2")


def rules() -> tuple[Rule, ...]:
    """How wide activations may be; published figures know no damage of theirs, so they are not chosen."""
    return ("8", "4", "weights", "chosen") if session.study().has_network else ("weights", "8", "4")


def asked() -> dict[str, Any]:
    """Options of a `FrontierQuestion` that decide Ω: its measure, and the widths of activations."""
    measure: Measure = st.session_state.get(key("damage")) or usual()
    rule: Rule = st.session_state.get(key("a_rule")) or rules()[0]
    options: dict[str, Any] = {"damage": measure}
    if rule == "chosen":
        return options | {"a_menu": tuple(st.session_state.get(key("a_menu")) or CHOSEN_FROM)}
    return options | {"a_bits": "weights" if rule == "weights" else int(rule)}


def current() -> Yardstick:
    """The yardstick of this session, for the current study and partition."""
    question = FrontierQuestion(**asked())
    measure: Measure = question.damage or usual()
    study, basis = session.study(), results.basis()
    found = measured(results.runs(study), study, question, session.granularity())
    if basis is None or found is None:
        return Yardstick(measure, None, False)
    whole = caches.judged(
        session.reference(), question, basis.key, tuple(run.id for run in found.values()), basis, found
    )
    return Yardstick(measure, whole, activation_measure(measure) in found)
