"""A chart that changes while it is looked at and keeps its zoom and camera.

Streamlit draws a chart anew, and forgets how it was turned, whenever its figure is another one. So the chart is drawn
from the figure it first was, which does not change, and every later figure is handed to Plotly in the browser, which
puts it in place. Axes whose range is not the one they were given, and cameras, stay as they are, because Streamlit
gives Plotly back what the person moved as if it were its own wish, so that Plotly's ``uirevision`` alone does not
keep it. Streamlit is told by the event that Plotly sends after a redraw, so that it has the same figure when it draws
again by itself. A figure with another ``uirevision`` is another picture and drawn anew.
"""

from functools import cache

import plotly.graph_objects as go
import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from explorer.figures import look
from explorer.ui.parts import export

_JS = """
const current = new WeakMap();
const rangesOf = (layout) => Object.fromEntries(Object.keys(layout)
  .filter((key) => /^[xy]axis\\d*$/.test(key)).map((key) => [key, JSON.stringify(layout[key].range)]));

function attend(element) {
  const state = current.get(element);
  const { figure, chart: key, revision } = state.data;
  const chart = document.querySelector(`.st-key-${CSS.escape(key)} .js-plotly-plot`);
  if (!chart?._fullLayout || !chart._ev || !window.Plotly) return;
  if (chart.layout.uirevision !== revision) return;  // one of the two is not the latest yet
  if (state.chart !== chart) Object.assign(state, { chart, done: null, given: rangesOf(chart.layout) });
  if (!figure || (state.done === figure && state.shown === chart.data)) return;
  const ink = getComputedStyle(document.querySelector("[data-testid=stApp]")).color;
  const made = JSON.parse(figure.replaceAll(state.data.ink, ink));
  const { template, width, height } = chart.layout;  // these are the theme's and the page's
  const layout = { ...made.layout, template, width, height };
  const now = rangesOf(chart.layout);
  const given = rangesOf(layout);
  for (const axis of Object.keys(given)) {
    if (now[axis] === state.given[axis]) continue;
    const { range, autorange } = chart.layout[axis] ?? {};  // what the person zoomed to
    layout[axis] = { ...layout[axis], range, autorange };
    given[axis] = state.given[axis];
  }
  for (const scene of Object.keys(layout).filter((name) => name.startsWith("scene"))) {
    if (chart.layout[scene]?.camera) layout[scene] = { ...layout[scene], camera: chart.layout[scene].camera };
  }
  Object.assign(state, { done: figure, shown: made.data, given });
  window.Plotly.react(chart, made.data, layout).then(() => chart.emit("plotly_redraw"));
}

export default function ({ data, parentElement }) {
  const known = current.get(parentElement);
  if (known) {
    known.data = data;
    attend(parentElement);
    return;
  }
  current.set(parentElement, { data });
  attend(parentElement);
  const timer = setInterval(() => attend(parentElement), 250);
  return () => {
    clearInterval(timer);
    current.delete(parentElement);
  };
}
"""


def draw(figure: go.Figure, *, key: str, name: str, alt: str, table: export.Table | None = None) -> None:
    """Draw a figure, or put it in the place of the one with the same ``uirevision``; its export is under it.

    Args:
        key: of the chart.
        name, alt, table: as in `export.chart`.
    """
    look.inked(figure)
    first = f"{key}_first"
    revision = figure.layout.uirevision
    held = st.session_state.get(first)
    if held is None or held.layout.uirevision != revision:
        held = st.session_state[first] = figure
    st.plotly_chart(held, key=key, alt=alt, config=export.config(name))
    newer = None if held == figure else figure.to_json()
    _bridge()(
        key=f"{key}_live",
        data={"chart": key, "figure": newer, "revision": revision, "ink": look.INK},
        height=1,
    )
    export.offer(figure, key=key, name=name, table=table)


@cache
def _bridge() -> ComponentRenderer:
    return st.components.v2.component("explorer_live_chart", js=_JS)
