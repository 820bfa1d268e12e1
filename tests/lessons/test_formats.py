"""Lesson 1 against PyTorch's own formats and the lecture's table."""

import pytest
import torch

from explorer.errors import LessonError
from explorer.lessons import formats
from explorer.lessons.formats import BF16, E4M3, E5M2, FP16, FP32, FP64, Format

OF_TORCH = [
    (FP64, torch.float64),
    (FP32, torch.float32),
    (FP16, torch.float16),
    (BF16, torch.bfloat16),
    (E4M3, torch.float8_e4m3fn),
    (E5M2, torch.float8_e5m2),
]


@pytest.mark.parametrize(("of", "dtype"), OF_TORCH, ids=lambda each: getattr(each, "name", ""))
def test_limits_are_those_of_pytorch(of: Format, dtype: torch.dtype) -> None:
    limits = torch.finfo(dtype)
    assert float(of.largest) == limits.max
    assert float(of.smallest_normal) == limits.tiny
    assert 2 * float(of.roundoff) == limits.eps
    assert of.bits == limits.bits


def test_the_lecture_s_table() -> None:
    """With the quadruple format, whose limits no double holds."""
    rows = {row["format"]: row for row in map(formats.row, formats.TABLE)}
    shown = ("t", "e", "u", "largest", "smallest normal")
    assert [(name, *(row[each] for each in shown)) for name, row in rows.items()] == [
        ("fp128", 113, 15, "9.63e-35", "1.19e+4932", "3.36e-4932"),
        ("fp64", 53, 11, "1.11e-16", "1.80e+308", "2.23e-308"),
        ("fp32", 24, 8, "5.96e-08", "3.40e+38", "1.18e-38"),
        ("fp16", 11, 5, "4.88e-04", "65504", "6.10e-05"),
        ("bf16", 8, 8, "3.91e-03", "3.39e+38", "1.18e-38"),
        ("e4m3", 4, 4, "6.25e-02", "448", "1.56e-02"),
        ("e5m2", 3, 5, "1.25e-01", "57344", "6.10e-05"),
    ]  # fmt: skip
    assert Format("e4m3 as IEEE 754 would have it", 4, 4).largest == 240


@pytest.mark.parametrize(("of", "dtype"), OF_TORCH[2:], ids=lambda each: getattr(each, "name", ""))
def test_rounding_is_pytorch_s_cast(of: Format, dtype: torch.dtype) -> None:
    """Ties, subnormal numbers and both signs included."""
    spread = torch.linspace(-20, 8, 4001, dtype=torch.float64).exp2().float()
    x = torch.cat([spread, -spread, torch.tensor([0.0, 1.125, 1.375, 2.5, 3.5])])
    x = x[x.abs() <= float(of.largest)]
    assert torch.equal(formats.nearest(x.double(), of), x.to(dtype).double())


@pytest.mark.parametrize(("of", "dtype"), OF_TORCH[4:], ids=lambda each: getattr(each, "name", ""))
def test_the_values_of_eight_bits(of: Format, dtype: torch.dtype) -> None:
    codes = torch.arange(128, dtype=torch.uint8).view(dtype).double()
    assert of.values().tolist() == codes[codes.isfinite()].tolist()


def test_what_is_no_format() -> None:
    with pytest.raises(LessonError, match="is none"):
        Format("mine", 0, 5)
    with pytest.raises(LessonError, match="too many"):
        FP32.values()
