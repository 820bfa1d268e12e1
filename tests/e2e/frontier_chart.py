"""The chart of the Frontier page, as a script in the page finds it."""

CHART = "document.querySelector('.st-key-frontier_chart .js-plotly-plot')"
# Where a point of the drawn frontier is on the screen, and its cost, by the share of the way along it.
POINT = f"""share => {{
  const chart = {CHART};
  const trace = chart._fullData.find(each => each.meta === 'frontier');
  const i = Math.floor((trace.x.length - 1) * share);
  const {{xaxis, yaxis}} = chart._fullLayout, box = chart.getBoundingClientRect();
  return {{x: box.left + xaxis._offset + xaxis.d2p(trace.x[i]),
          y: box.top + yaxis._offset + yaxis.d2p(trace.y[i]), cost: trace.x[i]}};
}}"""
