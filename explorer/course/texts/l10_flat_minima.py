"""Lesson 10: flat minima."""

from typing import Any

import numpy as np

from explorer.course.answers import Number, OneOf, Trap
from explorer.course.controls import Again, Choice, Slider
from explorer.course.parts import (
    Code,
    Exercise,
    Experiment,
    InTheApp,
    Lesson,
    Long,
    Notice,
    Outcome,
    Picture,
    Quantity,
    Source,
    Sources,
    Text,
)
from explorer.figures.lessons import flat_minima as pictures
from explorer.figures.steps import curves
from explorer.lessons import flat_minima
from explorer.lessons.common import longs
from explorer.lessons.common.longs import LongResult

_LAYERS = ("layer1.0.conv1", "layer1.2.conv2", "layer2.1.conv2", "layer3.2.conv1")


def _wells(noise: float, width: float, again: int) -> Outcome:
    wells = flat_minima.Wells(width)
    w = np.linspace(-2, 2.5, 361)
    loss, under = wells.loss(w), wells.under_noise(w, noise)
    taylor = loss + noise**2 / 24 * wells.curvature(w)
    plain, moved = int(loss.argmin()), int(under.argmin())
    way = flat_minima.descend(wells, noise, again)
    ends = "flat" if way[-1] > 0 else "sharp"
    return Outcome(
        pictures=(
            Picture(
                curves.figure(
                    pictures.wells_view(
                        w,
                        loss,
                        under,
                        taylor,
                        {
                            f"least loss, w = {w[plain]:.2f}": (float(w[plain]), float(loss[plain])),
                            f"least mean, w = {w[moved]:.2f}": (float(w[moved]), float(under[moved])),
                        },
                    )
                ),
                f"The loss is least at {w[plain]:.2f}, its mean under noise at {w[moved]:.2f}.",
                "loss and mean under noise",
            ),
            Picture(
                curves.figure(pictures.way_view(way)),
                f"Gradient descent with noise ends at {way[-1]:.2f}, in the {ends} well.",
                "a descent that begins in the sharp well",
            ),
        ),
        finding=(
            f"L is least at w = {w[plain]:.2f}; its mean under noise of step {noise:g} at w = {w[moved]:.2f}. This descent ends "
            f"at {way[-1]:.2f}, in the {ends} well."
        ),
        quantities=(
            Quantity("L″ in the sharp well", f"{float(wells.curvature(np.array(-1.0))):.3g}"),
            Quantity("L″ in the flat well", f"{float(wells.curvature(np.array(1.0))):.3g}"),
            Quantity("mean under noise, sharp", f"{float(wells.under_noise(np.array(-1.0), noise)):.3f}"),
            Quantity("mean under noise, flat", f"{float(wells.under_noise(np.array(1.0), noise)):.3f}"),
        ),
    )


def _noise(layer: str, redraw: int) -> Outcome:
    found = flat_minima.feature_noise(layer, redraw)
    fine, coarse = found[-1], found[0]
    return Outcome(
        pictures=(
            Picture(
                curves.figure(pictures.noise_view(found)),
                f"At 2 bits noise adds {coarse.measured.value:.3g} nats, and {coarse.predicted:.3g} were predicted.",
            ),
        ),
        finding=(
            f"Noise of the step of {fine.bits} bits, {fine.step:.3g}, adds {fine.measured.value:.2e} ± "
            f"{fine.measured.stderr:.1e} nats, where the trace predicts {fine.predicted:.2e}. That of {coarse.bits} bits, "
            f"{coarse.step:.3g}, adds {coarse.measured.value:.3g} ± {coarse.measured.stderr:.2g}, where {coarse.predicted:.3g} "
            "are predicted."
        ),
        quantities=tuple(
            Quantity(
                f"{each.bits} bits, measured",
                f"{each.measured.value:.2e} ± {each.measured.stderr:.0e}",
                f"Nats; predicted {each.predicted:.2e}. Over {flat_minima.IMAGES} images.",
            )
            for each in found[:3]
        ),
    )


def _channel(conv: str, wbits: int, number: int, scale: float, shift: float) -> Outcome:
    found = flat_minima.channel(conv, wbits, number, scale, shift)
    return Outcome(
        pictures=(
            Picture(
                pictures.channel_figure(found),
                f"The outputs of teacher and student have the correlation {found.correlation:.3f}.",
            ),
        ),
        finding=(
            f"Channel {number} of student and teacher has the correlation {found.correlation:.4f}. Over the layer L_CSD is "
            f"{found.apart:.4f}, and the mean squared difference {found.squared:.4g}."
        ),
        quantities=(
            Quantity("L_CSD of the layer", f"{found.apart:.4f}", "Mean over channels of 2(1 − ρ), up to ε."),
            Quantity("mean squared difference", f"{found.squared:.4g}", "Of the outputs as they are."),
            Quantity("correlation ρ, this channel", f"{found.correlation:.4f}"),
        ),
    )


def _fpq(result: LongResult) -> Outcome:
    rows: list[dict[str, Any]] = result.values["rows"]
    last = {row["name"]: row["points"][-1] for row in rows}
    said = " ".join(
        f"{row['name']}: {row['after'][0]:.1%} ± {row['after'][1]:.1%}, trace {last[row['name']]['trace']:.4g} ± "
        f"{last[row['name']]['stderr']:.2g}."
        for row in rows
    )
    flattest = min(last, key=lambda name: last[name]["trace"])
    return Outcome(
        pictures=(
            Picture(pictures.traces_figure(rows), f"The flattest at the end is {flattest}, by its trace."),
        ),
        finding=f"{said} The least trace has {flattest}.",
        table={
            "training": [row["name"] for row in rows],
            "accuracy": [row["after"][0] for row in rows],
            "±": [row["after"][1] for row in rows],
            "trace": [last[row["name"]]["trace"] for row in rows],
            "± trace": [last[row["name"]]["stderr"] for row in rows],
        },
    )


LESSON = Lesson(
    number=10,
    title="Flat minima",
    question="If rounding shakes a network, can it be trained not to mind being shaken?",
    goals=(
        "Derive how noise adds the trace of the Hessian to the loss.",
        "Say when the prediction by the trace fails.",
        "Explain what channel-wise standardization distillation compares, and what it ignores.",
        "Judge from curves with errors whether a method finds flatter minima.",
    ),
    minutes=50,
    terms=("trace",),
    prepare="Compute the long experiment once, with two or more epochs, so that it is there.",
    parts=(
        Text(
            "A minimum is **sharp** if the loss rises steeply beside it, **flat** if it does not. Quantizing moves a network by "
            "up to half a step in every value: a flat minimum hardly notices. FPQ (*feature-perturbed quantization*) trains "
            "for that by shaking the network on purpose, with noise as large as rounding errors,\n\n"
            "$$\\delta \\sim U[-\\tfrac s2, \\tfrac s2], \\qquad E[\\delta] = 0, \\qquad E[\\delta^2] = \\tfrac{s^2}{12},$$\n\n"
            "$s$ being the step of a quantizer."
        ),
        Experiment(
            key="wells",
            title="A sharp well and a flat one",
            try_this="The sharp well is deeper. Raise the noise until it no longer is, on average.",
            controls=(
                Slider("noise", "Step s of the noise", 0.05, 2.0, 0.4, 0.05),
                Slider("width", "Width of the sharp well", 0.05, 0.6, 0.15, 0.05),
                Again("again", "Descend again"),
            ),
            compute=_wells,
        ),
        Text(
            "To the second order, with $E[\\delta] = 0$,\n\n"
            "$$E\\,L(w + \\delta) \\;\\approx\\; L(w) + E[\\delta]\\,L'(w) + \\tfrac12 E[\\delta^2]\\, L''(w) "
            "\\;=\\; L(w) + \\frac{s^2}{24}\\, L''(w),$$\n\n"
            "and for many values with independent noise $L + \\frac{s^2}{24} \\operatorname{Tr} \\nabla^2 L$, with the "
            "[trace](glossary#trace) of the [Hessian](glossary#hessian). To descend under noise is to descend on the loss "
            "*and* on its trace."
        ),
        Notice(
            "Where the noise is wider than the well, the dotted line is far off: a parabola knows nothing of the rim. The mean "
            "under noise is still right; it is the second order that is not."
        ),
        Code(
            "from explorer.lessons import flat_minima\n"
            "import numpy as np\n\n"
            "wells, s = flat_minima.Wells(width=0.15), 0.2\n"
            "for at in (-1.0, 1.0):\n"
            "    w = np.array(at)\n"
            "    predicted = wells.loss(w) + s**2 / 24 * wells.curvature(w)\n"
            "    print(f'w = {at:+.0f}: L {wells.loss(w):.4f}, mean {wells.under_noise(w, s):.4f}, predicted {predicted:.4f}')"
        ),
        Exercise(
            id="10.1",
            prompt="A layer's input has the step $s = 0.6$. What is the variance of FPQ's noise?",
            answer=Number(
                0.6**2 / 12,
                tolerance=0.0002,
                traps=(
                    Trap(0.6**2 / 24, "That is half the variance, which is what multiplies the trace."),
                    Trap(0.6**2 / 3, "The noise reaches s/2 to either side, not s."),
                    Trap(0.6 / 12**0.5, "That is the standard deviation."),
                ),
            ),
            hints=("The variance of a uniform spread over a length s.",),
            solution="$s^2/12 = 0.36/12 = 0.03$, as that of a rounding error.",
            code="answer = 0.6**2 / 12",
        ),
        Exercise(
            id="10.2",
            prompt="The trace of the loss's Hessian over that input is 50. By how much does noise with $s = 0.2$ raise the loss, "
            "to the second order?",
            answer=Number(
                0.2**2 / 24 * 50,
                tolerance=0.0005,
                traps=(
                    Trap(0.2**2 / 12 * 50, "There is a factor ½ in front of the second derivative."),
                    Trap(0.2 / 24 * 50, "The step enters with its square."),
                ),
            ),
            hints=("½ E[δ²] Tr",),
            solution="$\\frac{0.04}{24} \\cdot 50 = 0.0833$.",
            code="answer = 0.2**2 / 24 * 50",
        ),
        Text(
            "## Noise in a layer's input\n\n"
            "FPQ shakes **features**, the inputs of layers, not weights: $x_l \\leftarrow x_l + \\delta$ with probability $p$, in "
            "training only. How much loss does that add in a real network, and does the trace know it beforehand?"
        ),
        Experiment(
            key="noise",
            title="Predicted by the trace, and measured",
            try_this="Go through the layers. At which step does the prediction fail?",
            controls=(
                Choice("layer", "Noise in front of", (*_LAYERS, "linear"), "linear"),
                Again("redraw", "Draw again"),
            ),
            compute=_noise,
        ),
        Notice(
            "Each draw is used with both signs, which takes the gradient's part out exactly. In front of the last layer, which "
            "is linear, the trace is a good prophet. Further back noise crosses the kinks of ReLUs, which the curvature *at* a "
            "point does not see; with large steps the quadratic picture ends. Compare with the error bars before you judge."
        ),
        Text(
            "## Standardized channels\n\n"
            "Noise alone costs accuracy, so FPQ adds a teacher: the FP32 network. In every convolution each channel's output is "
            "*standardized*, in teacher and student alike, and compared:\n\n"
            "$$\\tilde z = \\frac{z - \\mu}{\\sqrt{\\sigma^2 + \\varepsilon}}, \\qquad L_{\\text{CSD}} = \\sum_{\\text{layers}} "
            "\\operatorname{mean}\\, (\\tilde z_t - \\tilde z_s)^2 = \\sum_{\\text{layers}} \\operatorname{mean}_c\\, 2\\,(1 - "
            "\\rho_c).$$\n\n"
            "The last form is for $\\varepsilon = 0$: $\\rho_c$ is the correlation of both networks' outputs of channel $c$. The "
            "paper sums over all elements; this app takes the mean of a layer, so that the cross-entropy is not drowned."
        ),
        Experiment(
            key="channel",
            title="One channel of teacher and student",
            try_this="Scale and shift the student's outputs: which of the two distances notices?",
            controls=(
                Choice("conv", "Convolution", _LAYERS, "layer2.1.conv2"),
                Slider("wbits", "Bits of all weights", 2, 8, 3),
                Slider("number", "Channel", 0, 4, 0),
                Slider("scale", "Scale of the student", 0.25, 3.0, 1.0, 0.25),
                Slider("shift", "Shift of the student", -3.0, 3.0, 0.0, 0.5),
            ),
            compute=_channel,
        ),
        Notice(
            "Scale and place of a channel do not matter to what follows: batch normalisation takes them out again. The "
            "distillation lets the student choose them, and insists on the shape alone."
        ),
        Exercise(
            id="10.3",
            prompt="Student and teacher have the correlation 0.8 in every channel of a layer. What is the layer's part of "
            "$L_{\\text{CSD}}$ (with ε = 0)?",
            answer=Number(
                2 * (1 - 0.8),
                tolerance=0.002,
                traps=(
                    Trap(
                        0.2,
                        "Expand the square: both standardized outputs have the mean square 1, so there is a factor 2.",
                    ),
                    Trap(0.36, "That is 1 − ρ², the share of variance that a regression leaves."),
                    Trap(1.6, "That is twice the correlation; it should vanish for ρ = 1."),
                ),
            ),
            hints=("Expand (z̃_t − z̃_s)² and take the mean of each term.",),
            solution="$\\operatorname{mean}(\\tilde z_t^2) + \\operatorname{mean}(\\tilde z_s^2) - 2\\rho = 2 - 2 \\cdot 0.8 = "
            "0.4$.",
            code="answer = 2 - 2 * 0.8",
        ),
        Text(
            "## Training with both\n\n"
            "The whole loss is cross-entropy plus $L_{\\text{CSD}}$, with noise in each layer with probability $p$ (the paper "
            "finds 0.1 to 0.5 best). Published for ResNet-18 on CIFAR-10, weights of 2 and activations of 4 bits:\n\n"
            "| LSQ | with noise | with CSD | both | FP32 |\n|---|---|---|---|---|\n"
            "| 88.36 % | 89.30 % | 89.66 % | 89.92 % | 88.72 % |"
        ),
        Long(
            key="fpq",
            title="The trace while a network trains",
            words="Four trainings of the thin ResNet-20 by LSQ from the same start: plain, with noise ($p = 0.3$), with the "
            "distillation, with both. After each epoch the trace over the weights is estimated on the same training images. "
            "Few epochs of a small network: whether it comes out as in the paper is for you to see.",
            study="fashion-thin",
            controls=(
                Slider("epochs", "Epochs", 1, 10, 1),
                Choice("w", "Bits of weights", (2, 3, 4), 2),
                Choice("a", "Bits of activations", (2, 4), 4),
                Slider("traced", "Images of the trace", 128, 2048, 256, 128),
            ),
            question=lambda epochs, w, a, traced: longs.question(
                "flat_minima:fpq", epochs=epochs, w_bits=w, a_bits=a, images=traced
            ),
            draw=_fpq,
            takes="three minutes",
        ),
        Exercise(
            id="10.4",
            prompt="After three epochs one training has the trace 310 ± 60 and another 270 ± 50. What does that say?",
            answer=OneOf(
                "Nothing yet: the difference is smaller than its standard error",
                {
                    "The second minimum is flatter, by 13 %": "The difference is 40, and its standard error about 78 if the "
                    "errors are independent.",
                    "The second network will lose less accuracy when it is quantized": "Even a smaller trace would be one "
                    "term of a prediction, and this difference may be chance.",
                    "Noise has worked": "Which of the two had noise is not even said.",
                },
            ),
            hints=("The standard error of a difference of independent estimates: √(60² + 50²).",),
            solution="$310 - 270 = 40 \\pm \\sqrt{60^2 + 50^2} = 40 \\pm 78$. More images make the errors smaller; the same "
            "images for both networks help, too, since what is common cancels.",
            code='answer = "Nothing yet: the difference is smaller than its standard error"',
        ),
        InTheApp("fine_tune", "Train a plan with noise, distillation and the trace after each epoch"),
        Sources(
            (
                Source(
                    "Pang and Cai, Stabilizing Quantization-Aware Training by Implicit-Regularization on Hessian Matrix (FPQ)",
                    "equations 7 to 9, 14 to 17 and 22, proposition 1, figure 5",
                    "https://arxiv.org/abs/2503.11159",
                ),
                Source(
                    "Esser et al., Learned Step Size Quantization (LSQ)",
                    "section 2",
                    "https://arxiv.org/abs/1902.08153",
                ),
                Source(
                    "Martens, New Insights and Perspectives on the Natural Gradient Method",
                    "section 8, the Gauss–Newton matrix",
                    "https://arxiv.org/abs/1412.1193",
                ),
            )
        ),
    ),
)
