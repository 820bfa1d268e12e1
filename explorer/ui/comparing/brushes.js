// Tells Python which stretches of the axes of a chart of parallel coordinates are drawn over.
const current = new WeakMap();
const heard = new WeakSet();

function ranges(chart) {
  const found = {};
  for (const axis of chart.data[0]?.dimensions ?? []) {
    const drawn = axis.constraintrange;
    if (drawn?.length) found[axis.name] = Array.isArray(drawn[0]) ? drawn : [drawn];
  }
  return found;
}

function attend(element) {
  const { data } = current.get(element);
  const places = Array.from(document.querySelectorAll(`.st-key-${CSS.escape(data.chart)}`));
  const place = places.find((each) => each.dataset.stale !== "true") ?? places[0];
  const chart = place?.querySelector(".js-plotly-plot");
  if (!chart?.data || !chart._ev || heard.has(chart._ev)) return;
  heard.add(chart._ev);
  chart.dataset.brushable = "yes";
  chart.on("plotly_restyle", () => {
    current.get(element)?.setTriggerValue("brushed", ranges(chart));
  });
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
