"""What may be differentiated at all."""

import sys
from dataclasses import replace

import pytest

from explorer.curvature.operators.subject import prepare
from explorer.errors import QuantizerError
from explorer.quantizers.simulated import simulate
from tests.curvature.networks import Smooth, seeded, study_of


def test_a_quantized_network_is_refused_whatever_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard must not turn itself off: rounding has derivative zero, and the curvature would be nonsense."""
    study = study_of(seeded(Smooth))
    quantized = replace(study, network=simulate(study.model(), {"second": (4, 32)}, []))
    monkeypatch.setitem(sys.modules, "explorer.quantizers.simulated", None)
    with pytest.raises(QuantizerError, match="layer 'second' is quantized"):
        prepare(quantized)
