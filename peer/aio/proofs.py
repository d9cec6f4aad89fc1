"""Who is to be proved, by what, and to whom: the arguments of `connect` and `listen`, checked."""

from __future__ import annotations

from collections.abc import Sequence

from msrp_sasl import PROPERTIES, Credentials, Kerberos, Policy, Verifiers

from ..security.guard import Guard
from ..security.prove import Login
from ..terms.errors import UsageError
from ..terms.limits import Limits
from ..terms.principal import Principal, PrincipalError
from ..terms.security import Level

__all__ = ["claimed", "guarding", "login", "over_tcp"]

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


def login(
    me: Principal | None,
    expected: Principal | None,
    credentials: Credentials | None,
    kerberos: Kerberos | None,
    policy: Policy | None,
) -> Login | None:
    """What proves `me` and whom we expect to each other; None where there is nothing.

    Raises `UsageError` where either is not said, or both are the same.
    """
    if credentials is None and kerberos is None:
        return None
    if me is None or expected is None:
        missing = "who we are" if me is None else "whom we mean"
        raise UsageError(f"two people are proved to each other: say {missing}, too")
    return Login(me, expected, credentials, policy or Policy(), kerberos=kerberos)


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
) -> Guard | None:
    """Who may log in; None where nobody can. Raises `UsageError`."""
    names = [expect] if isinstance(expect, str) else list(expect or ())
    expected = frozenset(each for name in names if (each := claimed(name)) is not None)
    if verifiers is None and kerberos is None:
        if expected or require > Level.PASSIVE_ONLY:
            raise UsageError("nothing can prove who comes: give verifiers, or kerberos")
        return None
    if me is None:
        raise UsageError("whoever logs in has to know at whom: say who we are")
    if me in expected:
        raise UsageError(f"nobody logs in at themselves: we are {me}")
    # Whatever is required: nothing but AUTH is done on a line that nothing protects yet.
    least = max(require, Level.AUTHENTICATED if expected else Level.PASSIVE_ONLY)
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
