"""A run is found again in a long list by any of its words, and by kind, study, status and tag."""

import pytest

from explorer.jobs import execute
from explorer.jobs.telling import finding
from explorer.jobs.telling.finding import Wanted
from explorer.runs import RunSpec, Store


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), ["second", "first"]),
        (Wanted(words="FIRST"), ["first"]),
        (Wanted(words="paper first"), ["first"]),
        (Wanted(words="paper second"), []),
        (Wanted(words="urgent"), ["first"]),
        (Wanted(kinds=["traces"]), ["second"]),
        (Wanted(statuses=["done"]), ["first"]),
        (Wanted(studies=["none"]), ["first"]),
        (Wanted(tags=["urgent", "other"]), ["first"]),
        (Wanted(words="first", kinds=["traces"]), []),
    ],
)
def test_everything_that_is_given_must_hold(store: Store, wanted: Wanted, found: list[str]) -> None:
    first = execute(store, RunSpec(kind="selftest", study="none", fingerprint="0", parameters={"steps": 1}))
    second = store.submit(RunSpec(kind="traces", study="/tmp/net/study.toml", fingerprint="0"))
    store.shelf.describe(first.id, name="the first", note="as in the paper", tags=["urgent"])
    names = {first.id: "first", second.id: "second"}
    assert [names[run.id] for run in finding.matching(store.list(), wanted)] == found
