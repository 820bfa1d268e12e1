"""A report as one HTML file: sections of words, pictures and tables, with everything that it needs inside.

Plotly's JavaScript is in it once and draws every picture from JSON; nothing is fetched, and the page's own policy
forbids it (``default-src 'none'``). Every text is escaped by the template, the JSON so that it cannot end its element.
On paper a picture is drawn smaller, and what is only for a screen is left out.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import plotly.graph_objects as go
import plotly.io
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from explorer.figures import look

_ESCAPES = {ord(each): f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"}  # which end elements, or lines
TEMPLATE = "page.html"
_NUMBER = re.compile(r"[-+−]?[\d.,]+(e[-+]?\d+)?( ± [\d.e+-]+)?( ?(%|B|kB|MB|GB|ms|s))?(, within noise)?|–|")


@dataclass(frozen=True)
class Words:
    """A paragraph."""

    text: str


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure.

    Attributes:
        caption: what to notice, after "Figure 3."; it stands for the picture where that cannot be seen.
    """

    figure: go.Figure
    caption: str


@dataclass(frozen=True)
class Table:
    """Rows of text; a column whose cells are all numbers stands right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


@dataclass(frozen=True)
class Code:
    """Lines to be typed or read as they are; ``folded`` hides them until they are asked for, and not on paper."""

    text: str
    caption: str = ""
    folded: bool = False


Part = Words | Picture | Table | Code


@dataclass(frozen=True)
class Section:
    """One chapter.

    Attributes:
        name: for the address inside the page, letters and dashes.
        title: of the chapter.
        parts: in order.
        runs: ids of the runs that its numbers are from.
    """

    name: str
    title: str
    parts: tuple[Part, ...]
    runs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """A whole report.

    Attributes:
        title, subtitle: of it.
        made: when and by what, a sentence.
        sections: in order.
    """

    title: str
    subtitle: str
    made: str
    sections: tuple[Section, ...]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Every figure, in order."""
        return tuple(part for section in self.sections for part in section.parts if isinstance(part, Picture))


def html(page: Page) -> str:
    """The page as a file that stands alone."""
    numbers = {id(picture): number for number, picture in enumerate(page.pictures, start=1)}
    template = _environment().get_template(TEMPLATE)
    return template.render(
        page=page,
        kind=lambda part: type(part).__name__,
        number=lambda part: numbers[id(part)],
        height=lambda part: part.figure.to_dict()["layout"].get("height", 450),
        data=lambda part: _json(look.inked(part.figure)),
        numeric=_numeric,
        library=Markup(_library()),  # Plotly's own text
        bits=look.BIT_COLOURS,
    )


def _json(figure: go.Figure) -> Markup:
    """A figure as JSON that may stand in a script element."""
    text = plotly.io.to_json(figure, validate=False, engine="json")
    return Markup(text.translate(_ESCAPES))


def _numeric(table: Table) -> Sequence[bool]:
    """Which columns hold numbers in every cell that is known."""
    columns = zip(*table.rows, strict=True) if table.rows else [() for _ in table.columns]
    return [bool(column) and all(map(_NUMBER.fullmatch, column)) for column in columns]


def _library() -> str:
    """Plotly's JavaScript, which may not end the element that it stands in."""
    return str(get_plotlyjs()).replace("</script", "<\\/script")


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def embedded(content: object) -> str:
    """Plain data as indented JSON, for a `Code`."""
    return json.dumps(content, indent=1, ensure_ascii=False)
