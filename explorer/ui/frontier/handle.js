// The handle on the frontier: a dot over the chart that is dragged or moved by keys from plan to plan, and clicks
// on any other plan. The chart itself is never redrawn for it. Python gets what was chosen as {kind, index, passing}:
// the trace's `meta`, the number of the point, and whether the person is still dragging. A card says what a plan is
// while the handle passes it or the pointer rests on it; it takes the place of Plotly's own label.
const SVG = "http://www.w3.org/2000/svg";
const PAUSE = 60;  // ms without movement after which a plan on the way is sent
const WAIT = 250;  // ms after which one is sent at the latest
const NEAR = 5;  // pixels within which a click beside the frontier means the frontier
const states = new WeakMap();

class Handle {
  constructor(component) {
    this.component = component;
    this.host = component.parentElement;
    this.layer = document.createElement("div");
    this.layer.className = "frontier-layer";
    this.layer.style.cssText = "position:absolute;inset:0;pointer-events:none;z-index:3;";
    this.svg = this.layer.appendChild(document.createElementNS(SVG, "svg"));
    this.svg.style.cssText = "position:absolute;inset:0;width:100%;height:100%;overflow:hidden;";
    this.noise = this.svg.appendChild(document.createElementNS(SVG, "polyline"));
    this.noise.setAttribute("fill", "none");
    this.noise.setAttribute("stroke-width", "14");
    this.noise.setAttribute("stroke-linejoin", "round");
    this.noise.setAttribute("stroke-linecap", "round");
    this.knob = this.layer.appendChild(document.createElement("div"));
    this.knob.tabIndex = 0;
    this.knob.setAttribute("role", "slider");
    this.knob.setAttribute("aria-label", "Current plan; arrow keys move it along the frontier");
    this.knob.className = "frontier-knob";
    this.other = this.layer.appendChild(document.createElement("div"));
    this.other.className = "frontier-other";
    this.card = this.layer.appendChild(document.createElement("div"));
    this.card.className = "frontier-card";
    this.card.setAttribute("role", "status");
    this.listen();
    this.timer = setInterval(() => this.attend(), 200);
    this.attend();
  }

  get data() { return this.component.data; }

  update(component) {
    this.component = component;
    this.attend();
    this.draw();
  }

  end() {
    clearInterval(this.timer);
    this.ended = true;
    this.layer.remove();
  }

  // Streamlit may put another chart in the place of the one there was, and may take the handle's own element away
  // without a word when the page is left.
  attend() {
    if (!this.host.isConnected) {
      this.end();
      return;
    }
    const places = Array.from(document.querySelectorAll(`.st-key-${CSS.escape(this.data.chart)}`));
    const place = places.find((each) => each.dataset.stale !== "true") ?? places[0];
    const chart = place?.querySelector(".js-plotly-plot");
    if (!chart?._fullLayout?.xaxis || !chart._ev) return;
    const drawn = chart._fullData.find((trace) => trace.meta === "frontier");
    if (!drawn) return;
    if (this.chart !== chart || this.events !== chart._ev) {
      Object.assign(this, { chart, events: chart._ev, drawn: null });
      chart.on("plotly_click", ({ points, event }) => this.clicked(points, event));
      for (const name of ["plotly_relayout", "plotly_relayouting", "plotly_afterplot"]) {
        chart.on(name, () => this.draw());
      }
      chart.on("plotly_hover", ({ points }) => this.hovered(points));
      chart.on("plotly_unhover", () => this.hovered([]));
      chart.dataset.handled = "yes";
    }
    for (const other of chart.querySelectorAll(".frontier-layer")) if (other !== this.layer) other.remove();
    for (const label of chart.querySelectorAll(".hoverlayer")) label.style.visibility = "hidden";
    if (this.layer.parentElement !== chart) {
      if (getComputedStyle(chart).position === "static") chart.style.position = "relative";
      chart.appendChild(this.layer);
    }
    if (this.drawn !== drawn) {
      this.drawn = drawn;
      this.draw();
    }
  }

  pixel(cost, omega) {
    const { xaxis, yaxis } = this.chart._fullLayout;
    return [xaxis._offset + xaxis.d2p(cost), yaxis._offset + yaxis.d2p(omega)];
  }

  seen([x, y]) {
    const { xaxis, yaxis } = this.chart._fullLayout;
    return x >= xaxis._offset - 1 && x <= xaxis._offset + xaxis._length + 1
      && y >= yaxis._offset - 1 && y <= yaxis._offset + yaxis._length + 1;
  }

  draw() {
    if (!this.drawn || !this.chart?._fullLayout) return;
    const { held, accent } = this.data;
    this.mark();
    const here = this.moving === undefined ? held : { x: this.drawn.x[this.moving], y: this.drawn.y[this.moving] };
    this.knob.style.display = "none";
    this.card.style.display = "none";
    this.noise.setAttribute("points", "");
    if (!here) return;
    const at = this.pixel(here.x, here.y);
    if (at.every(Number.isFinite) && this.seen(at)) {
      Object.assign(this.knob.style, { display: "block", left: `${at[0]}px`, top: `${at[1]}px`, background: accent });
    }
    const [low, high] = this.moving === undefined ? this.data.noise ?? [0, -1] : [0, -1];
    const near = [];
    for (let i = low; i <= high; i += 1) {
      const point = this.pixel(this.drawn.x[i], this.drawn.y[i]);
      if (this.seen(point)) near.push(point.map((each) => each.toFixed(1)).join(","));
    }
    this.noise.setAttribute("points", near.join(" "));
    this.noise.setAttribute("stroke", `${accent}44`);
    const index = this.moving ?? this.place();
    this.knob.setAttribute("aria-valuemin", "0");
    this.knob.setAttribute("aria-valuemax", String(this.drawn.x.length - 1));
    this.knob.setAttribute("aria-valuenow", String(index));
    this.knob.setAttribute("aria-valuetext", this.words(here));
    if (this.moving === undefined) return;
    const [change, bits, inputs] = this.drawn.customdata[this.moving];
    this.tell(at, here, { change, bits, inputs });
    document.dispatchEvent(new CustomEvent("explorer-plan", { detail: { bits } }));
  }

  // The dot of another plan that is pointed out.
  mark() {
    const { other, accent } = this.data;
    this.other.style.display = "none";
    if (!other) return;
    const at = this.pixel(other.x, other.y);
    if (!at.every(Number.isFinite) || !this.seen(at)) return;
    Object.assign(this.other.style, { display: "block", left: `${at[0]}px`, top: `${at[1]}px`, color: accent });
    this.other.dataset.label = other.label;
  }

  // The plan under the pointer.
  hovered(points) {
    if (this.ended || this.moving !== undefined) return;
    this.card.style.display = "none";
    const point = points.find((each) => each.fullData.meta);
    if (!point?.customdata) return;
    const { meta: kind } = point.fullData;
    const found = point.customdata;
    const said = { title: kind, hint: "Click to use this plan" };
    if (kind === "measured") {
      const [accuracy, bits, inputs] = found;
      const cost = `${Number(point.x.toPrecision(4)).toLocaleString("en")} ${this.data.unit}`;
      const { xaxis } = this.chart._fullLayout;
      const at = [xaxis._offset + xaxis.d2p(point.x), point.yaxis._offset + point.yaxis.d2p(point.y)];
      this.tell(at, null, { ...said, title: `measured without training: ${accuracy}, ${cost}`, bits, inputs });
      return;
    }
    if (kind === "set B") said.bits = this.letters(found);
    else [said.change, said.bits, said.inputs] = found;
    if (kind !== "frontier" && kind !== "set B" && kind !== "greedy") said.title = `${kind}: ${point.hovertext}`;
    this.tell(this.pixel(point.x, point.y), point, said);
  }

  // The widths of a plan of set B, from how many of its blocks, the least sensitive first, have each width.
  letters(levels) {
    const { order, base, menu } = this.data.setB;
    const found = Array.from(base);
    let at = 0;
    Array.from(levels).forEach((many, level) => {
      for (let i = 0; i < many; i += 1) found[order[at++]] = menu[level];
    });
    return found.join("");
  }

  words({ x, y }) {
    return `${Number(x.toPrecision(4)).toLocaleString("en")} ${this.data.unit}, Ω ${Number(y.toPrecision(3))}`;
  }

  // The accuracy to expect at an Ω, by the plans that were measured; nothing outside their range.
  expected(omega) {
    const { curve } = this.data;
    if (!curve || !(omega > 0)) return "";
    const { at, value, band, plans } = curve;
    const last = at.length - 1;
    const near = 1e-6 * (1 + Math.abs(at[0]) + Math.abs(at[last]));  // the chart's own values are coarse
    let x = Math.log(omega);
    if (x < at[0] - near || x > at[last] + near) return "";
    x = Math.min(Math.max(x, at[0]), at[last]);
    let i = 1;
    while (i < last && at[i] < x) i += 1;
    const part = (x - at[i - 1]) / (at[i] - at[i - 1]);
    const [accuracy, error] = [value, band].map((each) => 100 * (each[i - 1] + part * (each[i] - each[i - 1])));
    return `about ${accuracy.toFixed(1)} ± ${error.toFixed(1)} % without training (from ${plans} measured plans)`;
  }

  // The card: cost and Ω, the widths of all blocks as coloured cells and as counts, what changes.
  tell(at, here, { title, bits, inputs, change, hint }) {
    this.card.replaceChildren();
    const line = (kind, text) => {
      if (text) this.card.appendChild(document.createElement(kind)).textContent = text;
    };
    line("b", [title, here && this.words(here)].filter(Boolean).join(": "));
    line("div", here && this.expected(here.y));
    this.cells("weights", bits);
    if (inputs) this.cells("activations", inputs);
    else line("div", this.data.activations);
    line("div", change?.replaceAll("<br>", "\n"));
    line("em", hint);
    const page = getComputedStyle(document.querySelector("[data-testid=stApp]"));
    const { width, height } = this.chart._fullLayout;
    const left = at[0] > width / 2;
    Object.assign(this.card.style, {
      background: page.backgroundColor, color: page.color, display: "block", maxHeight: `${height - 8}px`,
      left: left ? "auto" : `${at[0] + 22}px`, right: left ? `${width - at[0] + 22}px` : "auto",
    });
    const lowest = height - this.card.offsetHeight - 4;
    this.card.style.top = `${Math.max(4, Math.min(at[1] - 20, lowest))}px`;
  }

  // One coloured cell a block, and in words how many blocks have each width.
  cells(what, letters) {
    const row = this.card.appendChild(document.createElement("div"));
    row.className = "frontier-cells";
    const counts = new Map();
    for (const letter of letters) {
      row.appendChild(document.createElement("i")).style.background = this.data.colours[letter];
      counts.set(letter, (counts.get(letter) ?? 0) + 1);
    }
    const widths = [...counts].map(([letter, many]) => [parseInt(letter, 36), many]).sort((a, b) => b[0] - a[0]);
    const said = widths.map(([bits, many]) => `${many} × ${bits} bits`).join(", ");
    this.card.appendChild(document.createElement("div")).textContent = `${what}: ${said}`;
  }

  // The point of the frontier that is drawn nearest.
  nearest(x, y) {
    let best = 0;
    let least = Infinity;
    for (let i = 0; i < this.drawn.x.length; i += 1) {
      const [px, py] = this.pixel(this.drawn.x[i], this.drawn.y[i]);
      const distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < least) [best, least] = [i, distance];
    }
    return best;
  }

  place() {
    const { held } = this.data;
    if (!held) return 0;
    return held.index ?? this.nearest(...this.pixel(held.x, held.y));
  }

  clicked(points, event) {
    if (this.ended || this.dragged || !points.length || event?.target?.closest?.(".frontier-layer")) return;
    const point = points.find((each) => each.fullData.meta);
    if (!point) return;
    let { meta: kind } = point.fullData;
    let index = point.pointNumber;
    if (kind === "set B" || kind === "greedy") {
      // Among thousands of dots the one under the mouse is often just not the frontier's; the better plan is meant.
      const at = this.pixel(point.x, point.y);
      const near = this.nearest(...at);
      const beside = this.pixel(this.drawn.x[near], this.drawn.y[near]);
      if (Math.hypot(beside[0] - at[0], beside[1] - at[1]) < NEAR) [kind, index] = ["frontier", near];
    }
    this.send({ kind, index, passing: false });
  }

  send(what) {
    clearTimeout(this.later);
    this.sent = performance.now();
    this.component.setTriggerValue("moved", what);
  }

  go(index) {
    const wanted = Math.max(0, Math.min(this.drawn.x.length - 1, index));
    if (wanted === this.moving) return;
    this.moving = wanted;
    this.draw();
    clearTimeout(this.later);
    const what = { kind: "frontier", index: wanted, passing: true };
    const overdue = performance.now() - (this.sent ?? 0) > WAIT;
    this.later = setTimeout(() => this.send(what), overdue ? 0 : PAUSE);
  }

  follow(event) {
    const box = this.chart.getBoundingClientRect();
    this.go(this.nearest(event.clientX - box.left, event.clientY - box.top));
  }

  release() {
    this.dragged = false;
    this.stop();
  }

  stop() {
    if (this.moving === undefined) return;
    const index = this.moving;
    this.send({ kind: "frontier", index, passing: false });
    // What Python says next is the truth again; until then the handle stays where it was let go.
    this.data.held = { x: this.drawn.x[index], y: this.drawn.y[index], index };
    this.data.noise = null;
    this.moving = undefined;
    this.draw();
  }

  listen() {
    this.knob.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      event.stopPropagation();
      this.knob.focus();
      this.knob.setPointerCapture(event.pointerId);
      this.dragged = true;
      this.pressed = [event.clientX, event.clientY];
    });
    this.knob.addEventListener("pointermove", (event) => {
      const far = Math.hypot(event.clientX - this.pressed?.[0], event.clientY - this.pressed?.[1]) > 2;
      if (this.dragged && (far || this.moving !== undefined)) this.follow(event);
    });
    this.knob.addEventListener("pointerup", (event) => {
      // A click on a dot that the handle half covers means the dot.
      if (this.dragged && this.moving === undefined) this.follow(event);
      this.release();
    });
    this.knob.addEventListener("pointercancel", () => this.release());
    for (const name of ["mousedown", "click"]) this.knob.addEventListener(name, (event) => event.stopPropagation());
    const steps = {
      ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, PageUp: -20, PageDown: 20, Home: -Infinity, End: Infinity,
    };
    this.knob.addEventListener("keydown", (event) => {
      if (!(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      this.go((this.moving ?? this.place()) + steps[event.key]);
    });
    this.knob.addEventListener("keyup", (event) => {
      if (!(event.key in steps)) return;
      clearTimeout(this.settled);
      this.settled = setTimeout(() => this.stop(), 400);
    });
    this.knob.addEventListener("blur", () => this.dragged || this.stop());
  }
}

export default function (component) {
  const element = component.parentElement;
  const known = states.get(element);
  if (known) {
    known.update(component);
    return;
  }
  const made = new Handle(component);
  states.set(element, made);
  return () => {
    made.end();
    states.delete(element);
  };
}
