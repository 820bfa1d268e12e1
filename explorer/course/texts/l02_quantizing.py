"""Lesson 2: quantizing a tensor."""

from typing import Any

import numpy as np

from explorer.course.answers import Number, Numbers, OneOf, Trap
from explorer.course.controls import Choice, Slider
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
from explorer.figures.lessons import quantizing as pictures
from explorer.figures.steps import histogram
from explorer.lessons import quantizing
from explorer.lessons.common import longs, material
from explorer.lessons.common.longs import LongResult

_ENTRIES = tuple(f"r{row}c{column}" for row in range(1, 5) for column in range(1, 5))
_ENTRY_WORDS = {name: f"row {name[1]}, column {name[3]}" for name in _ENTRIES}
_LAYERS = ("conv1", "layer1.0.conv1", "layer2.1.conv2", "layer3.2.conv1", "linear")
_DEPTHWISE = ("blocks.0.depthwise", "blocks.2.depthwise", "blocks.4.pointwise", "stem")
_MOBILE = "fashion-mobilenet"


def _matrix(bits: int, scheme: str, stage: str, entry: str) -> Outcome:
    way = quantizing.affine if scheme == "affine" else quantizing.symmetric
    steps = way(quantizing.MATRIX, bits)
    at = int(entry[1]) - 1, int(entry[3]) - 1
    x, scaled, stored = (float(values[at]) for values in (steps.x, steps.scaled, steps.stored))
    back, error = float(steps.back[at]), float(steps.error[at])
    finding = (
        f"{x:.2f} is scaled to {scaled:.4g}, stored as the whole number {stored:.0f}, and read back as {back:.4f}: an "
        f"error of {error:+.4f}."
    )
    if abs(scaled % 1 - 0.5) < 1e-9:
        finding += f" {scaled:.4g} is a tie; it goes to the even neighbour."
    largest = float(np.abs(steps.error).max())
    return Outcome(
        pictures=tuple(
            Picture(
                pictures.matrix_figure(pictures.matrix_view(steps, shown), marked=entry),
                f"{pictures.STAGE_WORDS[shown]}: {finding}",
                pictures.STAGE_WORDS[shown],
            )
            for shown in ("x", stage)
        ),
        finding=finding,
        quantities=(
            Quantity("scale s", f"{steps.scale:.6g}", "Whole numbers per unit of x."),
            Quantity(
                "half a step, 1/(2s)", f"{0.5 / steps.scale:.5f}", "No value inside the range is off by more."
            ),
            Quantity("largest error here", f"{largest:.5f}"),
            Quantity(
                "levels in use",
                f"{len(np.unique(steps.stored))} of {steps.qmax - steps.qmin + 1}",
                "Different whole numbers in the matrix, and those that the grid has.",
            ),
        ),
    )


def _clip(layer: str, bits: int, clip: int) -> Outcome:
    weight = material.weight(layer, material.USUAL).numpy().ravel().astype(float)
    reach = float(np.abs(weight).max())
    own = clip / 100 * reach
    curve = quantizing.clip_curve(weight, bits)
    rounding, clipping = quantizing.clip_errors(weight, bits, own)
    best = curve.total.min()
    levels = np.unique(quantizing.symmetric(np.linspace(-own, own, 4 * 2**bits), bits, own).back)
    shown = histogram.view(weight, levels, name=layer)
    beyond = float((np.abs(weight) > own).mean())
    larger = "rounding" if rounding > clipping else "clipping"
    return Outcome(
        pictures=(
            Picture(
                histogram.figure(shown, log=False, revision=layer),
                f"{beyond:.1%} of the weights of {layer} lie beyond the clip.",
                f"the weights of {layer} and the grid's levels",
            ),
            Picture(
                pictures.clip_figure(curve, own, (rounding, clipping)),
                f"The error is least with the clip at {curve.best / reach:.0%} of the largest weight.",
                "the error, in its two parts",
            ),
        ),
        finding=(
            f"At this clip the mean squared error is {(rounding + clipping) / best:.3g} times the least, which is at "
            f"{curve.best / reach:.0%} of the largest weight; most of it is {larger} error."
        ),
        quantities=(
            Quantity("clip c", f"{own:.4f}", "In units of the weight."),
            Quantity("weights clipped", f"{beyond:.2%}"),
            Quantity("rounding error", f"{rounding:.2e}", "Mean over all weights, of those inside."),
            Quantity("clipping error", f"{clipping:.2e}", "Mean over all weights, of those beyond."),
        ),
    )


def _channels(layer: str, bits: int) -> Outcome:
    found = quantizing.channels(material.weight(layer, _MOBILE), bits)
    spread = float(found.reach.max() / found.reach.min())
    worst = int(found.tensor.argmax())
    return Outcome(
        pictures=(
            Picture(
                pictures.channels_figure(found),
                f"The channels of small reach lose up to {found.tensor[worst]:.0%} with one step, and at most "
                f"{found.channel.max():.1%} with their own.",
            ),
        ),
        finding=(
            f"The largest weight of one channel is {spread:.3g} times that of another. With one step the channel that "
            f"suffers most has an error of {found.tensor[worst]:.1%} of its squared norm; with a step of its own, "
            f"{found.channel[worst]:.2%}."
        ),
        quantities=(
            Quantity(
                "error, one step", f"{found.tensor_total:.2%}", "‖Q(W) − W‖² / ‖W‖² of the whole weight."
            ),
            Quantity("error, one a channel", f"{found.channel_total:.2%}", "The same."),
            Quantity(
                "extra to store",
                f"{4 * (len(found.reach) - 1):,} B",
                "One FP32 step a channel instead of one.",
            ),
        ),
    )


def _accuracy(result: LongResult) -> Outcome:
    rows: list[list[Any]] = result.values["rows"]
    full = rows[0]
    lowest = min(row[1] for row in rows[1:])
    at = {row[0]: row for row in rows if row[1] == lowest}
    tensor, channel = at["tensor"], at["channel"]
    return Outcome(
        pictures=(
            Picture(
                pictures.accuracy_figure(rows),
                f"At {lowest} bits: {tensor[2]:.1%} with one step a tensor, {channel[2]:.1%} with one a channel.",
            ),
        ),
        finding=(
            f"FP32: {full[2]:.2%} ± {full[3]:.2%} on {full[4]:,} test images. At {lowest} bits one step a tensor keeps "
            f"{tensor[2]:.1%} ± {tensor[3]:.1%}, one a channel {channel[2]:.1%} ± {channel[3]:.1%}."
        ),
        table=dict(zip(result.values["columns"], zip(*rows, strict=True), strict=True)),
    )


LESSON = Lesson(
    number=2,
    title="Quantizing a tensor",
    question="How do a million real numbers fit into 256 whole ones, and what gets lost on the way?",
    goals=(
        "Quantize a tensor by hand, affine and symmetric, and read it back.",
        "Say what scale and zero point are, and what the largest rounding error is.",
        "Explain why a smaller range can be the better one (clip against resolution).",
        "Explain when one step a channel is worth its bytes.",
    ),
    minutes=45,
    terms=("quantization", "bit-width"),
    parts=(
        Text(
            "**Quantizing** a tensor stores each of its real numbers as one of a few whole numbers, together with a rule "
            "to read them back. With $b$ bits there are $2^b$ whole numbers, the *grid*: signed 8-bit integers (*int8*) run "
            "from $q_{\\min} = -128$ to $q_{\\max} = 127$. Three things happen on the way: the values are *scaled* so "
            "that they span the grid, *rounded* to whole numbers, and *clipped*: what lies beyond the grid becomes its "
            "nearest end."
        ),
        Experiment(
            key="matrix",
            title="The lecture's matrix, step by step",
            try_this="Step through **Show**, then click a number and follow it. What happens with fewer bits?",
            controls=(
                Choice("stage", "Show", pictures.STAGES[1:], "stored", pictures.STAGE_WORDS),
                Slider("bits", "Bits b", 2, 8, 8),
                Choice(
                    "scheme",
                    "Scheme",
                    ("affine", "symmetric"),
                    "affine",
                    help="Affine: the range from the smallest to the largest value. Symmetric: from −max|x| to max|x|, "
                    "so that zero is exactly zero.",
                ),
                Choice("entry", "Number followed", _ENTRIES, "r3c3", _ENTRY_WORDS, clicked=True),
            ),
            compute=_matrix,
        ),
        Text(
            "In the lecture's words, with $x_{\\min}$ and $x_{\\max}$ the ends of the range,\n\n"
            "$$s = \\frac{q_{\\max} - q_{\\min}}{x_{\\max} - x_{\\min}}, \\qquad "
            "q = \\operatorname{clip}\\bigl(\\operatorname{round}(s\\,(x - x_{\\min}) + q_{\\min})\\bigr), \\qquad "
            "\\hat x = \\frac{q - q_{\\min}}{s} + x_{\\min}.$$\n\n"
            "The **scale** $s$ multiplies: it is the number of whole steps per unit of $x$. Libraries and hardware write "
            "the same with the **step** $\\Delta = 1/s$ and a whole **zero point** $z$, the integer that stands for zero: "
            "$\\hat x = \\Delta\\,(q - z)$. Rounding moves a value by at most half a step, so inside the range\n\n"
            "$$|\\hat x - x| \\le \\tfrac{\\Delta}{2} = \\frac{x_{\\max} - x_{\\min}}{2\\,(2^b - 1)}.$$\n\n"
            "*Affine* quantization uses the whole grid for any range. *Symmetric* quantization gives up that freedom: "
            "$x_{\\min} = -x_{\\max}$ and $z = 0$, which saves an addition in every product of a matrix multiplication."
        ),
        Notice(
            "The matrix has no negative number, so the symmetric scheme leaves nearly half of its grid unused: watch "
            "*half a step* double when you switch. Weights are spread around zero, so for them symmetric loses little; "
            "activations after a ReLU are like the matrix."
        ),
        Code(
            "from explorer.lessons import quantizing\n\n"
            "steps = quantizing.affine(quantizing.MATRIX, bits=8)\n"
            "print(steps.stored.astype(int))\n"
            "print('largest error:', abs(steps.error).max(), ' half a step:', 0.5 / steps.scale)"
        ),
        Exercise(
            id="2.1",
            prompt="A tensor has values from −1.5 to 2.5. What is the lecture's scale $s$ for int8?",
            answer=Number(
                lambda: quantizing.affine(np.array([-1.5, 2.5]), 8).scale,
                tolerance=0.005,
                traps=(
                    Trap(
                        64.0,
                        "256 whole numbers have 255 steps between them, as a fence has one rail less than posts.",
                    ),
                    Trap(4 / 255, "That is the step Δ = 1/s; the lecture's scale multiplies x."),
                    Trap(127 / 2.5, "That is the symmetric scheme; the affine one spans from −1.5 to 2.5."),
                ),
            ),
            hints=(
                "How many steps lie between −128 and 127?",
                "Divide their number by the length of the range.",
            ),
            solution="$s = (127 + 128) / (2.5 + 1.5) = 255 / 4 = 63.75$ whole steps per unit.",
            code="answer = (127 - (-128)) / (2.5 - (-1.5))",
        ),
        Exercise(
            id="2.2",
            prompt="Quantize the second row of the matrix, 0.58 0.84 0.84 0.81, to int8 by hand, with the range of the "
            "whole matrix.",
            answer=Numbers(
                lambda: quantizing.affine(quantizing.MATRIX, 8).stored[1].tolist(),
                traps=(
                    Trap((19, 86, 86, 78), "These are cut off; round to the *nearest* whole number."),
                    Trap((148, 214, 214, 207), "Move them down by 128: the grid begins at −128, not at 0."),
                    Trap(
                        (74, 107, 107, 103),
                        "That is symmetric, 127 · x; here the range from 0 to 1 gets 255 steps.",
                    ),
                ),
            ),
            hints=("The matrix runs from 0 to 1, so s = 255.", "Compute 255 x − 128 for each, then round."),
            solution="$255 \\cdot 0.58 - 128 = 19.9 \\to 20$, $255 \\cdot 0.84 - 128 = 86.2 \\to 86$ (twice), "
            "$255 \\cdot 0.81 - 128 = 78.55 \\to 79$.",
            code="answer = [round(255 * x - 128) for x in (0.58, 0.84, 0.84, 0.81)]",
        ),
        Exercise(
            id="2.3",
            prompt="The range from −1.5 to 2.5 gets the *unsigned* 8-bit grid, 0 to 255. Which whole number is the zero "
            "point $z$, the one that stands for 0?",
            answer=Number(
                lambda: quantizing.zero_point(-1.5, 2.5, 8)[1],
                traps=(
                    Trap(
                        95.625,
                        "Nearly: the zero point must be a whole number, so that zero is stored exactly.",
                    ),
                    Trap(95.0, "Round to the nearest whole number instead of cutting off."),
                    Trap(
                        128.0, "The middle of the grid stands for the middle of the range, which is 0.5 here."
                    ),
                    Trap(159.0, "That is counted from the upper end."),
                ),
            ),
            hints=("How many steps of 4/255 lie between −1.5 and 0?",),
            solution="$1.5 / (4/255) = 95.6$, and the zero point is a whole number: $z = 96$. Zero is then stored exactly, "
            "which matters: padding and ReLU make many zeros.",
            code="answer = round(1.5 / (4 / 255))",
        ),
        Text(
            "## Clip against resolution\n\n"
            "Weights are bell-shaped: most are small, a few large. Spanning the grid from the smallest to the largest "
            "(*min-max*) makes the steps coarse for the sake of a few. If instead the range ends at a **clip** $c$, "
            "steps are finer for the many, and the few beyond are moved to $\\pm c$. The mean squared error has two parts,"
            "\n\n$$\\frac1n \\sum_i (\\hat x_i - x_i)^2 = "
            "\\underbrace{\\frac1n \\sum_{|x_i| \\le c} (\\hat x_i - x_i)^2}_{\\text{rounding}, "
            "\\;\\approx\\; \\Delta^2/12 \\;\\propto\\; c^2} + "
            "\\underbrace{\\frac1n \\sum_{|x_i| > c} (|x_i| - c)^2}_{\\text{clipping}},$$\n\n"
            "and the best clip is where giving up a little more range costs as much as it gains in resolution."
        ),
        Experiment(
            key="clip",
            title="A real layer under a clip",
            try_this="Move the clip until the diamond lies lowest. Then take away bits: which way does the best clip go?",
            controls=(
                Choice("layer", "Layer of the ResNet-20", _LAYERS, "layer2.1.conv2"),
                Slider("wbits", "Bits b", 2, 8, 3),
                Slider("clip", "Clip, % of the largest |w|", 5, 100, 100, unit="%"),
            ),
            compute=lambda layer, wbits, clip: _clip(layer, wbits, clip),
        ),
        Notice(
            "With 8 bits the best clip is close to the largest weight: steps are so fine that clipping anything costs more. "
            "With 2 or 3 bits it moves far inside. So a rule that chooses the step must know the bits (lesson 4)."
        ),
        Exercise(
            id="2.4",
            prompt="Ten thousand weights lie evenly between −1 and 1, and a single one is 10. With 4 bits, symmetric "
            "(15 whole numbers from −7 to 7), what is the largest rounding error of the many if nothing is clipped?",
            answer=Number(
                lambda: 0.5 / quantizing.symmetric(np.array([-1.0, 1.0, 10.0]), 4).scale,
                tolerance=0.002,
                traps=(
                    Trap(
                        10 / 7,
                        "That is the whole step; rounding to the nearest is off by half of it at most.",
                    ),
                    Trap(1 / 14, "That would be so if the range ended at 1; nothing is clipped here."),
                    Trap(10 / 15, "Seven steps reach from 0 to 10, not seven and a half."),
                ),
            ),
            hints=("The step is set by the largest magnitude.",),
            solution="$\\Delta = 10/7$, so the largest error is $10/14 \\approx 0.714$: the many, none larger than 1, are "
            "all rounded to −1.43, 0 or 1.43. One outlier has cost the layer nearly all its resolution.",
            code="answer = 10 / 7 / 2",
        ),
        Text(
            "## One step, or one a channel\n\n"
            "The channels of one layer can differ in size by far, most of all in *depthwise* convolutions, where each "
            "output channel has nine weights of its own and no other (MobileNet). **Per tensor**, all share one step, which "
            "the largest channel sets. **Per channel**, each has its own: 4 bytes more a channel, and the multiplication "
            "costs the same, since the step is applied to the sum at the end."
        ),
        Experiment(
            key="channels",
            title="Channels of a MobileNet",
            try_this="Look at the channels at the left, whose weights are small. Then compare with a pointwise layer.",
            controls=(
                Choice("mlayer", "Layer of the MobileNet", _DEPTHWISE, "blocks.2.depthwise"),
                Slider("cbits", "Bits b", 2, 8, 4),
            ),
            compute=lambda mlayer, cbits: _channels(mlayer, cbits),
        ),
        Exercise(
            id="2.5",
            prompt="Where does one step a channel help most?",
            answer=OneOf(
                "In a layer whose channels differ much in their largest weight",
                {
                    "In the layer with the most weights": "Size alone does not matter: with channels alike, one step "
                    "serves them all.",
                    "In a layer with a single outlier in every channel": "Then every channel needs the same coarse step, "
                    "and its own step is no finer than the tensor's.",
                    "In a layer whose weights are all positive": "That asks for an affine scheme, whichever the step is "
                    "shared by.",
                },
            ),
            hints=("The tensor's step is set by the channel of largest reach. Who pays?",),
            solution="The shared step is as coarse as the largest channel needs. A channel of a tenth of the reach gets a "
            "tenth of the levels; with a step of its own it gets all of them.",
            code='answer = "In a layer whose channels differ much in their largest weight"',
        ),
        Long(
            key="accuracy",
            title="What it means for accuracy",
            words="All weights of the MobileNet are quantized both ways, without any training, and the network is measured "
            "on all test images. Activations stay in FP32.",
            study=_MOBILE,
            controls=(
                Choice(
                    "widths",
                    "Bits",
                    ("8,4", "8,6,4,3", "8,6,5,4,3,2"),
                    "8,4",
                    {"8,4": "8 and 4", "8,6,4,3": "8, 6, 4, 3", "8,6,5,4,3,2": "8 to 2"},
                ),
                Choice("rule", "Step by", ("min-max", "mse"), "min-max", {"mse": "least squared error"}),
            ),
            question=lambda widths, rule: longs.question("quantizing:accuracy", bits=widths, rule=rule),
            draw=_accuracy,
            takes="a minute",
        ),
        InTheApp("step_sizes", "Choose the step of every layer of a network, by hand or by a rule"),
        Sources(
            (
                Source("Riccietti and Mary, Neural Networks compression (lecture)", "“How to quantize?”"),
                Source(
                    "Jacob et al., Quantization and Training of Neural Networks for Efficient "
                    "Integer-Arithmetic-Only Inference",
                    "section 2.1",
                    "https://arxiv.org/abs/1712.05877",
                ),
                Source(
                    "Banner et al., Post training 4-bit quantization of convolutional networks (ACIQ)",
                    "section 3",
                    "https://arxiv.org/abs/1810.05723",
                ),
                Source(
                    "Krishnamoorthi, Quantizing deep convolutional networks for efficient inference",
                    "sections 2 and 3",
                    "https://arxiv.org/abs/1806.08342",
                ),
            )
        ),
    ),
)
