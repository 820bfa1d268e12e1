"""Phase 3 of LAPQ: all steps together (Nahshan et al. 2019, sec. 4.3), by one of three methods.

``powell``       Powell's method, as the paper (`powell`)
``coordinate``   one step after the other (`coordinate`)
``gradient``     ours: straight-through gradients, and short searches on the images that matter (`descent`)

Whatever a method does, what is kept are the best steps whose loss over all calibration images was measured, the
start among them: the loss never ends above that of the phase before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from explorer.lapq.loss.history import Trail
from explorer.lapq.phases import coordinate, descent, powell
from explorer.questions.steps import JointMethod

METHODS: Mapping[JointMethod, Callable[[Trail, int], None]] = MappingProxyType(
    {"powell": powell.search, "coordinate": coordinate.search, "gradient": descent.search}
)
