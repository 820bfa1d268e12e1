"""The views of the Step sizes page."""

from collections.abc import Callable, Mapping

from explorer.studies import Study
from explorer.ui.steps import by_hand as steps_by_hand
from explorer.ui.steps import curves_view as steps_curves_view
from explorer.ui.steps import hessian_view as steps_hessian_view
from explorer.ui.steps import methods_view as steps_methods
from explorer.ui.steps import phases as steps_phases
from explorer.ui.steps import surface_view as steps_surface_view

VIEWS: Mapping[str, Callable[[Study], None]] = {
    "Three phases": steps_phases.show,
    "Manual": steps_by_hand.show,
    "Two-step surface": steps_surface_view.show,
    "Interactions": steps_hessian_view.show,
    "Methods": steps_methods.show,
    "Sweeps": steps_curves_view.show,
}
