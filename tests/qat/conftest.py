"""A study that learns in a second."""

from collections.abc import Iterator

import pytest
import torch

from explorer import studies
from explorer.blocks import Block
from explorer.studies import Study
from tests import learnable


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Such small tensors are slower on several threads, and the sums depend on how many there are."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return studies.load_network(learnable.write(tmp_path_factory.mktemp("qat") / "learnable"))


@pytest.fixture(scope="session")
def blocks(study: Study) -> tuple[Block, ...]:
    return study.blocks()
