"""Who may change a run that is there: whoever asked for it, and the operator."""

from explorer.access.persons import Person
from explorer.errors import AccessError, cut
from explorer.runs.run import Run


def may_change(run: Run, person: Person) -> bool:
    """Whether somebody may change a run: cancel, continue, describe or delete it.

    A run of which nobody knows who asked is the operator's.
    """
    return person.operator or (run.owner is not None and run.owner == person.name)


def check(run: Run, person: Person, *, to: str = "cancel") -> None:
    """Refuse what `may_change` refuses.

    Args:
        to: what the person is about to do.

    Raises:
        AccessError: the run is another person's.
    """
    if not may_change(run, person):
        whose = "nobody recorded" if run.owner is None else cut(run.owner, 80)
        raise AccessError(
            f"Run {run.id} was asked for by {whose}; only they, or whoever runs this app, may {to} it."
        )
