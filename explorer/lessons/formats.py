"""Lesson 1, numbers and formats: floating-point formats from (t, e) alone, their values, and rounding to them.

A format has t significant binary digits, the hidden one counted, and e bits of exponent (IEEE 754-2019, section 3.3;
the lecture's table, "Low precision formats"):

    unit roundoff  u = 2^-t          largest   2^emax (2 - 2^(1-t)),  emax = 2^(e-1) - 1
    smallest normal  2^emin, emin = 1 - emax        smallest  2^(emin + 1 - t)  (subnormal)

OCP's e4m3 (OCP 8-bit Floating Point Specification, section 5) gives up infinity for one more exponent: its largest
number is 448 where this rule has 240.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from explorer.errors import LessonError


@dataclass(frozen=True)
class Format:
    """A floating-point format of 1 sign bit, e exponent bits and t - 1 stored digits.

    Attributes:
        t: significant digits, the hidden one counted.
        e: bits of the exponent.
        ocp: the highest exponent is one of numbers, too, all digits one being NaN.
    """

    name: str
    t: int
    e: int
    ocp: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.t <= 240 or not 2 <= self.e <= 20:
            raise LessonError(
                f"a format of t={self.t} and e={self.e} is none; use t from 1 to 240, e from 2 to 20"
            )

    @property
    def bits(self) -> int:
        """Bits of a number."""
        return self.t + self.e

    @property
    def roundoff(self) -> Fraction:
        """u: the largest relative error of rounding to nearest, but for subnormal numbers."""
        return Fraction(1, 2**self.t)

    @property
    def emax(self) -> int:
        """Highest exponent of a finite number."""
        return (1 << (self.e - 1)) - (0 if self.ocp else 1)

    @property
    def emin(self) -> int:
        """Lowest exponent of a normal number."""
        return 2 - (1 << (self.e - 1))

    @property
    def largest(self) -> Fraction:
        """Largest finite number."""
        digits = 2 - (2 if self.ocp else 1) * Fraction(1, 2 ** (self.t - 1))
        return _power(self.emax) * digits

    @property
    def smallest_normal(self) -> Fraction:
        """Smallest number with all digits."""
        return _power(self.emin)

    @property
    def smallest(self) -> Fraction:
        """Smallest number above 0."""
        return _power(self.emin + 1 - self.t)

    def values(self) -> np.ndarray:
        """Finite numbers from 0 up, ascending, (n,) float64.

        Raises:
            LessonError: there are more than 4096.
        """
        if self.bits > 13:
            raise LessonError(f"{self.name} has too many numbers to be listed; use at most 13 bits")
        normal = [
            _power(exponent) * (1 + Fraction(digits, 2 ** (self.t - 1)))
            for exponent in range(self.emin, self.emax + 1)
            for digits in range(2 ** (self.t - 1))
        ]
        below = [self.smallest * digits for digits in range(2 ** (self.t - 1))]
        return np.array([float(value) for value in (*below, *normal) if value <= self.largest])

    def gap(self, x: float) -> float:
        """Distance of the neighbours on either side of x, in the binade of x."""
        exponent = max(int(np.floor(np.log2(abs(x)))) if x else self.emin, self.emin)
        return float(_power(exponent + 1 - self.t))


def _power(exponent: int) -> Fraction:
    return Fraction(2) ** exponent


FP64, FP32, FP16 = Format("fp64", 53, 11), Format("fp32", 24, 8), Format("fp16", 11, 5)
BF16, E4M3, E5M2 = Format("bf16", 8, 8), Format("e4m3", 4, 4, ocp=True), Format("e5m2", 3, 5)
E2M1 = Format("e2m1", 2, 2)
TABLE = (Format("fp128", 113, 15), FP64, FP32, FP16, BF16, E4M3, E5M2)


def row(of: Format) -> dict[str, str | int]:
    """A row of the lecture's table, three digits each; also for numbers that no double holds.

    >>> row(E5M2)["largest"], row(FP16)["largest"]
    ('57344', '65504')
    """
    return {
        "format": of.name,
        "bits": of.bits,
        "t": of.t,
        "e": of.e,
        "u": scientific(of.roundoff),
        "largest": str(of.largest) if of.largest < 10**5 else scientific(of.largest),
        "smallest normal": scientific(of.smallest_normal),
        "smallest": scientific(of.smallest),
    }


def log10(value: Fraction) -> float:
    """Decimal logarithm of a positive fraction of any size."""
    return float(np.log10(2.0)) * (value.numerator.bit_length() - value.denominator.bit_length()) + float(
        np.log10(_mantissa(value))
    )


def scientific(value: Fraction) -> str:
    """Three significant digits of a positive fraction of any size.

    >>> scientific(Fraction(1, 2**113)), scientific(Fraction(65504))
    ('9.63e-35', '6.55e+04')
    """
    exponent = int(np.floor(log10(value)))
    scaled = value / Fraction(10) ** exponent
    digits = f"{float(scaled):.2f}"
    if digits == "10.00":
        digits, exponent = "1.00", exponent + 1
    return f"{digits}e{exponent:+03d}"


def _mantissa(value: Fraction) -> float:
    shift = value.numerator.bit_length() - value.denominator.bit_length()
    return float(value / _power(shift))


def nearest(x: Tensor, of: Format) -> Tensor:
    """x rounded to the nearest number of a format, ties to even; what is too large becomes the largest.

    Division by a power of two is exact, so there is one rounding only. x is float64 or a format's superset.
    """
    gap = gaps(x, of)
    return (x / gap).round().mul(gap).clamp(-float(of.largest), float(of.largest))


def gaps(x: Tensor, of: Format) -> Tensor:
    """Distance of neighbours of a format around each value, in its binade; a power of two."""
    exponent = (torch.frexp(x).exponent - 1).clamp(min=of.emin)
    return torch.ldexp(torch.ones_like(x), exponent + 1 - of.t)


def scaled_error(x: Tensor, of: Format | int) -> float:
    """‖Q(x) - x‖² / ‖x‖² when the largest magnitude becomes the largest number; an int is that many bits of integer."""
    x = x.double().flatten()
    reach = float(x.abs().max())
    if isinstance(of, Format):
        scale = float(of.largest) / reach
        back = nearest(x * scale, of) / scale
    else:
        scale = (2 ** (of - 1) - 1) / reach
        back = (x * scale).round() / scale
    return float((back - x).square().sum() / x.square().sum())


# Energy in pJ and area in µm² of one operation at 45 nm: M. Horowitz, "Computing's Energy Problem", ISSCC 2014, figure
# 1.1.9; the lecture's "Benefits of quantization" has both tables.
ENERGY: Mapping[str, Mapping[str, float]] = {
    "add": {"int8": 0.03, "int32": 0.1, "fp16": 0.4, "fp32": 0.9},
    "multiply": {"int8": 0.2, "int32": 3.1, "fp16": 1.1, "fp32": 3.7},
}
AREA: Mapping[str, Mapping[str, float]] = {
    "add": {"int8": 36, "int32": 137, "fp16": 1360, "fp32": 4184},
    "multiply": {"int8": 282, "int32": 3495, "fp16": 1640, "fp32": 7700},
}
READING: Mapping[str, float] = {
    "8 kB cache": 10,
    "32 kB cache": 20,
    "1 MB cache": 100,
    "DRAM": 1300,
}  # pJ for 64 bits
