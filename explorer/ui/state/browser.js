// Streamlit pushes every change of the address to the browser's history. Here only what is worth a step of Back is
// pushed: another page, or another of the values that are named as steps. Anything else takes the last one's place.
// A link to another page says only which; the steps' values are put behind it, so that the page, which says the same
// once it is drawn, needs no second step for it.
let steps = [];

function values(url) {
  return steps.flatMap((name) => (url.searchParams.has(name) ? [[name, url.searchParams.get(name)]] : []));
}

function attend() {
  const history = window.history;
  const push = history.pushState.bind(history);
  history.pushState = (state, unused, to) => {
    const here = new URL(window.location.href);
    const there = new URL(to ?? here, here);
    if (there.pathname !== here.pathname) {
      if (!there.search) there.search = String(new URLSearchParams(values(here)));
      push(state, unused, there);
    } else if (JSON.stringify(values(there)) === JSON.stringify(values(here))) {
      history.replaceState(state, unused, there);
    } else {
      push(state, unused, there);
    }
  };
}

export default function (component) {
  if (!steps.length) attend();
  steps = component.data.steps;
}
