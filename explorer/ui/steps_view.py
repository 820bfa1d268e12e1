"""The views of the Step sizes page."""

from collections.abc import Callable, Mapping

from explorer.studies import Study
from explorer.ui import (
    steps_by_hand,
    steps_curves_view,
    steps_hessian_view,
    steps_methods,
    steps_phases,
    steps_surface_view,
)

VIEWS: Mapping[str, Callable[[Study], None]] = {
    "Three phases": steps_phases.show,
    "By hand": steps_by_hand.show,
    "Two steps": steps_surface_view.show,
    "Coupling": steps_hessian_view.show,
    "Methods": steps_methods.show,
    "Curves": steps_curves_view.show,
}
