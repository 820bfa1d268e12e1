"""Lesson 12: the kept fractions, nested masks, rewinding, the slide's definitions, and the run."""

import json

import pytest
import torch

from explorer import studies
from explorer.lessons import lottery, pruning
from explorer.lessons.common import draws, longs, perceptron
from tests import learnable
from tests.watched import Watched


def test_the_paper_s_kept_fractions() -> None:
    """21.07, 13.52 and 3.58 % after 7, 9 and 15 rounds; and masks that are really made come to the same."""
    assert [round(100 * lottery.kept(rounds), 2) for rounds in (7, 9, 15)] == [21.07, 13.52, 3.58]
    fewest = lottery.rounds_to(0.05)
    assert lottery.kept(fewest) < 0.05 <= lottery.kept(fewest - 1)
    weights = perceptron.drawn(lottery.SIZES, draws.source(lottery.LESSON, 9))[:3]
    masks = [torch.ones_like(weight) for weight in weights]
    for rounds in range(1, 8):
        before, masks = masks, lottery.pruned(weights, masks)
        assert all((new <= old).all() for new, old in zip(masks, before, strict=True)), "masks are nested"
        assert pruning.kept_share(masks) == pytest.approx(lottery.kept(rounds), abs=1e-5)
    smallest = weights[0].abs()[masks[0] == 1].min()
    assert weights[0].abs()[masks[0] == 0].max() <= smallest
    drawn = lottery.random_masks(masks, draws.source(lottery.LESSON, 8))
    assert [int(mask.sum()) for mask in drawn] == [int(mask.sum()) for mask in masks]


@pytest.mark.parametrize(
    ("ticket", "wins"), [((300, 0.84), False), ((400, 0.85), True), ((500, 0.9), False), ((300, 0.9), True)]
)
def test_the_slide_s_definition(ticket: tuple[float, float], wins: bool) -> None:
    assert lottery.winning(ticket, (400, 0.85)) is wins


def test_tickets_are_found_and_trained_from_where_they_started(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Survivors of every round start from w₀; an interrupted run comes to the same rows."""
    study = studies.load_network(learnable.write(tmp_path_factory.mktemp("lottery") / "learnable"))
    begun: list[tuple[list[torch.Tensor], list[torch.Tensor]]] = []
    fit = perceptron.fit

    def noted(start, x, y, *, masks, **rest):  # type: ignore[no-untyped-def]
        begun.append((list(start), list(masks)))
        return fit(start, x, y, masks=masks, **rest)

    monkeypatch.setattr(perceptron, "fit", noted)
    asked = longs.question("lottery:tickets", rounds=2, seeds=2, epochs=3, images=100, rate=0.4)
    watcher = Watched()
    found = longs.carry_out(study, asked, watcher).values
    assert json.loads(json.dumps(found)), "a run's record is JSON"
    full, first, reinit, random, second, *_ = begun
    assert all(torch.equal(a, b) for each in (first, second) for a, b in zip(full[0], each[0], strict=True))
    assert not torch.equal(reinit[0][0], full[0][0])
    assert all(torch.equal(a, b) for a, b in zip(reinit[1], first[1], strict=True))
    assert not torch.equal(random[1][0], first[1][0])
    assert [row[2] for row in found["rows"]] == ["full", *lottery.KINDS * 2]
    sizes = (64, *pruning.HIDDEN, 3)
    assert [row[1] for row in found["rows"][1::3]] == pytest.approx(
        [lottery.kept(rounds, 0.4, sizes) for rounds in (1, 2)], abs=1e-3
    )
    assert longs.carry_out(study, asked, Watched(begun=watcher.states[0])).values == found
