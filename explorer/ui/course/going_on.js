// Tells the server once that the next stretch of a lesson is to be drawn: when its place is nearly on the screen, or when
// the page has rested for a while and nobody is doing anything. If nothing came of it, as after a lost message, it asks
// again.
const NEAR = 250; // pixels below the screen
const REST = 900; // milliseconds without a script at work and without a hand on mouse, wheel or keyboard
const AGAIN = 5000;
const DOINGS = ["pointerdown", "pointermove", "wheel", "keydown", "touchmove", "scroll"];

let done = 0; // when somebody did something last
let listening = false;

function listen() {
  if (listening) return;
  listening = true;
  for (const name of DOINGS) {
    window.addEventListener(name, () => { done = performance.now(); }, { capture: true, passive: true });
  }
}

export default function ({ parentElement, setTriggerValue }) {
  if (parentElement.dataset?.attends) return;
  const place = parentElement.host ?? parentElement;
  const words = document.createElement("p");
  words.setAttribute("role", "status");
  words.style.cssText = "margin: 0; opacity: .7; font-family: var(--st-font, sans-serif)";
  words.textContent = "The lesson goes on …";
  parentElement.replaceChildren(words);
  listen();
  let rested = performance.now(), asked = -AGAIN;
  const look = () => {
    const now = performance.now();
    const app = document.querySelector('[data-testid="stApp"]');
    if (app?.dataset.testScriptState !== "notRunning") rested = now;
    const near = place.getBoundingClientRect().top < window.innerHeight + NEAR;
    const idle = now - Math.max(rested, done) > REST;
    if (now - asked < AGAIN || !(near || idle) || document.hidden) return;
    if (!near && !document.querySelector(".js-plotly-plot .main-svg")) return; // the first picture comes first
    asked = now;
    setTriggerValue("turn", true);
  };
  const timer = setInterval(look, 100);
  return () => clearInterval(timer);
}
