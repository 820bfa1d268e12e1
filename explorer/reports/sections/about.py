"""The study: what the network is, what it was measured on, and what the words of a report mean."""

from explorer.figures.look import bytes_text, count_text, percent_text
from explorer.jobs import answers
from explorer.plans import fp32_bytes
from explorer.questions import EvaluateQuestion
from explorer.reports.material import Material
from explorer.reports.page import Part, Section, Table, Words
from explorer.studies import Study

GLOSSARY = (
    (
        "quantization",
        "Storing numbers with few bits: each is rounded to the nearest of a few evenly spaced values.",
    ),
    (
        "FP32",
        "The trained network in floating-point numbers of 32 bits, with which everything is compared.",
    ),
    ("block", "The unit that gets one bit width: a layer, or the layers of a module together."),
    (
        "plan",
        "A bit width for the weights of every block, and one for its activations (what it reads). W4 A8 is 4 bits for "
        "weights and 8 for activations.",
    ),
    (
        "± and s.e.",
        "One standard error: how far an estimate is usually off, because it was made from finitely many samples. Of two "
        "values less than two standard errors of their difference apart it cannot be said which is larger.",
    ),
    (
        "Hessian trace",
        "How strongly the loss curves when a block's weights move: a block with a large trace is sensitive to rounding.",
    ),
    (
        "Ω, predicted damage",
        "How much rounding is expected to raise the loss, summed over the blocks, from curvature alone.",
    ),
    ("frontier", "The plans that no other plan beats in both size and predicted damage."),
)


def section(of: Material) -> Section:
    """Facts of the network and its data, and the glossary."""
    study = of.study
    facts: list[tuple[str, str]] = [
        ("Study", study.name),
        ("Network", study.card.title),
        ("Blocks", f"{len(of.blocks)}, with {count_text(sum(b.weights for b in of.blocks))} weights"),
        ("Size of the weights in FP32", bytes_text(fp32_bytes(of.blocks))),
    ]
    runs: tuple[str, ...] = ()
    if isinstance(study, Study):
        noun, data = study.noun.many, study.data
        sizes = f"{data.size('train'):,} {study.training_name}, {data.size('test'):,} test {noun}"
        facts += [
            ("Data", sizes),
            ("Classes", ", ".join(data.classes)),
            ("Preprocessing", data.preprocessing),
        ]
        facts += [("Loss", study.loss.description)]
        full = answers.best(of.runs, study, EvaluateQuestion())
        if full is not None:
            value, runs = full.result, (full.run.id,)
            if value.accuracy is not None:
                told = percent_text(value.accuracy, value.accuracy_stderr)
                facts.append((f"FP32 {study.metric.name} on the test {noun}", told))
            facts.append((f"FP32 loss on the test {noun}", f"{value.loss:.4f} ± {value.loss_stderr:.4f}"))
    card = study.card
    facts += [(name[:1].upper() + name[1:], value) for name, value in card.facts.items()]
    facts += [("Source", card.source), ("Licence", card.licence)]
    parts: list[Part] = [Words(card.summary)] if card.summary else []
    if study.remark:
        parts.append(Words(f"To be known before trusting a number: {study.remark}"))
    parts.append(Table(("", "what it is"), tuple((name, value) for name, value in facts if value)))
    parts.append(Table(("word", "what it means here"), GLOSSARY))
    return Section("study", "The network and its data", tuple(parts), runs)
