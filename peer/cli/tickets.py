"""The Kerberos ticket of whoever starts a command: whose it is, and what to do where it will not do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..credentials.errors import CredentialsError
from ..terms.errors import UsageError
from ..terms.principal import Principal

if TYPE_CHECKING:
    from msrp_sasl import Kerberos

__all__ = ["MECHANISM", "held", "lacking", "ticket"]

MECHANISM = "KRB5-U2U"


def ticket(me: str, others: Sequence[str], realm: str | None) -> tuple[Kerberos, str]:
    """Our Kerberos, with a ticket of `me` that is good now, and its realm; `others` belong to it, too.

    `realm` is the realm of all of these names, where it is not their domain. No KDC is asked. Raises
    `CredentialsError`, whose text says what to do, and `UsageError`.
    """
    from msrp_sasl import Kerberos, SaslError, SaslUsageError
    from msrp_sasl.kerberos.libkrb5 import own_ticket

    names = [me, *others] if realm else []
    try:
        kerberos = Kerberos(mapped={name: f"{Principal.parse(name).user}@{realm}" for name in names})
    except SaslError as error:
        raise CredentialsError(f"Kerberos is {error}") from None
    except SaslUsageError as error:
        raise UsageError(f"--realm {realm}: {error}") from None
    try:
        own = own_ticket(kerberos.ccache, time.time())
    except SaslError as error:
        raise CredentialsError(str(error)) from None
    for name in (me, *others):
        try:
            principal = kerberos.principal(name, own.realm)
        except SaslError:
            raise CredentialsError(
                f"the Kerberos ticket here is {own.principal}'s, and {name} is nobody of its realm: run "
                f"kinit for another, or say --realm {own.realm} if that is where {name} belongs"
            ) from None
        if name == me and principal != own.principal:
            raise CredentialsError(
                f"the Kerberos ticket here is {own.principal}'s, and {me} is {principal}: "
                f"run kinit {principal} (klist shows what there is)"
            )
    return kerberos, own.realm


def held(me: str, others: Sequence[str], realm: str | None) -> tuple[Kerberos, str] | None:
    """The same; None where there is none that would do. Raises `UsageError`."""
    try:
        return ticket(me, others, realm)
    except CredentialsError:
        return None


def lacking(me: str, others: Sequence[str], realm: str | None) -> tuple[str, bool]:
    """Why there is none that would do, with what to do; "" where Kerberos is not installed, or will do.
    And whether one was probably meant: there is one of the same realm, and it is old, or another's.

    Raises `UsageError`.
    """
    from msrp_sasl import Kerberos, SaslError
    from msrp_sasl.kerberos.libkrb5 import own_ticket

    try:
        usual = Kerberos()
    except SaslError:
        return "", False
    try:
        ticket(me, others, realm)
    except CredentialsError as error:
        why = str(error)
    else:
        return "", False
    try:
        owner = own_ticket(usual.ccache, 0).principal
    except SaslError:
        return why, False
    return why, owner.rpartition("@")[2] in (realm, Principal.parse(me).domain.upper())
