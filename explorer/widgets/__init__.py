"""The app's pictures in a notebook, where they answer a click.

Frontier(study)            plans as dots; a click on one makes it ``.plan``
PlanBars(study, plan)      a plan as bars; a click at a height sets a block's bits, ``.plan`` has them
Landscape(study, block)    the loss round the trained weights; a click or a slider walks over it, ``.here`` is the place
Steps(study, block, bits)  a layer's weights and their grid; a slider moves the step, ``.step`` and ``.here`` follow

Each is shown as the last value of a cell, and calls whom `on_change` names after every change. They need ``ipywidgets``
and ``anywidget`` (``pip install mixed-precision-explorer[notebooks]``).
"""

from explorer.widgets.bars import PlanBars
from explorer.widgets.frontier import Frontier

__all__ = ["Frontier", "PlanBars"]
