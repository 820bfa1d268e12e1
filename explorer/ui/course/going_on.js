// Tells the server that the next stretch of a lesson is to be drawn: when its place is on the screen, or when the
// page has rested for a while and nobody is doing anything. If nothing came of it, as after a lost message, it asks
// again. Nothing here measures the page while it is drawn, which would make the browser lay it out once more.
const REST = 900; // milliseconds without a script at work and without a hand on mouse, wheel or keyboard
const AGAIN = 5000;
const DOINGS = ["pointerdown", "pointermove", "wheel", "keydown", "touchmove"];

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
  const words = document.createElement("p");
  words.setAttribute("role", "status");
  words.style.cssText = "margin: 0; opacity: .8; font-family: var(--st-font, sans-serif)";
  words.textContent = "The lesson goes on …";
  parentElement.replaceChildren(words);
  listen();
  let rested = performance.now(), asked = -AGAIN, seen = false;
  const observer = new IntersectionObserver((entries) => { seen = entries.at(-1).isIntersecting; });
  observer.observe(words);
  const timer = setInterval(() => {
    const now = performance.now();
    const app = document.querySelector('[data-testid="stApp"]');
    const rests = app?.dataset.testScriptState === "notRunning";
    if (!rests) rested = now;
    const begun = document.querySelector(".js-plotly-plot .main-svg"); // the first picture comes first
    const idle = now - Math.max(rested, done) > REST;
    if (begun && rests && now - asked > AGAIN && (seen || idle) && !document.hidden) {
      asked = now;
      setTriggerValue("turn", true);
    }
  }, 150);
  return () => {
    clearInterval(timer);
    observer.disconnect();
  };
}
