"""The loss round the trained weights in a notebook: a click, or two sliders, walk over it.

w = widgets.Landscape(study, "layer1.0.conv1")
w                                   # click on the map, or move a slider
w.here                              # the loss there, its error, and what the quadratic predicts
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.errors import NotebookError
from explorer.figures import look
from explorer.figures.landscape import pictures
from explorer.landscape import Slice
from explorer.questions import LandscapeQuestion
from explorer.studies import AnyStudy
from explorer.studies.study import require_network
from explorer.widgets import asking
from explorer.widgets.showing import TITLE, Live, library, on_click

WALKER = "walker"  # the ``meta`` of the mark
_TOP = 130  # pixels for the title over legend and panel


@dataclass(frozen=True)
class Place:
    """One measured point of a slice.

    Attributes:
        at: its coordinates, in weight units.
        loss: measured there, in the unit of the study's loss.
        stderr: standard error of the loss minus that at the trained weights, paired over samples.
        rise: by how much the loss is above that at the trained weights.
        predicted: the loss there by the quadratic.
    """

    at: tuple[float, float]
    loss: float
    stderr: float
    rise: float
    predicted: float


class Landscape(Live):
    """A plane through the trained weights as a map, the picture of the app's Landscape page.

    Attributes:
        slice: everything that was measured.
        sliders: one an axis, over the measured coordinates.
    """

    def __init__(
        self, study: AnyStudy, block: str | None = None, *, log: bool = True, **options: Any
    ) -> None:
        """Draw the plane of a block; it is measured where the store has none.

        Args:
            block: whose weights move; all blocks without.
            log: whether heights are rises above the lowest point, on a logarithmic scale.
            **options: of `LandscapeQuestion`. Without a ``radius`` the newest plane of any radius will do.

        Raises:
            CurvatureError: there is no such block, or an option is wrong.
            StudyError: the study has no network.
            NotebookError: a line was asked for, or what notebooks need is not installed.
        """
        widgets = library("ipywidgets")
        asked = LandscapeQuestion(block=block, **options)
        if asked.dims != 2:
            raise NotebookError("one walks over a plane; ask for dims=2")
        network = require_network(study)
        self.slice: Slice = asking.answered(study, asked, any_of=() if asked.radius else ("radius",))
        self._unit = network.loss.unit
        drawn = pictures.figure(pictures.view([self.slice], log=log, unit=self._unit))
        drawn.add_scatter(
            x=[0.0],
            y=[0.0],
            mode="markers",
            marker={"symbol": "x", "size": 15, "color": look.ACCENT, "line": {"width": 2, "color": "white"}},
            name="here",
            meta=WALKER,
            hoverinfo="skip",
        )
        drawn.update_layout(title=dict(TITLE), margin={"t": _TOP})
        super().__init__(drawn)
        coordinates = self.slice.coordinates
        self._at = (len(coordinates) // 2, len(coordinates) // 2)
        self._moving = False  # whether the sliders are moved from here
        self.sliders = tuple(
            widgets.SelectionSlider(
                options=[(f"{value:.3g}", place) for place, value in enumerate(coordinates)],
                value=middle,
                description=f"d{number}",
                continuous_update=True,
            )
            for number, middle in enumerate(self._at, start=1)
        )
        self._shown = widgets.VBox([widgets.HBox(list(self.sliders)), self.figure])
        for slider in self.sliders:
            slider.observe(self._slid, names="value")
        for trace in self.figure.data:
            if trace.type == "contour":
                on_click(trace, lambda index, x, y: self.walk(x, y))
        self._settle()

    @property
    def shown(self) -> Any:
        return self._shown

    @property
    def here(self) -> Place:
        """The measured point where one stands."""
        i, j = self._at
        found = self.slice
        loss = float(found.loss[i, j])
        return Place(
            at=(float(found.coordinates[i]), float(found.coordinates[j])),
            loss=loss,
            stderr=float(found.stderr[i, j]),
            rise=loss - found.centre_loss,
            predicted=float(found.predicted[i, j]),
        )

    def walk(self, x: float, y: float) -> None:
        """Go to the measured point nearest to these coordinates, in weight units, and tell whoever wants to know."""
        to = tuple(int(np.abs(self.slice.coordinates - value).argmin()) for value in (x, y))
        self._go((to[0], to[1]))

    def _slid(self, change: Any) -> None:
        if not self._moving:
            self._go((self.sliders[0].value, self.sliders[1].value))

    def _go(self, to: tuple[int, int]) -> None:
        if to == self._at:
            return
        self._at, self._moving = to, True
        for slider, place in zip(self.sliders, to, strict=True):
            slider.value = place
        self._moving = False
        self._settle()
        self._changed(self.here)

    def _settle(self) -> None:
        """Mark the place and say what is there."""
        here = self.here
        [mark] = self.figure.select_traces({"meta": WALKER})
        with self.figure.batch_update():
            mark.x, mark.y = [here.at[0]], [here.at[1]]
            self.figure.layout.title.text = (
                f"loss {here.loss:.4g} {self._unit}, {here.rise:+.3g} ± {here.stderr:.1g} from the trained weights; "
                f"the quadratic says {here.predicted:.4g}"
            )
