// Buttons of charts that help nobody without a mouse are no stops of the keyboard. Streamlit's own link past the menu
// is the first one. The sections of the menu are divisions within a list, where only items may stand: each becomes one.

function attend() {
  for (const button of document.querySelectorAll('.modebar-btn:not([tabindex="-1"])')) button.tabIndex = -1;
  for (const section of document.querySelectorAll('[data-testid="stSidebarNavItems"] > div:not([role])')) {
    section.setAttribute('role', 'listitem');
  }
  for (const page of document.querySelectorAll('[data-testid="stSidebarNavItems"] > div li:not([role])')) {
    page.setAttribute('role', 'none');
  }
}

export default function () {
  attend();
  const timer = setInterval(attend, 500);
  return () => clearInterval(timer);
}
