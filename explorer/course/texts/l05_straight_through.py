"""Lesson 5: straight-through and quantization-aware training."""

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
from explorer.figures.lessons import straight_through as pictures
from explorer.figures.steps import curves
from explorer.lessons import straight_through
from explorer.lessons.common import longs
from explorer.lessons.common.longs import LongResult

_STEP = 0.5
_WORDS = {
    "ste": "straight-through",
    "clip": "identity, up to the last level",
    "identity": "identity, beyond it too",
    "true": "the true derivative",
}


def _staircase(bits: int, x: float, surrogate: str) -> Outcome:
    q = straight_through.grid(bits, _STEP)
    reach = _STEP * 2 ** (bits - 1) + 0.75
    line = np.linspace(-reach, reach, 601)
    value, slope = straight_through.value_and_slope(line, q, surrogate)
    here, rises = (float(each[0]) for each in straight_through.value_and_slope(np.array([x]), q, surrogate))
    return Outcome(
        pictures=(
            Picture(
                pictures.staircase_figure(line, value, slope, (x, here, rises)),
                f"At x = {x:g} the staircase is flat at {here:g}; training uses the slope {rises:g}.",
            ),
        ),
        finding=(
            f"Q({x:g}) = {here:g}. A little to either side Q is the same, so the true derivative is 0; training uses "
            f"{rises:g}, so a gradient that arrives here {'goes on as it is' if rises else 'is lost'}."
        ),
        quantities=(
            Quantity("Q(x)", f"{here:g}"),
            Quantity("error Q(x) − x", f"{here - x:+.3g}"),
            Quantity("slope used", f"{rises:g}", "What the backward pass multiplies the gradient by."),
        ),
    )


def _descent(target: float, rate: float, passes: str) -> Outcome:
    q = straight_through.grid(3, _STEP)
    found = straight_through.descend(q, passes, start=-1.1, target=target, rate=rate)
    half = found.quantized[len(found.quantized) // 2 :]
    seen, counts = np.unique(half, return_counts=True)
    shares = ", ".join(
        f"{level:g} for {count / len(half):.0%}" for level, count in zip(seen, counts, strict=True)
    )
    return Outcome(
        pictures=(
            Picture(
                curves.figure(pictures.descent_view(found, target)),
                f"In the second half the quantized weight is {shares} of the steps; its mean is {found.mean:.3f}.",
            ),
        ),
        finding=(
            f"In the second half the quantized weight is {shares} of the steps. Its mean is {found.mean:.3f}, and the "
            f"target is {target:g}."
        ),
        quantities=(
            Quantity("last w", f"{found.latent[-1]:.4f}"),
            Quantity("last Q(w)", f"{found.quantized[-1]:g}"),
            Quantity("mean of Q(w)", f"{found.mean:.4f}", "Over the second half of the steps."),
            Quantity("last loss", f"{(found.quantized[-1] - target) ** 2 / 2:.4f}", "(Q(w) − t)²/2"),
        ),
    )


def _network(wbits: int, count: int, lr: float, backward: str) -> Outcome:
    after = straight_through.after_training(wbits)
    found = straight_through.train(wbits, backward, count, lr)
    full = straight_through.full_precision()
    rows = [(bits, *straight_through.after_training(bits)) for bits in (8, 7, 6, 5, 4, 3, 2)]
    whole = float(straight_through.float_loss())
    return Outcome(
        pictures=(
            Picture(
                pictures.accuracy_figure(rows, [(wbits, *found.accuracy)], full.value),
                f"At {wbits} bits: {after.value:.1%} after training, {found.accuracy.value:.1%} trained with it.",
                "accuracy on 1,000 test images",
            ),
            Picture(
                curves.figure(pictures.losses_view(found.losses, whole), height=380),
                f"The training loss goes from {found.losses[0]:.3f} to {found.losses[-1]:.3f}.",
                "loss while it trains",
            ),
        ),
        finding=(
            f"FP32: {full.value:.1%} ± {full.stderr:.1%}. With weights of {wbits} bits: {after.value:.1%} ± "
            f"{after.stderr:.1%} as they are, {found.accuracy.value:.1%} ± {found.accuracy.stderr:.1%} after {count} steps "
            f"by {_WORDS[backward]}."
        ),
        quantities=(
            Quantity(
                "loss at the start",
                f"{found.losses[0]:.3f}",
                "Nats, 1,000 training images, quantized weights.",
            ),
            Quantity("loss at the end", f"{found.losses[-1]:.3f}"),
            Quantity("loss in FP32", f"{whole:.3f}"),
        ),
    )


def _one_step() -> tuple[float, float]:
    way = straight_through.descend(
        straight_through.grid(3, _STEP), "ste", start=0.8, target=0.4, rate=0.5, count=1
    )
    return float(way.latent[1]), float(way.quantized[1])


def _widths(result: LongResult) -> Outcome:
    rows: list[dict[str, Any]] = result.values["rows"]
    after, trained = ([(int(row["name"]), *row[of]) for row in rows] for of in ("before", "after"))
    lowest = min(rows, key=lambda row: int(row["name"]))
    gain = lowest["after"][0] - lowest["before"][0]
    return Outcome(
        pictures=(
            Picture(
                pictures.accuracy_figure(after, trained, None),
                f"At {lowest['name']} bits training gains {gain * 100:.1f} points.",
            ),
        ),
        finding=(
            f"At {lowest['name']} bits: {lowest['before'][0]:.1%} ± {lowest['before'][1]:.1%} after training, "
            f"{lowest['after'][0]:.1%} ± {lowest['after'][1]:.1%} trained with it (kept: {lowest['kept']}). At "
            f"{rows[0]['name']} bits: {rows[0]['before'][0]:.1%} and {rows[0]['after'][0]:.1%}."
        ),
        table={
            "bits": [row["name"] for row in rows],
            "PTQ": [row["before"][0] for row in rows],
            "± PTQ": [row["before"][1] for row in rows],
            "QAT": [row["after"][0] for row in rows],
            "± QAT": [row["after"][1] for row in rows],
        },
    )


LESSON = Lesson(
    number=5,
    title="Straight-through and QAT",
    question="How can a network be trained through a function whose derivative is zero?",
    goals=(
        "Explain why gradients do not pass a quantizer, and what the straight-through estimator does about it.",
        "Compute a step of training by hand, with the real and the quantized weight.",
        "Say why weights oscillate, and what their mean tends to.",
        "Decide whether a number of bits needs quantization-aware training.",
    ),
    minutes=50,
    terms=("qat", "straight-through"),
    parts=(
        Text(
            "**Quantization-aware training** (QAT) quantizes the weights while the network learns, so that it finds "
            "weights that are good *on the grid*. The loss is then a function of $Q(w)$, and the chain rule asks for "
            "$Q'(w)$. But $Q$ is a staircase: flat everywhere, with jumps."
        ),
        Experiment(
            key="staircase",
            title="A staircase and what stands in for its slope",
            try_this="Move x along a step: what changes? Then beyond the last level, with each of the slopes.",
            controls=(
                Slider("x", "x", -2.5, 2.5, 0.3, 0.05),
                Slider("bits", "Bits b", 2, 3, 3, help="The step is 0.5."),
                Choice("surrogate", "Backward pass", straight_through.SURROGATES, "ste", _WORDS),
            ),
            compute=_staircase,
        ),
        Text(
            "With the step $\\Delta$ and the grid from $q_{\\min}$ to $q_{\\max}$\n\n"
            "$$Q(w) = \\Delta \\cdot \\operatorname{clip}\\bigl(\\operatorname{round}(w/\\Delta), q_{\\min}, q_{\\max}\\bigr), "
            "\\qquad \\frac{\\partial L}{\\partial w} = \\frac{\\partial L}{\\partial Q} \\cdot Q'(w), \\qquad Q'(w) = 0 "
            "\\text{ almost everywhere.}$$\n\n"
            "The **straight-through estimator** (STE) goes forward with $Q$ and backward as if there were no rounding:\n\n"
            "$$Q'(w) := \\begin{cases} 1 & \\text{where rounding stays on the grid} \\\\ 0 & \\text{beyond it.} \\end{cases}$$"
            "\n\nThe real weight $w$ collects many small updates until $Q(w)$ moves to the next level. It is needed in "
            "training only; what is stored is $Q(w)$."
        ),
        Notice(
            "The tangent has the slope of the dotted line, not of the staircase: seen from afar the staircase *is* that "
            "line. Beyond the grid $Q$ really is constant, however far one looks, so there the gradient is dropped."
        ),
        Code(
            "from explorer.lessons import straight_through\n"
            "import numpy as np\n\n"
            "q = straight_through.grid(bits=3, step=0.5)\n"
            "for surrogate in straight_through.SURROGATES:\n"
            "    print(surrogate, straight_through.value_and_slope(np.array([0.3, 1.6, 2.2]), q, surrogate))"
        ),
        Exercise(
            id="5.1",
            prompt="A weight $w = 0.8$ on a grid with $\\Delta = 0.5$ has the loss $L = \\frac12 (Q(w) - 0.4)^2$. One step "
            "of gradient descent by the straight-through estimator, rate 0.5. What are $w$ and $Q(w)$ afterwards?",
            answer=Numbers(
                _one_step,
                tolerance=0.001,
                traps=(
                    Trap((0.6, 0.5), "The loss sees Q(0.8) = 1, not 0.8: its gradient is 1 − 0.4."),
                    Trap((0.8, 1.0), "That is the true derivative; the estimator passes the gradient on."),
                    Trap((0.7, 0.5), "The update starts from the real weight 0.8, not from Q(w)."),
                ),
            ),
            hints=("What is Q(0.8)?", "The gradient is Q(w) − 0.4, and it passes unchanged."),
            solution="$Q(0.8) = 1.0$, since $0.8/0.5 = 1.6$ rounds to 2. The gradient is $1.0 - 0.4 = 0.6$, so "
            "$w = 0.8 - 0.5 \\cdot 0.6 = 0.5$ and $Q(w) = 0.5$.",
            code="gradient = 0.5 * round(0.8 / 0.5) - 0.4\nw = 0.8 - 0.5 * gradient\nanswer = [w, 0.5 * round(w / 0.5)]",
        ),
        Text(
            "## One weight on its way\n\n"
            "Where the target lies between two levels no quantized weight meets it. What does training do then?"
        ),
        Experiment(
            key="descent",
            title="One weight, one target",
            try_this="Move the target between two levels. Then train with the true derivative.",
            controls=(
                Slider("target", "Target t", -1.0, 1.0, 0.4, 0.05),
                Slider("rate", "Learning rate", 0.01, 0.5, 0.05, 0.01),
                Choice("passes", "Backward pass", ("ste", "true"), "ste", _WORDS),
            ),
            compute=_descent,
        ),
        Text(
            "Summing up the updates, $w_T - w_0 = -\\eta \\sum_k (Q(w_k) - t)$. Since $w$ stays near the threshold between "
            "both levels, the left side is bounded, and\n\n"
            "$$\\frac1T \\sum_{k=1}^{T} Q(w_k) \\;\\longrightarrow\\; t.$$\n\n"
            "The weight **oscillates**, and its *mean* is right, though no single value is. A smaller learning rate makes "
            "oscillations rarer, not smaller: they are a whole step high."
        ),
        Notice(
            "With the true derivative nothing ever moves. With the estimator the loss at the end depends on the moment when "
            "training stops; that is one reason to let the learning rate fall to zero, and to keep the best state."
        ),
        Exercise(
            id="5.2",
            prompt="The target is 0.4, and the levels around it are 0 and 0.5. For which share of the steps is the weight at "
            "0.5, in the long run?",
            answer=Number(
                lambda: 0.4 / 0.5,
                tolerance=0.005,
                traps=(
                    Trap(0.2, "That is the share of the level 0, which is farther away."),
                    Trap(0.4, "The mean must be 0.4, and the upper level is 0.5, not 1."),
                    Trap(0.5, "Half and half would have the mean 0.25."),
                    Trap(
                        1.0, "Then the mean would be 0.5, and the gradient 0.1 at every step would move w on."
                    ),
                ),
            ),
            hints=("The mean of Q(w) is the target.",),
            solution="With the share $a$ at 0.5 the mean is $0.5\\,a = 0.4$, so $a = 0.8$.",
            code="answer = 0.4 / 0.5",
        ),
        Exercise(
            id="5.3",
            prompt="Why does the straight-through estimator pass nothing beyond the grid?",
            answer=OneOf(
                "There Q really does not change, so the gradient would push the real weight away without any effect",
                {
                    "Values beyond the grid overflow, and their gradient is infinite": "Nothing overflows: they are clipped.",
                    "Rounding errors are largest there, so the gradient is unreliable": "The error is large, but the reason "
                    "is another: look at what Q does when w moves a little or a lot.",
                    "So that clipped weights are pruned": "They keep the outermost level; nothing is set to zero.",
                },
            ),
            hints=("Move x far beyond the last level. Which changes of x change Q?",),
            solution="Inside, moving $w$ by a step moves $Q$ by a step: the slope 1 is right on average. Beyond the last "
            "level $Q$ is constant over any distance, and so is the loss: 0 is not an approximation there.",
            code='answer = "There Q really does not change, so the gradient would push the real weight away without any '
            'effect"',
        ),
        Text(
            "## A small network on real images\n\n"
            "Fashion-MNIST at 7 × 7 pixels, 24 hidden units, 1,000 images to train on. Its weights are quantized as they are "
            "(*post-training quantization*, PTQ), or trained on for some steps with the quantizer in place."
        ),
        Experiment(
            key="network",
            title="After training, or with it",
            try_this="Go down to 2 bits. How many steps bring the accuracy back? Which slopes do not work?",
            controls=(
                Slider("wbits", "Bits b", 2, 8, 2),
                Slider("count", "Steps of training", 0, 80, 40, 5),
                Slider("lr", "Learning rate", 0.01, 0.3, 0.05, 0.01),
                Choice("backward", "Backward pass", straight_through.SURROGATES, "ste", _WORDS),
            ),
            compute=_network,
        ),
        Notice(
            "With the true derivative the biases still learn, since they are not quantized; the weights do not move. At 6 "
            "bits and more there is next to nothing to win: there PTQ is enough."
        ),
        Exercise(
            id="5.4",
            prompt="A network loses 0.1 ± 0.3 points of accuracy at 8 bits by post-training quantization. What should be "
            "done?",
            answer=OneOf(
                "Nothing: the loss is within its standard error, and training costs data, time and tuning",
                {
                    "Train with quantization, since 0.1 points are lost": "The standard error is three times the loss: it may "
                    "as well be a gain.",
                    "Train with quantization, which is always at least as good": "It has hyper-parameters and noise of its "
                    "own, and can end below.",
                    "Calibrate on the test images to win the 0.1 points back": "Then the test images choose, and no longer "
                    "measure.",
                },
            ),
            hints=("Compare the loss with its standard error.",),
            solution="The lecture's table: PTQ needs no labels and no training pipeline; QAT is worth its cost where few bits "
            "hurt, at 4 and fewer.",
            code='answer = "Nothing: the loss is within its standard error, and training costs data, time and tuning"',
        ),
        Long(
            key="widths",
            title="A ResNet-20, weights and activations",
            words="Weights and activations of all blocks at so many bits, the first and the last at 8; measured on 5,000 test "
            "images after training, and with some epochs of quantization-aware training. LSQ learns the steps of the grid "
            "as well. What is kept is the best by training images that were held out, so it may be the untrained network.",
            study="fashion-thin",
            controls=(
                Slider("epochs", "Epochs", 1, 5, 1),
                Choice(
                    "widths",
                    "Bits",
                    ("2", "4,2", "8,4,3,2", "8,6,5,4,3,2"),
                    "2",
                    {"4,2": "4 and 2", "8,4,3,2": "8, 4, 3, 2", "8,6,5,4,3,2": "8 to 2"},
                ),
                Choice("method", "Method", ("ste", "lsq"), "lsq", {"ste": "straight-through", "lsq": "LSQ"}),
            ),
            question=lambda epochs, widths, method: longs.question(
                "straight_through:widths", epochs=epochs, bits=widths, method=method
            ),
            draw=_widths,
            takes="a minute",
        ),
        InTheApp("fine_tune", "Train a plan of your own, and watch loss, accuracy and oscillating weights"),
        Sources(
            (
                Source(
                    "Riccietti and Mary, Neural Networks compression (lecture)",
                    "“Quantization aware training”, “Training with Quantization”",
                ),
                Source(
                    "Bengio, Léonard and Courville, Estimating or Propagating Gradients Through Stochastic Neurons",
                    "section 4",
                    "https://arxiv.org/abs/1308.3432",
                ),
                Source(
                    "Gholami et al., A Survey of Quantization Methods for Efficient Neural Network Inference",
                    "section III.G",
                    "https://arxiv.org/abs/2103.13630",
                ),
                Source(
                    "Esser et al., Learned Step Size Quantization (LSQ)",
                    "section 2",
                    "https://arxiv.org/abs/1902.08153",
                ),
                Source(
                    "Nagel et al., Overcoming Oscillations in Quantization-Aware Training",
                    "section 2",
                    "https://arxiv.org/abs/2203.11086",
                ),
            )
        ),
    ),
)
