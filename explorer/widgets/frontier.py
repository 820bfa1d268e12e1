"""The frontier in a notebook: a click on any dot makes its plan the current one.

w = widgets.Frontier(study)
w                                   # click a dot
w.plan                              # the plan behind it
w.on_change(lambda plan: ...)       # or be told of every click
"""

from typing import Any

from explorer import plans
from explorer.blocks import Granularity
from explorer.figures import look
from explorer.figures.plans import frontier, frontier_view
from explorer.plans import FrontierQuestion, Plan
from explorer.plans.scene import Scene, compose, has_set_b
from explorer.questions.base import question_of
from explorer.questions.frontier import MEASURE_NAMES
from explorer.studies import AnyStudy
from explorer.widgets import asking
from explorer.widgets.showing import TITLE, Clicked, Live, on_click

CURRENT = "current plan"  # the ``meta`` of the mark
_ABOVE = 110  # pixels for the title over the legend
_UNTOLD = "Click a dot to take its plan"


class Frontier(Live):
    """Cost against predicted damage, the picture of the app's Frontier page.

    Attributes:
        study: that the plans are of.
        blocks: that get the bits.
        scene: everything that is drawn, as plain data.
        plan: behind the dot that was clicked last; None before.
    """

    def __init__(
        self,
        study: AnyStudy,
        *,
        granularity: Granularity = "layer",
        question: FrontierQuestion | None = None,
        **options: Any,
    ) -> None:
        """Draw the frontier of a study; what Ω rests on is computed where the store has none.

        Args:
            granularity: what a block is.
            question: what is asked; else its options are given as plain keywords (`FrontierQuestion`).

        Raises:
            PlanError: an option is wrong, or no plan fits.
            NotebookError: what notebooks need is not installed.
        """
        asked = question_of(FrontierQuestion, question, options)
        self.study, self.blocks = study, study.blocks(granularity)
        self.plan: Plan | None = None
        self._basis = asking.judged(study, asked, granularity)
        problem = asking.problem(study, asked, self._basis)
        set_b = None
        if has_set_b(problem, asked):
            set_b = plans.enumerate_set_b(asking.problem(study, asked.but(monotone=True), self._basis))
        self.scene: Scene = compose(
            study,
            self.blocks,
            asked,
            plans.solve(problem),
            set_b=set_b,
            saved=plans.saved_plans(study, self.blocks),
        )
        measure = MEASURE_NAMES[asked.damage or plans.usual_measure(study)]
        drawn = frontier.figure(frontier_view.view(self.scene), damage=f"Predicted damage ({measure})")
        drawn.add_scattergl(
            x=[],
            y=[],
            mode="markers",
            marker={"symbol": "circle-open", "size": 18, "color": look.ACCENT, "line": {"width": 3}},
            name=CURRENT,
            meta=CURRENT,
            hoverinfo="skip",
        )
        drawn.update_layout(title=TITLE | {"text": _UNTOLD}, margin={"t": _ABOVE})
        super().__init__(drawn)
        for trace in self.figure.data:
            if trace.meta is not None and trace.meta != CURRENT:
                on_click(trace, self._taking(trace.meta))

    def take(self, plan: Plan) -> None:
        """Make a plan the current one, mark it, and tell whoever wants to know.

        Raises:
            PlanError: it is of other blocks, or one of its widths has no known cost or damage.
        """
        if plan == self.plan:  # two widgets that follow each other come to rest
            return
        title, (cost, omega) = self.title(plan), self.scene.place(plan)
        _, scale = frontier_view.axis(self.scene)
        self.plan = plan
        [mark] = self.figure.select_traces({"meta": CURRENT})
        with self.figure.batch_update():
            mark.x, mark.y = [cost / scale], [omega]
            self.figure.layout.title.text = title
        self._changed(plan)

    def title(self, plan: Plan) -> str:
        """What is said of a plan: its packed weights in bytes, its cost where that is another, and Ω with its error."""
        cost, omega = self.scene.place(plan)
        unit, scale = frontier_view.axis(self.scene)
        said = [f"{plans.size_bytes(self.blocks, plan.w_bits):,} bytes"]
        if self.scene.question.cost != "size":
            said.append(f"{cost / scale:,.4g} {unit}")
        estimate = self._basis.omega(plan)
        error = f" ± {estimate.stderr:.1g}" if estimate is not None and estimate.stderr else ""
        return ", ".join([*said, f"Ω = {omega:.3g}{error}"])

    def _taking(self, kind: str) -> Clicked:
        """What a click on a dot of one kind does."""

        def clicked(index: int, x: object, y: object) -> None:
            plan = self.scene.plan(self.study, self.blocks, kind, index)
            if plan is not None:
                self.take(plan)

        return clicked
