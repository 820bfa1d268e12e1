"""The views of the Step sizes page."""

from collections.abc import Callable, Mapping

from explorer.studies import Study
from explorer.ui import steps_phases

VIEWS: Mapping[str, Callable[[Study], None]] = {
    "Three phases": steps_phases.show,
}
