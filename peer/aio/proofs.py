"""Who is to be proved, by what, and to whom: the arguments of `connect` and `listen`, checked."""

from __future__ import annotations

from collections.abc import Sequence

from msrp_sasl import PROPERTIES, Credentials, Kerberos, Policy, Verifiers

from ..security.guard import Guard
from ..security.own_key import OwnKey, owner
from ..security.prove import Login
from ..security.tls_modes import TlsMode
from ..security.trust import Trust
from ..terms.errors import UsageError
from ..terms.limits import Limits
from ..terms.principal import Principal, PrincipalError
from ..terms.security import Level

__all__ = ["certified", "claimed", "everybody", "guarding", "login", "over_tcp"]

_NO_LAYER = (
    "over plain TCP only a proof will do that protects the line itself: give kerberos, or "
    "passwords and a Policy with digest_md5=True"
)


def claimed(me: str | None) -> Principal | None:
    """Who we say we are; raises `UsageError`."""
    try:
        return None if me is None else Principal.parse(me)
    except PrincipalError as wrong:
        raise UsageError(str(wrong)) from None


def certified(
    me: Principal | None, tls: str | None, key: OwnKey | None, trust: Trust | None, *, listens: bool = False
) -> Principal | None:
    """Who we are, where a key says it; raises `UsageError` where key, trust and mode do not fit."""
    if tls == TlsMode.FINGERPRINT:
        pass  # a key is what signalling told; trust says whose the other one has to be besides
    elif tls != TlsMode.CERTIFICATE:
        # Without trust a key verifies nobody; but two people may compare what is made of it.
        if trust is not None or (key is not None and tls != TlsMode.ANONYMOUS):
            raise UsageError("a key of ours, and trust in others', are for tls='certificate' and SDP alone")
    elif trust is None:
        raise UsageError("tls='certificate' verifies who is there: say whom to believe (trust)")
    elif key is None and listens:
        raise UsageError("tls='certificate' shows who we are: give a key")
    return owner(key, me)


def everybody(expect: str | Sequence[str] | None) -> frozenset[Principal]:
    """Those expected; raises `UsageError`."""
    names = [expect] if isinstance(expect, str) else list(expect or ())
    return frozenset(each for name in names if (each := claimed(name)) is not None)


def login(
    me: Principal | None,
    expected: Principal | None,
    credentials: Credentials | None,
    kerberos: Kerberos | None,
    policy: Policy | None,
    key: OwnKey | None = None,
    trust: Trust | None = None,
) -> Login | None:
    """What proves `me` and whom we expect to each other; None where there is nothing.

    Raises `UsageError` where either is not said, or both are the same.
    """
    if trust is not None and expected is None:
        raise UsageError("a certificate proves a person: say whom we mean (expect)")
    shows = trust is not None and key is not None and me is not None
    if credentials is None and kerberos is None and not shows:
        return None
    if me is None or expected is None:
        missing = "who we are" if me is None else "whom we mean"
        raise UsageError(f"two people are proved to each other: say {missing}, too")
    needed = credentials is not None or kerberos is not None
    return Login(
        me, expected, credentials, policy or Policy(), kerberos=kerberos, certified=shows, needed=needed
    )


def over_tcp(proof: Login | Guard | None, require: Level) -> None:
    """Raises `UsageError` unless this proof can protect a line that no TLS does, as well as required."""
    if proof is None or not proof.layered:
        raise UsageError(_NO_LAYER)
    if require > Level.PASSIVE_ONLY and all(PROPERTIES[name].password for name in proof.layered):
        raise UsageError(
            f"{require.word} is required, and over plain TCP {', '.join(proof.layered)} reaches "
            f"{Level.PASSIVE_ONLY.word}: whoever watches could guess the password"
        )


def guarding(
    me: Principal | None,
    verifiers: Verifiers | None,
    kerberos: Kerberos | None,
    policy: Policy | None,
    expect: str | Sequence[str] | None,
    require: Level,
    limits: Limits,
    trust: Trust | None = None,
    *,
    first_uses: bool = False,
) -> Guard | None:
    """Who may log in; None where nobody can. With `first_uses` nobody comes but with a key that is
    believed, and one that was taken at first use will do. Raises `UsageError`."""
    expected = everybody(expect)
    if verifiers is None and kerberos is None and trust is None:
        if expected or require > Level.PASSIVE_ONLY:
            raise UsageError("nothing can prove who comes: give verifiers, or kerberos")
        return None
    if me is None:
        raise UsageError("whoever logs in has to know at whom: say who we are")
    if me in expected:
        raise UsageError(f"nobody logs in at themselves: we are {me}")
    # By a pinned key somebody is known and not proved; that is what a key is pinned for.
    proved = Level.AUTHENTICATED if trust is None else Level.KEY_VERIFIED
    if first_uses:
        proved = Level.PASSIVE_ONLY
    # Whatever is required: nothing but AUTH is done on a line that nothing protects yet.
    least = max(require, proved if expected else Level.PASSIVE_ONLY)
    return Guard(
        me,
        verifiers,
        policy or Policy(),
        kerberos=kerberos,
        expected=expected,
        least=least,
        failures=limits.failures,
        seconds=limits.failing,
    )
