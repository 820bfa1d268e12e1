"""Form of the questions about step sizes: bits, the method of the joint phase, and what else defines the loss."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.errors import LapqError
from explorer.lapq.loss.forms import BITS
from explorer.lapq.loss.widths import planned
from explorer.plans import Plan
from explorer.quantizers.grid import FLOAT_BITS
from explorer.questions import LapqQuestion
from explorer.questions.steps import Correction, Form, JointMethod
from explorer.runs import Run
from explorer.studies import Study
from explorer.ui.shell import caches, session
from explorer.ui.shell.plain import plain
from explorer.ui.state import address

ROW = 40  # height of a run's progress
CONTROLS = 230  # width of the form
SOURCES: Mapping[str, str] = {"plan": "of the current plan ({bits})", "one": "one for all"}
SOURCE = "steps_source"  # key of the control that says where widths come from
VIEW = "steps_view"  # key of the control that chooses among the views
WIDTHS = (*BITS, FLOAT_BITS)
METHOD: JointMethod = "gradient"  # the page's own default: quick enough to wait for
METHODS: Mapping[JointMethod, str] = {"gradient": "Gradient", "powell": "Powell", "coordinate": "Coordinate"}
CORRECTIONS: Mapping[Correction, str] = {
    "none": "none",
    "mean": "mean",
    "mean-variance": "mean and variance",
}
FORMS: Mapping[Form, str] = {
    "integer": "2^M levels, one of them zero",
    "paper": "2^M + 1 levels, as in the paper",
    "code": "2^M levels without a zero, as in the paper's code",
}
IMAGES = (64, 128, 256, 512, 1024)
NO_LAYER = "no layer"
_METHOD_WORDS = (
    "Method of the joint phase. *Powell* is the paper's: line searches along directions, no derivatives. *Coordinate* "
    "optimises one step after another. *Gradient* is this project's: one backward pass gives the slope of the loss by "
    "all steps at once, with far fewer evaluations."
)
_CORRECTION_WORDS = (
    "Rounding shifts the mean of a channel's weights. *Mean* corrects the shift; *mean and variance* restores the spread "
    "too (Banner et al. 2019). It matters most for depthwise layers."
)


@dataclass(frozen=True)
class Asked:
    """A question about step sizes.

    Attributes:
        w_bits, a_bits: 2 to 8, or 32 for FP32; not meant where there is a plan.
        bias_correction: of the weights.
        method: of the joint phase.
        calibration: training images that the loss is a mean over.
        form: of the quantizers.
        leave: layers that stay in FP32; None: the first and the last, or those of the plan.
        plan: content of a plan.json whose widths are taken; None: one width for all.
    """

    w_bits: int
    a_bits: int
    bias_correction: Correction
    method: JointMethod
    calibration: int
    form: Form
    leave: tuple[str, ...] | None
    plan: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        """W4A4, or W2-8A8 of a plan."""
        return self.search.bits

    @property
    def widths(self) -> dict[str, Any]:
        """What gives the tensors their widths, for questions."""
        if self.plan is not None:
            return {"plan": self.plan}
        return {"w_bits": self.w_bits, "a_bits": self.a_bits, "leave": self.leave}

    @property
    def options(self) -> dict[str, Any]:
        """What defines the loss, for questions and for `explorer.lapq.Objective`."""
        rest = {name: getattr(self, name) for name in ("bias_correction", "calibration", "form")}
        return {**self.widths, **rest}

    @property
    def search(self) -> LapqQuestion:
        """The question of a search for these steps."""
        return LapqQuestion(method=self.method, **self.options)

    def every_layer(self) -> "Asked":
        """This question with no layer left in FP32 but those that were named or that the plan leaves."""
        return self if self.plan is not None else replace(self, leave=self.leave or ())


def columns(
    study: Study, *, with_method: bool = True, with_bias: bool = True
) -> tuple[Asked | None, DeltaGenerator, DeltaGenerator]:
    """Show the form in a column at the left; it, and the column of the picture, are given back for more.

    Where nothing can be quantized, there is no question, and a sentence instead of the picture.
    """
    asked, _, controls, picture = columns_with_room(study, with_method=with_method, with_bias=with_bias)
    return asked, controls, picture


def columns_with_room(
    study: Study, *, with_method: bool = True, with_bias: bool = True
) -> tuple[Asked | None, DeltaGenerator, DeltaGenerator, DeltaGenerator]:
    """The same, with room for more above the form, which comes second."""
    with st.container(horizontal=True, gap="medium", wrap=False, key="steps_columns"):
        controls = st.container(width=CONTROLS, gap="small", key="steps_controls")
        picture = st.container(width="stretch", key="steps_picture")
    with controls:
        above = st.container(gap="small", key="steps_above")
        asked = _ask(study, with_method=with_method, with_bias=with_bias)
    with picture:
        problem = _problem(study, asked)
        if problem is not None:
            st.info(plain(problem), icon=":material/info:")
    return (asked if problem is None else None), above, controls, picture


def _ask(study: Study, *, with_method: bool, with_bias: bool) -> Asked:
    held = session.plan()
    of_plan = held is not None and _of_plan(held)
    w_bits, a_bits = LapqQuestion.default("w_bits"), LapqQuestion.default("a_bits")
    if not of_plan:
        with st.container(horizontal=True, gap="small"):
            w_bits, a_bits = _bits("Weights", "w_bits"), _bits("Activations", "a_bits")
    method = METHOD
    if with_method:
        method = st.selectbox(
            "Joint optimiser",
            list(METHODS),
            format_func=METHODS.__getitem__,
            key=address.choice("steps_method", "joint", METHODS, next(iter(METHODS))),
            persist_state="session",
            help=_METHOD_WORDS,
        )
    bias: Correction = LapqQuestion.default("bias_correction")
    if with_bias:
        bias = st.selectbox(
            "Bias correction",
            get_args(Correction),
            format_func=CORRECTIONS.__getitem__,
            key=address.choice("steps_bias", "bias", get_args(Correction), get_args(Correction)[0]),
            persist_state="session",
            help=_CORRECTION_WORDS,
        )
    calibration, form, leave = _more(study, of_plan=of_plan)
    plan = LapqQuestion(plan=held).plan if of_plan else None
    return Asked(w_bits, a_bits, bias, method, calibration, form, leave, plan)


def _of_plan(held: Plan) -> bool:
    """Whether the widths are those of the current plan."""
    chosen = st.selectbox(
        "Bit widths",
        list(SOURCES),
        format_func=lambda source: SOURCES[source].format(bits=LapqQuestion(plan=held).bits),
        key=address.choice(SOURCE, "widths", SOURCES, next(iter(SOURCES))),
        persist_state="session",
        help="*of the current plan*: every tensor has the width that the plan gives its block, the first and the last layer "
        "too. *one for all*: the same width for every tensor, with the first and the last layer in FP32.",
    )
    return chosen == "plan"


def _problem(study: Study, asked: Asked) -> str | None:
    """Why nothing can be quantized so, in a sentence."""
    if asked.plan is None:
        if asked.w_bits == asked.a_bits == FLOAT_BITS:
            return "With weights and activations in FP32 there is no step to choose; set one of them to 2 to 8 bits."
        return None
    question = asked.search
    if question.weight_widths == question.activation_widths == (FLOAT_BITS,):
        return "The current plan leaves every block in FP32, so there is no step to choose; give a block 2 to 8 bits."
    try:
        planned(study, asked.plan)
    except LapqError as error:
        return f"Steps cannot be chosen for the current plan: {error}"
    return None


def progress_row(run: Run) -> None:
    """The room that the progress of a run takes, so that nothing under it moves when it ends."""
    if not run.live and not run.resumable:
        st.container(height=ROW, border=False)


def unit(study: Study) -> str:
    """Unit of the loss."""
    return study.loss.unit


def _bits(what: str, option: str) -> int:
    return int(
        st.selectbox(
            what,
            WIDTHS,
            format_func=lambda bits: "FP32" if bits == FLOAT_BITS else f"{bits} bits",
            key=address.choice(f"steps_{what.lower()}", option, WIDTHS, LapqQuestion.default(option)),
            persist_state="session",
            width=107,
        )
    )


def _more(study: Study, *, of_plan: bool) -> tuple[int, Form, tuple[str, ...] | None]:
    layers = [layer.name for block in caches.blocks(session.reference(), "layer") for layer in block.layers]
    left: list[str] = []
    with st.expander("More options"):
        calibration = st.selectbox(
            f"Calibration {study.noun.many}",
            IMAGES,
            key=address.choice("steps_images", "images", IMAGES, LapqQuestion.default("calibration")),
            persist_state="session",
            help=f"The {study.noun.many} that steps are chosen with: of the {study.data.size('train'):,} "
            f"{study.training_name}, always the same draw. The loss is the mean over them. "
            f"{plain(study.remark or '') or f'Test {study.noun.many} are never used in the search.'}",
        )
        if not of_plan:
            left = st.multiselect(
                "Layers left in FP32",
                [NO_LAYER, *layers],
                key=address.choices(f"steps_left_{session.reference()}", "fp32", [NO_LAYER, *layers]),
                persist_state="session",
                placeholder="the first and the last",
                help="By default the first and the last layer, as in the paper.",
            )
        form = st.selectbox(
            "Quantizer",
            get_args(Form),
            format_func=FORMS.__getitem__,
            key=address.choice("steps_form", "grid", get_args(Form), get_args(Form)[0]),
            persist_state="session",
            help="The paper's text and its code differ. Only the grid with a zero can be saved in a plan.",
        )
    chosen = tuple(sorted(name for name in left if name != NO_LAYER))
    return calibration, form, chosen if left else None


def terms(study: Study) -> None:
    """What the words of this page mean."""
    with st.expander("What are Δ, p and calibration?"):
        st.caption(
            "**Step Δ**: the distance between two neighbouring levels of a quantizer. The largest level is its *clip*: values "
            "beyond it are cut off there. A large step clips little and rounds coarsely, a small one the other way round.\n\n"
            "**p**: the power in the rounding error mean |Q(x) − x|ᵖ. p = 2 is the squared error; a larger p weighs the few "
            "large errors more, which gives larger steps.\n\n"
            "**Calibration**: choosing the steps of a trained network by showing it a few hundred "
            f"{study.training_name}; no weight is trained.\n\n"
            "**Joint**: all steps are changed together, for the loss of the network and not for the error of one tensor."
        )
