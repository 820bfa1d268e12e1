"""Lesson 4: calibration."""

from typing import Any

import numpy as np

from explorer.course.answers import Number, Numbers, OneOf, Trap
from explorer.course.controls import Choice, Control, Slider, Switch
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
from explorer.figures import look
from explorer.figures.lessons import calibration as pictures
from explorer.figures.steps import curves, histogram
from explorer.lessons import calibration
from explorer.lessons.common import longs
from explorer.lessons.common.longs import LongResult

_FIRST = "layer2.1.conv2"


def _range_controls() -> tuple[Control, ...]:
    layers = tuple(calibration.activations())
    return (
        Choice("layer", "Input of layer", layers, _FIRST, clicked=True),
        Choice("rule", "Rule", calibration.RULES, "percentile", pictures.RULE_WORDS),
        Slider("bits", "Bits b", 2, 8, 4),
        Slider(
            "percent",
            "Percentile",
            95,
            100,
            99.5,
            0.1,
            unit="%",
            help="So many per cent of the values are not clipped.",
        ),
    )


def _range(layer: str, rule: str, bits: int, percent: float) -> Outcome:
    values = calibration.activations()[layer]
    found = calibration.ranges(percent)
    clip = calibration.clip_of(rule, values, bits, percent=percent)
    own = calibration.error(values, clip, bits)
    plain = calibration.error(values, float(values.max()), bits)
    beyond = float((values > clip).mean())
    shown = histogram.view(
        values[values > 0], calibration.levels(clip, bits), name=f"input of {layer}", kind="input"
    )
    zeros = float((values == 0).mean())
    return Outcome(
        pictures=(
            Picture(
                pictures.ranges_figure(found, percent, layer),
                f"The largest value is up to {max(each.largest / max(each.percentile, 1e-9) for each in found):.2g} times "
                f"the one that {percent:g} % of the values do not exceed.",
                "what every layer is given",
            ),
            Picture(
                histogram.figure(shown, revision=layer),
                f"The grid ends at {clip:.3g}; {beyond:.2%} of the values lie beyond.",
                f"what {layer} is given, without the zeros ({zeros:.0%})",
            ),
        ),
        finding=(
            f"By {pictures.RULE_WORDS[rule]} the grid ends at {clip:.3g}, {clip / values.max():.0%} of the largest value, "
            f"which clips {beyond:.2%} of the values. The mean squared error is {own / plain:.3g} times that of min-max."
        ),
        quantities=(
            Quantity("clip c", f"{clip:.4g}", "Upper end of the range, in units of the activation."),
            Quantity("step c/(2ᵇ − 1)", f"{clip / (2**bits - 1):.4g}"),
            Quantity("values clipped", f"{beyond:.2%}"),
            Quantity(
                "mean squared error", f"{own:.3e}", "Of all values, in squared units of the activation."
            ),
        ),
    )


def _objectives(layer2: str, bits2: int, zeros: bool) -> Outcome:
    values = calibration.activations()[layer2]
    found = calibration.objectives(layer2, bits2, zeros)
    clips = {rule: calibration.clip_of(rule, values, bits2, with_zeros=zeros) for rule in calibration.RULES}
    errors = {rule: calibration.error(values, clip, bits2) for rule, clip in clips.items()}
    least = errors["mse"]
    return Outcome(
        pictures=(
            Picture(
                curves.figure(pictures.objectives_view(found, clips, bits2), height=420),
                f"KL chooses {clips['kl']:.3g}, the least squared error {clips['mse']:.3g}, min-max {clips['min-max']:.3g}.",
            ),
        ),
        finding=(
            f"At {bits2} bits KL clips at {clips['kl']:.3g} and the least squared error at {clips['mse']:.3g}; the squared "
            f"error of KL's clip is {errors['kl'] / least:.3g} times the least, that of min-max {errors['min-max'] / least:.3g} "
            "times."
        ),
        quantities=tuple(
            Quantity(f"error, {pictures.RULE_WORDS[rule]}", f"{error:.3e}", "Mean squared error.")
            for rule, error in errors.items()
        ),
    )


def _traffic(qbits: int, batch: int) -> Outcome:
    found = calibration.traffic(qbits, batch)
    plain, fake, whole = (
        sum(getattr(each, name) for each in found) for name in ("float32", "fake", "integer")
    )
    return Outcome(
        pictures=(
            Picture(
                pictures.traffic_figure(found, qbits),
                f"Fake quantization moves {fake / plain:.1f} times the bytes of FP32, integers {whole / plain:.0%} of them.",
            ),
        ),
        finding=(
            f"For one image FP32 moves {look.bytes_text(plain)}. The fake-quantized network does the same multiplications "
            f"in FP32 and moves {look.bytes_text(fake)}, {fake / plain:.1f} times as much; integers of {qbits} bits move "
            f"{look.bytes_text(whole)}."
        ),
        quantities=(
            Quantity(
                "FP32",
                look.bytes_text(plain),
                "Weights and inputs of all layers, for one image of the batch.",
            ),
            Quantity("fake-quantized", look.bytes_text(fake)),
            Quantity(f"{qbits}-bit integers", look.bytes_text(whole)),
        ),
    )


def _accuracy(result: LongResult) -> Outcome:
    rows: list[list[Any]] = result.values["rows"]
    lowest = min(row[1] for row in rows)
    there = sorted((row for row in rows if row[1] == lowest), key=lambda row: -row[2])
    best, worst = there[0], there[-1]
    return Outcome(
        pictures=(
            Picture(
                pictures.accuracy_figure(rows),
                f"At {lowest} bits {best[0]} keeps {best[2]:.1%} and {worst[0]} {worst[2]:.1%}.",
            ),
        ),
        finding=(
            f"FP32: {rows[0][2]:.1%} ± {rows[0][3]:.1%}. At {lowest} bits the best rule is {best[0]} with {best[2]:.1%} ± "
            f"{best[3]:.1%}, the worst {worst[0]} with {worst[2]:.1%} ± {worst[3]:.1%}."
        ),
        table=dict(zip(result.values["columns"], zip(*rows, strict=True), strict=True)),
    )


def _exercise(result: LongResult) -> Outcome:
    rows: list[list[Any]] = result.values["rows"]
    times: list[dict[str, Any]] = result.values["times"]
    fake = next(each for each in times if "fake" in each["what"])
    finding = (
        f"FP32: {rows[0][1]:.1%} ± {rows[0][2]:.1%} and {look.bytes_text(rows[0][3])} of weights. "
        + " ".join(
            f"{name}: {acc:.1%} ± {err:.1%}, {look.bytes_text(size)}." for name, acc, err, size in rows[1:]
        )
        + f" Fake quantization runs at {fake['ratio']:.2f} times the speed of FP32 ({fake['lowest']:.2f} to "
        f"{fake['highest']:.2f} over the rounds)."
    )
    by = {each["what"]: each["milliseconds"] for each in times}
    exact, whole = by.get("FP32 in ONNX Runtime"), by.get("W8A8, integers in ONNX Runtime")
    finding += (
        f" With integer arithmetic in ONNX Runtime a batch takes {whole:.2f} ms, in FP32 there {exact:.2f} ms."
        if exact is not None and whole is not None
        else " ONNX Runtime is not installed, so integer arithmetic was not timed."
    )
    return Outcome(
        pictures=(
            Picture(
                pictures.times_figure(times), f"Fake quantization: {fake['ratio']:.2f} times FP32's speed."
            ),
        ),
        finding=finding,
        table=dict(zip(result.values["columns"], zip(*rows, strict=True), strict=True)),
    )


LESSON = Lesson(
    number=4,
    title="Calibration",
    question="How wide should the grid of an activation be, when nobody knows the images that will come?",
    goals=(
        "Choose the range of an activation by four rules, and say what each makes small.",
        "Explain why a rule that is best at 8 bits can be worst at 3.",
        "Measure accuracy, size and time of a quantized network, each in the way that it deserves.",
        "Explain why fake quantization is not faster.",
    ),
    minutes=60,
    terms=("calibration", "mmse"),
    prepare="Compute both long experiments once, so that they are there; install `onnxruntime` to time integers.",
    parts=(
        Text(
            "**Post-training quantization** (PTQ) takes a trained network as it is. Its weights are known, so their range "
            "can be looked up. Its [activations](glossary#activation), what layers hand to one another, are different for "
            "every image: their range is chosen in advance, from a few *calibration images*. Choosing it is "
            "**calibration**. Behind a ReLU no value is negative; the range is $[0, c]$, and only the **clip** $c$ is to be "
            "chosen."
        ),
        Experiment(
            key="ranges",
            title="What the layers are given",
            try_this="Click a layer, then go through the rules. Take away bits: which rules move?",
            controls=_range_controls,
            compute=_range,
        ),
        Text(
            "On the unsigned grid of $b$ bits\n\n"
            "$$\\Delta = \\frac{c}{2^b - 1}, \\qquad \\hat x = \\Delta \\cdot \\operatorname{clip}\\bigl("
            "\\operatorname{round}(x / \\Delta),\\, 0,\\, 2^b - 1\\bigr).$$\n\n"
            "Four rules for the clip, $x_1, \\dots, x_n$ being the values seen in calibration:\n\n"
            "| rule | $c$ | what it makes small |\n|---|---|---|\n"
            "| min-max | $\\max_i x_i$ | nothing is clipped |\n"
            "| percentile | $q$ % of the $x_i$ are not above | clips a fixed share, whatever the bits |\n"
            "| least squared error (MSE) | $\\arg\\min_c \\frac1n \\sum_i (\\hat x_i - x_i)^2$ | rounding and clipping together |\n"
            "| KL | $\\arg\\min_c \\sum_k P_k \\log \\frac{P_k}{Q_k}$ | what the quantized histogram $Q$ tells less than the "
            "clipped one $P$ |\n\n"
            "Min-max and percentile do not know the bits. The other two do."
        ),
        Notice(
            "A single bright pixel in a single image can set min-max. The percentile shrugs it off, and is the only rule "
            "here with a number that somebody has to choose."
        ),
        Code(
            "from explorer.lessons import calibration\n\n"
            "values = calibration.activations()['layer2.1.conv2']\n"
            "for rule in calibration.RULES:\n"
            "    clip = calibration.clip_of(rule, values, bits=4)\n"
            "    print(f'{rule:10}  clip {clip:.3f}   error {calibration.error(values, clip, 4):.2e}')"
        ),
        Exercise(
            id="4.1",
            prompt="Behind a ReLU the largest value is 6.0, and 99.9 % of the values are at most 2.4. What is the step of "
            "min-max with 4 bits?",
            answer=Number(
                lambda: calibration.clip_of("min-max", np.array([0.0, 2.4, 6.0]), 4) / 15,
                tolerance=0.002,
                traps=(
                    Trap(6 / 16, "16 whole numbers have 15 steps between them."),
                    Trap(6 / 7, "The grid is unsigned: all 16 whole numbers are there for values from 0 on."),
                    Trap(2.4 / 15, "That is the percentile's; min-max clips nothing."),
                    Trap(12 / 15, "The range begins at 0: nothing is negative behind a ReLU."),
                ),
            ),
            hints=("How many steps does the unsigned 4-bit grid have?",),
            solution="$\\Delta = 6.0 / (2^4 - 1) = 0.4$.",
            code="answer = 6.0 / (2**4 - 1)",
        ),
        Exercise(
            id="4.2",
            prompt="In the same tensor the range now ends at the percentile, 2.4. The rounding error of the 99.9 % has the "
            "variance $\\Delta^2/12$. How many times smaller does it get?",
            answer=Number(
                lambda: (6.0 / 2.4) ** 2,
                tolerance=0.01,
                traps=(
                    Trap(2.5, "The step is 2.5 times smaller; the variance goes with its square."),
                    Trap(
                        0.16,
                        "That is the new variance over the old one; the question asks the other way round.",
                    ),
                ),
            ),
            hints=("By how much does the step shrink?", "The variance goes with the square of the step."),
            solution="The step shrinks by $6.0/2.4 = 2.5$, the variance by $2.5^2 = 6.25$. The price: one value in a "
            "thousand is moved, by up to 3.6. Its square may cost more than all that was gained.",
            code="answer = (6.0 / 2.4) ** 2",
        ),
        Text(
            "## Two objectives, and a spike\n\n"
            "KL was made for 8 bits on GPUs: of all clips it takes the one after which the histogram has lost least of its "
            "shape, in [nats](glossary#nat). What counts is the *shape*, not how far values are moved. Behind a ReLU half of "
            "all values are exactly zero, a spike in the first bin. Spread over a step, it looks like a large loss of shape, "
            "though zero is stored without any error."
        ),
        Experiment(
            key="objectives",
            title="Squared error and KL against the clip",
            try_this="Count the exact zeros, too, and watch where KL goes.",
            controls=lambda: (
                Choice("layer2", "Input of layer", tuple(calibration.activations()), _FIRST),
                Slider("bits2", "Bits b", 2, 8, 4),
                Switch("zeros", "Count exact zeros", False, help="In the histogram that KL looks at."),
            ),
            compute=_objectives,
        ),
        Notice(
            "With the spike counted, KL gives up nearly the whole range to keep the first bin narrow. Libraries that use KL "
            "therefore give the first bin the height of its neighbour. A rule is only as good as its idea of a loss: the "
            "network's own loss is neither of the two (lesson 9)."
        ),
        Exercise(
            id="4.3",
            prompt="Why does counting the exact zeros drive KL to a small clip?",
            answer=OneOf(
                "Merged bins spread the spike over a whole step, which changes the histogram's shape; narrow steps avoid it",
                {
                    "Zeros have a large rounding error unless the step is small": "Zero is on every grid; its error is 0.",
                    "Zeros lower the mean, and KL clips at a multiple of the mean": "KL does not look at the mean at all, "
                    "only at the histogram.",
                    "The few large values weigh less when there are more values in all": "Their share does fall, but min-max "
                    "and MSE see the same share and do not collapse.",
                },
            ),
            hints=(
                "What does Q look like in the first step, where P has a spike and next to nothing beside it?",
            ),
            solution="$Q$ merges the bins of one step and spreads their count evenly. Where $P$ is a spike beside small "
            "bins, $Q$ is flat, and $P \\log(P/Q)$ is large. The finer the step, the fewer bins share the spike.",
            code="answer = \"Merged bins spread the spike over a whole step, which changes the histogram's shape; narrow "
            'steps avoid it"',
        ),
        Long(
            key="accuracy",
            title="Accuracy against bits, for every rule",
            words="All activations behind a ReLU are quantized by each rule in turn, the weights stay in FP32, and the "
            "network is measured on test images. Nothing is trained. How many calibration images does each rule need?",
            study="fashion-thin",
            controls=(
                Slider("images", "Test images", 200, 5000, 1000, 200),
                Choice("calibration", "Calibration images", (1, 16, 128), 16),
                Choice(
                    "widths",
                    "Bits",
                    ("8,4", "8,4,3", "8,6,4,3,2"),
                    "8,4,3",
                    {"8,4": "8 and 4", "8,4,3": "8, 4, 3", "8,6,4,3,2": "8, 6, 4, 3, 2"},
                ),
            ),
            question=lambda images, calibration, widths: longs.question(
                "calibration:accuracy", images=images, calibration=calibration, widths=widths
            ),
            draw=_accuracy,
            takes="half a minute",
        ),
        Text(
            "## The lecture's exercise: accuracy, size, time\n\n"
            "*Accuracy* is a share of $N$ images and has the standard error $\\sqrt{p(1-p)/N}$. *Size* is counted: "
            "$b/8$ bytes a weight. *Time* is measured, and what is measured must be what will run. In PyTorch a quantized "
            "network is **fake-quantized**: it computes in FP32 with values that happen to lie on a grid. That gives the "
            "right accuracy. But it multiplies the same FP32 numbers as before, and every activation passes four more "
            "operations on the way: divide, round, clip, multiply."
        ),
        Experiment(
            key="traffic",
            title="Bytes that are moved, three ways",
            try_this="Grow the batch: weights are read once for all of it, activations are not.",
            controls=(
                Slider("qbits", "Bits b", 2, 8, 8),
                Slider("batch", "Images in a batch", 1, 128, 1),
            ),
            compute=_traffic,
        ),
        Notice(
            "Only integer kernels gain: fewer bytes, and byte-wide multiplications. They exist for 8 bits nearly "
            "everywhere, for 4 bits on some hardware; a 3-bit plan saves memory, not time."
        ),
        Exercise(
            id="4.4",
            prompt="A network has 268,336 weights. How many bytes do they take in FP32, with 8 bits and with 4 bits (steps "
            "not counted)?",
            answer=Numbers(
                lambda: [268_336 * bits / 8 for bits in (32, 8, 4)],
                tolerance=0.5,
                traps=(
                    Trap((268_336 * 32, 268_336 * 8, 268_336 * 4), "These are bits; a byte has 8 of them."),
                    Trap(
                        (268_336 * 4, 268_336, 268_336 / 4), "With 4 bits two weights share a byte, not four."
                    ),
                ),
            ),
            hints=("Four bytes a weight in FP32.",),
            solution="$268{,}336 \\cdot 32/8 = 1{,}073{,}344$, a quarter of it is $268{,}336$, and an eighth $134{,}168$.",
            code="answer = [268_336 * bits / 8 for bits in (32, 8, 4)]",
        ),
        Exercise(
            id="4.5",
            prompt="A student quantizes a network to 4 bits in PyTorch and times it. It is slower than in FP32. Why?",
            answer=OneOf(
                "It still multiplies in FP32, and rounds every activation in addition",
                {
                    "Multiplying 4-bit integers is slower than multiplying FP32 numbers": "No integers are multiplied here: "
                    "the values are FP32 numbers that lie on a grid.",
                    "The weights have to be unpacked from 4 bits before every multiplication": "They are stored as FP32 "
                    "numbers; nothing is packed.",
                    "The batch was too small for the memory savings to show": "There are no savings: every number still "
                    "takes four bytes.",
                },
            ),
            hints=("What type do the tensors have?",),
            solution="Fake quantization simulates the *values* of a quantized network, not its arithmetic. It has all the "
            "work of FP32 and the rounding on top. Time is to be measured where integers are multiplied: in an exported "
            "file, by integer kernels.",
            code='answer = "It still multiplies in FP32, and rounds every activation in addition"',
        ),
        Long(
            key="exercise",
            title="The exercise, done whole",
            words="The network in FP32, with 8 and 4 bits after training, and with 4 bits after some "
            "quantization-aware training (lesson 5). Times are measured in turns on one thread: FP32 and fake-quantized "
            "in PyTorch, and the exported file with integer arithmetic in ONNX Runtime beside FP32 there.",
            study="fashion-thin",
            controls=(
                Slider("epochs", "Epochs of training", 0, 3, 1),
                Slider("tested", "Test images", 500, 5000, 2000, 500),
            ),
            question=lambda epochs, tested: longs.question(
                "calibration:exercise", images=tested, epochs=epochs
            ),
            draw=_exercise,
            takes="a minute",
        ),
        InTheApp("step_sizes", "Choose the steps of a whole network by these rules, and see what they cost"),
        Sources(
            (
                Source(
                    "Riccietti and Mary, Neural Networks compression (lecture)",
                    "“Calibration Process”, “Exercise: quantization of neural networks”",
                ),
                Source("Migacz, 8-bit inference with TensorRT (GTC 2017, S7310)", "entropy calibration"),
                Source(
                    "Wu et al., Integer quantization for deep learning inference",
                    "section 4, calibration; section 5.2",
                    "https://arxiv.org/abs/2004.09602",
                ),
                Source(
                    "Nahshan et al., Loss aware post-training quantization (LAPQ)",
                    "section 4.1 for the L_p error",
                    "https://arxiv.org/abs/1911.07190",
                ),
                Source(
                    "Jacob et al., Quantization and Training of Neural Networks for Efficient "
                    "Integer-Arithmetic-Only Inference",
                    "section 2",
                    "https://arxiv.org/abs/1712.05877",
                ),
            )
        ),
    ),
)
