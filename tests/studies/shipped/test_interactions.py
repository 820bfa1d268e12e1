"""Interactions: nothing a user liked is called negative, the item held out is never trained on, all from a seed."""

from pathlib import Path

import numpy as np
import pytest
import torch

from explorer import studies
from explorer.errors import StudyError
from explorer.studies.shipped import interactions, recommending
from explorer.studies.shipped.interactions import Interactions


@pytest.fixture(scope="module")
def made() -> Interactions:
    return interactions.synthetic()


def test_negatives_are_items_that_the_user_did_not_touch(made: Interactions) -> None:
    liked = [set(own.tolist()) for own in made.liked]
    found = interactions.tensors(made)
    for split, (users, items, labels) in found.items():
        trained = split == "train"
        for user, item, label in zip(
            users.flatten().tolist(), items.flatten().tolist(), labels.flatten().tolist(), strict=True
        ):
            own = made.liked[user]
            assert (item in liked[user]) == bool(label)
            if label:
                assert (item == own[-1]) != trained, "the last is for the test alone"
    assert found["train"][2].sum() * (1 + interactions.NEGATIVES) == len(found["train"][2])
    assert torch.equal(found["test"][2].sum(1), torch.ones(len(made.liked)))


def test_the_same_seed_is_the_same_data(made: Interactions) -> None:
    again = interactions.tensors(interactions.synthetic())
    for split, parts in interactions.tensors(made).items():
        assert all(torch.equal(one, other) for one, other in zip(parts, again[split], strict=True))


def test_movielens_is_read_in_the_order_of_time(tmp_path: Path) -> None:
    (tmp_path / "u.data").write_text("1\t3\t5\t20\n1\t1\t5\t30\n2\t2\t1\t10\n1\t2\t4\t10\n")
    found = interactions.movielens(tmp_path)
    assert found.items == 3
    assert [own.tolist() for own in found.liked] == [[1, 2, 0], [1]]
    (tmp_path / "u.data").write_text("1\t3\n")
    with pytest.raises(StudyError, match="not a table of user, item, rating and time"):
        interactions.movielens(tmp_path)
    with pytest.raises(StudyError, match="unpack MovieLens-100K"):
        interactions.movielens(tmp_path / "elsewhere")


def test_the_shipped_recommender_finds_items_that_were_held_out() -> None:
    """Ten of a thousand at random would be 1 %."""
    study = studies.load_network(recommending.SYNTHETIC)
    with torch.no_grad():
        outputs = study.model()(study.data.inputs("test", slice(None)))
    hits = study.metric.per_sample(outputs, study.data.targets("test", slice(None)))
    assert hits is not None
    assert np.mean(hits.numpy()) > 0.15
