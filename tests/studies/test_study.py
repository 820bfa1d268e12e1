"""Both kinds of study answer the same questions; a device is how a run is carried out, not what it is of."""

from pathlib import Path

import pytest
import torch

from explorer import evaluation, studies
from explorer.blocks import partition
from explorer.errors import StudyError
from explorer.landscape import measure_slice
from explorer.studies import ProfileStudy, Study
from explorer.studies.data.samples import Noun
from tests import learnable


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder: Path = tmp_path_factory.mktemp("study")
    return studies.load_network(learnable.write(folder / "learnable"))


@pytest.fixture(scope="module")
def profile() -> ProfileStudy:
    loaded = studies.load("hawq-v3-resnet18")
    assert not loaded.has_network
    return loaded


def test_both_kinds_have_blocks(study: Study, profile: ProfileStudy) -> None:
    """A network's at either granularity; a profile has those that were published."""
    example = study.data.inputs("test", slice(0, 1))
    assert study.blocks() == partition(study.model(), example)
    assert study.blocks("module") == partition(study.model(), example, granularity="module")
    assert profile.blocks() == profile.blocks("module") == profile.published_blocks
    assert (study.has_network, profile.has_network) == (True, False)


def test_where_a_network_is_needed_one_sentence_says_so(study: Study, profile: ProfileStudy) -> None:
    assert studies.require_network(study) is study
    with pytest.raises(
        StudyError, match="hawq-v3-resnet18 holds published figures only, without weights or data"
    ):
        studies.require_network(profile)
    with pytest.raises(StudyError, match="choose a network study"):
        studies.load_network("hawq-v3-resnet18")


def test_a_study_on_a_device_has_its_tensors_there_and_stays_the_same_study(study: Study) -> None:
    there = study.on("meta")
    assert {each.device.type for each in (*there.model().parameters(), *there.model().buffers())} == {"meta"}
    inputs, targets = next(there.data.batches("test", 8))
    outputs = there.model()(inputs)
    assert (inputs.device.type, targets.device.type, outputs.device.type) == ("meta", "meta", "meta")
    assert there.fingerprint == study.fingerprint
    assert (there.name, there.weights_sha256) == (study.name, study.weights_sha256)
    assert study.model()(study.data.inputs("test", slice(0, 1))).device.type == "cpu", (
        "the study itself stays"
    )


def test_on_the_cpu_the_numbers_are_the_same(study: Study) -> None:
    assert evaluation.evaluate(study.on("cpu")) == evaluation.evaluate(study)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_measures_what_the_cpu_measures(study: Study) -> None:
    bits = {layer.name: (4, 8) for block in study.blocks() for layer in block.layers}
    there, here = (evaluation.evaluate(each, bits) for each in (study.on("cuda"), study))
    assert there.loss == pytest.approx(here.loss, rel=1e-3)


def test_messages_call_the_samples_by_the_studys_noun(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the data is of, a sentence about it says so."""
    assert study.noun == ("image", "images")
    assert study.training_name == "training images"
    monkeypatch.setattr(study.data, "noun", Noun("sentence", "sentences"))
    monkeypatch.setattr(study.data, "train_is_test", True)
    assert study.training_name == "test sentences"
    assert study.remark is not None
    assert study.remark.startswith(
        "This study has no training sentences, so the test sentences serve in their place:"
    )
    slice_of = measure_slice(study, block="0", dims=1, points=5, samples=16, directions="random")
    assert "test sentences" in slice_of.note
