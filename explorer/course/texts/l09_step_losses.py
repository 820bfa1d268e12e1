"""Lesson 9: the loss of step sizes."""

from collections.abc import Sequence

import numpy as np

from explorer.course.answers import Found, Number, Numbers, OneOf, Trap
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
from explorer.figures.lessons import step_losses as pictures
from explorer.figures.lessons.step_losses import ErrorCurve
from explorer.figures.steps import histogram, surface
from explorer.figures.steps.surface import Point
from explorer.lapq.diagnostics.surfaces import Surface as MeasuredSurface
from explorer.lapq.phases.quadratic import parabola, vertex_within
from explorer.lessons import step_losses
from explorer.lessons.common import material
from explorer.questions import LapqSurfaceQuestion

_TENSORS = ("normal", "layer3.2.conv2", "linear")
_TENSOR_WORDS = {
    "normal": "N(0, 1)",
    "layer3.2.conv2": "weight of layer3.2.conv2",
    "linear": "weight of linear",
}
_SITES = ("layer3.2.conv2", "linear")
_FIRST, _SECOND = "layer1.0.conv2.input", "layer1.1.conv1.input"


def _error(p: float, ebits: int, tensor: str) -> Outcome:
    x, of = step_losses.tensor(tensor), step_losses.levels(ebits)
    curves, found = [], {}
    for power, colour, dash in ((2.0, look.MUTED, "dash"), (p, look.ACCENT, "solid")):
        steps, errors = step_losses.error_curve(x, of, power)
        found[power] = step_losses.best_step(tensor, ebits, power)
        least = float(step_losses.error_at(x, of, power, found[power]))
        curves.append(ErrorCurve(f"p = {power:g}", steps, errors / least, found[power], colour, dash))
    own = found[p]
    levels = own * (np.arange(of.low, of.high + 1) - of.offset)
    values = x.numpy().astype(float)
    beyond = float(((values < levels[0]) | (values > levels[-1])).mean())
    finding = (
        f"With p = {p:g} the best step is {own:.4f}, {own / found[2.0]:.3f} times that of p = 2; {beyond:.2%} of the values lie "
        "beyond the outermost levels."
    )
    return Outcome(
        (
            Picture(pictures.errors_figure(curves), finding, "the error against the step"),
            Picture(
                histogram.figure(histogram.view(values, levels, name=tensor), height=360, revision=tensor),
                finding,
                "the values and the levels at the best step",
            ),
        ),
        finding,
        (Quantity("step Δ", f"{own:.4f}"), Quantity("clipped", f"{beyond:.2%}")),
    )


def _marks(bits: int) -> list[Point]:
    made = [
        _mark("lp", step_losses.steps_at(bits, p), bits, f"least L_p error, p = {p:g}", f"p = {p:g}")
        for p in step_losses.MARKED_P
    ]
    chosen = step_losses.along_p(bits).chosen
    made.append(_mark("quadratic", step_losses.steps_at(bits, chosen), bits, f"phase 2, p = {chosen:.2f}"))
    end = step_losses.descent(bits)[-1].end * step_losses.unit_steps(bits)
    return [*made, _mark("optimum", (float(end[0]), float(end[1])), bits, "end of Powell's method")]


def _mark(kind: str, steps: Sequence[float], bits: int, words: str, label: str = "") -> Point:
    loss = step_losses.loss(bits, steps)
    return Point(kind, (float(steps[0]), float(steps[1])), loss, f"{words}<br>loss {loss:.4g}", label)


def _surface(sbits: int, cut: int) -> Outcome:
    found = step_losses.surface(sbits)
    row = int(np.abs(step_losses.RATIOS - cut / 100).argmin())
    rows = sorted({2, 9, 16, row})
    least = [float(found.axes[1][int(found.loss[each].argmin())]) for each in (2, 9, 16)]
    finding = (
        f"At {sbits} bits {found.share:.1%} of the loss's variance over these steps is interaction. The best Δ₂ is "
        f"{', '.join(f'{each:.3f}' for each in least)} for a small, a middle and a large Δ₁."
    )
    return Outcome(
        (
            Picture(
                surface.contours(
                    pictures.surface_view(found, _SITES, _marks(sbits)),
                    height=420,
                    revision=f"lesson {sbits}",
                ),
                finding,
                "the loss over both steps",
            ),
            Picture(pictures.cuts_figure(found, rows, row), finding, "along Δ₂, for some Δ₁"),
        ),
        finding,
        (
            Quantity(
                "interaction", f"{found.share:.2%}", "Share of the variance that no f(Δ₁) + g(Δ₂) explains."
            ),
            Quantity("FP32", f"{step_losses.float_loss():.4f} nats"),
            Quantity("least of the grid", f"{found.loss.min():.4f} nats"),
        ),
    )


def _along(qbits: int, degree: float) -> Outcome:
    found = step_losses.along_p(qbits)
    own = step_losses.loss(qbits, step_losses.steps_at(qbits, degree))
    trusted = (
        f"The parabola has its vertex at p* = {found.vertex:.2f}"
        if found.vertex is not None
        else "The parabola has no lowest point between the p that were tried, so it is not trusted"
    )
    finding = (
        f"{trusted}; phase 2 chooses p = {found.chosen:.2f} with a loss of {found.chosen_loss:.4f}. Yours, p = {degree:g}, "
        f"gives {own:.4f}."
    )
    return Outcome(
        (Picture(pictures.along_figure(found, degree, own), finding),),
        finding,
        (
            Quantity("p = 2 (MMSE)", f"{found.losses[0]:.4f} nats"),
            Quantity("phase 2", f"{found.chosen_loss:.4f} nats"),
            Quantity("your p", f"{own:.4f} nats"),
        ),
    )


def _powell(pbits: int, line: int) -> Outcome:
    lines, unit = step_losses.descent(pbits), step_losses.unit_steps(pbits)
    shown = lines[: min(line, len(lines))]
    last = shown[-1]
    path = [_path(lines[0].start * unit, float(lines[0].losses[lines[0].moves == 0][0]), 0)]
    path += [_path(each.end * unit, each.loss, number) for number, each in enumerate(shown, start=1)]
    gain = float(last.losses[last.moves == 0][0]) - last.loss
    way = (
        "what the round gave together"
        if last.joint
        else f"direction ({last.direction[0]:.2f}, {last.direction[1]:.2f})"
    )
    ended = f" The method ended after {len(lines)}." if line > len(lines) else ""
    finding = (
        f"Line search {len(shown)}, along {way}, looked at {len(last.moves)} pairs of steps and lowered the loss by "
        f"{gain:.4f} to {last.loss:.4f}.{ended}"
    )
    return Outcome(
        (
            Picture(
                surface.contours(
                    pictures.surface_view(step_losses.surface(pbits), _SITES, path=path),
                    height=420,
                    revision=f"powell {pbits}",
                ),
                finding,
                "the way so far",
            ),
            Picture(pictures.line_figure(last), finding, f"line search {len(shown)}"),
        ),
        finding,
        (
            Quantity("phase 2", f"{path[0].loss:.4f} nats"),
            Quantity("now", f"{last.loss:.4f} nats"),
            Quantity(
                "losses so far",
                f"{sum(len(each.moves) for each in shown)}",
                "Evaluations of all line searches.",
            ),
        ),
    )


def _path(steps: np.ndarray, loss: float, number: int) -> Point:
    return Point(
        "path", (float(steps[0]), float(steps[1])), loss, f"after {number} line searches: loss {loss:.4g}"
    )


def _measured(result: MeasuredSurface) -> Outcome:
    view = surface.view(result.to_json(), log=True)
    known = result.loss[np.isfinite(result.loss)]
    whole = np.isfinite(result.loss).all()
    share = (
        f"; {step_losses.interaction_share(result.loss):.1%} of its variance is interaction" if whole else ""
    )
    finding = (
        f"Over {len(known)} pairs of steps the loss on {result.calibration} images runs from {known.min():.4f} to "
        f"{known.max():.4g}{share}."
    )
    return Outcome((Picture(surface.contours(view, height=480), finding),), finding)


def _better(ratios: Sequence[float]) -> str | None:
    if min(ratios) <= 0:
        return "A step is above 0."
    base = np.array(step_losses.steps_at(2, 2.0))
    aim = step_losses.along_p(2).chosen_loss
    found = step_losses.loss(2, np.array(ratios) * base)
    if found < aim - 1e-6:
        return None
    if abs(found - aim) <= 1e-6:
        return f"That is what phase 2 has found already: {aim:.4f}. Move one of the steps."
    return f"With these the loss is {found:.4f}; phase 2 has {aim:.4f}."


def _good() -> list[tuple[float, float]]:
    end = step_losses.descent(2)[-1].end * step_losses.unit_steps(2) / np.array(step_losses.steps_at(2, 2.0))
    return [(float(end[0]), float(end[1]))]


_LOSSES = (1.69, 1.42, 1.45)

LESSON = Lesson(
    number=9,
    title="The loss of step sizes",
    question="Why not give every tensor the step that suits it best, and be done?",
    goals=(
        "Explain what p does in an L_p error, and why a larger p clips less.",
        "Say when a loss is separable, and measure by how much it is not.",
        "Walk through LAPQ's three phases.",
        "Carry out a round of Powell's method by hand.",
    ),
    minutes=60,
    terms=("step", "lp", "mmse", "lapq", "powell", "calibration"),
    parts=(
        Text(
            "A quantizer has one number to choose, its [step](glossary#step) $\\Delta$: with $b$ bits it also fixes where the "
            "levels end, at about $\\pm 2^{b-1} \\Delta$. A small step is fine and clips much, a large one the other way round. "
            "One way to choose is to look at the tensor $x$ alone, and to make the mean of\n\n"
            "$$e_p(\\Delta) = \\frac1n \\sum_i \\bigl| Q_\\Delta(x_i) - x_i \\bigr|^p$$\n\n"
            "small. With $p = 2$ that is the mean squared error ([MMSE](glossary#mmse)). Why should $p$ be 2?"
        ),
        Experiment(
            key="error",
            title="One tensor, many errors",
            try_this="Raise p. Which way does the best step go, and what happens to the values at the ends?",
            controls=(
                Slider("p", "p", 1.0, 4.0, 3.0, 0.25),
                Slider("ebits", "Bits b", 2, 4, 2),
                Choice("tensor", "Tensor", _TENSORS, "normal", _TENSOR_WORDS),
            ),
            compute=_error,
        ),
        Notice(
            "A large error counts more the larger p is, and the largest errors are those of clipped values. So the best step "
            "grows with p: p trades clipping for resolution with a single number, for all tensors at once. That is the first "
            "idea of **LAPQ** (loss aware post-training quantization)."
        ),
        Exercise(
            id="9.1",
            prompt="The values 0.1, 0.2 and 1.0 are quantized to 2 bits, with the levels −2Δ, −Δ, 0, Δ and Δ = 0.5. What is the "
            "mean squared error?",
            answer=Number(
                lambda: (0.1**2 + 0.2**2 + 0.5**2) / 3,
                tolerance=0.0005,
                traps=(
                    Trap(0.3, "That is the sum; divide by the three values."),
                    Trap(
                        (0.01 + 0.04) / 3, "1.0 lies beyond the largest level, Δ = 0.5, and is clipped to it."
                    ),
                    Trap(0.8 / 3, "That is the mean absolute error, p = 1."),
                ),
            ),
            hints=("What is the largest positive level?",),
            solution="0.1 and 0.2 go to 0, and 1.0 is clipped to 0.5: $(0.01 + 0.04 + 0.25)/3 = 0.1$. Most of it is clipping.",
            code="answer = (0.1**2 + 0.2**2 + (1.0 - 0.5) ** 2) / 3",
        ),
        Text(
            "## The loss as a function of steps\n\nWhat counts is not the error of a tensor, but the loss of the network. Take two "
            "tensors, here the last two weights of the thin ResNet-20, leave everything else in FP32, and the loss is a "
            "function $L(\\Delta_1, \\Delta_2)$: a landscape, its height in [nats](glossary#nat). If it were **separable**, "
            "$L = f(\\Delta_1) + g(\\Delta_2)$, every step could be chosen by itself."
        ),
        Experiment(
            key="surface",
            title="Separable at 4 bits, coupled at 2",
            try_this="Move Δ₁ and watch the best Δ₂, at the diamonds. Then go from 2 bits to 4.",
            controls=(
                Choice("sbits", "Bits b", step_losses.WIDTHS, 2),
                Slider("cut", "Your Δ₁, % of that of p = 2", 45, 200, 75, 5, unit="%"),
            ),
            compute=_surface,
        ),
        Text(
            "For a change $\\epsilon = (\\epsilon_1, \\epsilon_2)$ that quantization makes to the two tensors, to second order,\n\n"
            "$$L(w + \\epsilon) - L(w) \\approx \\underbrace{\\tfrac12 \\epsilon_1^\\top H_{11} \\epsilon_1}_{\\text{first alone}} + "
            "\\underbrace{\\tfrac12 \\epsilon_2^\\top H_{22} \\epsilon_2}_{\\text{second alone}} + "
            "\\underbrace{\\epsilon_1^\\top H_{12}\\, \\epsilon_2}_{\\text{interaction}}.$$\n\n"
            "Steps halve with every bit and all three terms fall, until nothing is left that could tell one step from "
            "another. At 2 bits the errors are large, the interaction with them, and so is what the second order leaves out."
        ),
        Notice(
            "Where the loss is separable, the curves at the right are copies of each other, moved up or down, and the diamonds stand "
            "above each other. The white dots are the steps of least L_p error: as p grows they run along a line through the "
            "landscape, which need not pass its lowest point."
        ),
        Exercise(
            id="9.2",
            prompt="The loss is 0.10 in FP32, 0.30 with the first tensor quantized alone, 0.25 with the second alone, and 0.60 with "
            "both. How much of it is interaction?",
            answer=Number(
                lambda: 0.60 - 0.30 - 0.25 + 0.10,
                tolerance=0.001,
                traps=(
                    Trap(
                        0.05, "The FP32 loss is in both single losses, and so was taken off once too often."
                    ),
                    Trap(0.50, "That is the whole rise over FP32; take off what each does alone."),
                    Trap(0.35, "That is what the two do alone, together."),
                ),
            ),
            hints=("How much does each add to the FP32 loss alone? And both?",),
            solution="Alone they add 0.20 and 0.15, together 0.50: the interaction is $0.50 - 0.35 = 0.15$.",
            code="answer = (0.60 - 0.10) - (0.30 - 0.10) - (0.25 - 0.10)",
        ),
        Text(
            "## LAPQ in three phases\n\n1. **Layer by layer**: for several $p$, the step $\\Delta_p$ of least L_p error of every "
            "tensor.\n2. **Along p**: the loss $L(\\Delta_p)$ is measured for each $p$, a parabola is laid through it, and its "
            "vertex $p^*$ is the start.\n3. **Jointly**: Powell's method on all steps, with the loss itself.\n\n"
            "So a single number is searched first, which moves all steps together, and then all of them a little."
        ),
        Experiment(
            key="along",
            title="Phase 2: along p",
            try_this="Look for the best p yourself, at 2, 3 and 4 bits. When is the parabola of use?",
            controls=(
                Choice("qbits", "Bits b", step_losses.WIDTHS, 3),
                Slider("degree", "Your p", 1.0, 4.0, 2.0, 0.25),
            ),
            compute=_along,
        ),
        Exercise(
            id="9.3",
            prompt="The losses at p = 2, 3 and 4 are 1.69, 1.42 and 1.45. Where is the vertex p* of the parabola through them?",
            answer=Number(
                lambda: vertex_within(parabola((2, 3, 4), _LOSSES), 2, 4) or 0.0,
                tolerance=0.01,
                traps=(
                    Trap(
                        3.0,
                        "That is the best p that was tried; the parabola goes on falling a little behind it.",
                    ),
                    Trap(2.6, "The loss at 4 is lower than at 2, so the vertex lies on the side of 4."),
                    Trap(3.8, "The vertex is at −b/(2a); mind the 2."),
                ),
            ),
            hints=("With t = p − 3 the parabola is a t² + b t + c. Put in t = −1, 0, 1.",),
            solution="$a = (1.69 + 1.45)/2 - 1.42 = 0.15$, $b = (1.45 - 1.69)/2 = -0.12$, $t^* = -b/(2a) = 0.4$, so $p^* = 3.4$.",
            code="import numpy as np\n\na, b, _ = np.polyfit([2, 3, 4], [1.69, 1.42, 1.45], 2)\nanswer = -b / (2 * a)",
        ),
        Text(
            "## Powell's method\n\nIt needs losses only, no gradients, which a rounded network does not have. A *round* searches "
            "along every direction $d_1, \\dots, d_n$ in turn, from $t_0$ to $t_n$, at first along the axes. Then it takes "
            "$t_n - t_0$, what the round gave together, as a new direction in place of $d_1$, and searches along it, too. On a "
            "quadratic the new directions become *conjugate*, $d_i^\\top H d_j = 0$: a search along one does not spoil what "
            "the others have found. That is how it copes with coupled steps, where going along the axes alone zigzags."
        ),
        Experiment(
            key="powell",
            title="Powell, step by step",
            try_this="Go from search to search. Every third goes along what the two before gave together.",
            controls=(
                Slider("line", "Line search", 1, 9, 1),
                Choice("pbits", "Bits b", step_losses.WIDTHS, 2),
            ),
            compute=_powell,
        ),
        Notice(
            "At 2 bits the loss along a line is no parabola: a rounded weight jumps, and a line search may end in a dip that is "
            "not the deepest. Most is won by the first round. The steps are fitted to a few images, and the loss of others "
            "falls less: the app shows both."
        ),
        Exercise(
            id="9.4",
            prompt="Let $f(x, y) = x^2 + xy + y^2$. From $(1, 1)$, search along $x$, then along $y$. Where are you? "
            "(Two numbers: x and y.)",
            answer=Numbers(
                lambda: step_losses.along_axes(np.array([[2.0, 1.0], [1.0, 2.0]]), np.ones(2)).tolist(),
                tolerance=0.001,
                traps=(
                    Trap((-0.5, -0.5), "The second search starts where the first has ended, at x = −0.5."),
                    Trap(
                        (0.0, 0.0),
                        "That is the minimum; the two searches do not reach it, since x and y are coupled.",
                    ),
                    Trap((0.5, -0.25), "Mind the sign: ∂f/∂x = 2x + y is 0 at x = −y/2."),
                ),
            ),
            hints=("Along x, y stays as it is: where is ∂f/∂x = 0?",),
            solution="$2x + 1 = 0$ gives $x = -0.5$; then $-0.5 + 2y = 0$ gives $y = 0.25$. The round has moved by "
            "$(-1.5, -0.75)$, and a search along that comes closer to the minimum at the origin.",
            code="x = -1 / 2\ny = -x / 2\nanswer = (x, y)",
        ),
        Exercise(
            id="9.5",
            prompt="At 2 bits phase 2 can be beaten. Give two multiples $r_1, r_2$ of the steps of $p = 2$ whose loss is lower than that "
            "of phase 2, over the same images.",
            answer=Found(
                _better,
                count=2,
                good=_good,
                bad=lambda: [(1.0, 1.0), (0.5, 0.5), (3.0, 3.0), (0.0, 1.0)],
            ),
            hints=(
                "Look at the contours for 2 bits: on which side of the white dots is it darker?",
                "Powell's end in the last experiment is such a pair; divide by the steps of p = 2.",
            ),
            solution="Any pair in the valley will do. Powell's first search, along Δ₁ alone, finds one.",
            code="from explorer.lessons import step_losses as s\n\n"
            "end = s.descent(2)[-1].end * s.unit_steps(2)\n"
            "answer = tuple(float(a / b) for a, b in zip(end, s.steps_at(2, 2.0), strict=True))",
        ),
        Exercise(
            id="9.6",
            prompt="A loss is exactly separable in its steps. What is enough to find its minimum?",
            answer=OneOf(
                "One search along each step, in any order",
                {
                    "The steps of least squared error": "Separable says that steps can be chosen one by one by the *loss*; the "
                    "squared error of a tensor is another function.",
                    "One search along p": "That moves all steps along one line, which need not pass the minimum.",
                    "Rounds of Powell's method until nothing changes": "That finds it, too, but the second round has nothing to do.",
                },
            ),
            hints=("What does a search along one step change for the others?",),
            solution="If $L = f(\\Delta_1) + g(\\Delta_2)$, the best $\\Delta_1$ is the same whatever $\\Delta_2$ is.",
            code='answer = "One search along each step, in any order"',
        ),
        Long(
            key="activations",
            title="Two activations, as in the paper's figure",
            words="The paper's Figure 1 quantizes the inputs of two early layers and nothing else. Their loss takes the whole "
            "network for every pair of steps, so this is a run.",
            study=material.QUICK,
            controls=(
                Choice("points", "Points a side", (9, 17, 33), 9),
                Choice("abits", "Bits b", step_losses.WIDTHS, 2),
                Slider("photos", "Images", 64, 512, 64, 64),
            ),
            question=lambda points, abits, photos: LapqSurfaceQuestion(
                first=_FIRST, second=_SECOND, w_bits=32, a_bits=abits, points=points, calibration=photos
            ),
            draw=_measured,
            takes="half a minute",
        ),
        Code(
            "from explorer.lessons import step_losses\n\n"
            "for bits in step_losses.WIDTHS:\n"
            "    found = step_losses.surface(bits)\n"
            "    print(bits, 'bits: interaction', f'{found.share:.2%}', ' least loss', round(float(found.loss.min()), 4))"
        ),
        InTheApp(
            "step_sizes", "All steps of a network by LAPQ, with the loss of images that it has not seen"
        ),
        Sources(
            (
                Source(
                    "Nahshan et al., Loss aware post-training quantization (LAPQ)",
                    "sections 3.1, 4.1 to 4.3, Algorithm 1, figures 1 to 3",
                    "https://arxiv.org/abs/1911.07190",
                ),
                Source(
                    "Powell, An efficient method for finding the minimum of a function of several variables without "
                    "calculating derivatives (1964)"
                ),
                Source(
                    "Riccietti and Mary, Neural Networks compression (lecture)",
                    "“Post training quantization (PTQ)”",
                ),
            )
        ),
    ),
)
