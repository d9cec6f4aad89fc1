"""Where one side's Kerberos tickets and keys are, and which principal is whose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Final, Literal

from ..errors import Reason, SaslError, SaslUsageError
from .faults import ABSENT

__all__ = ["Kerberos", "Layer"]

Layer = Literal["none", "integrity", "confidentiality"]

# Characters that a URI has in one spelling alone. Else "bo%62" would be read as "bob".
_COMPONENT: Final = re.compile(r"[A-Za-z0-9._~!$&'*+=-]{1,256}")
_NEEDED: Final = ("gssapi", "pyasn1")


@dataclass(frozen=True, slots=True)
class Kerberos:
    """That this side has Kerberos, and with what.

    An initiator needs a ticket-granting ticket, an acceptor of KRB5-U2U one, too; an acceptor
    of GSSAPI and GS2 a keytab. Give it only where they are there: what needs it is then offered.
    Raises `SaslError` where the extra is not installed.

    A person's principal is ``user@REALM`` for the identity ``scheme:user@realm``, the realm in
    lower case, one component, and only in the realm of this side's own ticket or key. The user
    is of ASCII letters, digits and ``-._~!$&'*+=``; another one has to be mapped.

    Attributes:
        ccache: the credential cache, as ``KRB5CCNAME`` has it; "" for the usual one.
        keytab: the keytab, as ``KRB5_KTNAME`` has it; "" for the usual one.
        scheme: of identities, without its colon; "" where they have none.
        mapped: the principals of identities that are called otherwise; no two have one, and who would
            have one of these by the rule has none.
        layers: those GSSAPI may leave behind, the best first (RFC 4752 section 3.3).
    """

    ccache: str = ""
    keytab: str = ""
    scheme: str = "im"
    mapped: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[Layer, ...] = ("none", "integrity", "confidentiality")

    def __post_init__(self) -> None:
        if any(find_spec(name) is None for name in _NEEDED):
            raise SaslError(Reason.CREDENTIALS, ABSENT)
        if len(set(self.mapped.values())) != len(self.mapped):
            raise SaslUsageError("two identities with one Kerberos principal")
        if not self.layers:
            raise SaslUsageError('GSSAPI without a layer, and without "none"')

    def principal(self, identity: str, realm: str) -> str:
        """The principal of a person, `realm` being ours. Raises `SaslError`."""
        if identity in self.mapped:
            return self.mapped[identity]
        user, _, domain = identity.removeprefix(self._prefix).rpartition("@")
        if not identity.startswith(self._prefix) or domain != realm.lower() or not _COMPONENT.fullmatch(user):
            raise SaslError(
                Reason.CREDENTIALS,
                f"{identity} is nobody of the Kerberos realm {realm}: map it to a principal",
            )
        found = f"{user}@{realm}"
        if found in self.mapped.values():
            raise SaslError(
                Reason.CREDENTIALS,
                f"{identity} has no Kerberos principal: {found} is mapped to somebody else",
            )
        return found

    def identity(self, principal: str, realm: str) -> str:
        """Whose principal it is, `realm` being ours. Raises `SaslError`."""
        for identity, mapped in self.mapped.items():
            if mapped == principal:
                return identity
        user, _, its = principal.rpartition("@")
        found = f"{self._prefix}{user}@{realm.lower()}"
        if its != realm or not _COMPONENT.fullmatch(user) or found in self.mapped:
            raise SaslError(
                Reason.WRONG, "the other side's Kerberos principal is of another realm, or nobody's here"
            )
        return found

    @property
    def _prefix(self) -> str:
        return f"{self.scheme}:" if self.scheme else ""
