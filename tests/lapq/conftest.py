"""A study that trains in a second, with one thread, so that results are the same to the bit."""

import pytest

from explorer import studies
from explorer.studies import Study
from tests import learnable


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return studies.load_network(learnable.write(tmp_path_factory.mktemp("lapq") / "learnable"))
