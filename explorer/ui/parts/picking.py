"""Clicking and marking points of a chart that is already drawn.

Streamlit draws a chart anew, without its zoom, whenever the figure is another one, so a figure must not depend on
what was clicked on it; and it does not report a click on the point that was clicked last, even when something else
was chosen by other means in between. So the browser listens to Plotly itself here, and marks what is chosen as if
it had been selected, again whenever the chart is drawn anew.
"""

from collections.abc import Callable
from functools import cache

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from explorer.ui.shell import sentences

# The function is called again on the same element whenever what it is to mark changes.
_JS = """
const current = new WeakMap();
const hears = new WeakMap(); // events of a chart: the element that reports them, which may go before the chart does
const same = (a, b) => Array.isArray(a) && a.length === b.length && a.every((x, i) => x === b[i]);

function attend(element) {
  const { data } = current.get(element);
  // While a page is drawn anew, the element that is about to go may still be there.
  const places = Array.from(document.querySelectorAll(`.st-key-${CSS.escape(data.chart)}`));
  const place = places.find((each) => each.dataset.stale !== "true") ?? places[0];
  const chart = place?.querySelector(".js-plotly-plot");
  if (!chart?.data || !chart._fullLayout || !chart._ev || !window.Plotly) return;
  if (!hears.has(chart._ev)) {
    chart.dataset.pickable = "yes";
    const { _ev: events } = chart;
    chart.on("plotly_click", ({ points }) => {
      const name = points.find((point) => point.customdata)?.customdata[0];
      if (name !== undefined) current.get(hears.get(events))?.setTriggerValue("picked", name);
    });
  }
  hears.set(chart._ev, element);
  const marked = (trace) => trace.customdata && trace.type !== "heatmap"; // squares are clicked, not marked
  const clickable = chart.data.flatMap((trace, i) => (marked(trace) ? [i] : []));
  const wanted = clickable.map((i) =>
    Array.from(chart.data[i].customdata).flatMap((each, n) => (each?.[0] === data.name ? [n] : [])));
  if (clickable.some((i, n) => !same(chart.data[i].selectedpoints, wanted[n]))) {
    window.Plotly.restyle(chart, { selectedpoints: wanted }, clickable);
  }
}

export default function (component) {
  const element = component.parentElement;
  const known = current.has(element);
  current.set(element, component);
  attend(element);
  if (known) return;
  const timer = setInterval(() => attend(element), 200);
  return () => {
    clearInterval(timer);
    current.delete(element);
  };
}
"""


def follow(chart: str, name: str | None, on_pick: Callable[[str], None]) -> None:
    """Mark the points called ``name`` on the chart with this key, and report clicks on points.

    Args:
        chart: the chart's key; points, and squares of a heat map, have their name first in ``customdata``.
        name: what is chosen; None marks nothing.
        on_pick: called before the page is run again, with the name of the point that was clicked.
    """
    key = f"{chart}_picking"

    def picked() -> None:
        found = st.session_state[key].picked
        if found is not None:
            on_pick(str(found))

    _listener()(
        key=key, data={"chart": chart, "name": name}, height=1, on_picked_change=sentences.callback(picked)
    )


@cache
def _listener() -> ComponentRenderer:
    return st.components.v2.component("explorer_picking", js=_JS)
