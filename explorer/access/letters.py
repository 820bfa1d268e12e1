"""The pages that are shown in place of the app: the login, and why somebody is not let in. They need nothing else."""

import html

_STYLE = """
:root { color-scheme: light dark; --page: #FCFDFD; --card: #EDF3F5; --text: #14262E; --line: #B4C6CD; --accent: #0B6477;
  --wrong: #A5281B; }
@media (prefers-color-scheme: dark) { :root { --page: #0C1418; --card: #18242B; --text: #E4EDF0; --line: #4A6069;
  --accent: #24879D; --wrong: #FF9C8F; } }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, "Source Sans", sans-serif; }
main { box-sizing: border-box; width: min(26rem, 92vw); padding: 2rem; background: var(--card);
  border: 1px solid var(--line); border-radius: .5rem; }
main.wide { width: min(44rem, 92vw); }
h1 { margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.2; }
p { margin: .5rem 0; overflow-wrap: anywhere; }
label { display: block; margin: 1rem 0 .25rem; font-weight: 600; }
small { font-weight: 400; opacity: .8; }
input { box-sizing: border-box; width: 100%; padding: .55rem .7rem; font: inherit; color: inherit;
  background: var(--page); border: 1px solid var(--line); border-radius: .375rem; }
button { width: 100%; margin-top: 1.5rem; padding: .6rem; font: inherit; font-weight: 600; color: white;
  cursor: pointer; background: var(--accent); border: 0; border-radius: .375rem; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
[role=alert] { color: var(--wrong); font-weight: 600; }
"""


def page(title: str, body: str, *, wide: bool = False) -> str:
    """A whole page; ``body`` is HTML."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{html.escape(title)} · Mixed-precision explorer</title><style>{_STYLE}</style></head>"
        f"<body><main{' class=wide' if wide else ''}><h1>{html.escape(title)}</h1>{body}</main></body></html>"
    )


def login(
    action: str, onward: str, complaint: str = "", *, password: bool = True, named: bool = False
) -> str:
    """The form that asks for the shared password, a name, or both.

    Args:
        action: the address it is sent to.
        onward: where the person wanted to go.
        named: a name has to be given, one that nobody else has.
    """
    said = f'<p role="alert">{html.escape(complaint)}</p>' if complaint else ""
    secret = (
        '<label for="password">Password</label><input id="password" name="password" type="password" '
        'autocomplete="current-password" required autofocus>'
    )
    why = (
        "yours alone: only you can stop what you start"
        if named
        else "optional; stands beside the computations you start"
    )
    focus = (" required" if named else "") + ("" if password else " autofocus")
    return page(
        "Log in" if password else "Who are you?",
        f"<p>Mixed-precision explorer</p>{said}"
        f'<form method="post" action="{html.escape(action)}">'
        f'<input type="hidden" name="onward" value="{html.escape(onward)}">{secret if password else ""}'
        f'<label for="name">Your name <small>({why})</small></label>'
        f'<input id="name" name="name" autocomplete="username" maxlength="80"{focus}>'
        f'<button type="submit">{"Log in" if password else "Go on"}</button></form>',
    )


def refusal(title: str, words: str) -> str:
    """A page that says why there is no app."""
    return page(title, f"<p>{html.escape(words)}</p>", wide=True)
