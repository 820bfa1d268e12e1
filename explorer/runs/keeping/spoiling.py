"""Finished runs of which something is damaged: lost, with a remark, until somebody asks for them again."""

from sqlalchemy import Connection, update

from explorer.runs import rows
from explorer.runs.keeping import references
from explorer.runs.schema import runs


def spoil(connection: Connection, run_id: str, what: str) -> None:
    """A finished run is lost, because ``what`` it had found or kept is damaged; any other is left alone."""
    row = rows.row_of(connection, run_id, lock=True)
    if row.status != "done":
        return
    values = rows.unowned("lost") | {
        "error": f"{what} was damaged or gone; ask again, and it is computed anew.",
        "remark": rows.remarked(row, f"This run was computed again because {what} was damaged."),
    }
    connection.execute(update(runs).where(runs.c.id == run_id).values(values))
    references.forget(connection, run_id)  # what is whole of it is swept in time


def is_spoilt(connection: Connection, run_id: str) -> bool:
    """Whether a lost run is lost for that: a dead worker's run is recorded as running."""
    return bool(rows.row_of(connection, run_id).status == "lost")
