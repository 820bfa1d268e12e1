"""Shipped results: they answer what the pages ask, of the networks and by the algorithms that are here."""

import pytest

from explorer import studies
from explorer.jobs import answers, shipped, versions
from explorer.runs import Store


@pytest.mark.parametrize("name", shipped.STUDIES)
def test_the_shipped_results_answer_the_first_questions(name: str) -> None:
    """A change of a network, of its data or of an algorithm's version makes them useless; then they are made again:
    ``python -m explorer precompute NAME``."""
    store, study = Store.open(), studies.load_network(name)
    assert shipped.give(store)
    for question in shipped.questions(store, study):
        found = answers.answer(store, study, question)
        assert found is not None, f"{question!r} is not among the shipped results"
        assert found.how == "asked"
        assert found.run.status == "done"
        assert not versions.is_older(found.run)
        assert "Shipped with the project" in (found.run.remark or "")
        assert found.result is not None
    assert shipped.give(store) == (), "each is given once"
    store.close()
