// A link to a term keeps to its term while the page still takes its shape above it, until a person moves on.

export default function () {
  const target = document.getElementById(window.location.hash.slice(1));
  const page = document.querySelector('[data-testid="stMainBlockContainer"]');
  if (!target || !page) return;
  const keep = new ResizeObserver(() => target.scrollIntoView());
  keep.observe(page);
  const stop = () => keep.disconnect();
  const own = ["wheel", "touchstart", "pointerdown", "keydown"];
  for (const kind of own) window.addEventListener(kind, stop, { once: true, capture: true });
  return () => {
    stop();
    for (const kind of own) window.removeEventListener(kind, stop, { capture: true });
  };
}
