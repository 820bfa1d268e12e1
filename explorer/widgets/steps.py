"""A quantizer's step in a notebook: a slider moves it, the grid and the loss of the network answer.

w = widgets.Steps(study, "layer1.0.conv1.weight", w_bits=3)
w                                   # move the slider, or pick another tensor
w.step, w.here                      # the step, and what the network is worth with it
"""

from typing import Any

from explorer.errors import LapqError
from explorer.figures import look
from explorer.figures.steps import histogram
from explorer.lapq import Site
from explorer.lapq.diagnostics.trial import Trial, Tried
from explorer.studies import AnyStudy
from explorer.studies.study import require_network
from explorer.widgets.showing import TITLE, Live, library, redraw

LEAST, MOST, BY = 0.2, 3.0, 0.02  # of the slider, in units of the step that it begins at
_HEIGHT, _TOP = 420, 100  # pixels, of all and for the title over the legend


class Steps(Live):
    """Values of one tensor and the levels of its quantizer, the picture of the app's page of steps by hand.

    Attributes:
        trial: the network whose steps are moved, on a few calibration samples.
        start: tensor to the step of least L_p error, where every slider begins.
        steps: tensor to step, as it is now.
        began, here: what the network is worth at the start and now.
        tensor, slider: the widgets that are moved.
    """

    def __init__(
        self, study: AnyStudy, site: str | None = None, *, p: float = 2.0, images: int = 128, **options: Any
    ) -> None:
        """Quantize the network and show a tensor.

        Args:
            site: a layer's name and ``.weight`` or ``.input``; the first tensor without.
            p: of the norm whose error the steps begin with.
            images: calibration samples that the loss is the mean of.
            **options: of `explorer.questions.steps.StepsLoss`, such as ``w_bits``, ``a_bits`` and ``plan``.

        Raises:
            LapqError: there is no such tensor, or the network cannot be quantized so.
            StudyError: the study has no network.
            NotebookError: what notebooks need is not installed.
        """
        widgets = library("ipywidgets")
        self.trial = Trial(require_network(study), images=images, **options)
        names = [each.name for each in self.trial.sites]
        if site is not None and site not in names:
            raise LapqError(f"there is no tensor {site}; use one of {', '.join(names)}")
        self.start = self.trial.layerwise(p)
        self.steps = dict(self.start)
        self._ratios = dict.fromkeys(names, 1.0)
        self.began: Tried = self.trial.measure(self.start)
        self.here = self.began
        self.tensor = widgets.Dropdown(options=names, value=site or names[0], description="tensor")
        self.slider = widgets.FloatSlider(
            min=LEAST, max=MOST, step=BY, value=1.0, description="Δ, × start", continuous_update=False
        )
        drawn = self._drawn()
        drawn.update_layout(title=TITLE | {"text": self._words()}, margin={"t": _TOP})
        super().__init__(drawn)
        self._shown = widgets.VBox([widgets.HBox([self.tensor, self.slider]), self.figure])
        self.tensor.observe(self._picked, names="value")
        self.slider.observe(self._slid, names="value")

    @property
    def shown(self) -> Any:
        return self._shown

    @property
    def step(self) -> float:
        """Step of the tensor that is shown, in its units."""
        return self.steps[self.tensor.value]

    @property
    def site(self) -> Site:
        """The tensor that is shown, and its quantizer."""
        return next(each for each in self.trial.sites if each.name == self.tensor.value)

    def _picked(self, change: Any) -> None:
        ratio = self._ratios[change["new"]]
        if self.slider.value == ratio:
            self._redraw()
        else:
            self.slider.value = ratio

    def _slid(self, change: Any) -> None:
        name, ratio = self.tensor.value, change["new"]
        if ratio == self._ratios[name]:  # another tensor was picked
            self._redraw()
            return
        self._ratios[name], self.steps[name] = ratio, ratio * self.start[name]
        self.here = self.trial.measure(self.steps)
        self._redraw()
        self._changed(self.here)

    def _redraw(self) -> None:
        redraw(self.figure, self._drawn(), title=TITLE | {"text": self._words()})

    def _view(self) -> histogram.View:
        levels = self.site.levels
        grid = [(level - levels.offset) * self.step for level in range(levels.low, levels.high + 1)]
        return histogram.view(
            self.trial.values(self.site.name), grid, name=self.site.name, kind=self.site.kind
        )

    def _drawn(self) -> Any:
        return histogram.figure(self._view(), height=_HEIGHT)

    def _words(self) -> str:
        view, change = self._view(), self.here.above(self.began)
        return (
            f"Δ = {self.step:.4g}, {look.percent_text(sum(view.beyond))} clipped; loss {self.here.loss:.4f} ± "
            f"{self.here.loss_stderr:.4f}, {change.value:+.4f} ± {change.stderr:.4f} from the start"
        )
