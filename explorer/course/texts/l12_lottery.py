"""Lesson 12: lottery tickets."""

from typing import Any

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
from explorer.estimates import within_noise
from explorer.figures.lessons import lottery as pictures
from explorer.lessons import lottery
from explorer.lessons.common import longs
from explorer.lessons.common.longs import LongResult

_RULE_WORDS = {
    "end": "|w*|, after training",
    "start": "|w₀|, before training",
    "moved": "|w* − w₀|, how far it moved",
}
_LAYER_WORDS = {0: "784 → 300", 1: "300 → 100", 2: "100 → 10"}
_MOST = 24


def _kept(rounds: int, percent: int) -> Outcome:
    rate = percent / 100
    shares = [lottery.kept(n, rate) for n in range(_MOST + 1)]
    layers = [lottery.layer_shares(n, rate) for n in range(_MOST + 1)]
    left = round(shares[rounds] * 266_200)
    finding = (
        f"After {rounds} rounds of {percent} % (and {percent / 2:g} % at the output) {shares[rounds]:.2%} of the weights are "
        f"left, about {left:,} of 266,200; of the output layer, {layers[rounds][-1]:.1%}."
    )
    return Outcome(
        pictures=(Picture(pictures.kept_figure(shares, layers, rounds), finding, "what is left"),),
        finding=finding,
        quantities=(
            Quantity("kept, s", f"{shares[rounds]:.2%}", "The lecture calls it the level of sparsity."),
            *(Quantity(words, f"{layers[rounds][n]:.2%}") for n, words in _LAYER_WORDS.items()),
        ),
    )


def _fates(layer: int, share: int, rule: str) -> Outcome:
    found = lottery.fates(layer, share / 100, rule)
    finding = (
        f"Of the {share} % that {_RULE_WORDS[rule].partition(',')[0]} keeps, {found.common:.1%} are among the largest "
        f"{share} % of |w₀|; chance alone would give {share} %."
    )
    return Outcome(
        pictures=(
            Picture(
                pictures.fates_figure(found.start, found.end, found.stays),
                finding,
                f"weights {_LAYER_WORDS[layer]}, before and after",
            ),
        ),
        finding=finding,
        quantities=(
            Quantity(
                "kept by both",
                f"{found.common:.1%}",
                "Share of the mask that the largest |w₀| would have kept, too.",
            ),
            Quantity("shown", f"{len(found.start):,}", "A sample of the layer's weights, evenly spread."),
        ),
    )


def _verdict(difference: float, stderr: float, wanted: int) -> str:
    """Whether a mean difference has the sign that the hypothesis wants, or may be chance."""
    if within_noise(difference, stderr):
        return "within the noise"
    return "yes" if difference * wanted > 0 else "no"


def _tickets(result: LongResult) -> Outcome:
    values: dict[str, Any] = result.values
    rows = values["rows"]
    own = [row for row in rows if row[2] == "ticket"]
    drawn = [row for row in rows if row[2] == "random"]
    wins = sum(row[11] for row in own)
    on_average = [row for row in own if row[7] <= 0 and row[9] >= 0]
    slower = sum(row[7] >= 0 for row in drawn)
    less = sum(row[9] <= 0 for row in drawn)
    said = (
        f"at {', '.join(f'{row[1]:.1%}' for row in on_average)} kept"
        if on_average
        else "at no share that was tried"
    )
    finding = (
        f"By the means over {values['seeds']} seeds, tickets win (no later and no less accurate than the whole network) "
        f"{said}; seed by seed {wins} of {values['seeds'] * len(own)} win. Random subnets are slower on average at {slower} "
        f"of {len(drawn)} shares, and less accurate at {less} of {len(drawn)}. In {values['at_end']:.0%} of the trainings "
        "the validation loss was least at the very end, where longer training might still move it."
    )
    last = own[-1]
    return Outcome(
        pictures=(
            Picture(
                pictures.levels_figure(rows, 3, "#Iter: iteration of least validation loss", percent=False),
                f"With {last[1]:.1%} kept the ticket's #Iter is {last[3]:.0f} ± {last[4]:.0f}, the whole network's "
                f"{rows[0][3]:.0f} ± {rows[0][4]:.0f}.",
                "how fast",
            ),
            Picture(
                pictures.levels_figure(rows, 5, "test accuracy at #Iter", percent=True),
                f"With {last[1]:.1%} kept the ticket reaches {last[5]:.1%} ± {last[6]:.1%}, the whole network {rows[0][5]:.1%}.",
                "how accurate",
            ),
        ),
        finding=finding,
        quantities=(
            Quantity("whole network, #Iter", f"{rows[0][3]:.0f} ± {rows[0][4]:.0f}"),
            Quantity("whole network, Top1", f"{rows[0][5]:.1%} ± {rows[0][6]:.1%}"),
        ),
        table={
            "kept": [f"{row[1]:.2%}" for row in rows[1:]],
            "kind": [pictures.KIND_WORDS[row[2]] for row in rows[1:]],
            "#Iter less whole": [f"{row[7]:+.0f} ± {row[8]:.0f}" for row in rows[1:]],
            "learns faster?": [_verdict(row[7], row[8], -1) for row in rows[1:]],
            "Top1 less whole": [f"{row[9]:+.1%} ± {row[10]:.1%}" for row in rows[1:]],
            "more accurate?": [_verdict(row[9], row[10], 1) for row in rows[1:]],
            "seeds that win": [f"{row[11]} of {values['seeds']}" for row in rows[1:]],
        },
    )


LESSON = Lesson(
    number=12,
    title="Lottery tickets",
    question="If most weights can go after training, could they have been left out from the start?",
    goals=(
        "State the lottery ticket hypothesis and what a winning ticket is.",
        "Compute what is left after rounds of iterative pruning.",
        "Tell what the random mask and the new start control for.",
        "Judge an experiment over several seeds, whichever way it comes out.",
    ),
    minutes=60,
    parts=(
        Text(
            "A pruned network is small only after training. Trained *from the start* with such a mask, a network usually "
            "ends worse. The **lottery ticket hypothesis** (Frankle and Carbin, 2019) says that a large network holds a "
            "small one that trains as well, if it starts from *the same* initial weights $w_0$. The search for it, **iterative "
            "magnitude pruning** (IMP): train from $w_0$ to $w^*$; in every layer take 20 % of the smallest $|w^*|$ away (10 % "
            "at the output); **rewind** what is left to $w_0$; repeat. How much is left after some rounds?"
        ),
        Experiment(
            key="kept",
            title="Rounds of pruning",
            try_this="Find the lecture's 21 %, 13.5 % and 3.6 %. How many rounds are they?",
            controls=(
                Slider("rounds", "Rounds", 0, _MOST, 7),
                Slider("percent", "Taken away a round", 5, 60, 20, unit="%"),
            ),
            compute=lambda rounds, percent: _kept(rounds, percent),
        ),
        Text(
            "LeNet-300-100 has $784 \\cdot 300 + 300 \\cdot 100 = 265{,}200$ weights before its last layer and 1,000 in it. "
            "After $r$ rounds\n\n"
            "$$s = \\frac{265{,}200 \\cdot 0.8^r + 1{,}000 \\cdot 0.9^r}{266{,}200}.$$\n\n"
            "The lecture calls $s$ the *level of sparsity*; it is the share that is **kept**, so $s = 100\\,\\%$ is the whole "
            "network."
        ),
        Exercise(
            id="12.1",
            prompt="What share of LeNet-300-100's weights is left after 9 rounds, to a hundredth of a percent?",
            answer=Number(
                lambda: lottery.kept(9),
                tolerance=0.00006,
                traps=(
                    Trap(0.8**9, "Nearly: the output layer is pruned at half the rate."),
                    Trap(1 - 0.8**9, "That is what is gone."),
                    Trap(0.8**7, "That is after 7 rounds, without the output layer."),
                ),
            ),
            hints=("Weigh the layers by their weights.",),
            solution="$(265{,}200 \\cdot 0.8^9 + 1{,}000 \\cdot 0.9^9) / 266{,}200 = 13.52\\,\\%$.",
            code="answer = (265_200 * 0.8 ** 9 + 1_000 * 0.9 ** 9) / 266_200",
        ),
        Exercise(
            id="12.2",
            prompt="How many rounds does it take until fewer than 5 % of the weights are left?",
            answer=Number(
                lambda: lottery.rounds_to(0.05),
                traps=(
                    Trap(13, "After 13 rounds 5.6 % are left."),
                    Trap(5, "Each round takes 20 % of what is *left*, not of the whole."),
                    Trap(15, "That is more than are needed."),
                ),
            ),
            hints=("$0.8^r < 0.05$, about.",),
            solution="$\\log 0.05 / \\log 0.8 = 13.4$; so 14, and the slower output layer does not change that.",
            code="import math\n\nanswer = math.ceil(math.log(0.05) / math.log(0.8))",
        ),
        Text(
            "## Which weights stay\n\n"
            "The mask looks at the *end* of training, the weights go back to its *beginning*. Is the mask only a way to say "
            "“the large initial weights”? Here is a layer of the network of lesson 11, trained once."
        ),
        Experiment(
            key="fates",
            title="Before and after training",
            try_this="Compare the rules. How much of the mask could one have told before training?",
            controls=(
                Choice("layer", "Layer", (0, 1, 2), 0, _LAYER_WORDS),
                Slider("share", "Kept", 1, 99, 20, unit="%"),
                Choice("rule", "Rule", lottery.RULES, "end", _RULE_WORDS),
            ),
            compute=lambda layer, share, rule: _fates(layer, share, rule),
        ),
        Notice(
            "In so short a training most weights hardly move, and the points lie along the diagonal: the largest at the end "
            "are mostly the largest at the start. Whether the *values* $w_0$ matter, and not only the mask, needs an "
            "experiment with controls."
        ),
        Code(
            "import torch\n\n"
            "from explorer.lessons import lottery, pruning\n\n"
            "weights = pruning.trained().parameters[:3]\n"
            "masks = [torch.ones_like(w) for w in weights]\n"
            "for _ in range(3):\n"
            "    masks = lottery.pruned(weights, masks)\n"
            "print(f'kept after 3 rounds: {pruning.kept_share(masks):.4f}, by the formula {lottery.kept(3):.4f}')"
        ),
        Text(
            "## What it means to win\n\n"
            "Fix the data, the algorithm and the loss. **#Iter**$(M, I)$ of a model $M$ with start $I$ is the *first* iteration "
            "at which its validation loss is least, and **Top1** its accuracy. A *ticket* is a submodel $M_s$ that keeps a "
            "share $s$ of the weights, with the same start. It **wins** if\n\n"
            "$$\\#\\text{Iter}(M_s, I) \\le \\#\\text{Iter}(M, I) \\quad\\text{and}\\quad "
            "\\text{Top1}(M_s, I) \\ge \\text{Top1}(M, I).$$\n\n"
            "Average random subnets do not: they learn slower and end less accurate. All of this is about *means over starts* "
            "$I$, so one seed says nothing. Two controls tell what matters: a **random mask** with as many weights in every "
            "layer (is it the mask?), and the ticket's mask with a **new start** (is it $w_0$?)."
        ),
        Exercise(
            id="12.3",
            prompt="The validation loss after 100, 200, 300, 400 and 500 iterations is 0.90, 0.60, 0.50, 0.52 and 0.50. What is "
            "#Iter?",
            answer=Number(
                lambda: lottery.first_minimum([0.9, 0.6, 0.5, 0.52, 0.5], [100, 200, 300, 400, 500]),
                traps=(
                    Trap(500, "The *first* iteration at which the least loss is reached."),
                    Trap(200, "The loss falls further after that."),
                    Trap(0.5, "That is the least loss; when is it reached?"),
                ),
            ),
            hints=("The least loss is 0.50.",),
            solution="0.50 is reached first after 300 iterations.",
            code="answer = 300",
        ),
        Exercise(
            id="12.4",
            prompt="The whole network has #Iter 400 and Top1 85 %. Three tickets have (300, 84 %), (400, 85 %) and (500, 87 %). "
            "Which win? Write 1 for each that does, else 0.",
            answer=Numbers(
                lambda: [
                    float(lottery.winning(ticket, (400, 0.85)))
                    for ticket in ((300, 0.84), (400, 0.85), (500, 0.87))
                ],
                traps=(
                    Trap((1, 0, 1), "Both conditions must hold, and equality is enough for each."),
                    Trap((0, 0, 0), "Equality is enough: ≤ and ≥."),
                    Trap((1, 1, 1), "Both conditions must hold, not one."),
                ),
            ),
            hints=("Both conditions, with ≤ and ≥.",),
            solution="The first is less accurate, the third slower; the second is equal in both, which is enough: 0 1 0.",
            code="answer = [0, 1, 0]",
        ),
        Exercise(
            id="12.5",
            prompt="A ticket trains better than its own mask with a new random start. What does that show?",
            answer=OneOf(
                "The initial values matter, and not the mask alone",
                {
                    "The mask matters, and not the number of weights alone": "Both have the same mask; that would be the "
                    "random mask's part.",
                    "The ticket wins against the whole network": "The whole network was not compared.",
                    "Pruning in rounds is better than pruning at once": "Both masks come from the same rounds.",
                },
            ),
            hints=("What is the same in both, and what differs?",),
            solution="Mask, number of weights and layers are the same; only the start differs.",
            code='answer = "The initial values matter, and not the mask alone"',
        ),
        Long(
            key="tickets",
            title="Are there winning tickets here?",
            words="Every seed draws a start, finds tickets by IMP, and trains each ticket and both controls with the same order "
            "of images. The validation loss is measured every 5 iterations on 500 training images that are not trained on; "
            "accuracy is that at #Iter, on 2,000 test images. Adam with the paper's step of 0.0012 and batches of 60. With 40 % "
            "a round a few rounds reach far; choose 20 % and 15 rounds for the paper's own shares. The images here are "
            "Fashion-MNIST, and far fewer than the paper's: what comes out is said as it is, with standard errors over the "
            "seeds, and a difference of less than two of them is called noise.",
            study="fashion-thin",
            controls=(
                Slider("levels", "Rounds", 1, 16, 4),
                Slider("seeds", "Seeds", 2, 8, 3),
                Slider("epochs", "Epochs", 2, 30, 8),
                Slider("images", "Training images", 500, 5000, 1000, step=500),
                Choice(
                    "rate",
                    "Taken away a round",
                    (0.2, 0.4, 0.6),
                    0.4,
                    {r: f"{r:.0%}" for r in (0.2, 0.4, 0.6)},
                ),
            ),
            question=lambda levels, seeds, epochs, images, rate: longs.question(
                "lottery:tickets", rounds=levels, seeds=seeds, epochs=epochs, images=images, rate=rate
            ),
            draw=_tickets,
            takes="a minute",
        ),
        InTheApp(
            "fine_tune", "Fine-tune a quantized network, with its loss on held-out images drawn as it runs"
        ),
        Sources(
            (
                Source("Riccietti and Mary, Neural Networks compression (lecture)", "“Lottery tickets”"),
                Source(
                    "Frankle and Carbin, The Lottery Ticket Hypothesis: Finding Sparse, Trainable Neural Networks",
                    "sections 1 and 2, figures 2 to 4",
                    "https://arxiv.org/abs/1803.03635",
                ),
            )
        ),
    ),
)
