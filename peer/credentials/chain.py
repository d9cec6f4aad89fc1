"""Several sources of passwords, asked in turn."""

from __future__ import annotations

from collections.abc import Sequence

from msrp_sasl import Credentials, Password

from .environment import Environment
from .errors import CannotAsk
from .keyring import Keyring, is_installed
from .prompt import Prompt
from .standard_input import StandardInput

__all__ = ["Chain", "usual"]


class Chain:
    """The first source that has a password gives it; implements `msrp_sasl.Credentials`."""

    def __init__(self, sources: Sequence[Credentials]) -> None:
        self._sources = tuple(sources)

    def password(self, initiator: str, acceptor: str) -> Password | None:
        """None where all say so.

        A source that cannot be asked is passed over. Where none has a password, and one could not
        be asked, `CannotAsk` says why. What else goes wrong is raised at once.
        """
        problems: list[str] = []
        for source in self._sources:
            try:
                found = source.password(initiator, acceptor)
            except CannotAsk as error:
                problems.append(str(error))
                continue
            if found is not None:
                return found
        if problems:
            raise CannotAsk("; ".join(problems))
        return None


def usual(*, standard_input: bool = False) -> Chain:
    """The order in which the command asks.

    With `standard_input` that line and nothing else. Otherwise the environment
    (`environment.Environment`), the system's keyring where the extra is installed, and last
    whoever sits at the terminal.
    """
    if standard_input:
        return Chain([StandardInput()])
    return Chain([Environment(), *([Keyring()] if is_installed() else []), Prompt()])
