"""Choice of the method that is right for this network and loss, with the reason in words."""

from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.curvature.estimators import output_probes
from explorer.curvature.operators.activation_forms import unit_vectors
from explorer.curvature.operators.output_hessian import known, roots
from explorer.curvature.operators.piecewise import curved
from explorer.curvature.operators.sample_gradients import SampleGradients
from explorer.curvature.operators.subject import Subject, single_tensor
from explorer.curvature.operators.weight_forms import full_loss, linearised_loss, quadratic_forms
from explorer.errors import CurvatureError, NoSampleGradients, TooManyOutputs
from explorer.questions.traces import Of, TraceMethod
from explorer.randomness import Stream, drawn_rows, generator

UNIT_PRODUCTS = 20_000
_BYTES = 256 * 2**20
_CHECKED = 3
_LOOKED_AT = 16  # samples that differ in size


@dataclass(frozen=True)
class Choice:
    """Decision on the method.

    Attributes:
        method: ``exact``, ``output-probes`` or ``hutchinson``.
        why: sentences for the note.
        curved: indices of the weights in which the outputs are not piecewise linear.
    """

    method: str
    why: str
    curved: frozenset[int] = frozenset()

    def mask(self, subject: Subject) -> Tensor:
        """1 for every block with a curved weight, (blocks,) float64."""
        flags = torch.zeros(len(subject.weights), dtype=torch.float64)
        flags[sorted(self.curved)] = 1
        return (subject.per_block(flags) > 0).double()


def decide(subject: Subject, engine: SampleGradients, method: TraceMethod) -> Choice:
    """Choice of a method after a look at the network and its loss.

    Raises:
        CurvatureError: the method asked for cannot be done, or the network cannot be differentiated.
    """
    if method == "hutchinson":
        return Choice("hutchinson", "Hessian-vector products of the loss, as asked.")
    inputs, targets = subject.batch(subject.few(2))
    try:
        with torch.no_grad():
            outputs = single_tensor(subject.model(inputs))
            if subject.ragged and not known(subject.loss, outputs):
                _of_one_number(subject)
            roots(subject.loss, outputs, targets)
    except CurvatureError as error:
        return instead(error, method)
    try:
        output_probes.check(subject, engine)
    except NoSampleGradients as error:
        return instead(error, method)
    outputs, variables = engine.nodes(inputs)
    found = frozenset(int(name) for name in curved(outputs, variables))
    if not found and engine.of == "weights":
        found = _contradicting(subject)
    picked = "exact" if method == "exact" else "output-probes"
    how = "by torch.func" if engine.mapped else "one sample after the other"
    slow = (
        f" {_names(subject, engine.looped)} sample by sample, {how} (used in an unusual way)."
        if engine.looped
        else ""
    )
    if not found:
        why = "The network is piecewise linear in every block, so Gauss-Newton is the whole Hessian."
        return Choice(picked, why + slow)
    why = f"Gauss-Newton leaves a remainder: the network is not piecewise linear in {_names(subject, found)}."
    return Choice(picked, why + slow, found)


def instead(error: CurvatureError, method: TraceMethod) -> Choice:
    """Hessian-vector products where the method of choice cannot be done, and why.

    Raises:
        CurvatureError: another method was asked for.
    """
    if method != "auto":
        raise CurvatureError(f"{error}; use the method hutchinson") from error
    return Choice("hutchinson", f"Hessian-vector products of the loss, because {error}.")


def gauss_newton_blocks(subject: Subject, engine: SampleGradients) -> tuple[frozenset[int], bool]:
    """Blocks whose whole Hessian is Gauss-Newton's, and whether the roots of the loss's Hessian are known.

    Those are the blocks of one weight in which the outputs are piecewise linear, its gradients told apart by sample:
    between several weights the mixed derivatives do not vanish.

    Raises:
        CurvatureError: the network cannot be differentiated.
    """
    choice = decide(subject, engine, "auto")
    if choice.method == "hutchinson":
        return frozenset(), False
    weights: dict[int, list[int]] = {}
    for i, weight in enumerate(subject.weights):
        weights.setdefault(weight.block, []).append(i)
    unusual = choice.curved | engine.looped
    return frozenset(block for block, own in weights.items() if len(own) == 1 and own[0] not in unusual), True


def unit_products_refused(subject: Subject, choice: Choice, of: Of) -> None:
    """Refuse ``exact`` where the remainder would need too many Hessian-vector products."""
    if of == "weights":
        count = sum(subject.weights[i].parameter.numel() for i in choice.curved)
    else:
        count = unit_vectors(subject, sorted(choice.curved))
    if count > UNIT_PRODUCTS:
        raise CurvatureError(
            f"exact would need {count:,} Hessian-vector products (at most {UNIT_PRODUCTS:,}), because the "
            f"network is not piecewise linear in {_names(subject, choice.curved)}; use the method auto"
        )


def chunk_size(subject: Subject, asked: int | None = None, *, most: int = 64) -> int:
    """Samples at once: one where they differ in size, else as many as were asked for.

    When nothing was asked, as many (at most ``most``) as keep activations, gradients and the largest unfolded
    input near 256 MB.
    """
    if subject.ragged:
        return 1
    if asked:
        return asked
    floats, unfolded = 0, 0
    for block in subject.blocks:
        for layer in block.layers:
            size_in = int(torch.Size(layer.input_shape).numel())
            size_out = int(torch.Size(layer.output_shape).numel())
            floats += 3 * (size_in + size_out) * max(layer.calls, 1)
            taps = int(torch.Size(layer.shape[2:]).numel())
            unfolded = max(unfolded, 2 * taps * size_in)
    return max(1, min(most, _BYTES // (4 * max(1, floats + unfolded))))


def _of_one_number(subject: Subject) -> None:
    """Refuse outputs of which larger samples have more: what the loss's Hessian takes for one says nothing of others.

    Raises:
        TooManyOutputs: the first samples have different numbers of outputs.
    """
    first = torch.arange(min(_LOOKED_AT, subject.size)).split(1)
    counts = {single_tensor(subject.model(subject.batch(row)[0]))[0].numel() for row in first}
    if len(counts) > 1:
        raise TooManyOutputs(
            f"the loss {subject.loss.kind} has no known output Hessian and the network has {min(counts):,} to "
            f"{max(counts):,} outputs, more for larger samples"
        )


def _contradicting(subject: Subject) -> frozenset[int]:
    """All weights if the remainder's quadratic form, weight by weight, is not zero on a few."""
    source = generator(Stream.REMAINDER_CHECK, 0)
    positions = subject.few(8)
    shares = torch.full((len(positions),), 1 / len(positions), dtype=torch.float64)
    chosen = drawn_rows(len(subject.weights), _CHECKED, source).tolist()
    for i in chosen:
        parameter = subject.weights[i].parameter
        probe = [(torch.randint(0, 2, parameter.shape, generator=source) * 2 - 1).to(parameter)]
        remainder, whole = (
            quadratic_forms(subject, phi, positions, shares, probe, chunk=len(positions), only=[i])[i]
            for phi in (linearised_loss(subject), full_loss(subject))
        )
        if abs(remainder) > 1e-3 * abs(whole) + 1e-12:
            return frozenset(range(len(subject.weights)))
    return frozenset()


def _names(subject: Subject, indices: frozenset[int]) -> str:
    names = list(dict.fromkeys(subject.blocks[subject.weights[i].block].name for i in sorted(indices)))
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more blocks"
