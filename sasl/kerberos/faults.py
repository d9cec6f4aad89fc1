"""What Kerberos says went wrong, in words a person can act on.

The words name this side's own principal and nothing that the other side wrote.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from ..errors import Reason, SaslError

__all__ = ["ABSENT", "expired", "fault", "no_ticket", "not_bound", "other_channel", "told"]

ABSENT: Final = (
    'not installed: pip install "msrp-peer[kerberos]" (which on Debian needs: apt install libkrb5-dev gcc '
    "python3-dev)"
)

_BASE: Final = -1765328384  # of libkrb5's error table; the codes of RFC 4120 section 7.5.9 are added to it
_UNSIGNED: Final = 1 << 32

_WORDS: Final[dict[int, tuple[Reason, str]]] = {
    # RFC 4120 section 7.5.9
    6: (Reason.CREDENTIALS, "the KDC does not know this user"),
    7: (Reason.WRONG, "the KDC knows nobody by the name of the other side"),
    12: (Reason.CREDENTIALS, "the KDC's policy gives no ticket for the other side"),
    13: (Reason.CREDENTIALS, "the KDC gives no such ticket for the other side"),
    26: (Reason.WRONG, "the ticket that the other side offers is somebody else's"),
    27: (Reason.CREDENTIALS, "the KDC gives only user-to-user tickets for the other side"),
    31: (Reason.WRONG, "the other side does not have the key it should have"),
    32: (Reason.WRONG, "the other side's Kerberos ticket has expired: it has to run kinit"),
    33: (Reason.WRONG, "the other side's Kerberos ticket is not valid yet: compare the clocks"),
    34: (Reason.WRONG, "the other side's token came before: somebody repeats it"),
    35: (Reason.WRONG, "the other side's ticket is for somebody else"),
    36: (Reason.WRONG, "the other side's ticket is not its own"),
    37: (Reason.WRONG, "the clocks differ by more than Kerberos allows: set both right"),
    41: (Reason.WRONG, "what the other side sent was changed on the way"),
    44: (Reason.WRONG, "the other side's ticket is for an older key: it has to get a new one"),
    45: (Reason.WRONG, "there is no key here for the other side's ticket"),
    # libkrb5's own
    139: (Reason.CREDENTIALS, "the name of the credential cache is none: look at KRB5CCNAME"),
    140: (Reason.CREDENTIALS, "this kind of credential cache is not known here: look at KRB5CCNAME"),
    148: (Reason.CREDENTIALS, "this clock and the KDC's differ by more than Kerberos allows: set it right"),
    154: (Reason.CREDENTIALS, "nothing says where the KDC of this realm is: look into krb5.conf"),
    156: (Reason.CREDENTIALS, "no KDC answers: check the network, and krb5.conf"),
    181: (Reason.CREDENTIALS, "there is no key in the keytab: make one with kadmin ktadd"),
    185: (Reason.CREDENTIALS, "no way leads from this realm to the other side's"),
    193: (Reason.CREDENTIALS, "the credential cache cannot be read: run kinit"),
    194: (Reason.CREDENTIALS, "the credential cache belongs to another user: look at KRB5CCNAME"),
    199: (Reason.CREDENTIALS, "the credential cache is damaged: run kinit"),
}

_TOLD: Final[dict[int, str]] = {  # RFC 4120 section 7.5.9, of an acceptor to this side
    31: "it does not have the key of the ticket from here",
    32: "the Kerberos ticket from here has expired. Run kinit",
    33: "the Kerberos ticket from here is not valid yet. Compare the clocks",
    34: "the token from here came before. Somebody may repeat it",
    37: "the clocks differ by more than Kerberos allows. Set both right",
    41: "what came from here was changed on the way",
    44: "the ticket from here is for an older key. Run kinit",
    45: "it has no key for the ticket from here",
}


def fault(code: int) -> SaslError:
    """The error for a code of libkrb5's, or for the minor status of a GSS call."""
    signed = code - _UNSIGNED if code >= _UNSIGNED >> 1 else code
    known = _WORDS.get(signed - _BASE, (Reason.WRONG, f"Kerberos failed (code {signed})"))
    return SaslError(*known)


def told(number: int) -> SaslError:
    """The error for a KRB-ERROR of the other side's, which nothing proves: of it only the number counts."""
    why = _TOLD.get(number)
    return SaslError(Reason.REFUSED, "the other side refused" + (f" and says: {why}" if why else ""))


def no_ticket(user: str = "") -> SaslError:
    """This side has no ticket-granting ticket."""
    run = f": run kinit {user}" if user else ": run kinit"
    return SaslError(Reason.CREDENTIALS, f"there is no Kerberos ticket here{run}")


def expired(principal: str, ends: int, now: float) -> SaslError:
    """This side's ticket-granting ticket has ended."""
    end, today = datetime.fromtimestamp(ends), datetime.fromtimestamp(now)
    when = f"{end:%H:%M}" if end.date() == today.date() else f"{end:%H:%M} on {end:%Y-%m-%d}"
    user = principal.partition("@")[0]
    return SaslError(Reason.CREDENTIALS, f"{user}'s Kerberos ticket expired at {when}; run kinit")


def other_channel() -> SaslError:
    """The bindings of the two sides differ."""
    return SaslError(Reason.BINDING, "the two sides see different channels: somebody may stand in between")


def not_bound() -> SaslError:
    """The initiator gave no bindings."""
    return SaslError(
        Reason.BINDING, "the other side's ticket is not bound to this: somebody may stand in between"
    )
