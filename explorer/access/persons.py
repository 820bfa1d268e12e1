"""Who asks for something: a name, and whether it is the operator, who may do everything."""

import getpass
from dataclasses import dataclass

GUEST = "guest"  # whoever knows the shared password and gave no name


@dataclass(frozen=True)
class Person:
    """Somebody who uses the app or the command line; the name is None where nobody can say who it is."""

    name: str | None
    operator: bool = False


def operator() -> Person:
    """The user of this process: whoever starts the server or types a command."""
    return Person(system_user(), operator=True)


def system_user() -> str | None:
    """Name of the operating system's user, None where it has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number without a name
        return None
