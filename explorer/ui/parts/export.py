"""Taking a figure or a table away: SVG, PNG, HTML and CSV from one small popover under the figure.

SVG and PNG are made in the browser, by Plotly, from the chart as it is drawn there, zoom and camera included; the
page's background is put behind it, because its text has the colour that reads on that. HTML is made here when it
is asked for, with the library inside, so that it opens anywhere without a network.
"""

import html
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from explorer.figures import look
from explorer.ui.shell import session

Table = pd.DataFrame | Callable[[], pd.DataFrame]

_PNG_SCALE = 2  # pixels of the picture for each of the page

_HTML = """
<button type="button" data-format="svg">SVG</button>
<button type="button" data-format="png">PNG</button>
<p role="status"></p>
"""
_CSS = """
button {
  font: inherit; font-size: .875rem; width: 100%; height: 2.5rem; margin: 0 0 1rem; cursor: pointer;
  color: var(--st-text-color); background: var(--st-background-color);
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius);
}
button:hover, button:focus-visible { border-color: var(--st-primary-color); color: var(--st-primary-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 1px; }
button:last-of-type { margin: 0; }
p { margin: 0; font-size: .85rem; color: var(--st-text-color); }
p:empty { display: none; }
"""
_JS = """
export default function ({ data, parentElement }) {
  const status = parentElement.querySelector("p");
  for (const button of parentElement.querySelectorAll("button")) {
    button.setAttribute("aria-label", `Download the figure as ${button.textContent}`);
    button.onclick = async () => {
      const places = Array.from(document.querySelectorAll(`.st-key-${CSS.escape(data.chart)}`));
      const place = places.find((each) => each.dataset.stale !== "true") ?? places[0];
      const chart = place?.querySelector(".js-plotly-plot");
      if (!chart || !window.Plotly) {
        status.textContent = "The figure is not drawn yet; try again in a moment.";
        return;
      }
      const page = getComputedStyle(document.querySelector("[data-testid=stApp]")).backgroundColor;
      const layout = { ...structuredClone(chart.layout), paper_bgcolor: page };
      const { width, height } = chart._fullLayout;
      const format = button.dataset.format;
      const scale = format === "png" ? data.scale : 1;
      try {
        status.textContent = "";
        await window.Plotly.downloadImage(
          { data: structuredClone(chart.data), layout },
          { format, width, height, scale, filename: data.file },
        );
      } catch (error) {
        status.textContent = `The figure could not be written: ${error}`;
      }
    };
  }
}
"""


def chart(
    figure: go.Figure,
    *,
    key: str,
    name: str,
    alt: str,
    table: Table | None = None,
) -> None:
    """Draw a figure as wide as the page, with its export under it.

    Args:
        key: of the chart.
        name: what the figure is called in the names of files, after the study: ``traces``.
        alt: what it shows, for those who cannot see it.
        table: the numbers behind it, or how to get them, for CSV.
    """
    st.plotly_chart(look.inked(figure), key=key, alt=alt, config=config(name))
    offer(figure, key=key, name=name, table=table)


def offer(figure: go.Figure, *, key: str, name: str, table: Table | None = None) -> None:
    """The popover alone, for a chart that was drawn under ``key``; arguments as in `chart`."""
    file = file_name(name)
    with (
        st.container(horizontal=True, horizontal_alignment="right", key=f"chart_export_{key}"),
        st.popover("Export", icon=":material/download:", type="tertiary"),
    ):
        _pictures()(key=f"{key}_pictures", data={"chart": key, "file": file, "scale": _PNG_SCALE})
        _file("HTML", lambda: page(figure, file), f"{file}.html", "text/html", key)
        if table is not None:
            _file("CSV", lambda: csv(table), f"{file}.csv", "text/csv", key)


def table(frame: Table, *, key: str, name: str, plain: Callable[[], bytes] | None = None) -> None:
    """The popover of a table that has no figure; ``plain`` gives the same as JSON."""
    file = file_name(name)
    with (
        st.container(horizontal=True, horizontal_alignment="right", key=f"chart_export_{key}"),
        st.popover("Export", icon=":material/download:", type="tertiary"),
    ):
        _file("CSV", lambda: csv(frame), f"{file}.csv", "text/csv", key)
        if plain is not None:
            _file("JSON", plain, f"{file}.json", "application/json", key)


def config(name: str) -> dict[str, Any]:
    """Plotly's configuration with which the chart's own camera button writes a file of the same name."""
    return {"toImageButtonOptions": {"format": "png", "filename": file_name(name), "scale": _PNG_SCALE}}


def file_name(name: str) -> str:
    """Study and figure as one name for files, without an ending."""
    return "-".join(re.sub(r"[^\w.]+", "-", part).strip("-.") for part in (session.study().name, name))


def page(figure: go.Figure, title: str) -> bytes:
    """The figure as a page of its own, the drawing library inside."""
    text = str(figure.to_html(include_plotlyjs=True, full_html=True, config={"responsive": True}))
    return text.replace("<head>", f"<head><title>{html.escape(title)}</title>", 1).encode()


def csv(frame: Table) -> bytes:
    """A table as CSV in UTF-8, numbers in full."""
    made = frame if isinstance(frame, pd.DataFrame) else frame()
    return made.to_csv(index=False).encode()


def _file(label: str, data: Callable[[], bytes], name: str, mime: str, key: str) -> None:
    st.download_button(
        label, data, name, mime, key=f"{key}_{label.lower()}", on_click="ignore", width="stretch"
    )


@cache
def _pictures() -> ComponentRenderer:
    return st.components.v2.component("explorer_export", html=_HTML, css=_CSS, js=_JS)
