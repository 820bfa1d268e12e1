"""A plan in a notebook: a click at a height sets the bits of a block.

w = widgets.PlanBars(study, plan)
w                                   # click where a bar should end
w.plan                              # the plan with these bits
frontier.on_change(w.take)          # or show whatever is clicked on a frontier
"""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer import plans
from explorer.blocks import Block, Granularity
from explorer.errors import PlanError
from explorer.figures import look
from explorer.figures.plans import plan as picture
from explorer.plans import Plan
from explorer.studies import AnyStudy
from explorer.widgets.showing import TITLE, Live, on_click, redraw

TARGETS = "targets"  # the ``meta`` of the dots that are clicked
_HEIGHT, _ABOVE = 480, 90  # pixels, of all and of what is above the bars
_GRANULARITIES: tuple[Granularity, ...] = ("layer", "module")


class PlanBars(Live):
    """Bits and size of every block, the picture of the app's plan desk, with a dot at every width to be clicked.

    Attributes:
        study: that the plan is of.
        blocks: that have the bits.
        menu: the widths that a click chooses from.
        plan: as it is now.
    """

    def __init__(self, study: AnyStudy, plan: Plan, *, menu: Sequence[int] | None = None) -> None:
        """Draw a plan.

        Args:
            menu: those of the study's frontier without.

        Raises:
            PlanError: the plan is of another study or of other blocks, or there is no such width.
            NotebookError: what notebooks need is not installed.
        """
        self.study, self.blocks = study, _blocks(study, plan)
        widths = plans.default_menu(study) if menu is None else menu
        self.menu = tuple(sorted({*widths, *plan.w_bits.values()}))
        wrong = [width for width in self.menu if width not in look.BIT_COLOURS]
        if wrong:
            raise PlanError(f"there is no width of {wrong[0]} bits; use those of {list(look.BIT_COLOURS)}")
        self.plan = plan
        drawn = self._drawn(plan)
        # Bars are clicked as wholes, without the height of the click: the dots over them are what a click finds.
        drawn.update_traces(hoverinfo="skip", hovertemplate=None, selector={"type": "bar"})
        drawn.add_trace(self._targets())
        drawn.update_layout(
            title=TITLE | {"text": self.title(plan)},
            margin={"t": _ABOVE},
            dragmode=False,
            hovermode="closest",
            hoverdistance=-1,  # the nearest dot, however far
        )
        super().__init__(drawn)
        [targets] = self.figure.select_traces({"meta": TARGETS})
        on_click(targets, self._clicked)

    def take(self, plan: Plan) -> None:
        """Show another plan, and tell whoever wants to know.

        Raises:
            PlanError: it is of another study or of other blocks.
        """
        if plan == self.plan:  # two widgets that follow each other come to rest
            return
        if _blocks(self.study, plan) != self.blocks:
            raise PlanError("the plan is of other blocks than those shown; show it in bars of its own")
        self.plan = plan
        drawn = self._drawn(plan)
        drawn.update_traces(hoverinfo="skip", hovertemplate=None, selector={"type": "bar"})
        redraw(self.figure, drawn, title=TITLE | {"text": self.title(plan)})
        self._changed(plan)

    def title(self, plan: Plan) -> str:
        """What is said of a plan: its packed weights in bytes and how much smaller they are than in FP32."""
        size = plans.size_bytes(self.blocks, plan.w_bits)
        return f"{size:,} bytes, {plans.compression(self.blocks, plan.w_bits):.1f} times smaller than FP32"

    def _clicked(self, index: int, x: object, y: object) -> None:
        block, width = divmod(index, len(self.menu))
        self.take(self.plan.with_bits(self.blocks[block].name, w_bits=self.menu[width]))

    def _drawn(self, plan: Plan) -> go.Figure:
        weights = {block.name: block.weights for block in self.blocks}
        bars = picture.view({name: (bits.w_bits, bits.a_bits) for name, bits in plan.blocks.items()}, weights)
        return picture.figure(bars, height=_HEIGHT, sizes=True, top=self.menu[-1])

    def _targets(self) -> go.Scatter:
        """A dot for every block and width of the menu, block by block."""
        names = [block.name for block in self.blocks for _ in self.menu]
        sizes = np.outer([block.weights for block in self.blocks], self.menu).ravel() / 8
        return go.Scatter(
            x=names,
            y=list(self.menu) * len(self.blocks),
            mode="markers",
            marker={"size": 6, "color": look.TEXT_ON_BOTH, "opacity": 0.6},
            hovertext=[look.bytes_text(size) for size in sizes],
            hovertemplate="<b>%{x}</b><br>%{y} bits, %{hovertext}<extra></extra>",
            name="click to set",
            meta=TARGETS,
        )


def _blocks(study: AnyStudy, plan: Plan) -> tuple[Block, ...]:
    """The blocks of a plan.

    Raises:
        PlanError: it is of another study, or of blocks that the study does not have.
    """
    if plan.weights_sha256 != study.weights_sha256:
        raise PlanError(f"the plan is of {plan.study} with other weights than those of {study.name}")
    for granularity in _GRANULARITIES:
        blocks = study.blocks(granularity)
        if {block.name for block in blocks} == set(plan.blocks):
            return blocks
    raise PlanError(f"the plan's blocks are neither the layers nor the modules of {study.name}")
