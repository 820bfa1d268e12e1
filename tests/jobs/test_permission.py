"""A run is changed by whoever asked for it, or by the operator, and by nobody else."""

import pytest

from explorer.access.persons import Person
from explorer.errors import AccessError
from explorer.jobs import permission
from explorer.runs import RunSpec, Store

SPEC = RunSpec(kind="selftest", study="none", fingerprint="", parameters={}, seed=0, version=1)


@pytest.mark.parametrize(
    ("owner", "person", "may"),
    [
        ("Ada", Person("Ada"), True),
        ("Ada", Person("Bob"), False),
        ("Ada", Person(None), False),
        (None, Person(None), False),
        (None, Person("Ada"), False),
        ("Ada", Person("root", operator=True), True),
        (None, Person(None, operator=True), True),
    ],
)
def test_who_may_change_a_run(owner: str | None, person: Person, may: bool) -> None:
    """Nobody's name fits nobody: a run of which nobody knows who asked is the operator's."""
    store = Store.open()
    run = store.submit(SPEC, owner=owner)
    assert run.owner == owner
    assert store.list()[0].owner == owner
    assert permission.may_change(run, person) == may
    if may:
        permission.check(run, person)
    else:
        with pytest.raises(AccessError, match=owner or "nobody recorded"):
            permission.check(run, person, to="delete")
