"""What is shipped answers what the pages ask when they are opened; a change that makes it out of date is seen here.

`python -m explorer precompute NAME` computes it anew.
"""

import pytest

from explorer import studies
from explorer.jobs import answers, shipped
from explorer.jobs.versions import is_older
from explorer.runs import Store

SHIPPED = [name for name in shipped.STUDIES if shipped.bundle(name).is_file()]


@pytest.fixture
def given(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.delenv(shipped.VARIABLE)
    shipped.give(store)
    return store


def test_the_study_that_the_app_opens_on_comes_with_results() -> None:
    assert studies.DEFAULT in SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_question_is_answered_by_the_very_run(given: Store, name: str) -> None:
    study = studies.load_network(name)
    for question in shipped.questions(given, study):
        found = answers.answer(given, study, question)
        assert found is not None, question
        assert (found.how, found.run.status) == ("asked", "done")
        assert not is_older(found.run)
        for sha256 in found.run.artifacts.values():
            assert given.artifacts.has(sha256)


def test_nothing_is_given_twice(given: Store) -> None:
    before = len(given.list())
    assert shipped.give(given) == ()
    assert len(given.list()) == before


def test_who_wants_to_begin_with_nothing_is_given_nothing(store: Store) -> None:
    assert shipped.give(store) == ()
    assert store.list() == ()
