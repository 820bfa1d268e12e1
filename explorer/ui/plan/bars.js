// Bars that are set by a click: the height that is clicked becomes the block's width, as the nearest allowed one. A
// cursor over the bars serves the keyboard: left and right choose a block, up and down its width. While a handle on
// the frontier is dragged, the bars follow it before Python has heard of it.
const states = new WeakMap();

class Bars {
  constructor(component) {
    this.component = component;
    this.layer = document.createElement("div");
    this.layer.className = "plan-bars-layer";
    this.layer.style.cssText = "position:absolute;inset:0;pointer-events:none;z-index:3;";
    this.cursor = this.layer.appendChild(document.createElement("div"));
    this.cursor.className = "plan-bars-cursor";
    this.cursor.tabIndex = 0;
    this.cursor.setAttribute("role", "spinbutton");
    this.ghost = this.layer.appendChild(document.createElement("div"));
    this.ghost.className = "plan-bars-ghost";
    this.at = 0;
    this.cursor.addEventListener("keydown", (event) => this.key(event));
    this.cursor.addEventListener("focus", () => this.draw());
    this.follow = ({ detail }) => this.preview(detail.bits);
    document.addEventListener("explorer-plan", this.follow);
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
    this.listening?.abort();
    document.removeEventListener("explorer-plan", this.follow);
    this.layer.remove();
  }

  attend() {
    const places = Array.from(document.querySelectorAll(`.st-key-${CSS.escape(this.data.chart)}`));
    const place = places.find((each) => each.dataset.stale !== "true") ?? places[0];
    const chart = place?.querySelector(".js-plotly-plot");
    if (!chart?._fullLayout?.yaxis || !chart._ev) return;
    if (this.chart !== chart || this.events !== chart._ev) {
      Object.assign(this, { chart, events: chart._ev });
      this.listening?.abort();
      this.listening = new AbortController();
      const options = { signal: this.listening.signal };
      chart.addEventListener("mousemove", (event) => this.point(event), options);
      chart.addEventListener("mouseleave", () => this.point(null), options);
      chart.addEventListener("click", (event) => this.set(event), { ...options, capture: true });
      chart.on("plotly_afterplot", () => this.draw());
      chart.dataset.settable = "yes";
    }
    if (this.layer.parentElement !== chart) {
      if (getComputedStyle(chart).position === "static") chart.style.position = "relative";
      chart.appendChild(this.layer);
    }
    this.draw();
  }

  trace(kind) { return this.chart.data.findIndex((each) => each.meta === kind); }

  // The block and the width under the mouse.
  under(event) {
    const { xaxis, yaxis } = this.chart._fullLayout;
    const box = this.chart.getBoundingClientRect();
    const x = event.clientX - box.left - xaxis._offset;
    const y = event.clientY - box.top - yaxis._offset;
    if (x < 0 || x > xaxis._length || y < 0 || y > yaxis._length) return null;
    const block = Math.round(xaxis.p2l(x));
    if (block < 0 || block >= this.data.blocks.length) return null;
    const bits = yaxis.p2l(y) + 0.5;
    const width = this.data.menu.reduce((a, b) => (Math.abs(b - bits) < Math.abs(a - bits) ? b : a));
    return { block, width };
  }

  frame(block, width) {
    const { xaxis, yaxis } = this.chart._fullLayout;
    const step = xaxis.l2p(1) - xaxis.l2p(0);
    const left = xaxis._offset + xaxis.l2p(block) - step * 0.46;
    const top = yaxis._offset + yaxis.l2p(width);
    return { left: `${left}px`, width: `${step * 0.92}px`, top: `${top}px`, height: `${yaxis._offset + yaxis._length - top}px` };
  }

  point(event) {
    const found = event && this.under(event);
    this.hovered = found;
    this.ghost.style.display = found ? "block" : "none";
    this.chart.style.cursor = found ? "pointer" : "";
    if (!found) return;
    Object.assign(this.ghost.style, this.frame(found.block, found.width));
    this.ghost.textContent = found.width === this.data.bits[found.block] ? "" : String(found.width);
  }

  set(event) {
    const found = this.under(event);
    if (found) this.send(found.block, found.width);
  }

  send(block, width) {
    this.at = block;
    if (width === this.data.bits[block]) return;
    this.data.bits[block] = width;
    this.component.setTriggerValue("changed", { block: this.data.blocks[block], bits: width });
    this.draw();
  }

  key(event) {
    const sideways = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    const upwards = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (sideways === undefined && upwards === undefined) return;
    event.preventDefault();
    const { blocks, bits, menu } = this.data;
    if (sideways !== undefined) this.at = Math.max(0, Math.min(blocks.length - 1, this.at + sideways));
    else {
      const further = menu.filter((each) => (each - bits[this.at]) * upwards > 0);
      if (further.length) this.send(this.at, upwards > 0 ? Math.min(...further) : Math.max(...further));
    }
    this.draw();
  }

  draw() {
    if (!this.chart?._fullLayout?.yaxis || !this.data.blocks.length) return;
    this.at = Math.min(this.at, this.data.blocks.length - 1);
    const bits = this.data.bits[this.at];
    Object.assign(this.cursor.style, this.frame(this.at, bits));
    this.cursor.setAttribute("aria-label", `Weight bits of ${this.data.blocks[this.at]}; left and right choose the block`);
    this.cursor.setAttribute("aria-valuenow", String(bits));
    this.cursor.setAttribute("aria-valuemin", String(this.data.menu[0]));
    this.cursor.setAttribute("aria-valuemax", String(this.data.menu.at(-1)));
  }

  preview(letters) {
    if (!this.chart?.data || letters.length !== this.data.blocks.length) return;
    this.waiting = letters;
    if (this.painting) return;
    this.painting = requestAnimationFrame(() => {
      this.painting = undefined;
      if (!this.chart.data) return;  // it is being put in another's place
      const widths = Array.from(this.waiting, (letter) => parseInt(letter, 36));
      const colours = widths.map((bits) => this.data.colours[bits]);
      const { sizes, scale } = this.data;
      window.Plotly.restyle(this.chart, {
        y: [widths, widths.map((bits, i) => (sizes[i] * bits) / 8 / scale)],
        "marker.color": [colours, colours],
        text: [widths.map(String), undefined],
      }, [this.trace("bits"), this.trace("sizes")]);
    });
  }
}

export default function (component) {
  const element = component.parentElement;
  const known = states.get(element);
  if (known) {
    known.update(component);
    return;
  }
  const made = new Bars(component);
  states.set(element, made);
  return () => {
    made.end();
    states.delete(element);
  };
}
