"""How people are let in, as EXPLORER_LOGIN says it, and what is refused without it.

``password:FILE`` asks for the password in the file, ``oidc:ada@example.org,*@example.com`` for a login by OpenID
Connect, ``class`` for a name that nobody else has, ``class:FILE`` for both name and password, ``none`` accepts that
anyone who reaches the port is let in. Unset, the app is for this computer alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from explorer.access import addresses, password
from explorer.errors import AccessError, cut

VARIABLE = "EXPLORER_LOGIN"
WHAT_ANYONE_MAY = (
    "anyone who reaches the port may read every study and result, start, stop and delete computations, and fill this "
    "computer's processors, memory and disk"
)


@dataclass(frozen=True)
class Login:
    """A way of letting people in.

    Attributes:
        kind: 'here' where no login is needed because only this computer is answered; 'class' where everybody gives a
            name of their own, and the password too where there is a ``file``.
        members: who may enter with 'oidc': e-mail addresses, or patterns such as ``*@example.org``.
    """

    kind: Literal["here", "password", "class", "oidc", "none"] = "here"
    file: Path | None = None
    members: tuple[str, ...] = ()

    def variable(self) -> str:
        """The value of EXPLORER_LOGIN that means this."""
        if self.kind == "password":
            return f"password:{self.file}"
        if self.kind == "class":
            return "class" if self.file is None else f"class:{self.file}"
        if self.kind == "oidc":
            return f"oidc:{','.join(self.members)}"
        return "none" if self.kind == "none" else ""

    @property
    def by_form(self) -> bool:
        """Whether the guard asks with a form of its own, before Streamlit hears of a request."""
        return self.kind in ("password", "class")

    def admits(self, email: str) -> bool:
        """Whether an e-mail address is one of the members'."""
        return any(fnmatchcase(email.lower(), pattern.lower()) for pattern in self.members)


def of_environment(environment: Mapping[str, str]) -> Login:
    """The login that EXPLORER_LOGIN names.

    Raises:
        AccessError: it names none.
    """
    text = environment.get(VARIABLE, "")
    kind, _, rest = text.partition(":")
    if not text:
        return Login()
    if text == "none":
        return Login("none")
    if text == "class":
        return Login("class")
    if kind in ("password", "class") and rest:
        return Login("class" if kind == "class" else "password", file=Path(rest))
    members = tuple(each.strip() for each in rest.split(",") if each.strip())
    if kind == "oidc" and members:
        return Login("oidc", members=members)
    raise AccessError(
        f"{VARIABLE} is {text!r}; write password:FILE, class, class:FILE, oidc:ADDRESS,ADDRESS or none, or leave it "
        "empty."
    )


def check(login: Login, address: str | None, hosts: Iterable[str]) -> None:
    """Refuse to answer others than this computer unless they have to log in or that is accepted.

    Args:
        address: where the server listens; None for everywhere.
        hosts: the names by which it is reached.

    Raises:
        AccessError: nobody would have to log in, or the password file is unfit.
    """
    if login.file is not None:
        password.read(login.file)
    beyond = addresses.beyond(address, hosts)
    if beyond is not None and login.kind == "here":
        raise AccessError(
            f"The app would answer at {cut(beyond, 50)}, where anyone could read, start, stop and delete computations; "
            "use python -m explorer app with --password-file FILE, --class, --member ADDRESS (OpenID Connect) or "
            "--without-login; docs/serving.md says more"
        )
