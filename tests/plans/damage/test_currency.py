"""Both parts of a joint plan's Ω are in one currency: measured rises are about as many times ½Ω for either."""

from pathlib import Path

from explorer import studies
from explorer.estimates import paired
from explorer.plans import BlockBits, activation_products, measured_damage
from explorer.proxy import Measurer
from tests import learnable

BITS = (2, 3)
CLEAR = 3.0  # standard errors


def test_rises_of_weights_and_of_activations_are_as_many_times_their_products(tmp_path: Path) -> None:
    """Every block alone, on the images that the damage is about; what cannot be told from noise is left out."""
    study = studies.load_network(str(learnable.write(tmp_path / "learnable")))
    blocks = study.blocks()
    weights = measured_damage(study, "product", blocks, BITS)
    inputs, _ = activation_products(study, blocks, BITS)
    measurer = Measurer(study, blocks, split="train")
    whole = {block.name: BlockBits(32, 32) for block in blocks}
    full = measurer.measure(whole).losses
    ratios: dict[str, list[float]] = {"weights": [], "activations": []}
    for name in whole:
        for bits in BITS:
            for part, own, damage in (
                ("weights", BlockBits(bits, 32), weights.at(name, bits)),
                ("activations", BlockBits(32, bits), inputs[name][bits]),
            ):
                rise, stderr = paired(measurer.measure({**whole, name: own}).losses, full)
                if rise > CLEAR * stderr:
                    ratios[part].append(2 * rise / damage)
    for part, found in ratios.items():
        assert len(found) >= 3, part
        assert all(0.5 < ratio < 8 for ratio in found), (part, found)
    middle = {part: sorted(found)[len(found) // 2] for part, found in ratios.items()}
    assert 1 / 2.5 < middle["weights"] / middle["activations"] < 2.5
