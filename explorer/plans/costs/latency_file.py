"""A table of latencies of one's own, as CSV.

    block,bits,milliseconds                     or    block,w_bits,a_bits,milliseconds
    conv1,4,0.0512                                    conv1,4,8,0.0613

One line for every block and width that a plan may give it; rows at 32 bits make a ratio to FP32 possible. Where
a plan does not say the width of the input, it is that of the weights. Lines that begin with # are for people.
"""

import csv
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path

from explorer import reading
from explorer.blocks import Block
from explorer.errors import PlanError
from explorer.plans.costs.tables import MEASURED, CostTable, Pair, is_measured, latency_table
from explorer.plans.plan.plan import ALLOWED_BITS, allowed_sentence, listed

_FILE = reading.Kind(
    "the table of latencies", 5_000_000, PlanError, "correct the path", mend="save them as CSV in UTF-8"
)
_OF_WEIGHTS = ["block", "bits", "milliseconds"]
_OF_BOTH = ["block", "w_bits", "a_bits", "milliseconds"]


def read_latency_csv(source: Path | bytes, blocks: Sequence[Block]) -> CostTable:
    """The table in a file, or in the bytes of one.

    Raises:
        PlanError: the file cannot be read, or a line is wrong; the message names the line.
    """
    rows = _rows(source)
    header_line, header = next(rows, (1, []))
    header = [name.strip().lower() for name in header]
    if header not in (_OF_WEIGHTS, _OF_BOTH):
        raise PlanError(
            f"line {header_line} of the latencies must read {','.join(_OF_WEIGHTS)} or {','.join(_OF_BOTH)}"
        )
    figures: dict[str, dict[int | Pair, float]] = {block.name: {} for block in blocks}
    for line, row in rows:
        if len(row) != len(header):
            raise PlanError(
                f"line {line} of the latencies has {len(row)} entries and the first line {len(header)}; give "
                "one for each"
            )
        name, *widths, value = (entry.strip() for entry in row)
        if name not in figures:
            raise PlanError(
                f"line {line} of the latencies names the block {name!r}, which is not there; the blocks are "
                f"{listed(figures)}"
            )
        bits = tuple(_width(width, line) for width in widths)
        key = bits[0] if len(bits) == 1 else (bits[0], bits[1])
        if key in figures[name]:
            raise PlanError(
                f"line {line} of the latencies gives {name} at {'/'.join(widths)} bits a second time; "
                "keep one of the two"
            )
        figures[name][key] = _milliseconds(value, line)
    missing = [name for name, own in figures.items() if not own]
    if missing:
        raise PlanError(f"the latencies have no line for {listed(missing)}; give one for every block")
    for own in figures.values():
        own |= {key[0]: v for key, v in own.items() if isinstance(key, tuple) and key[0] == key[1]}
    return latency_table(figures)


def latency_text(path: Path) -> str:
    """What is in a file of latencies, as a question to the frontier holds it.

    Raises:
        PlanError: the file cannot be read.
    """
    return reading.text_of(reading.read_bytes(path, _FILE), _FILE)


def _rows(source: Path | bytes) -> Iterator[tuple[int, list[str]]]:
    """Numbered lines that are neither blank nor remarks."""
    text = reading.text_of(source if isinstance(source, bytes) else reading.read_bytes(source, _FILE), _FILE)
    reader = csv.reader(StringIO(text, newline=""))
    try:
        for row in reader:
            if any(entry.strip() for entry in row) and not row[0].lstrip().startswith("#"):
                yield reader.line_num, row
    except csv.Error as error:
        raise PlanError(f"line {reader.line_num} of the latencies is not CSV ({error}); mend it") from error


def _width(text: str, line: int) -> int:
    if not text.isdecimal() or len(text) > 2 or int(text) not in ALLOWED_BITS:
        raise PlanError(f"line {line} of the latencies has a width of {text!r} bits; {allowed_sentence()}")
    return int(text)


def _milliseconds(text: str, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not is_measured(value):
        raise PlanError(f"line {line} of the latencies has {text!r} milliseconds; it must be {MEASURED}")
    return value
