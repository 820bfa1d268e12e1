"""Lesson 8: choosing bits."""

from collections.abc import Sequence
from functools import cache
from math import log10

from explorer.course import prepared
from explorer.course.answers import Found, Number, OneOf, Trap
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
from explorer.figures import look
from explorer.figures.lessons import choosing_bits as pictures
from explorer.figures.lessons.choosing_bits import Spot
from explorer.lessons import choosing_bits
from explorer.lessons.common import material
from explorer.plans import Frontier, count
from explorer.proxy.experiment import ProxyResult
from explorer.questions import DamageQuestion, ProxyQuestion

_SLIDERS = ("front", "l30a", "l30b", "l31a", "l31b", "l32a", "l32b", "fc")
_SHOWN = ("plan", "optimum", "measured")
_SHOWN_WORDS = {"plan": "my plan", "optimum": "+ the optimum", "measured": "+ the measured loss"}


@cache
def _frontier() -> Frontier:
    """Of the shipped damage of the thin ResNet-20."""
    return choosing_bits.game_frontier(prepared.result(material.QUICK, DamageQuestion()).table)


def _controls() -> tuple[Slider | Choice, ...]:
    sizes = choosing_bits.weights()
    bits = tuple(
        Slider(name, f"{part} ({size:,} weights)", 2, 8, 4, unit="bits")
        for name, part, size in zip(_SLIDERS, choosing_bits.one_part(), sizes, strict=True)
    )
    return (
        Choice("show", "Show", _SHOWN, "plan", _SHOWN_WORDS),
        Slider("ratio", "Compression at least", 5, 14, 8, unit="×"),
        *bits,
    )


def _game(show: str, ratio: int, **bits: int) -> Outcome:
    own = tuple(bits[name] for name in _SLIDERS)
    frontier = _frontier()
    found = choosing_bits.score(frontier, own, ratio)
    spots = [Spot("your plan", found.size, found.omega, found.omega_stderr)]
    fits = (
        f"{found.budget - found.size:,.0f} B are left"
        if found.fits
        else f"it is {found.size - found.budget:,.0f} B over the budget"
    )
    finding = f"Your plan has {found.size:,.0f} B ({fits}) and a predicted damage Ω of {found.omega:.3g} ± {found.omega_stderr:.2g}."
    quantities = [
        Quantity("size", f"{found.size:,.0f} B", f"The budget is {found.budget:,.0f} B."),
        Quantity("Ω", f"{found.omega:.3g} ± {found.omega_stderr:.2g}", "ΔWᵀHΔW, summed over the layers."),
    ]
    best = None
    if show != "plan":
        best = choosing_bits.parts(dict(found.best.bits))
        spots.append(
            Spot("optimum", float(found.best.cost), found.best.omega, colour=look.INK, symbol="star")
        )
        quantities.append(
            Quantity("Ω of the optimum", f"{found.best.omega:.3g}", "The least within the budget.")
        )
        finding += (
            f" The least within the budget is {found.best.omega:.3g}: yours is {found.missed:.3g} times that."
        )
    if show == "measured" and best is not None:
        both = choosing_bits.measured(own, best)
        quantities.append(
            Quantity(
                "measured rise, yours",
                f"{both.own.value:+.4f} ± {both.own.stderr:.4f}",
                "Nats over FP32, paired.",
            )
        )
        quantities.append(
            Quantity("measured rise, optimum", f"{both.best.value:+.4f} ± {both.best.stderr:.4f}")
        )
        apart, noise = both.apart.value, both.apart.stderr
        winner = "the optimum's" if apart > 0 else "yours"
        sure = "" if abs(apart) > 2 * noise else ", which may be chance"
        finding += (
            f" Measured on {choosing_bits.IMAGES} test images, the lower loss is {winner}, by {abs(apart):.4f} ± "
            f"{noise:.4f}{sure}."
            if apart
            else f" Measured on {choosing_bits.IMAGES} test images, both lose the same."
        )
    line = None if show == "plan" else (frontier.cost, frontier.omega)
    ends = (float(frontier.cost[0]), float(frontier.cost[-1]))
    return Outcome(
        (
            Picture(pictures.bars_figure(choosing_bits.one_part(), own, best), finding, "your plan"),
            Picture(
                pictures.plane_figure(spots, budget=found.budget, line=line, ends=ends),
                finding,
                "size and damage",
            ),
        ),
        finding,
        tuple(quantities),
    )


def _price(price: float) -> Outcome:
    frontier = _frontier()
    mu = 10.0**price
    bits = choosing_bits.priced(frontier, mu)
    asked = choosing_bits.widths(bits)
    size = sum(n * b for n, b in zip(choosing_bits.weights(), bits, strict=True)) / 8
    omega = frontier.problem.damage.omega(asked)
    hull = choosing_bits.on_hull(frontier)
    finding = (
        f"At a price of {look.power_text(price)} nats a byte the parts choose {' '.join(map(str, bits))} bits: {size:,.0f} B with Ω = "
        f"{omega:.3g}. Prices find {int(hull.sum())} of the {len(frontier):,} plans of the frontier."
    )
    return Outcome(
        (
            Picture(pictures.bars_figure(choosing_bits.one_part(), bits), finding, "what each part chooses"),
            Picture(
                pictures.plane_figure(
                    [Spot("at this price", size, omega)], line=(frontier.cost, frontier.omega), hull=hull
                ),
                finding,
                "on the frontier",
            ),
        ),
        finding,
        (Quantity("size", f"{size:,.0f} B"), Quantity("Ω", f"{omega:.3g}")),
    )


def _space(length: int, menu: int) -> Outcome:
    blocks = range(2, 61)
    whole = [each * log10(menu) for each in blocks]
    ordered = [log10(count(each, menu)) for each in blocks]
    finding = (
        f"{length} blocks with {menu} widths have {look.power_text(length * log10(menu))} plans; {count(length, menu):,} of "
        "them never give a more sensitive block fewer bits."
    )
    return Outcome(
        (Picture(pictures.counts_figure(blocks, whole, ordered, length), finding),),
        finding,
        (
            Quantity("all plans", look.power_text(length * log10(menu)), "k^L"),
            Quantity("|B|", f"{count(length, menu):,}", "C(L + k − 1, k − 1)"),
        ),
    )


def _proxy(result: ProxyResult) -> Outcome:
    rises = [plan.rise for plan in result.plans]
    omega = result.omega["product"]
    rank = result.agreement["product"].spearman
    least = min(range(len(omega)), key=lambda k: omega[k])
    lowest = min(range(len(rises)), key=lambda k: rises[k])
    same = (
        "the plan of least Ω has the lowest loss, too"
        if least == lowest
        else "another plan than that of least Ω has the lowest loss"
    )
    finding = (
        f"Over {len(rises)} plans the rank correlation of Ω with the loss on {result.samples:,} images is {rank.value:.2f} "
        f"(95 % from {rank.low:.2f} to {rank.high:.2f}); {same}."
    )
    return Outcome(
        (
            Picture(
                pictures.against_figure(omega, rises, [plan.rise_stderr for plan in result.plans]), finding
            ),
        ),
        finding,
        table={
            "size (B)": [plan.size_bytes for plan in result.plans],
            "Ω": list(omega),
            "rise": rises,
            "standard error": [plan.rise_stderr for plan in result.plans],
        },
    )


def _toy_fault(bits: Sequence[float]) -> str | None:
    if any(each not in choosing_bits.TOY_WIDTHS for each in bits):
        return "Every width is 2, 4 or 8."
    size, omega = choosing_bits.toy_size(bits), choosing_bits.toy_omega(bits)
    if size > choosing_bits.TOY.budget:
        return f"That takes {size:,.0f} bits, more than the budget of {choosing_bits.TOY.budget:,}."
    best = choosing_bits.toy_omega(choosing_bits.toy_best())
    if omega > best + 1e-9:
        return f"That fits, with Ω = {omega:g}; there is a plan within the budget with {best:g}."
    return None


_TOY_TABLE = "| block | weights | Ω at 2 bits | at 4 | at 8 |\n|---|---|---|---|---|\n" + "\n".join(
    f"| {name} | {n:,} | {row[0]:g} | {row[1]:g} | {row[2]:g} |"
    for name, n, row in zip("ABC", choosing_bits.TOY.weights, choosing_bits.TOY.omegas, strict=True)
)

LESSON = Lesson(
    number=8,
    title="Choosing bits",
    question="The budget is fixed. Which layer gets the bits?",
    goals=(
        "State mixed precision as an optimisation problem under a budget.",
        "Choose bits for a network by hand, and say by how much the optimum was missed.",
        "Explain what a price for a byte finds, and what it cannot find.",
        "Count the plans that HAWQ-V2 looks at.",
        "Say why the plan of least predicted damage need not have the lowest loss.",
    ),
    minutes=60,
    terms=("block", "plan", "mixed-precision", "compression", "frontier", "set-b", "greedy"),
    parts=(
        Text(
            "**Mixed precision** gives every [block](glossary#block) of a network its own number of bits $b_i$. A *plan* is one "
            "choice for all blocks. It costs $\\sum_i n_i b_i$ bits of memory, with $n_i$ the weights of block $i$, and does a "
            "predicted damage, in [nats](glossary#nat) of the loss, of $\\Omega = \\sum_i \\Omega_i(b_i)$, where lesson 7's second order says what each block "
            "adds: $\\Omega_i(b) = \\Delta W_i^\\top H_i\\, \\Delta W_i$ with $\\Delta W_i = Q_b(W_i) - W_i$.\n\n"
            "You choose. The network is the thin ResNet-20 on Fashion-MNIST. Its first 13 layers share a width, each of the "
            "last seven has its own."
        ),
        Experiment(
            key="game",
            title="The game",
            try_this="Keep to the budget and make Ω as small as you can. Only then show the optimum, and last the measured loss.",
            controls=_controls,
            compute=_game,
        ),
        Notice(
            "The damage of one more bit taken away grows about fourfold, so good plans are *level*: no single part does most "
            "of the damage. Small sensitive layers get many bits, since they cost little; large flat ones pay. The measured "
            "loss can prefer your plan: Ω is a second-order prediction with an error of its own, made on training images and "
            "without the terms between blocks, and differences within two standard errors are chance. (The Ω of single "
            "layers ship with the network, computed by this project's own command.)"
        ),
        Text(
            "## The problem, and its solution\n\n$$\\min_{b}\\; \\sum_i \\Omega_i(b_i) \\qquad \\text{subject to} \\qquad "
            "\\sum_i n_i b_i \\le B, \\qquad b_i \\in \\{2, \\dots, 8\\}.$$\n\n"
            "Both sums go block by block. So one may go through the blocks, keep for every size reached so far only the plan of "
            "least Ω, and be sure to lose nothing: *dynamic programming*. What remains at the end is the "
            "[frontier](glossary#frontier), the plans that no other beats in both size and damage."
        ),
        Exercise(
            id="8.1",
            prompt="Three blocks may have 2, 4 or 8 bits, and 32,000 bits of memory all together:\n\n"
            + _TOY_TABLE
            + "\n\nGive the bits of A, B and C in the plan of least Ω.",
            answer=Found(
                _toy_fault,
                count=3,
                good=lambda: [choosing_bits.toy_best()],
                bad=lambda: [(4, 4, 4), (8, 8, 2), (2, 4, 2), (4, 4, 2), (3, 4, 2)],
            ),
            hints=(
                "Which steps up give the most Ω back for a bit of memory?",
                "Use what is left over in the end.",
            ),
            solution="All at 2 bits take 20,000 bits, so 12,000 are left. A to 4 bits takes 2,000 and gives 8.5; B to 4 takes "
            "6,000 and gives 4.7; C to 4 would take 12,000 and give 1.9. After A and B there are 4,000 left, which take A "
            "from 4 to 8 bits: **8 4 2** with Ω = 0 + 0.3 + 2.0 = 2.3, in exactly 32,000 bits.",
            code="from itertools import product\n\nfrom explorer.lessons import choosing_bits as c\n\n"
            "fitting = [b for b in product((2, 4, 8), repeat=3) if c.toy_size(b) <= 32_000]\n"
            "answer = min(fitting, key=c.toy_omega)",
        ),
        Text(
            "## A price for a byte\n\nThere is a second way. Put a price $\\mu$ on memory, and the sum falls apart: every block "
            "decides by itself,\n\n$$b_i(\\mu) = \\arg\\min_b\\; \\Omega_i(b) + \\mu\\, n_i b.$$\n\n"
            "Whatever size comes out, the plan is the best of that size: a better one would have a lower sum, too. But not "
            "every plan of the frontier has its price."
        ),
        Experiment(
            key="price",
            title="What is a byte worth?",
            try_this="Raise the price slowly. Which part gives up its bits first, which last?",
            controls=(Slider("price", "log₁₀ of the price (nats a byte)", -8.0, 0.0, -4.0, 0.05),),
            compute=_price,
        ),
        Notice(
            "The plan jumps from dot to dot: these are the corners of the frontier's convex hull. A budget between two dots is "
            "met by a plan that no price finds, and dynamic programming does. At a common price, the last bit of every part "
            "does about the same damage per byte: that is the rule to play the game by."
        ),
        Exercise(
            id="8.2",
            prompt="In the table of exercise 8.1, a price of μ nats is paid for every bit of memory. Above which price does block C "
            "take 2 bits instead of 4?",
            answer=Number(
                lambda: (
                    (choosing_bits.TOY.omegas[2][0] - choosing_bits.TOY.omegas[2][1])
                    / (2 * choosing_bits.TOY.weights[2])
                ),
                tolerance=1e-6,
                unit="nats a bit",
                traps=(
                    Trap(
                        1.9, "That is what the step costs in Ω; divide by the bits of memory that it saves."
                    ),
                    Trap(1.9 / 6000, "Two bits are saved for each of the 6,000 weights."),
                    Trap(
                        2.0 / 12000, "At 4 bits block C still has Ω = 0.1; it is the difference that counts."
                    ),
                ),
            ),
            hints=("Write Ω + μ n b for both widths and set them equal.",),
            solution="$2.0 + 2 \\cdot 6000\\,\\mu = 0.1 + 4 \\cdot 6000\\,\\mu$ gives $\\mu = 1.9 / 12{,}000 \\approx 1.58 \\cdot "
            "10^{-4}$.",
            code="answer = (2.0 - 0.1) / (2 * 6000)",
        ),
        Text(
            "## How many plans are there?\n\nWith $k$ widths and $L$ blocks there are $k^L$ plans. HAWQ-V2 sorts the blocks by "
            "their mean trace and looks only at plans in which a more sensitive block never has fewer bits, its "
            "[set B](glossary#set-b). Such a plan says only how many blocks get each width, so\n\n"
            "$$|B| = \\binom{L + k - 1}{k - 1}.$$"
        ),
        Experiment(
            key="space",
            title="Plans, all and in order",
            try_this="Set L = 50 and k = 4, HAWQ-V2's ResNet50.",
            controls=(Slider("length", "Blocks L", 2, 60, 20), Slider("menu", "Widths k", 2, 7, 4)),
            compute=_space,
        ),
        Exercise(
            id="8.3",
            prompt="HAWQ-V2 says that $4^{50} \\approx 10^{30}$ plans shrink to about $2.3 \\cdot 10^4$. How many are there exactly "
            "for $L = 50$ and $k = 4$?",
            answer=Number(
                lambda: count(50, 4),
                traps=(
                    Trap(
                        230300,
                        "That is C(50, 4), which chooses 4 of 50 blocks; here 50 blocks are split among 4 widths.",
                    ),
                    Trap(
                        19600,
                        "That is C(50, 3): three cuts at different places. A width may be given to no block at all.",
                    ),
                    Trap(316251, "C(L + k, k) is one too many: three cuts split the row in four."),
                ),
            ),
            hints=(
                "Sorted, a plan is a row of L blocks with k − 1 cuts.",
                "Cuts may coincide: stars and bars.",
            ),
            solution="$\\binom{53}{3} = 53 \\cdot 52 \\cdot 51 / 6 = 23{,}426$.",
            code="from math import comb\n\nanswer = comb(50 + 4 - 1, 4 - 1)",
        ),
        Exercise(
            id="8.4",
            prompt="Dynamic programming finds the optimum over all $k^L$ plans at once. What, then, can set B still be good for?",
            answer=OneOf(
                "It is a safeguard: it uses the order of the sensitivities only, and not their exact size",
                {
                    "It holds better plans than all plans together": "It is a part of them, so its least Ω cannot be lower.",
                    "It is the only way to keep a budget": "The budget is a constraint on the sum, which any of the methods keeps.",
                    "It measures the loss instead of predicting it": "It is a set of plans; how they are judged is another matter.",
                },
            ),
            hints=("Is Ω itself exact?",),
            solution="Ω is an estimate. Plans that follow the order of the sensitivities cannot be led astray by an error in their "
            "size. What looking at fewer plans costs in Ω, the app shows on its page Frontier.",
            code='answer = "It is a safeguard: it uses the order of the sensitivities only, and not their exact size"',
        ),
        Text(
            "## What the loss says\n\nΩ leaves out the third order, the terms between blocks, and that test images are others "
            "than training images. Is it good for *choosing* all the same? That is a question about ranks."
        ),
        Long(
            key="proxy",
            title="Predicted against measured",
            words="Plans of the thin ResNet-20 are drawn, and each is measured on test images without any training; the whole "
            "network is quantized layer by layer, weights only.",
            study=material.QUICK,
            controls=(
                Slider("many", "Plans", 10, 100, 10, 10),
                Slider("images", "Test images", 200, 2000, 200, 200),
            ),
            question=lambda many, images: ProxyQuestion(plans=many, samples=images),
            draw=_proxy,
            takes="two minutes",
        ),
        Code(
            "from explorer.lessons import choosing_bits\n\n"
            "own = (8, 4, 4, 4, 3, 3, 3, 8)\n"
            "both = choosing_bits.measured(own, (4,) * 8, images=64)\n"
            "print('rise of the loss:', both.own, ' all at 4 bits:', both.best)"
        ),
        InTheApp("frontier", "Click a plan on the frontier, edit it bar by bar, and measure it"),
        Sources(
            (
                Source(
                    "Dong et al., HAWQ-V2",
                    "section 2.3 and figure 4 (selection, set B)",
                    "https://arxiv.org/abs/1911.03852",
                ),
                Source(
                    "Yao et al., HAWQ-V3", "section 4 (integer programme)", "https://arxiv.org/abs/2011.10680"
                ),
                Source(
                    "Everett, Generalized Lagrange multiplier method for solving problems of optimum allocation of resources "
                    "(1963)",
                    "theorem 1",
                ),
                Source(
                    "Riccietti and Mary, Neural Networks compression (lecture)",
                    "“Mixed precision quantization”",
                ),
            )
        ),
    ),
)
