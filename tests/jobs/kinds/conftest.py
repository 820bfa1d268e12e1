"""The study that every kind is asked about."""

import pytest

from explorer import studies
from explorer.studies import Study
from tests import learnable


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return studies.load_network(learnable.write(tmp_path_factory.mktemp("study") / "learnable"))
