"""Results as tables: plain data, then text for a terminal or Markdown for the docs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Form = Literal["text", "count", "seconds", "milliseconds", "percent", "number", "times", "mebibytes", "exact"]


Row = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """A column: the key of its values in a row, its heading, and how a value is written."""

    key: str
    heading: str
    form: Form = "text"


@dataclass(frozen=True)
class Table:
    """Rows of values by key; a key that a row lacks is an empty cell.

    Attributes:
        key: letter of the section, then a word.
        notes: sentences under it.
    """

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "title": self.title,
            "columns": {column.key: column.heading for column in self.columns},
            "rows": [dict(row) for row in self.rows],
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Claim:
    """Something asked for, with what was measured.

    Attributes:
        asked: in words; empty where nothing was asked of this study.
        met: None where nothing was asked, or it could not be measured.
    """

    study: str
    what: str
    asked: str
    measured: str
    met: bool | None

    @classmethod
    def of_cifar(cls, study: str, what: str, asked: str, measured: str, met: bool | None) -> "Claim":
        """One that was asked of cifar10-resnet20; what other studies show is told without a judgement."""
        if study == "cifar10-resnet20":
            return cls(study, what, asked, measured, met)
        return cls(study, what, "", measured, None)


@dataclass
class Findings:
    """What the sections hand back."""

    tables: list[Table] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)

    def add(self, other: "Findings") -> None:
        self.tables += other.tables
        self.claims += other.claims


def written(value: Any, form: Form) -> str:
    """A value as people read it: three digits, units where the heading does not say them."""
    if value is None:
        return ""
    if form == "text" or isinstance(value, str):
        return str(value)
    if form == "count":
        return f"{value:,.0f}"
    if form == "percent":
        return f"{_digits(100 * value)} %"
    if form == "times":
        return f"{_digits(value)}×"
    if form == "milliseconds":
        return _digits(1000 * value)
    if form == "mebibytes":
        return f"{value / 2**20:,.0f}"
    if form == "exact":
        return f"{value:.6g}"
    return _digits(value)


def _digits(value: float) -> str:
    size = abs(value)
    if size != size or size == float("inf"):
        return str(value)
    if size == 0:
        return "0"
    if size >= 100:
        return f"{value:,.0f}"
    if size < 0.001:
        return f"{value:.1e}"
    decimals = 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:.{decimals}f}"


def claims_table(claims: Sequence[Claim]) -> Table:
    """What was asked and what was measured."""
    words = {True: "yes", False: "**no**", None: ""}
    return Table(
        "summary",
        "Asked and measured",
        (
            Column("study", "study"),
            Column("what", "what"),
            Column("asked", "asked"),
            Column("measured", "measured"),
            Column("met", "met"),
        ),
        tuple(
            {"study": c.study, "what": c.what, "asked": c.asked, "measured": c.measured, "met": words[c.met]}
            for c in claims
        ),
    )


def as_text(table: Table) -> str:
    """For a terminal: columns in line."""
    cells = _cells(table)
    widths = [max(len(row[i]) for row in cells) for i in range(len(table.columns))]
    right = [column.form != "text" for column in table.columns]
    lines = [table.title, "-" * len(table.title)]
    for row in cells:
        parts = [
            cell.rjust(width) if flush else cell.ljust(width)
            for cell, width, flush in zip(row, widths, right, strict=True)
        ]
        lines.append("  ".join(parts).rstrip())
    return "\n".join([*lines, *table.notes, ""])


def as_markdown(table: Table) -> str:
    """For the docs: a table with its notes under it."""
    heading, *rows = _cells(table)
    rule = ["---" if column.form == "text" else "---:" for column in table.columns]
    lines = [f"### {table.title}", ""]
    lines += ["| " + " | ".join(_escaped(row)) + " |" for row in (heading, rule, *rows)]
    for note in table.notes:
        lines += ["", note]
    return "\n".join([*lines, ""])


def _cells(table: Table) -> list[list[str]]:
    rows = [[written(row.get(c.key), c.form) for c in table.columns] for row in table.rows]
    return [[column.heading for column in table.columns], *rows]


def _escaped(cells: Iterable[str]) -> list[str]:
    return [cell.replace("|", "\\|") for cell in cells]
