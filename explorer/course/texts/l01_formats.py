"""Lesson 1: numbers and formats."""

import torch

from explorer.course.answers import Number, OneOf, Trap
from explorer.course.controls import Choice, Slider
from explorer.course.parts import (
    Code,
    Exercise,
    Experiment,
    InTheApp,
    Lesson,
    Notice,
    Outcome,
    Picture,
    Quantity,
    Source,
    Sources,
    Text,
)
from explorer.figures.lessons import formats as pictures
from explorer.lessons import formats
from explorer.lessons.common import material
from explorer.lessons.formats import BF16, E2M1, E4M3, E5M2, FP16, TABLE, Format

_SMALL = {each.name: each for each in (E2M1, E4M3, E5M2)}
_LAYERS = ("conv1", "layer1.0.conv1", "layer2.1.conv2", "linear")
_OPERATIONS = {"add": "addition", "multiply": "multiplication"}


def _line(digits: int, exponent: int, end: int, x: float) -> Outcome:
    of = Format("yours", digits, exponent)
    reach = max(float(end), 1.05 * x)  # the axis grows rather than lose the point
    stored = float(formats.nearest(torch.tensor([x], dtype=torch.float64), of)[0])
    error = abs(stored - x)
    relative = f"{error / x:.2%}" if x else "–"
    gap = of.gap(x) if x else float(of.smallest)
    finding = f"{x:g} is stored as {stored:g}; around it the numbers lie {gap:g} apart."
    if x > float(of.largest):
        finding = f"{x:g} is beyond the largest number of this format, {float(of.largest):g}: it overflows."
    return Outcome(
        pictures=(Picture(pictures.line_figure(of.values().tolist(), x, stored, reach), finding),),
        finding=finding,
        quantities=(
            Quantity("bits", f"{of.bits}", "One for the sign, e for the exponent, t − 1 stored digits."),
            Quantity(
                "unit roundoff u",
                f"{float(of.roundoff):.3g}",
                "2^−t, the largest relative error of rounding.",
            ),
            Quantity("largest number", f"{float(of.largest):g}"),
            Quantity("error here", f"{error:.3g}", "|stored − x|"),
            Quantity(
                "relative", relative, "|stored − x| / x; above u only below the smallest normal number."
            ),
        ),
    )


def _table(t: int, e: int) -> Outcome:
    own = Format("yours", t, e)
    known = next((each.name for each in TABLE if (each.t, each.e) == (t, e)), None)
    rows = [own, *TABLE[1:]]
    drawn = [
        (each.name, formats.log10(each.smallest_normal), formats.log10(each.largest), each.t) for each in rows
    ]
    finding = (
        f"With {t} digits and {e} bits of exponent a number takes {own.bits} bits; it has a relative error of at most "
        f"{formats.scientific(own.roundoff)} between {formats.scientific(own.smallest_normal)} and "
        f"{formats.scientific(own.largest)}."
    )
    if known is not None:
        finding += f" That is {known}, whose largest number is {formats.row(next(f for f in TABLE if f.name == known))['largest']}."
    content = [formats.row(each) for each in (own, *TABLE)]
    return Outcome(
        pictures=(Picture(pictures.ranges_figure(drawn, "yours"), finding),),
        finding=finding,
        table={name: [str(row[name]) for row in content] for name in content[0]},
    )


def _cost(operation: str, measure: str) -> Outcome:
    published, unit = (formats.ENERGY, "pJ") if measure == "energy" else (formats.AREA, "µm²")
    values = dict(published[operation])
    ratio = values["fp32"] / values["int8"]
    finding = f"An FP32 {_OPERATIONS[operation]} takes {ratio:.3g} times the {measure} of one of int8."
    if measure == "energy":
        values |= formats.READING
        finding += (
            f" Reading 64 bits from DRAM takes at least {formats.READING['DRAM'] / values['fp32']:,.0f} times as much as "
            "the FP32 operation."
        )
    return Outcome(
        pictures=(Picture(pictures.bars_figure(values, f"{measure} ({unit})", ("int8", "fp32")), finding),),
        finding=finding,
    )


def _tensor(layer: str, of: str) -> Outcome:
    values = (
        material.weight(layer, material.USUAL)
        if of == "weights"
        else material.input_of(layer, 8, material.USUAL)
    )
    errors = {
        "int8": formats.scaled_error(values, 8),
        "e4m3": formats.scaled_error(values, E4M3),
        "e5m2": formats.scaled_error(values, E5M2),
        "int4": formats.scaled_error(values, 4),
        "e2m1": formats.scaled_error(values, E2M1),
    }
    shown = {name: error for name, error in errors.items() if error > 0}
    best = min(("int8", "e4m3", "e5m2"), key=errors.__getitem__)
    best_of_four = min(("int4", "e2m1"), key=errors.__getitem__)
    finding = (
        f"For the {of} of {layer}, of the formats of 8 bits {best} loses least ({errors[best]:.2e} of the squared norm); of "
        f"those of 4 bits {best_of_four} ({errors[best_of_four]:.2e})."
    )
    return Outcome(
        pictures=(
            Picture(
                pictures.bars_figure(
                    {name: float(f"{error:.3g}") for name, error in shown.items()},
                    "‖Q(x) − x‖² / ‖x‖²",
                    (best, best_of_four),
                ),
                finding,
            ),
        ),
        finding=finding,
    )


LESSON = Lesson(
    number=1,
    title="Numbers and formats",
    question="What is lost when a number gets 8 bits instead of 32, and what is gained?",
    goals=(
        "Derive largest number, smallest number and unit roundoff of a format from (t, e).",
        "Round a number to a small format by hand.",
        "Say when integers and when floating-point numbers of equal size serve a tensor better.",
        "Quote by how much small numbers save energy, area and traffic, and where that is from.",
    ),
    minutes=40,
    terms=("fp32",),
    parts=(
        Text(
            "A computer has a finite number of numbers. A **floating-point format** spends its bits on three things: one on "
            "the sign, $e$ on the **exponent**, which says how large a number is, and the rest on the **significand**, its "
            "leading binary digits. The first digit of a normal number is always 1 and is not stored, so $t$ digits take "
            "$t - 1$ bits. Between two powers of two the numbers lie evenly; at each power of two their distance doubles."
        ),
        Experiment(
            key="line",
            title="The numbers of a small format",
            try_this="Drag the point x along the line. Then trade a digit for a bit of exponent, and look again.",
            controls=(
                Slider("x", "Point x", 0.0, 32.0, 5.3, 0.05),
                Slider("digits", "Significant digits t", 1, 5, 3),
                Slider("exponent", "Bits of exponent e", 2, 5, 3),
                Choice("end", "Show up to", (2, 8, 32), 8),
            ),
            compute=_line,
        ),
        Text(
            "From $(t, e)$ everything follows. With $e_{\\max} = 2^{e-1} - 1$ and $e_{\\min} = 1 - e_{\\max}$,\n\n"
            "$$\\text{largest} = 2^{e_{\\max}}\\,(2 - 2^{1-t}), \\qquad \\text{smallest normal} = 2^{e_{\\min}}, \\qquad "
            "\\text{smallest} = 2^{e_{\\min} + 1 - t}.$$\n\n"
            "Rounding to nearest moves a number by at most half the distance of its neighbours, so\n\n"
            "$$\\frac{|\\operatorname{fl}(x) - x|}{|x|} \\le u = 2^{-t},$$\n\n"
            "the **unit roundoff**, for every $x$ between the smallest normal and the largest number. Below it, *subnormal* "
            "numbers fill the gap to zero evenly. **e4m3** and **e5m2** are named by their exponent bits and *stored* digits "
            "(the mantissa): e5m2 has $t = 3$. e4m3, as the Open Compute Project (OCP) fixed it, gives up infinity and "
            "reaches 448 where the rule has 240."
        ),
        Notice(
            "The relative error stays below $u$ wherever you drag the point, until it comes below the smallest normal number. "
            "With integers it is the absolute error that stays the same."
        ),
        Experiment(
            key="table",
            title="The lecture's table, and a format of your own",
            try_this="Find bf16: the range of FP32 with as few digits as fit into 16 bits. The numbers are below the picture.",
            controls=(
                Slider("t", "Significant digits t", 2, 53, 8),
                Slider("e", "Bits of exponent e", 2, 8, 5),
            ),
            compute=_table,
        ),
        Code(
            "from explorer.lessons import formats\n\n"
            "for of in (formats.FP16, formats.BF16, formats.E4M3, formats.E5M2):\n"
            "    print(formats.row(of))"
        ),
        Exercise(
            id="1.1",
            prompt="What is the unit roundoff $u$ of bf16, which stores 7 digits of the significand?",
            answer=Number(
                lambda: float(BF16.roundoff),
                tolerance=1e-6,
                traps=(
                    Trap(
                        2.0**-7,
                        "The hidden digit counts, too: t = 8. (2^−7 is the distance of neighbours at 1.)",
                    ),
                    Trap(2.0**-9, "One digit too many: the hidden one and seven stored ones make eight."),
                ),
            ),
            hints=("How many significant digits are there with the hidden one?",),
            solution="$t = 8$, so $u = 2^{-8} = 1/256 \\approx 3.9 \\cdot 10^{-3}$: two to three decimal digits.",
            code="answer = 2.0**-8",
        ),
        Exercise(
            id="1.2",
            prompt="What is the largest number of e5m2 ($t = 3$, $e = 5$)?",
            answer=Number(
                lambda: float(E5M2.largest),
                traps=(
                    Trap(65536.0, "2^16 is the next power of two, one step beyond the largest number."),
                    Trap(32768.0, "That is the last power of two; its digits can still be 1.11."),
                    Trap(65504.0, "That is fp16, which has eight digits more."),
                    Trap(114688.0, "The highest exponent is kept for infinity and NaN: e_max is 15."),
                ),
            ),
            hints=("e_max = 2⁴ − 1 = 15.", "The largest significand is binary 1.11, which is 1.75."),
            solution="$2^{15} \\cdot (2 - 2^{-2}) = 32768 \\cdot 1.75 = 57344$.",
            code="answer = 2**15 * (2 - 2**-2)",
        ),
        Exercise(
            id="1.3",
            prompt="300 is stored in e5m2, rounded to nearest. Which number is stored?",
            answer=Number(
                lambda: float(formats.nearest(torch.tensor([300.0], dtype=torch.float64), E5M2)[0]),
                traps=(
                    Trap(256.0, "256 is a neighbour, but it is farther away than the other one."),
                    Trap(300.0, "Three binary digits do not suffice: 300 = 2^8 · 1.0010110 in binary."),
                    Trap(304.0, "That has four digits: 2^8 · 1.0011."),
                ),
            ),
            hints=("Between 256 and 512 the significand is 1.00, 1.01, 1.10 or 1.11.",),
            solution="The numbers from 256 on are 256, 320, 384, 448. 300 lies 44 above 256 and 20 below 320: 320.",
            code="answer = 320",
        ),
        Text(
            "## Which 8 bits for a tensor?\n\n"
            "Stretch a tensor so that its largest magnitude is the largest number of the format, round, and shrink it back. "
            "An *integer* spends its 256 values evenly, a *floating-point* number of 8 bits spends half of them below 1/64 "
            "of its range or less. Which is better depends on how the values are spread."
        ),
        Experiment(
            key="tensor",
            title="Formats on a real network",
            try_this="Compare weights with activations, and 8 bits with 4.",
            controls=(
                Choice("layer", "Layer of the ResNet-20", _LAYERS, "layer1.0.conv1"),
                Choice("of", "Tensor", ("weights", "inputs"), "weights"),
            ),
            compute=_tensor,
        ),
        Notice(
            "The wider the tails (a few values far larger than the rest), the better floating point does. Rounding is all "
            "there is here; where to clip is lesson 2."
        ),
        Text(
            "## What it saves\n\n"
            "The silicon of a multiplier grows with the square of the digits it multiplies, and moving a number costs more "
            "than computing with it. The figures are published ones, for a process of 45 nm (Horowitz 2014), and are shown "
            "in the lecture."
        ),
        Experiment(
            key="cost",
            title="Energy and area of one operation",
            try_this="Compare an addition with a multiplication; then look at where the data come from.",
            controls=(
                Choice("operation", "Operation", ("add", "multiply"), "multiply"),
                Choice("measure", "Measure", ("energy", "area"), "energy"),
            ),
            compute=_cost,
        ),
        Exercise(
            id="1.4",
            prompt="By these figures, how many multiply-adds of int8 does the energy of one FP32 multiply-add buy? (Take the "
            "int8 addition for the sum.)",
            answer=Number(
                lambda: (
                    (formats.ENERGY["multiply"]["fp32"] + formats.ENERGY["add"]["fp32"])
                    / (formats.ENERGY["multiply"]["int8"] + formats.ENERGY["add"]["int8"])
                ),
                tolerance=0.05,
                traps=(
                    Trap(18.5, "That is the multiplication alone; add the addition."),
                    Trap(30.0, "That is the addition alone; add the multiplication."),
                    Trap(48.5, "Ratios of parts do not add up: add the energies first, then divide."),
                    Trap(4.0, "That is how many times fewer bits there are; energy falls by more."),
                ),
            ),
            hints=("(3.7 + 0.9) pJ over (0.2 + 0.03) pJ.",),
            solution="$(3.7 + 0.9) / (0.2 + 0.03) = 4.6 / 0.23 = 20$.",
            code="answer = (3.7 + 0.9) / (0.2 + 0.03)",
        ),
        Exercise(
            id="1.5",
            prompt="Why is bf16 often preferred to fp16 for training, though it has fewer digits?",
            answer=OneOf(
                "Its range is that of FP32, so gradients neither overflow nor vanish",
                {
                    "It takes fewer bits": f"Both take {FP16.bits} bits.",
                    "Its unit roundoff is smaller": "It is eight times larger: t = 8 against 11.",
                    "It has no subnormal numbers": "It has; and they are not what makes the difference.",
                },
            ),
            hints=("Compare the two bars of the table.",),
            solution="bf16 has the 8 exponent bits of FP32. fp16 ends at 65504 and at $6 \\cdot 10^{-5}$, so that a loss has "
            "to be scaled to keep gradients in range.",
            code='answer = "Its range is that of FP32, so gradients neither overflow nor vanish"',
        ),
        InTheApp("frontier", "Let every layer have the bits that it needs", "fashion-resnet20"),
        Sources(
            (
                Source(
                    "Riccietti and Mary, Neural Networks compression (lecture)",
                    "“Low precision formats”, “Benefits”",
                ),
                Source("IEEE Standard for Floating-Point Arithmetic, IEEE 754-2019", "section 3.3"),
                Source("OCP 8-bit Floating Point Specification (OFP8), revision 1.0", "section 5"),
                Source(
                    "Horowitz, Computing's Energy Problem (and what we can do about it), ISSCC 2014",
                    "figure 1.1.9",
                ),
            )
        ),
    ),
)
