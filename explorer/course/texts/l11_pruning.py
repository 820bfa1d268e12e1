"""Lesson 11: pruning."""

from typing import Any, cast

import torch

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
from explorer.figures.lessons import pruning as pictures
from explorer.lessons import pruning
from explorer.lessons.common import longs
from explorer.lessons.common.longs import LongResult

_LAYERS = ("784 → 300", "300 → 100", "100 → 10")


def _criteria(kept: int, criterion: str) -> Outcome:
    by = cast("pruning.Criterion", criterion)
    of = pruning.trained()
    share = kept / 100
    mask = pruning.masks(pruning.scored(by), share)
    accuracy, error, _, _ = pruning.pruned(by, "global", share)
    magnitudes, stays = (
        torch.cat([each.flatten() for each in many]).numpy()
        for many in ([w.abs() for w in of.parameters[: len(mask)]], mask)
    )
    curves: dict[str, list[tuple[float, float, float]]] = {
        each: [(at, *pruning.pruned(each, "global", at)[:2]) for at in pruning.SHARES]
        for each in pruning.CRITERIA
    }
    before = pruning.pruned(by, "global", 1.0)[0]
    norm = float((magnitudes[stays == 0] ** 2).sum() / (magnitudes**2).sum())
    finding = (
        f"With {kept} % of its weights, chosen by {pictures.CRITERION_WORDS[criterion]}, the network tells {accuracy:.1%} ± "
        f"{error:.1%} of the test images right, without training again; with all of them, {before:.1%}."
    )
    return Outcome(
        pictures=(
            Picture(
                pictures.bars_figure(pictures.bars_view(magnitudes, stays)),
                f"The weights that go hold {norm:.1%} of the squared norm.",
                "all weights by magnitude",
            ),
            Picture(
                pictures.curves_figure(curves, (share, accuracy)), finding, "accuracy against weights kept"
            ),
        ),
        finding=finding,
        quantities=(
            Quantity("weights kept", f"{int(stays.sum()):,} of {len(stays):,}"),
            Quantity(
                "threshold τ of magnitude",
                f"{pruning.threshold(of.parameters[: len(mask)], share):.4f}",
                "If |w| were the criterion.",
            ),
            Quantity("squared norm that goes", f"{norm:.1%}", "Σ over pruned weights of w², over Σ w²."),
            Quantity("accuracy", f"{accuracy:.1%} ± {error:.1%}", "1,000 test images; ± standard error."),
        ),
    )


def _scopes(share: float, scope: str) -> Outcome:
    accuracy, error, whole, layers = pruning.pruned("magnitude", cast("pruning.Scope", scope), share)
    least = layers.index(min(layers))
    finding = (
        f"{pictures.SCOPE_WORDS[scope].partition(':')[0].capitalize()}: {whole:.1%} of all weights stay, least in the layer "
        f"{_LAYERS[least]} with {layers[least]:.1%}; accuracy {accuracy:.1%} ± {error:.1%}."
    )
    return Outcome(
        pictures=(Picture(pictures.layers_figure(_LAYERS, layers), finding, "what stays of each layer"),),
        finding=finding,
        quantities=(
            Quantity("accuracy, not trained again", f"{accuracy:.1%} ± {error:.1%}"),
            Quantity(
                "weights kept in all",
                f"{whole:.1%}",
                "Of neurons the share goes in at both sides of a weight.",
            ),
        ),
    )


def _l1(power: int, lkept: float) -> Outcome:
    penalty = 0.0 if power == 0 else 10.0 ** (power - 6)
    of = pruning.trained(penalty)
    mask = pruning.masks(pruning.scored("magnitude", penalty), lkept)
    weights = torch.cat([w.flatten() for w in of.parameters[: len(mask)]]).abs().numpy()
    stays = torch.cat([each.flatten() for each in mask]).numpy()
    full, error = pruning.pruned("magnitude", "global", 1.0, penalty)[:2]
    less, less_error = pruning.pruned("magnitude", "global", lkept, penalty)[:2]
    small = float((weights < 1e-3).mean())
    finding = (
        f"With λ = {penalty:g} the trained network has {small:.1%} of its weights below 0.001; it reaches {full:.1%} ± "
        f"{error:.1%}, and with {lkept:.0%} of the weights {less:.1%} ± {less_error:.1%}."
    )
    return Outcome(
        pictures=(
            Picture(
                pictures.bars_figure(pictures.bars_view(weights, stays)), finding, "all weights by magnitude"
            ),
        ),
        finding=finding,
        quantities=(
            Quantity("λ", f"{penalty:g}"),
            Quantity("‖w‖₁", f"{float(weights.sum()):,.0f}"),
            Quantity("accuracy with all", f"{full:.1%} ± {error:.1%}"),
            Quantity(f"with {lkept:.0%}", f"{less:.1%} ± {less_error:.1%}"),
        ),
    )


def _tuning(result: LongResult) -> Outcome:
    values: dict[str, Any] = result.values
    rows = {row[0]: row for row in values["rows"]}
    dense, error = values["dense"]
    best = max(values["rows"], key=lambda row: row[4])
    worst = min(values["rows"], key=lambda row: row[4])
    ahead = rows["iterative"][4] - rows["global"][4]
    noise = (rows["iterative"][5] ** 2 + rows["global"][5] ** 2) ** 0.5
    words = "more than" if abs(ahead) > 2 * noise else "less than"
    return Outcome(
        pictures=(
            Picture(
                pictures.ways_figure(values["rows"], dense),
                f"After training again {pictures.WAY_WORDS[best[0]]} is best with {best[4]:.1%}.",
            ),
        ),
        finding=(
            f"Before pruning {dense:.1%} ± {error:.1%}. Trained again, the best way is {pictures.WAY_WORDS[best[0]]} with "
            f"{best[4]:.1%} ± {best[5]:.1%}, the worst {pictures.WAY_WORDS[worst[0]]} with {worst[4]:.1%} ± {worst[5]:.1%}. "
            f"Iterative is {ahead:+.1%} from one-shot, {words} two standard errors."
        ),
        quantities=(
            Quantity("before pruning", f"{dense:.1%} ± {error:.1%}"),
            Quantity("with the ℓ₁ penalty, before", f"{values['sparse'][0]:.1%} ± {values['sparse'][1]:.1%}"),
            Quantity("iterative − one-shot", f"{ahead:+.1%} ± {noise:.1%}"),
        ),
        table={
            "way": [pictures.WAY_WORDS[row[0]] for row in values["rows"]],
            "weights kept": [f"{row[1]:.2%}" for row in values["rows"]],
            "pruned": [f"{row[2]:.1%} ± {row[3]:.1%}" for row in values["rows"]],
            "trained again": [f"{row[4]:.1%} ± {row[5]:.1%}" for row in values["rows"]],
        },
    )


LESSON = Lesson(
    number=11,
    title="Pruning",
    question="Which weights does a network not need, and how do we find them?",
    goals=(
        "Prune a network by magnitude, globally, layer by layer and by neurons.",
        "Compare magnitude with gradient, curvature and chance as criteria.",
        "Explain what an ℓ₁ penalty does to weights before they are pruned.",
        "Measure how much accuracy training again brings back.",
    ),
    minutes=50,
    terms=(),
    parts=(
        Text(
            "**Pruning** sets some weights to zero for good: the network keeps a *mask* $m$ of zeros and ones beside its "
            "weights, $w \\leftarrow m \\odot w$. Many learned weights are small and contribute little, so the plainest rule, "
            "**magnitude pruning**, removes $w_i$ if $|w_i| < \\tau$. The threshold $\\tau$ is given, or follows from the "
            "share of weights to keep. The network here is *LeNet-300-100*: 784 pixels, 300 and 100 hidden values, 10 "
            "classes, 266,200 weights, trained on 2,000 images of Fashion-MNIST."
        ),
        Experiment(
            key="criteria",
            title="What may go",
            try_this="Keep less and less. Where does each criterion break, and is the order always the same?",
            controls=(
                Slider("kept", "Weights kept", 1, 100, 20, unit="%"),
                Choice("criterion", "Criterion", pruning.CRITERIA, "magnitude", pictures.CRITERION_WORDS),
            ),
            compute=lambda kept, criterion: _criteria(kept, criterion),
        ),
        Text(
            "Zeroing a weight changes the loss, to second order, by\n\n"
            "$$\\Delta L_i = -g_i w_i + \\tfrac12 H_{ii} w_i^2 + \\dots$$\n\n"
            "- **Magnitude** scores by $|w_i|$: it assumes that all curvatures are alike.\n"
            "- **Gradient** scores by $|g_i w_i|$. At the end of training $g$ is nearly 0, so the score says less the better it is "
            "trained: its limit.\n"
            "- **Hessian** scores by $\\tfrac12 H_{ii} w_i^2$, *Optimal Brain Damage*'s saliency (lesson 7): a large weight "
            "that no image uses may go. $H_{ii}$ is the diagonal of the [Hessian](glossary#hessian), here in its "
            "[Gauss-Newton](glossary#gauss-newton) form."
        ),
        Notice(
            "The expansion is of small steps and takes one weight at a time. When nine of ten weights go at once, the "
            "interactions between them that it leaves out decide, and plain magnitude can be the better criterion: compare "
            "the curves at both ends. Random pruning is the control: whatever a criterion gains, it gains over that."
        ),
        Code(
            "from explorer.lessons import pruning\n\n"
            "net = pruning.trained()\n"
            "scores = pruning.scores(net.parameters, net.images, net.labels, by='magnitude')\n"
            "mask = pruning.masks(scores, kept=0.1, scope='global')\n"
            "print('kept of each layer:', [round(float(m.mean()), 3) for m in mask])\n"
            "print('threshold:', pruning.threshold(scores, 0.1))"
        ),
        Exercise(
            id="11.1",
            prompt="Weights 0.3, −0.9, 0.05, −0.4, 0.6 are pruned to the two of largest magnitude. What is the mask, as five "
            "numbers?",
            answer=Numbers(
                lambda: pruning.highest(torch.tensor([0.3, -0.9, 0.05, -0.4, 0.6]).abs(), 0.4).tolist(),
                traps=(
                    Trap((1, 0, 0, 0, 1), "Those are the largest values; −0.9 has the largest *magnitude*."),
                    Trap((1, 0, 1, 1, 0), "A mask is 1 where a weight *stays*."),
                ),
            ),
            hints=("Sort by absolute value.",),
            solution="The magnitudes in order are 0.9, 0.6, 0.4, 0.3, 0.05; the first two stay: $m = (0, 1, 0, 0, 1)$.",
            code="answer = [0, 1, 0, 0, 1]",
        ),
        Exercise(
            id="11.2",
            prompt="Weight a is 2 with curvature $H_{aa} = 0.1$; weight b is 0.5 with $H_{bb} = 4$. By how much more does "
            "the loss rise, to second order at a minimum, if b is pruned instead of a?",
            answer=Number(
                lambda: 0.5 * 4 * 0.5**2 - 0.5 * 0.1 * 2**2,
                tolerance=0.001,
                traps=(
                    Trap(0.6, "Do not forget the factor ½."),
                    Trap(0.9, "The weight goes in squared: ½ H w²."),
                    Trap(0.5, "That is the rise for b alone."),
                ),
            ),
            hints=("At a minimum the gradient is 0.", "½ H w² for each."),
            solution="$\\tfrac12 \\cdot 4 \\cdot 0.25 - \\tfrac12 \\cdot 0.1 \\cdot 4 = 0.5 - 0.2 = 0.3$. Magnitude would have "
            "pruned b, the dearer one.",
            code="answer = 0.5 * 4 * 0.5 ** 2 - 0.5 * 0.1 * 2 ** 2",
        ),
        Text(
            "## Who competes with whom\n\n"
            "**Global** pruning uses one threshold for all weights; a layer of small weights may vanish. **Layer-wise** "
            "pruning keeps the same share of each layer. **Structured** pruning removes whole neurons (or filters, or "
            "channels): what is left is a smaller dense matrix, which any hardware multiplies faster, whereas scattered "
            "zeros save time only with special kernels. Here a neuron's score is the norm of its incoming weights."
        ),
        Experiment(
            key="scopes",
            title="What stays of each layer",
            try_this="Switch from global to layer-wise: which layer had been spared?",
            controls=(
                Choice(
                    "share",
                    "Share kept",
                    (0.5, 0.3, 0.2, 0.1, 0.05, 0.02),
                    0.1,
                    {s: f"{s:.0%}" for s in pruning.SHARES},
                ),
                Choice("scope", "Scope", pruning.SCOPES, "global", pictures.SCOPE_WORDS),
            ),
            compute=lambda share, scope: _scopes(share, scope),
        ),
        Exercise(
            id="11.3",
            prompt="Half of the 300 and half of the 100 hidden neurons of LeNet-300-100 are removed, with all weights that "
            "come in or go out. How many of the 266,200 weights stay?",
            answer=Number(
                lambda: float(
                    sum(
                        mask.sum()
                        for mask in pruning.masks(
                            [torch.ones(300, 784), torch.ones(100, 300), torch.ones(10, 100)], 0.5, "neurons"
                        )
                    )
                ),
                traps=(
                    Trap(133_100, "Between the hidden layers both sides are halved: a quarter stays."),
                    Trap(
                        784 * 150 + 300 * 50 + 1000,
                        "A removed neuron takes its weights into the next layer with it.",
                    ),
                    Trap(66_550, "The pixels and the classes all stay."),
                ),
            ),
            hints=("The layers are 784 × 150, 150 × 50 and 50 × 10.",),
            solution="$784 \\cdot 150 + 150 \\cdot 50 + 50 \\cdot 10 = 125{,}600$, which is 47.2 %.",
            code="answer = 784 * 150 + 150 * 50 + 50 * 10",
        ),
        Text(
            "## A penalty that makes weights small\n\n"
            "The **ℓ₁ penalty** trains for sparsity from the start, $\\text{loss} + \\lambda \\|w\\|_1$: its slope is "
            "$\\lambda$ however small a weight is, so a weight that the loss does not hold goes all the way to zero. Alone, "
            "$\\min_v \\tfrac12 (v - w)^2 + \\lambda |v|$ has the solution $v = \\operatorname{sign}(w) \\max(|w| - \\lambda, "
            "0)$. Its limit is that $\\lambda$ must be tuned: all weights shrink, the needed ones too."
        ),
        Experiment(
            key="penalty",
            title="Trained with a penalty",
            try_this="Raise λ. The network is trained anew, which takes a second the first time.",
            controls=(
                Slider("power", "λ: 0, then 10⁻⁵ to 10⁻³", 0, 3, 2),
                Choice(
                    "lkept",
                    "Share kept",
                    (0.3, 0.1, 0.05, 0.02),
                    0.05,
                    {s: f"{s:.0%}" for s in pruning.SHARES},
                ),
            ),
            compute=lambda power, lkept: _l1(power, lkept),
        ),
        Exercise(
            id="11.4",
            prompt="What is the minimum over v of ½ (v + 0.7)² + 0.5 |v|? Give the v where it lies.",
            answer=Number(
                lambda: pruning.soft(-0.7, 0.5),
                tolerance=0.001,
                traps=(
                    Trap(-1.2, "The penalty moves towards zero, not away from it."),
                    Trap(0.0, "It would be 0 if |w| were at most λ."),
                    Trap(-0.35, "The penalty subtracts λ; it does not multiply."),
                ),
            ),
            hints=("Here w = −0.7 and λ = 0.5.",),
            solution="$\\operatorname{sign}(-0.7) (0.7 - 0.5) = -0.2$.",
            code="answer = -(0.7 - 0.5)",
        ),
        Text(
            "## Train again, and in rounds\n\n"
            "After pruning, the weights that are left are trained for a few epochs more with the mask fixed: *fine-tuning*. "
            "**Iterative** pruning does both in rounds. To keep a share $s$ after $r$ rounds, each keeps "
            "$s^{1/r}$ of what is left, and the weights can move between the decisions."
        ),
        Long(
            key="tuning",
            title="Pruned and trained again",
            words="LeNet-300-100 is trained, pruned in eight ways to the same share of weights, and trained again for as many "
            "epochs with its mask. *Iterative* spreads those epochs over three rounds (fewer if there are fewer epochs). "
            "Repetitions with other starts give the errors.",
            study="fashion-thin",
            controls=(
                Slider("images", "Training images", 1000, 10000, 1000, step=1000),
                Slider("epochs", "Epochs, before and after", 1, 10, 4),
                Slider("seeds", "Seeds", 2, 8, 3),
                Choice(
                    "left",
                    "Weights kept",
                    (0.3, 0.1, 0.05, 0.02),
                    0.05,
                    {s: f"{s:.0%}" for s in pruning.SHARES},
                ),
            ),
            question=lambda images, epochs, seeds, left: longs.question(
                "pruning:tuning", images=images, epochs=epochs, seeds=seeds, kept=left
            ),
            draw=_tuning,
            takes="half a minute",
        ),
        Exercise(
            id="11.5",
            prompt="Which share of the remaining weights does every round keep, if 10 % are to be left after three rounds?",
            answer=Number(
                lambda: pruning.steps_of(0.1, 3)[0],
                tolerance=0.002,
                traps=(
                    Trap(
                        0.7,
                        "Taking away 30 % of the *original* each time keeps ever smaller shares of what is left.",
                    ),
                    Trap(0.333, "Three rounds of a third leave 1/27 = 3.7 %."),
                    Trap(0.1, "Then a single round would be enough."),
                ),
            ),
            hints=("Shares of what is left multiply.",),
            solution="$0.1^{1/3} = 0.464$.",
            code="answer = 0.1 ** (1 / 3)",
        ),
        Exercise(
            id="11.6",
            prompt="A network with 90 % of its weights zeroed by global magnitude runs no faster on your laptop. Why?",
            answer=OneOf(
                "The zeros are scattered, and a dense product multiplies them like any other number",
                {
                    "The biases were not pruned, and they take most of the time": "Biases are few: an addition an output.",
                    "The network has to be trained again before it is fast": "Training again changes values, not how many "
                    "are multiplied.",
                    "Processors skip zeros, but only when a whole layer is zero": "A dense product skips nothing.",
                },
            ),
            hints=("What does the matrix product do with a zero?",),
            solution="A dense product does all multiplications. Time is saved by removing neurons or by blocks of zeros for "
            "which there are kernels (lesson 13).",
            code='answer = "The zeros are scattered, and a dense product multiplies them like any other number"',
        ),
        InTheApp(
            "sensitivity",
            "See the curvature of every block of a network, which is what a saliency is made of",
        ),
        Sources(
            (
                Source("Riccietti and Mary, Neural Networks compression (lecture)", "“Pruning”"),
                Source(
                    "Han et al., Learning both Weights and Connections for Efficient Neural Networks",
                    "section 3",
                    "https://arxiv.org/abs/1506.02626",
                ),
                Source("LeCun, Denker and Solla, Optimal Brain Damage", "section 2"),
            )
        ),
    ),
)
