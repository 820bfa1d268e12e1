"""The outcome in a few sentences, for who reads nothing else."""

from math import hypot

from explorer.blocks import Block
from explorer.estimates import within_noise
from explorer.figures.look import bytes_text, percent_text
from explorer.jobs import answers
from explorer.jobs.telling import candidates
from explorer.jobs.telling.candidates import Candidate, Quantity
from explorer.plans import Plan, compression, fp32_bytes, size_bytes
from explorer.questions import EvaluateQuestion
from explorer.reports.material import Absent, Material
from explorer.reports.page import Section, Words

_BEST: dict[Quantity, str] = {
    "accuracy": "The best {metric}",
    "size": "The smallest size",
    "omega": "The least predicted damage",
}


def section(of: Material) -> Section | Absent:
    """What the plan, or each of several, comes to."""
    if not of.plans:
        return Absent("A plan", "")
    if not of.comparison:
        return Section("short", "In short", tuple(Words(text) for text in _of_one(of)))
    sizes = [size_bytes(blocks, plan.w_bits) for plan, blocks in of.plans]
    text = (
        f"{len(of.plans)} plans of {bytes_text(min(sizes))} to {bytes_text(max(sizes))} are compared; the network has "
        f"{bytes_text(fp32_bytes(of.blocks))} in FP32."
    )
    return Section("short", "In short", (Words(text), *(Words(each) for each in _best(of))))


def _of_one(of: Material) -> list[str]:
    plan, blocks = of.plans[0]
    told = [_size(plan, blocks)]
    full = answers.best(of.runs, of.study, EvaluateQuestion()) if of.study.has_network else None
    measured = [each for each in of.candidates if "accuracy" in each.values]
    if full is None or full.result.accuracy is None or not measured:
        return told
    metric = of.study.metric.name
    reference, error = full.result.accuracy, full.result.accuracy_stderr or 0.0
    told.append(f"In FP32 the {metric} on the test samples is {percent_text(reference, error)}.")
    for each in measured:
        found = each.values["accuracy"]
        change, noise = found.value - reference, hypot(found.stderr, error)
        judged = (
            "within noise of FP32, so nothing can be said to be lost"
            if within_noise(change, noise)
            else f"{abs(change) * 100:.2f} ± {noise * 100:.2f} points {'above' if change > 0 else 'below'} FP32"
        )
        told.append(f"{_when(each)}: {percent_text(found.value, found.stderr)}, {judged}.")
    return told


def _size(plan: Plan, blocks: tuple[Block, ...]) -> str:
    said = []
    for what, bits in (("weights", plan.w_bits), ("activations", plan.a_bits)):
        low, high = min(bits.values()), max(bits.values())
        said.append(f"{what} {low} bits" if low == high else f"{what} {low} to {high} bits")
    return (
        f"The plan gives {' and '.join(said)} in {len(blocks)} blocks. Its packed weights take "
        f"{bytes_text(size_bytes(blocks, plan.w_bits))} instead of {bytes_text(fp32_bytes(blocks))}: "
        f"{compression(blocks, plan.w_bits):.2f} times smaller."
    )


def _when(one: Candidate) -> str:
    if one.deployed:
        return "As integer arithmetic computes it, without training"
    return {
        "plan": "Quantized without training",
        "evaluate": "Quantized without training",
        "finetune": f"After training under quantization (run {one.key.removeprefix('run:')[:6]})",
        "lapq": "Without training, with the step sizes of LAPQ",
        "choose": "As the search for the smallest plan measured it, without training",
    }[one.kind]


def _best(of: Material) -> list[str]:
    larger = of.study.metric.higher_is_better
    stands = candidates.standing(of.candidates, larger_is_better=larger)
    told = []
    for quantity, begun in _BEST.items():
        words = begun.format(metric=of.study.metric.name)
        best = [each for each in of.candidates if stands[each.key].get(quantity)]
        names = ", ".join(each.name for each in best)
        if len(best) == 1:
            told.append(f"{words}: {names}.")
        elif best:
            told.append(f"{words}: {names}, between which no difference can be told.")
        elif any(quantity in each.values for each in of.candidates):
            told.append(
                f"{words}: none stands out; the differences are within the errors, or there are none."
            )
    return told
