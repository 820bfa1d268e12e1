"""Lesson 3: rounding."""

import numpy as np
import torch

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
from explorer.estimates import mean
from explorer.figures.lessons import rounding as pictures
from explorer.lessons import rounding
from explorer.lessons.common import draws, longs
from explorer.lessons.common.longs import LongResult
from explorer.lessons.formats import E5M2
from explorer.lessons.rounding import MODES, Mode

_REPEATS = 200
_PATHS = 12


def _ways(x: float, mode: Mode, count: int, again: int) -> Outcome:
    drawn = rounding.whole(
        torch.full((count,), x, dtype=torch.float64), mode, draws.source(3, 8, again)
    ).numpy()
    found = mean(drawn)
    exact, variance = rounding.moments(x, mode)
    values, times = np.unique(drawn, return_counts=True)
    shares = dict(zip(values.tolist(), (times / count).tolist(), strict=True))
    return Outcome(
        pictures=(
            Picture(
                pictures.draws_figure(shares, x, found.value),
                f"{x:g} rounded {pictures.WORDS[mode]} {count} times: mean {found.value:.3f}.",
            ),
        ),
        finding=(
            f"The mean of the {count} draws is {found.value:.3f} ± {found.stderr:.3f}; exactly it is {exact:.3f}, a bias of "
            f"{exact - x:+.3f}."
        ),
        quantities=(
            Quantity("x", f"{x:.2f}"),
            Quantity(
                "bias E − x", f"{exact - x:+.3f}", "Exact: by how much the rounded number is off on average."
            ),
            Quantity(
                "variance", f"{variance:.4f}", "Exact; f (1 − f) for stochastic rounding, f the fraction."
            ),
        ),
    )


def _sums(value: float, terms: int, seed: int) -> Outcome:
    exact = value * np.arange(terms + 1)
    found: dict[Mode, tuple[np.ndarray, np.ndarray]] = {}
    for mode in MODES:
        repeats = _REPEATS if mode in ("stochastic", "coin") else 2
        sums = rounding.running_sums(value, terms, mode, repeats, seed).numpy()
        found[mode] = sums.mean(1), sums.std(1)
    nearest, (drawn, spread) = (
        found["nearest"][0][-1],
        (found["stochastic"][0][-1], found["stochastic"][1][-1]),
    )
    error = spread / _REPEATS**0.5
    return Outcome(
        pictures=(
            Picture(
                pictures.sums_figure(exact, found),
                f"After {terms} terms: exactly {exact[-1]:.1f}, to nearest {nearest:.0f}, stochastic {drawn:.1f}.",
            ),
        ),
        finding=(
            f"{terms} times {value:g} is {exact[-1]:.1f}. Rounding to nearest gives {nearest:.0f}; stochastic rounding gives "
            f"{drawn:.1f} ± {error:.1f} on average over {_REPEATS} sums, each of which is off by about {spread:.1f}."
        ),
    )


def _descent(rate: float, start: int, again2: int) -> Outcome:
    steps = 200
    nearest = rounding.descend(rate, start, steps, "nearest")[:, 0].numpy()
    drawn = rounding.descend(rate, start, steps, "stochastic", repeats=_PATHS, seed=again2).numpy()
    exact = rounding.exact_mean(rate, start, steps)
    ends = rounding.stall(rate, start)
    arrived = int((drawn[-1] == rounding.TARGET).sum())
    table = rounding.stalls(start)
    stalled = ends.end != rounding.TARGET
    finding = (
        f"Rounded to nearest, x {'stays at' if stalled else 'arrives at'} {ends.end:g} after {ends.steps} steps"
        + (
            f": the next step would be {ends.step:g}, and half the distance of neighbours there is {ends.half_gap:g}"
            if stalled
            else ""
        )
        + f". Rounded stochastically, {arrived} of {_PATHS} are at 1024 after {steps} steps."
    )
    return Outcome(
        pictures=(
            Picture(pictures.descent_figure(nearest, drawn, exact, ends.end if stalled else None), finding),
        ),
        finding=finding,
        quantities=(
            Quantity("to nearest, end", f"{ends.end:g}"),
            Quantity(
                "stochastic, mean of x", f"{drawn[-1].mean():.0f}", f"Of {_PATHS}, after {steps} steps."
            ),
            Quantity("without rounding", f"{exact[-1]:.1f}", f"After {steps} steps."),
        ),
        table={
            "step size η": [each.rate for each in table],
            "ends at": [each.end for each in table],
            "after steps": [each.steps for each in table],
            "next step": [each.step for each in table],
            "half a gap": [each.half_gap for each in table],
        },
    )


def _training(result: LongResult) -> Outcome:
    curves = result.values["curves"]
    final = {name: rows[-1] for name, rows in curves.items()}
    words = {name: f"{row[1]:.1%} ± {row[2]:.1%}" for name, row in final.items()}
    return Outcome(
        pictures=(
            Picture(
                pictures.training_figure(curves),
                f"FP32 {words['fp32']}, stochastic {words['stochastic']}, to nearest {words['nearest']}.",
            ),
        ),
        finding=(
            f"After {final['fp32'][0]} epochs, over {result.values['seeds']} seeds: FP32 {words['fp32']}, binary8 with "
            f"stochastic rounding {words['stochastic']}, to nearest {words['nearest']}. The last update changed "
            f"{final['nearest'][3]:.1%} of the parameters when rounded to nearest, {final['stochastic'][3]:.1%} when rounded "
            "stochastically."
        ),
    )


LESSON = Lesson(
    number=3,
    title="Rounding",
    question="Why can training stand still in 8 bits, and how does throwing dice set it going again?",
    goals=(
        "Give mean and variance of a number rounded to nearest, down, up and stochastically.",
        "Explain why small updates vanish with rounding to nearest, and predict where descent stalls.",
        "Say what stochastic rounding buys (no bias) and what it costs (variance, random numbers).",
    ),
    minutes=45,
    parts=(
        Text(
            "A number between two neighbours of a grid must become one of them. **To nearest** takes the closer one; **down** "
            "and **up** always the same side. **Stochastic rounding** throws dice: with $x = n + f$, $n$ whole and "
            "$0 \\le f < 1$, it takes $n + 1$ with probability $f$ and $n$ otherwise."
        ),
        Experiment(
            key="ways",
            title="Rounding one number many times",
            try_this="Move x, and compare the mean of the draws with x for each way of rounding.",
            controls=(
                Slider("x", "Number x", -2.0, 2.0, 0.7, 0.05),
                Choice("mode", "Rounding", MODES, "stochastic", pictures.WORDS),
                Slider("count", "Draws", 10, 1000, 100, 10),
                Again("again", "Draw again"),
            ),
            compute=_ways,
        ),
        Text(
            "Stochastic rounding has no **bias**, that is, on average it is right:\n\n"
            "$$\\mathbb E[\\hat x] = (1 - f)\\,n + f\\,(n + 1) = n + f = x, \\qquad "
            "\\operatorname{Var}[\\hat x] = f\\,(1 - f) \\le \\tfrac14 .$$\n\n"
            "Rounding to nearest makes the smaller error every single time, but always the same one. Errors of many additions "
            "then pile up: $k$ biased errors grow like $k$, $k$ independent ones without bias like $\\sqrt{k}$."
        ),
        Exercise(
            id="3.1",
            prompt="2.3 is rounded stochastically to a whole number. What is the variance of the result?",
            answer=Number(
                lambda: rounding.moments(2.3, "stochastic")[1],
                tolerance=0.001,
                traps=(
                    Trap(0.3, "That is the probability of rounding up."),
                    Trap(0.7, "That is the probability of rounding down."),
                    Trap(0.09, "f² leaves out that it is rounded down, too: the variance is f (1 − f)."),
                    Trap(0.458, "That is the standard deviation; square it."),
                    Trap(0.25, "That is the most it can be, at f = ½."),
                ),
            ),
            hints=("It is 3 with probability 0.3 and 2 with probability 0.7.",),
            solution="$f (1 - f) = 0.3 \\cdot 0.7 = 0.21$.",
            code="answer = 0.3 * 0.7",
        ),
        Experiment(
            key="sums",
            title="A sum of many small terms",
            try_this="Add 0.3 a few hundred times to a counter of whole numbers. Then take 0.6.",
            controls=(
                Slider("value", "Term", 0.05, 0.95, 0.3, 0.05),
                Slider("terms", "Number of terms", 50, 500, 300, 50),
                Again("seed", "Draw again"),
            ),
            compute=_sums,
        ),
        Exercise(
            id="3.2",
            prompt="A counter of whole numbers gets 0.3 added 1000 times, each time rounded stochastically. What is the "
            "*standard deviation* of the final count?",
            answer=Number(
                lambda: (1000 * rounding.moments(0.3, "stochastic")[1]) ** 0.5,
                tolerance=0.05,
                traps=(
                    Trap(210.0, "That is the variance; take its root."),
                    Trap(
                        458.0, "Standard deviations of independent errors do not add up, their variances do."
                    ),
                    Trap(0.458, "That is of one addition."),
                    Trap(300.0, "That is the mean."),
                ),
            ),
            hints=("Variances of independent terms add up.",),
            solution="$\\sqrt{1000 \\cdot 0.21} = \\sqrt{210} \\approx 14.5$, around a mean of 300: an error of 5 %. Rounding to "
            "nearest gives 0, an error of 100 %.",
            code="answer = (1000 * 0.3 * 0.7) ** 0.5",
        ),
        Text(
            "## Descent that stands still\n\n"
            "*Gradient descent* goes against the gradient by small steps: for $f(x) = (x - 1024)^2$, "
            "$x \\leftarrow x - \\eta \\cdot 2\\,(x - 1024)$ with a *step size* $\\eta$. Now every operation is rounded to "
            "**binary8** (e5m2: $t = 3$ digits). Between 512 and 1024 its numbers are 512, 640, 768, 896: 128 apart. A step of "
            "less than half of that, 64, is lost when the difference is rounded to nearest, and from then on nothing changes "
            "any more:\n\n"
            "$$\\bigl|\\operatorname{fl}(\\eta f'(x))\\bigr| < \\tfrac12\\,\\text{gap}(x) \\;\\Rightarrow\\; "
            "\\operatorname{fl}(x - \\operatorname{fl}(\\eta f'(x))) = x .$$\n\n"
            "Stochastic rounding takes the step *sometimes*, as often as is right on average, so that "
            "$\\mathbb E[x_k] - 1024 = (1 - 2\\eta)^k (x_0 - 1024)$, as without rounding."
        ),
        Experiment(
            key="descent",
            title="Gradient descent on (x − 1024)² in binary8",
            try_this="Go through the step sizes: a larger one gets closer before it stalls. Then start at 2048.",
            controls=(
                Choice("rate", "Step size η", rounding.RATES, 0.05),
                Choice("start", "Start x₀", (1, 2048), 1),
                Again("again2", "Draw again"),
            ),
            compute=_descent,
        ),
        Notice(
            "The orange curve ends where its step has become smaller than half the distance of two numbers; the table under "
            "the picture has every step size. The start and the step sizes are ours: the paper's figure does not give them."
        ),
        Code(
            "from explorer.lessons import rounding\n\n"
            "for each in rounding.stalls(1.0):\n"
            "    print(f'η = {each.rate}: stays at {each.end:g}, step {each.step:g}, half a gap {each.half_gap:g}')"
        ),
        Exercise(
            id="3.3",
            prompt="With $\\eta = 0.1$, start 1 and rounding to nearest in binary8: at which number does $x$ stay?",
            answer=Number(
                lambda: rounding.stall(0.1, 1.0).end,
                traps=(
                    Trap(1024.0, "That is the minimum; steps vanish before it is reached."),
                    Trap(
                        640.0,
                        "Not yet: the gradient at 640 is −768, the step 76.8 is rounded to 80, more than 64.",
                    ),
                    Trap(896.0, "Already at the number before, the step is too small."),
                    Trap(
                        512.0, "At 512 the step is 102.4, rounded to 96, more than half of the distance 128."
                    ),
                ),
            ),
            hints=(
                "Compute the step at 512, 640 and 768.",
                "The distance of neighbours there is 128, half of it 64.",
            ),
            solution="At 768: $d = -256$, gradient $-512$, step $51.2 \\to 48 < 64$: $768 + 48 = 816$ is rounded back to 768.",
            code="from explorer.lessons import rounding\n\nanswer = rounding.stall(0.1, 1.0).end",
        ),
        Exercise(
            id="3.4",
            prompt="How far apart are neighbouring numbers of binary8 ($t = 3$) just above 2048?",
            answer=Number(
                lambda: E5M2.gap(2048.0),
                traps=(
                    Trap(256.0, "That is the distance below 2048; it doubles at each power of two."),
                    Trap(
                        1024.0,
                        "Three digits, the first of them fixed, make four numbers from 2048 to 4096, not two.",
                    ),
                ),
            ),
            hints=("Which numbers are there from 2048 to 4096?",),
            solution="2048, 2560, 3072, 3584: 512 apart. A step from 2048 must be larger than 128 to leave it downwards, where "
            "neighbours are 256 apart; with $\\eta \\le 0.05$ it is at most 102.4.",
            code="answer = 2048 / 4",
        ),
        Text(
            "## A network trained in 8 bits\n\n"
            "The same happens to weights. Here a network with one hidden layer of 32 units learns to tell clothes apart "
            "(Fashion-MNIST), its weights and gradients stored in binary8 after every step."
        ),
        Long(
            key="training",
            title="To nearest against stochastic",
            words="Three networks that differ in nothing but how they are rounded; FP32 is the third. Each is trained from "
            "several starts (seeds), whose spread is the error bar.",
            study="fashion-thin",
            controls=(
                Slider("epochs", "Epochs", 1, 20, 4),
                Slider("seeds", "Seeds", 2, 8, 3),
                Choice("lrate", "Learning rate", (0.01, 0.03, 0.1), 0.03),
            ),
            question=lambda epochs, seeds, lrate: longs.question(
                "rounding:small-network", epochs=epochs, seeds=seeds, rate=lrate
            ),
            draw=_training,
            takes="10 seconds",
        ),
        Exercise(
            id="3.5",
            prompt="Why does stochastic rounding help training though each single error is larger?",
            answer=OneOf(
                "Its errors have mean zero, so that many small updates add up to what they should",
                {
                    "It rounds more numbers up than down": "It rounds up as often as keeps the mean, no more.",
                    "It makes the steps of descent larger": "On average they are exactly as large.",
                    "Random noise lets a network leave bad minima": "Noise may do that, too; but descent on a parabola, which "
                    "has no bad minimum, is saved just as well.",
                },
            ),
            hints=("What does rounding to nearest make of 1000 updates, each of a tenth of a gap?",),
            solution="To nearest, each of them is lost. Stochastically, one in ten moves the weight by a whole gap: the sum is "
            "right on average, with an error that grows like the root of their number.",
            code='answer = "Its errors have mean zero, so that many small updates add up to what they should"',
        ),
        InTheApp("fine_tune", "Train a network whose weights are quantized"),
        Sources(
            (
                Source(
                    "Riccietti and Mary, Neural Networks compression (lecture)",
                    "“Types of rounding” to “Limitations of RN”",
                ),
                Source(
                    "Croci, Fasi, Higham, Mary, Mikaitis, Stochastic rounding: implementation, error analysis and applications",
                    "sections 2 and 3",
                ),
                Source(
                    "Xia, Massei, Hochstenbach, Koren, On Stochastic Roundoff Errors in Gradient Descent with Low-Precision "
                    "Computation",
                    "figure 2",
                ),
                Source(
                    "Gupta et al., Deep Learning with Limited Numerical Precision",
                    "section 3",
                    "https://arxiv.org/abs/1502.02551",
                ),
            )
        ),
    ),
)
