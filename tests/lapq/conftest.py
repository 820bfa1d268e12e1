"""A study that trains in a second, with one thread, so that results are the same to the bit."""

from collections.abc import Iterator

import pytest
import torch

from explorer import studies
from explorer.studies import Study
from tests import learnable


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return studies.load_network(learnable.write(tmp_path_factory.mktemp("lapq") / "learnable"))
