"""Damage measured on a network: eigenvalues, forms of the Hessian, and quantized activations."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad

from explorer.blocks import Block
from explorer.curvature import activation_traces, top_eigenpairs
from explorer.curvature.operators.output_hessian import output_hessians
from explorer.errors import PlanError
from explorer.plans import MEASURES, Budget, DamageTable, frontier
from explorer.plans.damage.measures import (
    activation_damage,
    activation_products,
    eigenvalue_damage,
    largest_eigenvalues,
    measured_damage,
)
from explorer.quantizers import ACTIVATIONS, QuantizerSettings, quantize_weight, simulate
from explorer.studies import Study
from explorer.studies.calibration import calibration_batches
from explorer.watching import Stopped
from tests.curvature.dense import dense_hessian
from tests.curvature.networks import Mixed, Twice, seeded, study_of
from tests.watched import Watched

BITS = (2, 4, 8)
MIN_MAX = QuantizerSettings(step="min-max", granularity="tensor")


@pytest.fixture(scope="module")
def study() -> Study:
    return study_of(seeded(Mixed))


def change(study: Study, parameter: str, bits: int, quantizer: QuantizerSettings) -> Tensor:
    weight = study.model().get_parameter(parameter).detach()
    return (quantize_weight(weight, bits, quantizer) - weight).double().flatten()


@pytest.mark.parametrize("quantizer", [MIN_MAX, QuantizerSettings()])
def test_products_are_the_hessians_forms_of_the_perturbations(
    study: Study, quantizer: QuantizerSettings
) -> None:
    blocks = study.blocks()
    table = measured_damage(study, "product", blocks, (*BITS, 32), quantizer=quantizer, samples=1500)
    for block in blocks:
        (parameter,) = block.parameters
        hessian = dense_hessian(study, (parameter,))
        along = []
        for bits in BITS:
            v = change(study, parameter, bits, quantizer)
            expected = float(v @ hessian @ v)
            assert abs(table.at(block.name, bits) - expected) < 4.5 * table.spread(block.name, bits)
            along.append(table.at(block.name, bits) / float(v @ v))
        assert table.at(block.name, 32) == 0
        assert table.sensitivity[block.name] == pytest.approx(sum(along) / len(BITS), rel=1e-5)


def test_the_eigenvalue_times_the_squared_error_is_hawqs_measure(study: Study) -> None:
    blocks = study.blocks("module")
    table = measured_damage(study, "lambda-max", blocks, BITS, samples=15, seed=3)
    for block in blocks[:2]:
        pairs = top_eigenpairs(study, block=block.name, granularity="module", k=1, samples=15, seed=3)
        squared = sum(
            float(change(study, name, 4, QuantizerSettings()).square().sum()) for name in block.parameters
        )
        assert table.at(block.name, 4) == pytest.approx(pairs.values[0] * squared, rel=1e-4)
        assert table.spread(block.name, 4) == pytest.approx(pairs.stderrs[0] * squared, rel=1e-3)
        assert table.sensitivity[block.name] == pytest.approx(pairs.values[0] / block.weights, rel=1e-4)


def test_a_search_goes_on_from_what_is_known_and_a_stopped_one_gives_no_table(study: Study) -> None:
    blocks = study.blocks()
    seen = Watched()
    whole = largest_eigenvalues(study, blocks, samples=8, watcher=seen)
    assert [len(each.state["found"]) for each in seen.states] == list(range(1, len(blocks) + 1))
    resumed = largest_eigenvalues(study, blocks, samples=8, watcher=Watched(begun=seen.states[2]))
    assert [pairs.values for pairs in resumed.found] == [pairs.values for pairs in whole.found]
    for measure in ("lambda-max", "product"):
        with pytest.raises(Stopped):
            measured_damage(study, measure, blocks, BITS, samples=8, watcher=Watched(stop=lambda _: True))
    with pytest.raises(PlanError, match=f"no eigenvalue of {blocks[3].name} is known"):
        eigenvalue_damage(study, replace(whole, found=whole.found[:3]), blocks, BITS)


def test_a_frontier_by_another_measure_is_that_of_its_table(study: Study) -> None:
    direct = frontier(study, damage="product", bits=BITS)
    table = measured_damage(study, "product", study.blocks(), BITS)
    assert direct.best_under(Budget("ratio", 8)).omega == pytest.approx(
        frontier(study, damage=table, bits=BITS).best_under(Budget("ratio", 8)).omega
    )


def test_activations_damage_is_their_mean_trace_times_their_mean_squared_error(study: Study) -> None:
    """The quantizer is the one that plans are measured with."""
    blocks = study.blocks()
    traces = activation_traces(study, method="exact")
    values, stderrs = activation_damage(study, traces, blocks, (4, 8, 32))
    inputs = study.data.inputs("train", slice(None))  # fewer than the rows that would be drawn
    by_name = {trace.name: trace for trace in traces.blocks}
    for block in blocks:
        network = simulate(
            study.model(), {block.name: (32, 4)}, calibration_batches(study), activations=ACTIVATIONS
        )
        quantizer = network.get_submodule(f"{block.name}.input_quantizer")
        plain = study.model()
        given: list[Tensor] = []
        plain.get_submodule(block.name).register_forward_pre_hook(lambda _, a, g=given: g.append(a[0]))
        with torch.no_grad():
            plain(inputs)
            error = (quantizer(given[0]) - given[0]).double().flatten(1).square().sum(1)
        trace = by_name[block.name].mean_trace
        assert values[block.name][4] == pytest.approx(trace * float(error.mean()), rel=1e-5)
        expected = abs(trace) * float(error.std()) / len(error) ** 0.5
        assert stderrs[block.name][4] == pytest.approx(expected, rel=1e-4), "an exact trace has no error"
        assert 32 not in values[block.name]


@pytest.mark.parametrize("build", [Mixed, Twice])
def test_products_of_activations_are_the_forms_of_their_errors(build: Any) -> None:
    """By forward differentiation over all rows; a layer that is used twice and tied moves with all of its uses."""
    study = study_of(seeded(build))
    values, stderrs = activation_products(study, study.blocks(), (3,), samples=1500)
    inputs, targets = study.data.inputs("train", slice(None)), study.data.targets("train", slice(None))
    for block in study.blocks():
        network = simulate(
            study.model(), {block.name: (32, 3)}, calibration_batches(study), activations=ACTIVATIONS
        )
        model = study.model().requires_grad_(False)
        weight = model.get_submodule(block.name).weight
        for name, module in model.named_modules():
            if getattr(module, "weight", None) is weight:
                quantizer: Any = network.get_submodule(f"{name}.input_quantizer")
                module.register_forward_pre_hook(lambda _, args, q=quantizer: _moved(args[0], q))
        with forward_ad.dual_level():
            outputs = forward_ad.unpack_dual(model(inputs))
        moved = outputs.tangent.double().unsqueeze(2)
        forms = moved.mT @ output_hessians(study.loss, outputs.primal, targets) @ moved
        found, error = values[block.name][3], stderrs[block.name][3]
        assert error > 0
        assert abs(found - float(forms.mean())) < 4.5 * error


def _moved(x: Tensor, quantizer: Any) -> Tensor:
    """The same input, on the way to its rounded value besides where it was moved already."""
    plain, before = forward_ad.unpack_dual(x)
    off = quantizer(plain.detach()) - plain.detach()
    return forward_ad.make_dual(plain, off if before is None else off + before)


def test_the_errors_of_trace_and_of_rows_are_added_in_quadrature(study: Study) -> None:
    blocks = study.blocks("module")
    exact = activation_traces(study, granularity="module", method="exact")
    drawn = activation_traces(study, granularity="module", samples=64)
    assert drawn.blocks[0].stderr > 0
    values, both = activation_damage(study, drawn, blocks, (4,))
    scale = drawn.blocks[0].mean_trace / exact.blocks[0].mean_trace
    _, rows = activation_damage(study, exact, blocks, (4,))
    name = blocks[0].name
    of_trace = drawn.blocks[0].mean_stderr * values[name][4] / drawn.blocks[0].mean_trace
    assert both[name][4] ** 2 == pytest.approx((rows[name][4] * scale) ** 2 + of_trace**2, rel=1e-6)


def test_traces_of_other_blocks_are_refused(study: Study) -> None:
    traces = activation_traces(study, samples=8)
    with pytest.raises(PlanError, match="no finite trace of the activations of pool"):
        activation_damage(study, traces, (Block("pool", study.blocks()[0].layers),), (4,))


@pytest.mark.parametrize("measure", MEASURES)
def test_limits_hold_by_every_measure(study: Study, measure: Any) -> None:
    blocks = study.blocks()
    most = sum(block.macs * 4 * 8 for block in blocks)
    found = frontier(study, damage=measure, bits=(2, 4, 8), limits={"bops": most}, a_bits=8)
    spent = [sum(block.macs * point.bits[block.name] * 8 for block in blocks) for point in found.points()]
    assert max(spent) <= most
    assert min(spent) == most / 2, "the cheapest plan is there"
    assert (np.diff(found.omega) < 0).all()


def test_a_table_comes_back_from_plain_data_as_it_was() -> None:
    table = DamageTable(
        {"a": {4: 1.0, 32: 0.0}},
        {"a": -2.0},
        {"a": {4: 0.5}},
        frozenset({("a", 4)}),
        {"a": {8: 0.25}},
        {"a": {8: 0.1}},
    )
    content: dict[str, Any] = table.to_json()
    assert DamageTable.from_json(content) == table
    assert content["values"] == {"a": {"4": 1.0, "32": 0.0}}
