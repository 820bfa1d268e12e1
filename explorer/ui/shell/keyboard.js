// Buttons of charts that help nobody without a mouse are no stops of the keyboard. Streamlit's own link past the menu
// is the first one.

function attend() {
  for (const button of document.querySelectorAll('.modebar-btn:not([tabindex="-1"])')) button.tabIndex = -1;
}

export default function () {
  attend();
  const timer = setInterval(attend, 500);
  return () => clearInterval(timer);
}
