"""Lesson 6: BinaryConnect."""

from typing import Any

import numpy as np

from explorer.course.answers import Number, OneOf, Trap
from explorer.course.controls import Again, Choice, Slider, Switch
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
from explorer.figures.lessons import binaryconnect as pictures
from explorer.figures.steps import curves
from explorer.lessons import binaryconnect
from explorer.lessons.common import longs, material
from explorer.lessons.common.longs import LongResult

_LAYERS = ("conv1", "layer1.0.conv1", "layer2.1.conv2", "layer3.2.conv1")
_WAYS = {"float": "FP32 (the twin)"}


def _chance(w: float, count: int, again: int) -> Outcome:
    x = np.linspace(-1.2, 1.2, 121)
    chances = {name: binaryconnect.chance(x, name) for name in binaryconnect.FORMULAS}
    drawn = {name: binaryconnect.drawn(w, name, count, again) for name in binaryconnect.FORMULAS}
    here = {name: float(binaryconnect.chance(np.array(w), name)) for name in binaryconnect.FORMULAS}
    paper, slide = (drawn[name] for name in binaryconnect.FORMULAS)
    return Outcome(
        pictures=(
            Picture(
                curves.figure(
                    pictures.mean_view(
                        w, chances, x, {name: (each.value, each.stderr) for name, each in drawn.items()}
                    )
                ),
                f"By the paper's formula the mean of {count} draws is {paper.value:.3f}, by the slide's {slide.value:.3f}.",
            ),
        ),
        finding=(
            f"w = {w:g} becomes +1 with probability {here['original']:.3g} by the paper, which has the mean "
            f"{2 * here['original'] - 1:.3g}; {count} draws have {paper.value:.3f} ± {paper.stderr:.3f}. By the slide it is "
            f"{here['slide']:.3g}, with the mean {2 * here['slide'] - 1:.3g}; the draws have {slide.value:.3f} ± "
            f"{slide.stderr:.3f}."
        ),
        quantities=(
            Quantity("P(+1), paper", f"{here['original']:.3f}"),
            Quantity("P(+1), slide", f"{here['slide']:.3f}"),
            Quantity("bias, slide", f"{2 * here['slide'] - 1 - w:+.3f}", "E[w_b] − w"),
        ),
    )


def _filters(layer: str, form: str, redraw: int) -> Outcome:
    found = binaryconnect.filters(layer, form, redraw)
    reach = float(np.abs(found.real).max())
    kept = float((np.sign(found.binary) == np.sign(found.real)).mean())
    return Outcome(
        pictures=(
            Picture(
                pictures.images_figure(found.real, 4, reach=reach),
                f"Kernels of {layer} in FP32, from −{reach:.2g} to {reach:.2g}.",
                "real kernels w",
            ),
            Picture(
                pictures.images_figure(found.binary, 4, reach=reach),
                f"The same kernels with two values each; {kept:.0%} of the signs are those of the real weight.",
                "binary kernels H · (±1)",
            ),
        ),
        finding=(
            f"With one bit a weight, {found.error:.1%} of the squared norm of these kernels is error; {kept:.0%} of the "
            "signs are those of the real weights."
        ),
        quantities=(
            Quantity("‖w_b − w‖² / ‖w‖²", f"{found.error:.3f}", "Of the kernels shown."),
            Quantity(
                "normally spread weights",
                f"{1 - 2 / np.pi:.3f}",
                "1 − 2/π, for H sign(w) with H the mean |w|.",
            ),
            Quantity(
                "scales H", f"{found.scale.min():.3g} to {found.scale.max():.3g}", "One an output channel."
            ),
        ),
    )


def _training(way: str, count: int, rate: float, clipping: bool) -> Outcome:
    found = binaryconnect.train(way, count, rate, clipping)
    twin = binaryconnect.train("float", count, rate, False)
    images = pictures.templates(found.seen)
    return Outcome(
        pictures=(
            Picture(
                pictures.images_figure(
                    images, 5, reach=float(np.abs(images).max()), names=pictures.NAMES, height=380
                ),
                f"What each of ten outputs looks for, after {count} steps.",
                "weights of the last forward pass",
            ),
            Picture(
                curves.figure(pictures.losses_view(found, twin), height=380),
                f"The loss ends at {found.losses[-1]:.3f}; that of the FP32 twin at {twin.losses[-1]:.3f}.",
                "loss while it trains",
            ),
        ),
        finding=(
            f"Stored as {'FP32' if way == 'float' else 'signs'} the layer has {found.accuracy.value:.1%} ± "
            f"{found.accuracy.stderr:.1%} on 1,000 test images, with the real weights {found.real_accuracy.value:.1%}; the "
            f"FP32 twin has {twin.accuracy.value:.1%} ± {twin.accuracy.stderr:.1%}."
        ),
        quantities=(
            Quantity(
                "bytes of weights",
                look.bytes_text(found.real.size * (4 if way == "float" else 1 / 8)),
                "7,840 weights; 31.4 kB in FP32.",
            ),
            Quantity("real weights at ±1 or beyond", f"{found.clipped:.1%}"),
            Quantity("largest |w|", f"{np.abs(found.real).max():.3f}"),
        ),
    )


def _network(result: LongResult) -> Outcome:
    rows: list[dict[str, Any]] = result.values["rows"]
    said = " ".join(
        f"{row['name']}: {row['after'][0]:.1%} ± {row['after'][1]:.1%}, {look.bytes_text(row['bytes'][0])}."
        for row in rows
    )
    first, last = rows[0], rows[-1]
    return Outcome(
        pictures=(
            Picture(
                pictures.network_figure(rows),
                f"The twin ends at {first['after'][0]:.1%}, {last['name']} at {last['after'][0]:.1%}.",
            ),
        ),
        finding=f"{said} The binary weights take {last['bytes'][1] / last['bytes'][0]:.1f} times less memory.",
        table={
            "network": [row["name"] for row in rows],
            "before": [row["before"][0] for row in rows],
            "accuracy": [row["after"][0] for row in rows],
            "±": [row["after"][1] for row in rows],
            "bytes": [row["bytes"][0] for row in rows],
        },
    )


def _sizes() -> float:
    full, binary = binaryconnect.memory(material.study())
    return full / binary


LESSON = Lesson(
    number=6,
    title="BinaryConnect",
    question="Can a network learn when every weight is +1 or −1?",
    goals=(
        "Explain why training keeps real weights beside the binary ones.",
        "Derive which probability makes the binary weight right on average, and find the slide's mistake.",
        "Explain why the real weights are clipped.",
        "Compute the memory of a binary network.",
    ),
    minutes=45,
    terms=("straight-through",),
    parts=(
        Text(
            "**BinaryConnect** was an early success of quantization-aware training: weights of *one bit*, $+1$ or $-1$. A "
            "multiplication becomes an addition or a subtraction, and a weight takes a thirty-second of its memory. Training "
            "keeps a **real weight** $w$ beside each binary one $w_b$: the network computes with $w_b$, and the gradient moves "
            "$w$. How does $w_b$ come from $w$? *Deterministically*, $w_b = \\operatorname{sign}(w)$; or *stochastically*, "
            "drawn anew at every step with a probability that depends on $w$."
        ),
        Experiment(
            key="chance",
            title="Drawing a binary weight",
            try_this="Give w a negative value. What does the slide's formula make of it?",
            controls=(
                Slider("w", "Real weight w", -1.2, 1.2, -0.4, 0.05),
                Slider("draws", "Draws", 10, 1000, 200, 10),
                Again("again", "Draw again"),
            ),
            compute=lambda w, draws, again: _chance(w, draws, again),
        ),
        Text(
            "With $p = P(w_b = +1)$ the mean is $E[w_b] = p - (1 - p) = 2p - 1$. To be right on average, $E[w_b] = w$, it takes\n\n"
            "$$p = \\sigma(w) = \\operatorname{clip}\\Bigl(\\frac{w + 1}{2},\\, 0,\\, 1\\Bigr),$$\n\n"
            "the *hard sigmoid* of the paper (its equation 3). The lecture's slide has $p = \\operatorname{clip}(w, 0, 1)$: then "
            "$w_b$ is never $+1$ for $w \\le 0$, and the mean is $2w - 1$ for $w$ in $[0, 1]$, right for $w = 1$ and for "
            "$w = -1$ only. The variance is $1 - w^2$ by the paper's formula: weights near 0 are the undecided ones."
        ),
        Notice(
            "The dotted line is where a binary weight is unbiased. The paper's formula lies on it between −1 and 1; the "
            "slide's touches it at both ends. This is stochastic rounding (lesson 3) with two values."
        ),
        Code(
            "from explorer.lessons import binaryconnect\n"
            "import numpy as np\n\n"
            "w = np.array([-1, -0.5, 0, 0.5, 1])\n"
            "for formula in binaryconnect.FORMULAS:\n"
            "    p = binaryconnect.chance(w, formula)\n"
            "    print(formula, 'P(+1) =', p, ' mean =', 2 * p - 1)"
        ),
        Exercise(
            id="6.1",
            prompt="With which probability does $w = -0.4$ become $+1$ by the paper's formula?",
            answer=Number(
                lambda: float(binaryconnect.chance(np.array(-0.4), "original")),
                tolerance=0.002,
                traps=(
                    Trap(0.0, "That is the slide's formula, clip(w, 0, 1)."),
                    Trap(0.7, "That is the probability of −1."),
                    Trap(0.4, "The magnitude is no probability: w = 0 must give one half."),
                ),
            ),
            hints=("clip((w + 1)/2, 0, 1)",),
            solution="$(−0.4 + 1)/2 = 0.3$, and the mean is $0.3 - 0.7 = -0.4 = w$.",
            code="answer = (-0.4 + 1) / 2",
        ),
        Exercise(
            id="6.2",
            prompt="And what is the mean $E[w_b]$ for $w = 0.5$ by the *slide's* formula?",
            answer=Number(
                lambda: 2 * float(binaryconnect.chance(np.array(0.5), "slide")) - 1,
                tolerance=0.002,
                traps=(
                    Trap(0.5, "That would be right on average; the slide's formula is not."),
                    Trap(0.25, "The two values are +1 and −1, not 1 and 0."),
                ),
            ),
            hints=("P(+1) = 0.5 there. And −1?",),
            solution="$p = 0.5$, so the mean is $2 \\cdot 0.5 - 1 = 0$: a weight of 0.5 is treated as if it were 0.",
            code="answer = 2 * 0.5 - 1",
        ),
        Text(
            "## Filters\n\n"
            "What is left of a trained kernel when only its signs are kept? With a **scale** $H$ a channel, the best is "
            "$H \\operatorname{sign}(w)$ with $H$ the mean of $|w|$: setting the derivative of $\\sum_i (w_i - H "
            "\\operatorname{sign}(w_i))^2$ to zero gives $H = \\frac1n \\sum_i |w_i|$."
        ),
        Experiment(
            key="filters",
            title="Kernels of a ResNet-20, real and binary",
            try_this="Compare a layer in the middle with the first. Then draw the signs.",
            controls=(
                Choice("layer", "Layer", _LAYERS, "layer1.0.conv1"),
                Choice("form", "Binary weight", ("deterministic", "stochastic"), "stochastic"),
                Again("redraw", "Draw again"),
            ),
            compute=_filters,
        ),
        Notice(
            "Normally spread weights lose $1 - 2/\\pi$, 36 % of their squared norm, to their signs. Drawn signs are unbiased "
            "and much worse in a single draw: being right on average helps a *sum* of many weights, or many steps."
        ),
        Text(
            "## Training\n\n"
            "One step (algorithm 1 of the paper):\n\n"
            "$$w_b \\leftarrow \\operatorname{binarize}(w), \\qquad g \\leftarrow \\frac{\\partial L}{\\partial w_b}, \\qquad "
            "w \\leftarrow \\operatorname{clip}(w - \\eta\\, g,\\, -1,\\, 1).$$\n\n"
            "The gradient for $w_b$ goes to $w$ as it is: *straight through* (lesson 5). Clipping keeps $w$ where it matters: "
            "beyond $\\pm 1$ neither sign nor probability changes any more, so a weight that has run away would need many "
            "steps to come back."
        ),
        Experiment(
            key="training",
            title="One layer, ten outputs",
            try_this="Compare the three ways. Then switch clipping off, with a large learning rate.",
            controls=(
                Choice("way", "Weights", binaryconnect.WAYS, "deterministic", _WAYS),
                Slider("count", "Steps", 5, 60, 30, 5),
                Slider("rate", "Learning rate", 0.01, 0.5, 0.1, 0.01),
                Switch("clipping", "Clip the real weights to ±1", True),
            ),
            compute=_training,
        ),
        Notice(
            "The binary templates still look like trousers and boots: what matters is *where* a sign is, not how large the "
            "weight was. The stochastic form is evaluated with its signs here; the paper evaluates it with the real weights, "
            "which takes 32 bits a weight again (the second accuracy of the sentence)."
        ),
        Exercise(
            id="6.3",
            prompt="Why does BinaryConnect keep real weights while it trains?",
            answer=OneOf(
                "Updates are far smaller than the distance of +1 and −1; the real weights collect them until a sign turns",
                {
                    "The gradient with respect to a binary weight does not exist": "It does: the loss is a smooth function of "
                    "w_b. What has no useful derivative is the sign.",
                    "They are needed to compute the network's output when it is used": "Then only the signs are used; the real "
                    "weights are thrown away.",
                    "Multiplying by real weights is more exact": "Forward and backward pass multiply by the binary ones.",
                },
            ),
            hints=("What would a step of 0.001 do to a weight that can only be +1 or −1?",),
            solution="A gradient step changes a weight by a thousandth, say. Rounded to $\\pm1$ at once, it would be lost each "
            "time. The real weight is a memory in which small steps add up.",
            code='answer = "Updates are far smaller than the distance of +1 and −1; the real weights collect them until a '
            'sign turns"',
        ),
        Exercise(
            id="6.4",
            prompt="The thin ResNet-20 below has 26,345 weights. The 45 of the first block and the 200 of the last stay in "
            "FP32, the others get one bit. How many times smaller are the weights (scales not counted)?",
            answer=Number(
                _sizes,
                tolerance=0.15,
                traps=(
                    Trap(32.0, "That would be so if the first and the last block were binary, too."),
                    Trap(4.0, "That is 8 bits."),
                ),
            ),
            hints=("Count bits: 32 for some, 1 for the others.",),
            solution="$26{,}345 \\cdot 32$ bits before; $245 \\cdot 32 + 26{,}100 \\cdot 1 = 33{,}940$ bits after: a "
            "factor of 24.8. One weight in a hundred keeps a quarter of the memory.",
            code="answer = 26_345 * 32 / (245 * 32 + 26_100)",
        ),
        Text(
            "## What was published\n\n"
            "Test error in the paper (mean and spread over runs on MNIST):\n\n"
            "| method | MNIST | CIFAR-10 | SVHN |\n|---|---|---|---|\n"
            "| no regularizer, FP32 | 1.30 ± 0.04 % | 10.64 % | 2.44 % |\n"
            "| BinaryConnect, deterministic | 1.29 ± 0.08 % | 9.90 % | 2.30 % |\n"
            "| BinaryConnect, stochastic | 1.18 ± 0.04 % | 8.27 % | 2.15 % |\n"
            "| 50 % dropout | 1.01 ± 0.04 % | | |\n\n"
            "Binary weights *regularize*: the noise of binarizing acts like dropout in networks that are far larger than "
            "they need be. A thin network has no such slack."
        ),
        Long(
            key="network",
            title="A ResNet-20 and its FP32 twin",
            words="The pretrained network's weights become binary, with a scale a channel, and are trained for some epochs both "
            "ways; beside them the FP32 network trains on as long, with the same recipe. The first and the last block and "
            "all activations stay in FP32. Measured on 5,000 test images, always with the signs.",
            study="fashion-thin",
            controls=(
                Slider("epochs", "Epochs", 1, 10, 1),
                Choice("eta", "Learning rate", (0.003, 0.01, 0.03), 0.01),
            ),
            question=lambda epochs, eta: longs.question("binaryconnect:network", epochs=epochs, rate=eta),
            draw=_network,
            takes="two minutes",
        ),
        InTheApp("fine_tune", "Train any plan with weights of one bit by BinaryConnect"),
        Sources(
            (
                Source(
                    "Riccietti and Mary, Neural Networks compression (lecture)",
                    "“Early success of QAT: BinaryConnect”, “Binarizing the weights”, “Numerical results”",
                ),
                Source(
                    "Courbariaux, Bengio and David, BinaryConnect",
                    "section 2, equations 1 to 3, algorithm 1, table 2",
                    "https://arxiv.org/abs/1511.00363",
                ),
                Source(
                    "Rastegari et al., XNOR-Net",
                    "section 3.1, equation 6",
                    "https://arxiv.org/abs/1603.05279",
                ),
            )
        ),
    ),
)
