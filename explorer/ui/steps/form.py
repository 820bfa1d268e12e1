"""Form of the questions about step sizes: bits, the method of the joint phase, and what else defines the loss."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

import streamlit as st

from explorer.lapq.loss.forms import BITS
from explorer.quantizers.grid import FLOAT_BITS
from explorer.questions import LapqQuestion
from explorer.questions.steps import Correction, Form, JointMethod
from explorer.studies import Study
from explorer.ui.shell import caches, session

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
        w_bits, a_bits: 2 to 8, or 32 for FP32.
        bias_correction: of the weights.
        method: of the joint phase.
        calibration: training images that the loss is a mean over.
        form: of the quantizers.
        leave: layers that stay in FP32; None: the first and the last.
    """

    w_bits: int
    a_bits: int
    bias_correction: Correction
    method: JointMethod
    calibration: int
    form: Form
    leave: tuple[str, ...] | None

    @property
    def name(self) -> str:
        """W4A4."""
        return f"W{self.w_bits}A{self.a_bits}"

    @property
    def options(self) -> dict[str, Any]:
        """What defines the loss, for questions and for `explorer.lapq.Objective`."""
        return {key: value for key, value in vars(self).items() if key != "method"}

    @property
    def search(self) -> LapqQuestion:
        """The question of a search for these steps."""
        return LapqQuestion(method=self.method, **self.options)

    def every_layer(self) -> "Asked":
        """This question with no layer left in FP32 but those that were named."""
        return replace(self, leave=self.leave or ())


def ask(study: Study, *, with_method: bool = True, with_bias: bool = True) -> Asked | None:
    """Show the controls; None, and a sentence, where nothing would be quantized.

    Call it inside a container; `more` shows the rest.
    """
    w_bits, a_bits = _bits("Weights", "w_bits"), _bits("Activations", "a_bits")
    method = METHOD
    if with_method:
        method = st.segmented_control(
            "Joint optimiser",
            list(METHODS),
            format_func=METHODS.__getitem__,
            default=METHOD,
            required=True,
            key="steps_method",
            persist_state="session",
            help=_METHOD_WORDS,
        )
    bias: Correction = LapqQuestion.default("bias_correction")
    if with_bias:
        bias = st.selectbox(
            "Bias correction",
            get_args(Correction),
            format_func=CORRECTIONS.__getitem__,
            key="steps_bias",
            persist_state="session",
            width=170,
            help=_CORRECTION_WORDS,
        )
    calibration, form, leave = _more(study)
    if w_bits == a_bits == FLOAT_BITS:
        return None
    return Asked(w_bits, a_bits, bias, method, calibration, form, leave)


def nothing() -> None:
    """Message for a question without anything to quantize."""
    st.info(
        "With weights and activations in FP32 there is no step to choose; set one of them to 2 to 8 bits.",
        icon=":material/info:",
    )


def unit(study: Study) -> str:
    """Unit of the loss."""
    return "nats" if study.loss.kind == "cross_entropy" else study.loss.kind


def _bits(what: str, option: str) -> int:
    return int(
        st.selectbox(
            what,
            WIDTHS,
            index=WIDTHS.index(LapqQuestion.default(option)),
            format_func=lambda bits: "FP32" if bits == FLOAT_BITS else f"{bits} bits",
            key=f"steps_{what.lower()}",
            persist_state="session",
            width=115,
        )
    )


def _more(study: Study) -> tuple[int, Form, tuple[str, ...] | None]:
    layers = [layer.name for block in caches.blocks(session.reference(), "layer") for layer in block.layers]
    with st.popover("More", icon=":material/tune:"):
        calibration = st.selectbox(
            f"Calibration {study.noun.many}",
            IMAGES,
            index=IMAGES.index(LapqQuestion.default("calibration")),
            key="steps_images",
            persist_state="session",
            help=f"Of the {study.data.size('train'):,} {study.training_name}, always the same draw. The loss is the "
            f"mean over them. {study.remark or f'Test {study.noun.many} are never used in the search.'}",
        )
        left = st.multiselect(
            "Layers left in FP32",
            [NO_LAYER, *layers],
            key=f"steps_left_{session.reference()}",
            persist_state="session",
            placeholder="the first and the last",
            help="By default the first and the last layer, as in the paper.",
        )
        form = st.selectbox(
            "Quantizer",
            get_args(Form),
            format_func=FORMS.__getitem__,
            key="steps_form",
            persist_state="session",
            help="The paper's text and its code differ. Only the grid with a zero can be saved in a plan.",
        )
    chosen = tuple(sorted(name for name in left if name != NO_LAYER))
    return calibration, form, chosen if left else None
