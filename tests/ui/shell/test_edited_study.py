"""A study whose files were written while the app runs is loaded anew, with all that was derived from it."""

from pathlib import Path

import pytest

from explorer.studies import Study
from explorer.ui.shell import caches
from tests import learnable


@pytest.mark.parametrize(
    ("old", "new"), [("AdaptiveAvgPool2d", "AdaptiveMaxPool2d"), ("nn.ReLU()", "nn.Tanh()")]
)
def test_after_an_edit_of_the_code_pages_have_the_new_network(tmp_path: Path, old: str, new: str) -> None:
    """They went on with the old one until the app was started again, and gave its figures as the new one's."""
    reference = str(learnable.write(tmp_path / "learnable"))
    before = caches.study(reference)
    assert caches.study(reference) is before
    source = tmp_path / "learnable" / "net.py"
    source.write_text(source.read_text().replace(old, new))
    after = caches.study(reference)
    assert isinstance(after, Study)
    assert new.strip("n.()") in str(after.network)
    assert after.fingerprint != before.fingerprint
    assert caches.study(reference) is after
