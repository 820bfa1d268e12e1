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
from typing import Literal

from explorer.errors import LapqError
from explorer.lapq.loss.history import Trail
from explorer.lapq.phases import coordinate, descent, powell

Method = Literal["powell", "coordinate", "gradient"]

METHODS: Mapping[str, Callable[[Trail, int], None]] = MappingProxyType(
    {"powell": powell.search, "coordinate": coordinate.search, "gradient": descent.search}
)


def check_method(method: str) -> None:
    """Raise a LapqError unless there is such a method."""
    if method not in METHODS:
        raise LapqError(f"there is no joint method {method!r}; use one of {', '.join(METHODS)}")
