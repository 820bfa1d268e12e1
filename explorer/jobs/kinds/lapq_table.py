"""The run kind ``lapq_table``: methods of calibration side by side, with and without bias correction.

Options: those of `LapqTableQuestion`. Series ``rows``: the rows of
the result as they come. The checkpoint is the journal of the correction under way and the rows so far, so a run that
goes on measures nothing twice.
"""

from typing import Any

from explorer.jobs.journalled import Keeper
from explorer.lapq import Journal
from explorer.lapq.rivals.comparison import compare
from explorer.lapq.rivals.table import Row
from explorer.quantizers.bias_correction import BiasCorrection
from explorer.questions import LapqTableQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study


def run(study: Study, question: LapqTableQuestion, context: RunContext) -> dict[str, Any]:
    """Measure row after row."""
    keeper = Keeper(context)
    state = keeper.state

    def journal(correction: BiasCorrection) -> Journal:
        if state.get("correction") != correction:
            state["correction"], keeper.journal = correction, Journal()
        return keeper.journal

    def on_row(row: Row) -> None:
        point = row.to_json()
        state["rows"] = [*state.get("rows", []), point]
        keeper.tell("rows", point)

    options: dict[str, Any] = question.options()
    found = compare(
        study,
        known=[Row.from_json(row) for row in state.get("rows", [])],
        journal=journal,
        on_row=on_row,
        progress=context.report,
        should_stop=keeper.should_stop,
        **options,
    )
    return found.to_json()
