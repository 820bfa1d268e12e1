"""The small language model: what it may see, and that its training part ends where the study's test begins."""

import json

import pytest
import torch

from explorer import studies
from explorer.evaluation import measure
from explorer.studies.networks.language import CONTEXT, tiny_language_model
from explorer.studies.shipped import builtin, language


def test_a_byte_says_nothing_about_those_before_it() -> None:
    network = tiny_language_model().eval()
    numbers = torch.randint(256, (2, CONTEXT))
    other = numbers.clone()
    other[:, 40] = (other[:, 40] + 1) % 256
    with torch.no_grad():
        before, after = network(numbers), network(other)
    assert torch.equal(before[:, :40], after[:, :40])
    assert not torch.equal(before[:, 40], after[:, 40])


def test_no_byte_of_the_test_was_trained_on() -> None:
    text = (builtin.ASSETS / language.NAME / "text.txt").read_bytes()
    data = studies.load_network(language.NAME).data
    begins = language.training_bytes(len(text), 0.1)
    first = data.inputs("test", slice(0, 1))[0]
    assert bytes(first.tolist()) == text[begins : begins + CONTEXT]
    assert data.size("train") * CONTEXT == begins


def test_the_shipped_weights_predict_the_text() -> None:
    """Bytes of the novel's alphabet, each as likely, would be a loss of log 75 = 4.3."""
    study = studies.load_network(language.NAME)
    rows = slice(0, 100)
    with torch.no_grad():
        losses = study.loss.per_sample(
            study.model()(study.data.inputs("test", rows)), study.data.targets("test", rows)
        )
    assert losses.mean() < 2
    assert {block.kind for block in study.blocks()} == {"Embedding", "Linear"}


def test_the_card_says_the_loss_that_the_study_counts() -> None:
    """Both count the last window, which is shorter than the others, as one of them."""
    study = studies.load_network(language.NAME)
    facts = json.loads((builtin.ASSETS / language.NAME / "card.json").read_text())
    _, loss, _, error, *_ = facts["test part"].split()
    found = measure(study.model(), study)
    assert (float(loss), float(error)) == pytest.approx((found.loss, found.loss_stderr), abs=2e-4)
