"""The graph that every format is lowered from."""

from __future__ import annotations

import onnx_ir as ir
import pytest

from explorer.export.onnx_files.converting import converted
from explorer.export.onnx_files.markers import marked
from explorer.plans import Plan
from explorer.quantizers import simulate
from explorer.quantizers.deployed import deploy
from explorer.studies.calibration import calibration_batches
from explorer.studies.study import Study


@pytest.fixture(scope="session")
def graph(study: Study) -> ir.Model:
    """The graph of the integer flavour, converted once: a width changes what markers stand for, not where they are."""
    blocks, calibration = study.blocks(), calibration_batches(study)
    bits = Plan.uniform(study, blocks, 4, 4).layer_bits(blocks)
    ready = deploy(simulate(study.model(), bits, calibration), calibration)
    return converted(marked(ready.network).network, study.data.inputs("test", slice(0, 2)), ragged=False)
