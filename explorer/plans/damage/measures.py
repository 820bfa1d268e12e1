r"""Measures of damage that are computed from a network and its data, and the damage of its activations.

    "lambda-max"   Ω_i = λ_i ‖ΔW_i‖²          λ_i the largest eigenvalue of H_i  (HAWQ, section 3)
    "product"      Ω_i = ΔW_i · H_i ΔW_i      what trace and λ_i stand for       (HAWQ-V2, section 2.2, Lemma 1)

with ΔW_i = Q(W_i) − W_i at the block's width and H_i the Hessian of the mean training loss. As in Ω of HAWQ-V2
the factor ½ of the Taylor expansion is left out. λ_i is found on rows drawn uniformly; its standard error is the
sampling error with the eigenvector held fixed (`curvature.eigenresult`), and moves all widths of a block together.
The products come with the standard error over the rows drawn (`curvature.perturbations`); all widths of all
blocks share the rows, so the table has the correlations of their errors too.

Set B sorts blocks by sensitivity: λ_i/n_i for λ_i (HAWQ's S_i), and for the products the curvature along the
perturbation, ΔW·HΔW/‖ΔW‖², averaged over the widths.

Activations (HAWQ-V2, section 2.2; a_j is the input of block j):

    Ω^a_j = T̄_j · mean over inputs of ‖Q(a_j) − a_j‖²,    T̄_j the mean trace of the activations' Hessian,

with the steps that calibration chooses, and the error measured on rows drawn for it. It costs a calibration for
each width and one forward pass over those rows. Their sampling error is added to that of the trace, in quadrature.

Beside the products of the weights stands the same form of the activations' own errors (`curvature.input_forms`),

    Ω^a_j = E [Δa_jᵀ J_jᵀ H_L J_j Δa_j],    Δa_j = Q(a_j) − a_j,

so that both parts of a plan's Ω are twice the rise of the loss to second order: the trace would leave out, of the
activations alone, that errors lie in directions of more than average curvature.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from math import hypot, isfinite
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from explorer.blocks import Block
from explorer.curvature.input_forms import DRAWS, input_forms
from explorer.curvature.operators.hessian import hessian_rows
from explorer.curvature.perturbations import Changes, perturbation_forms
from explorer.curvature.spectra.eigenpairs import Eigenvalues, eigenvalues
from explorer.errors import PlanError
from explorer.estimates import means
from explorer.plans.costs.tables import FULL_PRECISION
from explorer.plans.damage.correlations import Correlations
from explorer.plans.damage.network_errors import network_errors
from explorer.plans.damage.omega import DamageTable, damage_table
from explorer.quantizers.calibration import input_affines
from explorer.quantizers.layers import places
from explorer.quantizers.settings import ACTIVATIONS, WEIGHTS, QuantizerSettings
from explorer.quantizers.uniform import fake_quantize
from explorer.quantizers.weights import quantize_weight
from explorer.questions.damage import EIGEN_ROWS
from explorer.studies.calibration import calibration_batches
from explorer.studies.study import Study
from explorer.watching import UNWATCHED, Watcher

if TYPE_CHECKING:
    from explorer.curvature.result import Traces

Measured = Literal["lambda-max", "product"]
ByBits = dict[str, dict[int, float]]

ACTIVATION_ROWS = 256
_BATCH = 64


def measured_damage(
    study: Study,
    measure: Measured,
    blocks: Sequence[Block],
    bits: Iterable[int],
    *,
    quantizer: QuantizerSettings = WEIGHTS,
    samples: int | None = None,
    seed: int = 0,
    watcher: Watcher = UNWATCHED,
) -> DamageTable:
    """Ω of every block at every width by a measure of the network itself.

    Args:
        samples: training rows drawn, else as many as are usual for the measure.
        watcher: told how far it is; keeps the eigenvalues found, to go on after them.

    Raises:
        CurvatureError: a value is not finite.
        Stopped: the watcher asked for it.
    """
    if measure == "product":
        return product_damage(
            study, blocks, bits, quantizer=quantizer, samples=samples, seed=seed, watcher=watcher
        )
    found = largest_eigenvalues(study, blocks, samples=samples or EIGEN_ROWS, seed=seed, watcher=watcher)
    return eigenvalue_damage(study, found, blocks, bits, quantizer)


def largest_eigenvalues(
    study: Study,
    blocks: Sequence[Block],
    *,
    samples: int = EIGEN_ROWS,
    seed: int = 0,
    watcher: Watcher = UNWATCHED,
) -> Eigenvalues:
    """The largest eigenvalue of every block's Hessian.

    Raises:
        CurvatureError: a value is not finite.
        Stopped: the watcher asked for it; it kept what was found.
    """
    return eigenvalues(
        study,
        k=1,
        whole=False,
        samples=samples,
        seed=seed,
        blocks=tuple(blocks),
        held_out=0,
        kept=0,
        watcher=watcher,
    )


def eigenvalue_damage(
    study: Study,
    eigenvalues: Eigenvalues,
    blocks: Sequence[Block],
    bits: Iterable[int],
    quantizer: QuantizerSettings = WEIGHTS,
) -> DamageTable:
    """λ_i‖ΔW_i‖² from eigenvalues, the largest of each block first; those of other blocks are left out.

    Raises:
        PlanError: a block has no eigenvalue.
    """
    known = {pairs.block: pairs for pairs in eigenvalues.found}
    missing = [block.name for block in blocks if block.name not in known]
    if missing:
        raise PlanError(
            f"no eigenvalue of {missing[0]} is known; compute those of every block, at the same granularity"
        )
    errors = {block.name: known[block.name].stderrs[0] for block in blocks}
    table = damage_table(
        {block.name: known[block.name].values[0] for block in blocks},
        network_errors(study, blocks, bits, quantizer),
        stderr={name: error if isfinite(error) else 0.0 for name, error in errors.items()},
    )
    sizes = {block.name: block.weights for block in blocks}
    return replace(table, sensitivity={name: λ / sizes[name] for name, λ in table.sensitivity.items()})


def product_damage(
    study: Study,
    blocks: Sequence[Block],
    bits: Iterable[int],
    *,
    quantizer: QuantizerSettings = WEIGHTS,
    samples: int | None = None,
    seed: int = 0,
    rel_se: float | None = None,
    proposal: Tensor | None = None,
    watcher: Watcher = UNWATCHED,
) -> DamageTable:
    """ΔW·HΔW of every block at every width, each with its standard error, and how those go together.

    Args:
        samples: training rows drawn, with repetition; at most, if there is a ``rel_se``. Else as `perturbation_forms`.
        rel_se: end when every figure has this relative standard error.
        proposal: what the traces' draws were made with, which saves a pass over the data; see `perturbation_forms`.
        watcher: told how far it is; may stop before every few samples.

    Raises:
        CurvatureError: as `perturbation_forms`.
        Stopped: the watcher asked for it.
    """
    widths = sorted(set(bits) - {FULL_PRECISION})
    errors = network_errors(study, blocks, widths, quantizer)
    forms = perturbation_forms(
        study,
        [weight_changes(study.model(), blocks, width, quantizer) for width in widths],
        blocks=tuple(blocks),
        samples=samples,
        seed=seed,
        rel_se=rel_se,
        proposal=proposal,
        watcher=watcher,
    )
    values: ByBits = {}
    stderrs: ByBits = {}
    sensitivity = {}
    for place, name in enumerate(forms.blocks):
        values[name] = dict(zip(widths, forms.values[:, place].tolist(), strict=True))
        stderrs[name] = dict(zip(widths, forms.stderrs[:, place].tolist(), strict=True))
        along = [values[name][width] / error for width, error in errors[name].items() if error > 0]
        sensitivity[name] = sum(along) / max(len(along), 1)
        values[name][FULL_PRECISION] = 0.0
    figures = [(name, width) for width in widths for name in forms.blocks]
    together = Correlations.of_draws(figures, forms.draws.flatten(1).numpy())
    return DamageTable(values, sensitivity, stderrs, correlations=together)


def activation_damage(
    study: Study, traces: "Traces", blocks: Sequence[Block], bits: Iterable[int], *, seed: int = 0
) -> tuple[ByBits, ByBits]:
    """Ω^a of every block's input at every width, and its standard error, both block to bits to number.

    Args:
        traces: of the activations of the same blocks.
        seed: of the rows on which the errors are measured.

    Raises:
        PlanError: the traces lack a block, or one is not finite.
    """
    widths = sorted(set(bits) - {FULL_PRECISION})
    known = {trace.name: trace for trace in traces.blocks}
    for block in blocks:
        if block.name not in known or not torch.isfinite(torch.tensor(known[block.name].trace)):
            raise PlanError(
                f"no finite trace of the activations of {block.name} is given; compute the traces again, at the "
                "same granularity"
            )
    errors = _activation_errors(study, blocks, widths, seed)
    values: ByBits = {}
    stderrs: ByBits = {}
    for place, block in enumerate(blocks):
        trace, own = known[block.name], errors[:, :, place]
        each, errors_of_mean = means(own.T)
        mean = dict(zip(widths, each.tolist(), strict=True))
        spread = errors_of_mean if own.shape[1] > 1 else torch.zeros(len(widths))
        values[block.name] = {width: trace.mean_trace * error for width, error in mean.items()}
        stderrs[block.name] = {
            width: hypot(trace.mean_stderr * mean[width], trace.mean_trace * float(noise))
            for width, noise in zip(widths, spread, strict=True)
        }
    return values, stderrs


def activation_products(
    study: Study,
    blocks: Sequence[Block],
    bits: Iterable[int],
    *,
    samples: int | None = None,
    seed: int = 0,
    proposal: Tensor | None = None,
    watcher: Watcher = UNWATCHED,
) -> tuple[ByBits, ByBits]:
    """The quadratic form of the error of every block's input at every width, and its standard error.

    Args:
        samples: training rows drawn, with repetition.
        proposal: what the traces' draws were made with, which saves a pass over the data.
        watcher: told how far it is; may stop before every few samples.

    Raises:
        CurvatureError: as `input_forms`.
        Stopped: the watcher asked for it.
    """
    widths = sorted(set(bits) - {FULL_PRECISION})
    affines, owner = _input_steps(study, blocks, widths)

    def change(name: str, x: Tensor) -> Tensor:
        return torch.stack([fake_quantize(x, affines[name][width]) - x for width in widths])

    forms = input_forms(
        study,
        {name: owner[name] for name in affines},
        change,
        len(widths),
        blocks=tuple(blocks),
        samples=samples or DRAWS,
        seed=seed,
        proposal=proposal,
        watcher=watcher,
    )
    tables = []
    for figures in (forms.values, forms.stderrs):
        rows = figures.T.tolist()
        tables.append(
            {name: dict(zip(widths, row, strict=True)) for name, row in zip(forms.blocks, rows, strict=True)}
        )
    return tables[0], tables[1]


def weight_changes(
    model: nn.Module, blocks: Sequence[Block], width: int, quantizer: QuantizerSettings
) -> Changes:
    """Q(W) − W of every layer."""
    found = {}
    for block in blocks:
        for layer in block.layers:
            weight = model.get_parameter(layer.parameter).detach()
            found[layer.parameter] = (
                quantize_weight(weight, width, quantizer, axis=layer.output_axis) - weight
            )
    return found


def _input_steps(
    study: Study, blocks: Sequence[Block], widths: Sequence[int]
) -> tuple[dict[str, dict[int, Any]], dict[str, int]]:
    """The step of each module's input at each width, as calibration chooses it; and each module's block."""
    model = study.model()
    calibration = calibration_batches(study)
    layers = {layer.name: place for place, block in enumerate(blocks) for layer in block.layers}
    affines: dict[str, dict[int, Any]] = {}
    owner: dict[str, int] = {}
    for width in widths:
        where = places(model, dict.fromkeys(layers, (FULL_PRECISION, width)))
        by_weight = {place.weight: layers[place.name] for place in where if place.name in layers}
        for name, affine in input_affines(model, where, calibration, ACTIVATIONS).items():
            affines.setdefault(name, {})[width] = affine
        owner |= {place.name: by_weight[place.weight] for place in where}
    return affines, owner


def _activation_errors(study: Study, blocks: Sequence[Block], widths: Sequence[int], seed: int) -> Tensor:
    """‖Q(a) − a‖² of one sample, summed over a block's layers and their uses, (widths, rows, blocks) float64."""
    model = study.model()
    affines, owner = _input_steps(study, blocks, widths)
    rows = hessian_rows(study.data.size("train"), ACTIVATION_ROWS, seed)
    parts = []
    for batch in rows.split(1 if study.data.ragged else _BATCH):
        found = torch.zeros(len(widths), len(batch), len(blocks), dtype=torch.float64)

        def watch(name: str, found: Tensor = found) -> Callable[[nn.Module, Any, Any], None]:
            def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
                x = args[0] if args else kwargs["input"]
                for k, width in enumerate(widths):
                    off = (fake_quantize(x, affines[name][width]) - x).double().square()
                    found[k, :, owner[name]] += off.reshape(found.shape[1], -1).sum(1)

            return hook

        handles = [
            model.get_submodule(name).register_forward_pre_hook(watch(name), with_kwargs=True)
            for name in affines
        ]
        try:
            with torch.no_grad():
                model(study.data.inputs("train", batch))
        finally:
            for handle in handles:
                handle.remove()
        parts.append(found)
    return torch.cat(parts, 1)
