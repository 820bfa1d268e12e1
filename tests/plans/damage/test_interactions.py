"""Damage with its terms between blocks: plans, their differences and the matrix, against the parts themselves."""

from itertools import product

import numpy as np
import pytest
import torch

from explorer.curvature.output_changes import output_changes
from explorer.errors import PlanError
from explorer.plans import DamageTable
from explorer.plans.damage.interactions import Interactions, compute
from explorer.plans.damage.measures import measured_damage, weight_changes
from explorer.quantizers import QuantizerSettings
from explorer.studies import Study
from tests.curvature.networks import Attention, Mixed, seeded, study_of

BITS = (2, 4, 8)


@pytest.fixture(scope="module")
def study() -> Study:
    return study_of(seeded(Mixed))


@pytest.fixture(scope="module")
def form(study: Study) -> Interactions:
    return compute(study, study.blocks(), (8, 4, 2, 32), samples=60)


def test_a_plan_is_a_sum_over_blocks_before_it_is_squared(study: Study, form: Interactions) -> None:
    quantizer = QuantizerSettings(step="min-max", granularity="tensor")
    blocks = study.blocks()
    for each, settings in ((form, QuantizerSettings()), (None, quantizer)):
        found = each or compute(study, blocks, BITS, quantizer=quantizer, samples=60)
        changes = [weight_changes(study.model(), blocks, width, settings) for width in BITS]
        parts = output_changes(study, changes, blocks=blocks, samples=60)
        widths = (2, 8, 32, 4, 2)
        places = [(i, BITS.index(width)) for i, width in enumerate(widths) if width != 32]
        values = torch.stack([parts.parts[:, i, k] for i, k in places]).sum(0).square().sum(1)
        value, error = found.value_of(dict(zip(found.blocks, widths, strict=True)))
        assert value == pytest.approx(float(values.mean()))
        assert error == pytest.approx(float(values.std()) / 60**0.5)


def test_the_difference_of_two_plans_is_paired(form: Interactions) -> None:
    one, other = (dict.fromkeys(form.blocks, bits) | {form.blocks[0]: 4} for bits in (2, 4))
    off = form.per_sample(one) - form.per_sample(other)
    found = form.difference(one, other)
    assert found.value == pytest.approx(form.value_of(one).value - form.value_of(other).value)
    assert found.stderr == pytest.approx(float(off.std()) / len(off) ** 0.5)
    assert form.difference(one, one) == (0, 0)


def test_the_matrix_is_the_form_and_positive_semi_definite(form: Interactions) -> None:
    for widths in list(product(BITS, repeat=5))[::17]:
        x = np.array([float(bits == width) for width in widths for bits in BITS])
        expected = form.value_of(dict(zip(form.blocks, widths, strict=True))).value
        assert x @ form.matrix @ x == pytest.approx(expected)
    assert np.array_equal(form.matrix, form.matrix.T)
    least, *_, most = np.linalg.eigvalsh(form.matrix)
    assert least > -1e-12 * most


def test_alone_the_blocks_have_the_products(study: Study) -> None:
    """The terms of one block are ΔWᵀHΔW where the network is piecewise linear, to within both errors."""
    blocks = study.blocks()
    alone = compute(study, blocks, BITS, samples=1500).alone()
    products = measured_damage(study, "product", blocks, BITS, samples=1500)
    assert alone.omega(dict.fromkeys(alone.values, 32)) == 0
    for block, bits in product(alone.values, BITS):
        error = (alone.spread(block, bits) ** 2 + products.spread(block, bits) ** 2) ** 0.5
        assert abs(alone.at(block, bits) - products.at(block, bits)) < 4.5 * error
        assert alone.spread(block, bits) < 0.2 * alone.at(block, bits)


def test_a_network_with_attention_has_terms_between_its_blocks() -> None:
    """In both kinds the products between blocks are there, and the two are near each other at 8 bits."""
    study = study_of(seeded(Attention))
    blocks = study.blocks()
    plan = dict.fromkeys((block.name for block in blocks), 8)
    tangents, differences = (
        compute(study, blocks, (8,), how=how, samples=200) for how in ("tangents", "differences")
    )
    assert tangents.value_of(plan).value == pytest.approx(differences.value_of(plan).value, rel=0.1)
    for form in (tangents, differences):
        table: DamageTable = form.alone()
        assert abs(form.value_of(plan).value / table.omega(plan) - 1) > 0.01


def test_what_is_not_known_is_said(form: Interactions) -> None:
    with pytest.raises(
        PlanError, match="no terms between blocks are known for stem at 3 bits; known are 2, 4, 8"
    ):
        form.value_of({"stem": 3})
    with pytest.raises(PlanError, match="no terms between elsewhere and other blocks are known"):
        form.difference({"stem": 2}, {"elsewhere": 2})
