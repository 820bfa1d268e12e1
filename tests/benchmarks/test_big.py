"""What `benchmarks.big` makes of the draws: passes to a precision by hand, and the networks that it measures."""

import numpy as np
import pytest
import torch

from benchmarks import big
from benchmarks.big_networks import Absent, lite_study
from explorer.curvature import Traces
from explorer.curvature.result import Draws, Kept, Moment


def found(values: torch.Tensor, images: int, start: float, draw: float) -> Traces:
    """Traces of which the draws and the history are known."""
    moments = tuple(
        Moment(count, count, start + draw * count, (1.0,) * values.shape[1], (0.1,) * values.shape[1])
        for count in (64, len(values))
    )
    q = torch.full((images,), 1 / images, dtype=torch.float64)
    draws = Draws(q, torch.arange(len(values)) % images, values)
    return Traces("s", "weights", "output-probes", (), 0.0, "", 0, 0.05, (), moments, Kept({}, draws))


def test_passes_to_five_per_cent_are_those_of_the_variance_and_the_times() -> None:
    drawn = np.random.default_rng(0).normal(size=(400, 2)) * (1.0, 0.5)
    values = torch.tensor((drawn - drawn.mean(0)) / drawn.std(0, ddof=1) * (1.0, 0.5) + 1)
    row = big.precision("weights", found(values, images=100, start=12.0, draw=0.05), one=0.1)
    # 12 s are 1.2 passes over 100 images of 0.1 s; a draw is 0.005; (1 / 0.05)^2 and (0.5 / 0.05)^2 draws.
    assert row["draws"] == "100, 400"
    assert row["worst"] == "3.2"
    assert row["median"] == "1.7"
    assert row["within"] == "1 of 2"  # 1.8 passes pay for 360 draws
    assert row["at"] == "2.6%, 5.3%"


def test_what_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "benchmarks.big_networks.imported", lambda _name: (_ for _ in ()).throw(ImportError())
    )
    with pytest.raises(Absent, match="not installed"):
        lite_study(2)
