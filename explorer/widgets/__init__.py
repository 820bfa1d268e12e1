"""The app's pictures in a notebook, where they answer a click.

Frontier(study)            plans as dots; a click on one makes it ``.plan``
PlanBars(study, plan)      a plan as bars; a click at a height sets a block's bits, ``.plan`` has them
Landscape(study, block)    the loss round the trained weights; a click or a slider walks over it, ``.here`` is the place
Steps(study, tensor)       a tensor and its quantizer's grid; a slider moves the step, the loss answers in ``.here``

Each is shown as the last value of a cell, and calls whom `on_change` names after every change. They need ``ipywidgets``
and ``anywidget`` (``pip install mixed-precision-explorer[notebooks]``).
"""

from explorer.widgets.bars import PlanBars
from explorer.widgets.frontier import Frontier
from explorer.widgets.landscape import Landscape
from explorer.widgets.steps import Steps

__all__ = ["Frontier", "Landscape", "PlanBars", "Steps"]
