"""``app``: the app in the browser, from a clone or from an installed package; for this computer, or for a group."""

import os
import runpy
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

import explorer
from explorer import devices
from explorer.access import addresses, login
from explorer.access.login import Login
from explorer.cli.parsing import DeviceOption
from explorer.errors import AccessError, ExplorerError

_PACKAGE = Path(explorer.__file__).parent
# The theme is read by Streamlit itself from the file beside the app; the rest must hold whatever the person's own
# settings and environment say.
_THEME = "theme"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("app")(serve)


def serve(
    study: Annotated[
        list[str] | None,
        typer.Option(help="a study of your own to offer: its folder or study.toml; may be repeated"),
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="by default 8501")] = None,
    address: Annotated[
        str, typer.Option(help="where to listen; anything but this computer needs one of the logins")
    ] = addresses.HERE[0],
    host: Annotated[
        list[str] | None,
        typer.Option(
            help="a name by which people reach the app, as in explorer.example.org; may be repeated"
        ),
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="ask for the password in this file, which only you may read")
    ] = None,
    in_class: Annotated[
        bool,
        typer.Option(
            "--class",
            help="ask everybody for a name that nobody else has, so that no one stops what another started; with "
            "--password-file for the password, too",
        ),
    ] = False,
    member: Annotated[
        list[str] | None,
        typer.Option(
            help="let in who logs in by OpenID Connect with this e-mail address, or pattern such as *@example.org; may "
            "be repeated"
        ),
    ] = None,
    without_login: Annotated[bool, typer.Option(help=f"accept that {login.WHAT_ANYONE_MAY}")] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, max=9999, help="runs at work at once; by default as many as cores")
    ] = None,
    time_limit: Annotated[
        str | None, typer.Option(help="stop every run after so long, such as 45m or 2h, to be resumed")
    ] = None,
    device: DeviceOption = None,
) -> None:
    """Start the app on http://127.0.0.1:8501 until Ctrl-C; it answers this computer only, unless asked otherwise."""
    hosts = _hosts(address, host or [])
    chosen = _login(password_file, member or [], without_login, in_class=in_class)
    login.check(chosen, address, hosts)
    own = study or []
    if own:
        from explorer import studies

        studies.catalogue(tuple(own))  # a mistake is said here and not on the page
    script = app_script()
    options = settings(script) | {"server.address": address, "server.allowedHosts": hosts}
    options |= {"browser.serverAddress": hosts[0]} | ({} if port is None else {"server.port": port})
    os.environ[login.VARIABLE] = chosen.variable()
    _bound_runs(workers, time_limit)
    if device is not None:
        os.environ[devices.VARIABLE] = devices.chosen(device)
    offered = [word for each in own for word in ("--study", each)]
    sys.argv = ["streamlit", "run", str(script), *flags(options), "--", *offered]
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)


def _bound_runs(workers: int | None, time_limit: str | None) -> None:
    """What the app's process tells whoever starts runs from it."""
    if workers is not None:
        from explorer.jobs.queue import room

        os.environ[room.VARIABLE] = str(workers)
    if time_limit is not None:
        from explorer.jobs.bounds import attempt, units

        units.seconds_of(time_limit, "--time-limit")
        os.environ[attempt.TIME_VARIABLE] = time_limit


def _hosts(address: str, named: list[str]) -> list[str]:
    """The names the app answers to, those people use first."""
    if address in addresses.EVERYWHERE and not named:
        raise AccessError(f"With --address {address}, say by which name people reach the app: --host NAME.")
    own = [] if address in addresses.EVERYWHERE else [address]
    return list(dict.fromkeys([*named, *own, *addresses.HERE]))


def _login(password_file: Path | None, members: list[str], without: bool, *, in_class: bool) -> Login:
    if (password_file is not None or in_class) + bool(members) + without > 1:
        raise AccessError("Choose one of --password-file, --class, --member and --without-login.")
    file = None if password_file is None else password_file.absolute()
    if in_class or file is not None:
        return Login("class" if in_class else "password", file=file)
    if members:
        return Login("oidc", members=tuple(members))
    return Login("none") if without else login.of_environment(os.environ)


def app_script() -> Path:
    """``app.py``: in the package that a wheel installed, or beside the package in a clone.

    Raises:
        ExplorerError: it is in neither place.
    """
    places = (_PACKAGE / "app" / "app.py", _PACKAGE.parent / "app.py")
    for script in places:
        if script.is_file():
            return script
    raise ExplorerError(f"the app is missing ({places[0]}); install the package again")


def settings(script: Path) -> dict[str, Any]:
    """The settings of the app by their dotted names, without those of its looks."""
    path = script.parent / ".streamlit" / "config.toml"
    sections = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        f"{section}.{name}": value
        for section, options in sections.items()
        if section != _THEME
        for name, value in options.items()
    }


def flags(options: dict[str, Any]) -> list[str]:
    """Settings as flags of ``streamlit run``, which go before files and environment variables."""
    words = []
    for name, value in options.items():
        for each in value if isinstance(value, list) else [value]:
            words += [f"--{name}", str(each).lower() if isinstance(each, bool) else str(each)]
    return words
