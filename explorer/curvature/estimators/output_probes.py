r"""Traces from random signs at the network's outputs: one forward and one backward pass for all blocks.

Where the outputs are piecewise linear in block l (`piecewise`), its Hessian is H_l = N^-1 sum_n J_n^T S_n
S_n^T J_n with S_n S_n^T the Hessian of sample n's loss with respect to the outputs (`output_hessian`). So

    Tr(H_l) = E |J_n^T S_n z|^2 / (N q_n)   for signs z, n drawn with probability q_n

and the squared norms of all blocks come from one backward pass (`sample_gradients`). At a converged network
one sample in a hundred carries most of the trace, so samples are drawn with q_n proportional to
0.95 Tr(S_n S_n^T) + 0.05 of its mean, after one forward pass over all N. Draws are independent: the standard
error covers the probes and the choice of samples. With many classes the signs are drawn along directions in which the
outputs answer to the weights (`response_signs`). (`exact` sums over all samples and output directions instead.)
"""

from collections.abc import Callable

import torch
from torch import Tensor

from explorer.curvature.estimators.response_signs import signs, signs_along
from explorer.curvature.operators.output_hessian import roots
from explorer.curvature.operators.sample_gradients import SampleGradients
from explorer.curvature.operators.structured import sample_rows
from explorer.curvature.operators.subject import Subject, single_tensor
from explorer.curvature.operators.weight_forms import check_finite, output_gradient
from explorer.errors import CurvatureError, ExplorerError, NoSampleGradients
from explorer.randomness import Stream, generator
from explorer.studies.data.samples import samples_in
from explorer.watching import Watcher

DEFENSIVE = 0.05
PER_ROUND = 64
LEAST_DRAWS = 256
DEFAULT_DRAWS = 32_768


def scores(
    subject: Subject,
    *,
    batch: int,
    report: Callable[[float], None],
    is_over: Callable[[], bool],
) -> tuple[Tensor, Tensor] | None:
    """Tr(H_L) and the gradient's norm at the outputs for every sample, two (N,) float64; None when over.

    Args:
        report: told the share of the samples that is done, after each batch.
        is_over: whether to end here, asked before every batch; may raise.

    Raises:
        CurvatureError: an output is not finite.
    """
    curvature, slope = [], []
    done = 0
    for positions, inputs, targets in subject.chunks(torch.arange(subject.size), batch):
        if is_over():
            return None
        with torch.inference_mode():
            outputs = single_tensor(subject.model(inputs)).clone()
        outputs = torch.as_tensor(outputs.cpu().numpy()).to(subject.device)  # out of inference mode
        if not torch.isfinite(outputs).all():
            raise not_finite(subject, inputs)
        curvature.append(sum(root.trace for root in roots(subject.loss, outputs, targets)))
        slope.append(sample_rows(output_gradient(subject, outputs.double(), targets)).norm(dim=1))
        done += len(positions)
        report(done / subject.size)
    return torch.cat(curvature).cpu(), torch.cat(slope).cpu()  # type: ignore[arg-type]


def proposals(subject: Subject, *, batch: int, watcher: Watcher, share: float) -> tuple[Tensor, Tensor]:
    """With which probability each sample is drawn, by the curvature and by the slope at the outputs, two (N,).

    Args:
        watcher: told how far it is; may stop before every batch.
        share: of the whole work.

    Raises:
        CurvatureError: an output is not finite.
        Stopped: the watcher asked for it.
    """

    def is_over() -> bool:
        watcher.check_stop()
        return False

    scored = scores(
        subject,
        batch=batch,
        report=lambda done: watcher.report(share * done, f"scoring {subject.size} samples"),
        is_over=is_over,
    )
    assert scored is not None
    curvature, slope = map(proposal, scored)
    return curvature, slope


def proposal(score: Tensor) -> Tensor:
    """q_n: proportional to the score, mixed with a little of the uniform distribution."""
    mean = score.mean()
    if not mean > 0:
        return torch.full_like(score, 1 / len(score))
    q = (1 - DEFENSIVE) * score + DEFENSIVE * mean
    return q / q.sum()


def draws(
    subject: Subject,
    engine: SampleGradients,
    q: Tensor,
    *,
    seed: int,
    first: int,
    count: int,
    chunk: int,
    among: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Independent draws ``first .. first + count - 1`` of all blocks' traces.

    Args:
        among: responses that signs are drawn along, see `response_signs`.

    Returns:
        which samples were drawn, (count,), and the values, (count, blocks) float64. With inputs of different
        sizes, activations have as many columns again: the mean traces, normalised input by input.
    """
    source = generator(Stream.OUTPUT_PROBE_SAMPLES, seed, first)
    positions = torch.multinomial(q, count, replacement=True, generator=source)
    signs_seed = generator(Stream.OUTPUT_PROBE_SIGNS, seed, first)
    values = []
    for part, inputs, targets in subject.chunks(positions, chunk):
        outputs = engine.forward(inputs)
        norms = _signed_norms(engine, subject, inputs, outputs, targets, signs_seed, among)
        values.append(columns(subject, engine, norms / (subject.size * q[part, None])))
    return positions, torch.cat(values)


def check(subject: Subject, engine: SampleGradients) -> None:
    """Let the engine compare itself with ordinary gradients on three samples.

    Raises:
        NoSampleGradients: an operator does not let itself be differentiated sample by sample.
        CurvatureError: an output is not finite, or does not depend on a block.
    """
    inputs, _ = subject.batch(subject.few(3))
    with torch.no_grad():
        outputs = single_tensor(subject.model(inputs))
    if not torch.isfinite(outputs).all():
        raise not_finite(subject, inputs)
    width = outputs[0].numel()
    drawn = signs(samples_in(inputs), width, generator(Stream.OUTPUT_PROBE_CHECK, 0))
    try:
        engine.check(inputs, drawn.to(subject.device))
    except ExplorerError:
        raise
    except Exception as error:  # operators of a person's own may raise anything where they are differentiated
        said = (str(error).strip().splitlines() or [""])[0].rstrip(".;")
        raise NoSampleGradients(
            f"gradients of single samples cannot be had from this network ({type(error).__name__}: {said})"
        ) from error


def not_finite(subject: Subject, inputs: Tensor) -> CurvatureError:
    """Error for outputs that are not finite, naming the first block whose output is not."""
    names: list[str] = []
    handles = []
    for weight in subject.weights:
        block = subject.blocks[weight.block].name

        def look(_module: object, _args: object, output: Tensor, block: str = block) -> None:
            if torch.is_tensor(output) and not torch.isfinite(output).all():
                names.append(block)

        handles += [module.register_forward_hook(look) for module in weight.modules]
    try:
        with torch.no_grad():
            subject.model(inputs)
    finally:
        for handle in handles:
            handle.remove()
    where = f"block {names[0]}: its output is" if names else "the network's outputs are"
    return CurvatureError(f"{where} not finite on the training data; check the weights and the data")


def columns(subject: Subject, engine: SampleGradients, values: Tensor) -> Tensor:
    """Values of blocks from those of weights; with inputs of different sizes, activations' mean traces beside them."""
    blocks = subject.per_block(values)
    if not subject.ragged or engine.of == "weights":
        return blocks
    sizes = subject.per_block(engine.sizes.double()).clamp(min=1)
    return torch.cat([blocks, blocks / sizes], 1)


def _signed_norms(
    engine: SampleGradients,
    subject: Subject,
    inputs: Tensor,
    outputs: Tensor,
    targets: Tensor,
    source: torch.Generator,
    among: Tensor | None,
) -> Tensor:
    found = roots(subject.loss, outputs, targets)
    total = torch.zeros(samples_in(inputs), len(subject.weights), dtype=torch.float64)
    if among is None:
        drawn = signs(samples_in(inputs), outputs[0].numel(), source).to(subject.device)
    else:
        drawn = signs_along(found[0], samples_in(inputs), among, source)
    for i, root in enumerate(found):
        vectors = root.times(drawn).unsqueeze(0)
        total += root.sign * engine.squared_norms(inputs, outputs, vectors, again=i + 1 < len(found))
    check_finite(subject, total)
    return total
