"""From a line to a session, the side that connects.

protected?  ->  an empty SEND binds the session that was agreed
protected?  ->  AUTH asks for a session  ->  200 grants a URI  ->  an empty SEND binds it

The second is direct rendezvous (docs/profile.md): signalling on the line itself. Where somebody is
to be proved (`login`), that comes before the question.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from msrp_core import Uri

from ..protocol.auth import Terms, granted, same_pair
from ..protocol.codes import refusal
from ..protocol.prover import Initiating
from ..protocol.requests import Request
from ..signalling.interface import Agreed
from ..terms.errors import ConnectionLost, NotSecureEnough, PeerError
from ..terms.fingerprints import OTHER_KEY
from ..terms.security import Level, Security
from .driver import Driver
from .login import log_in
from .session import Session

__all__ = ["establish", "own_terms", "ready", "session_tag"]

_REFUSED = {
    400: "it did not understand the request",
    401: "it speaks only with those who log in",
    403: "it refuses",
    481: "it knows no direct rendezvous",
    501: "it knows no direct rendezvous",
}
_SAID = {  # comments of a 403 or 481 that are known; another one may hold anything, our own URIs, too
    "no session is for you": "it does not let you in, or not once more",
    "a better protected line is required": "it wants a better protected line",
    "sessions are granted on protected connections alone": "it wants a protected line",
    "nobody can be authenticated on a line like this": "nobody can log in there on a line like this",
    "this connection belongs to somebody else": "it takes you for somebody else than who logged in",
    "too many sessions on this connection": "there are too many on this connection",
    "too many unused sessions on this connection": "there are too many on this connection",
}
_OTHER = "the other side proved to be somebody else than it calls itself"


def session_tag() -> str:
    """A short random name for logs: no part of any URI."""
    return secrets.token_hex(3)


async def ready(driver: Driver) -> None:
    """Wait until the line is protected and open.

    Raises `NotSecureEnough` where the other side's certificate is somebody else's, `ConnectionLost`.
    """
    connection = driver.connection
    while connection.state == "securing":
        await driver.changed.heard()
    if (refused := connection.wire.refused) is not None:
        wire = connection.wire
        raise NotSecureEnough(refused, key=wire.refused_key, claims=wire.refused_claims)
    if connection.state != "open":
        raise ConnectionLost(connection.reason or "the connection was closed")


async def establish(
    driver: Driver,
    agreed: Agreed,
    require: Level,
    prover: Initiating | None = None,
    *,
    judge: Callable[[Security], object] | None = None,
) -> Session:
    """Begin a session over a line that stands: the side that opened it.

    With `prover`, each side first proves itself to the other, where that did not happen on this line.
    `judge` raises where the line is not what it should be; it may look into a file, and is called in a
    thread.

    Where only a listener is known (`Agreed.asks`), the session is asked for first. Raises
    `NotSecureEnough` before anything confidential is said, `PeerError` where the other side
    refuses, `ConnectionLost`.
    """
    await ready(driver)
    connection = driver.connection
    # Before anything is said: it may be said to the wrong one (RFC 8122 section 6.2).
    if agreed.fingerprints and not connection.wire.verify(agreed.fingerprints, signalled=agreed.signalled):
        raise NotSecureEnough(OTHER_KEY)
    if prover is not None and connection.proof is None:
        await log_in(driver, prover, _listener(agreed.remote))
    level = connection.security.level
    if level < require:
        raise NotSecureEnough(
            f"{require.word} is required, and this line reaches {level.word}: "
            f"{connection.security.describe()}"
        )
    if agreed.asks and not connection.security.confidential:
        raise NotSecureEnough("nobody asks for a session on a line that everybody on the way can read")
    if judge is not None:
        security = connection.security
        await driver.in_thread(lambda: judge(security))
    own = own_terms(agreed)
    if agreed.asks or agreed.local is None:
        return await _ask(driver, agreed.remote, own)
    if not same_pair(Uri.parse_path(agreed.remote)[-1], connection.security):
        raise PeerError(_OTHER)
    endpoint = connection.bindings.bind(
        agreed.local, agreed.remote, agreed.peer.accepts, agreed.peer.maximum, own, granted=False
    )
    endpoint.peer_wrapped = agreed.peer.wrapped
    # The active side sends at once, so that the other side knows which session this is
    # (RFC 4975 section 5.4); what it answers tells whether it knows it.
    asked = connection.greet(endpoint, driver.now())
    try:
        status = await _answer(driver, asked)
        if not 200 <= status < 300:
            raise PeerError(f"the session cannot begin: {refusal(status)}", status=status)
    except BaseException:
        endpoint.close(None)
        raise
    return Session(endpoint, driver, session_tag())


def _listener(path: str) -> str:
    """Who is to be proved: the end of a path without its session-id, which nobody learns before.

    Raises `NotSecureEnough` where relays stand in between: authentication runs over one hop.
    """
    uris = Uri.parse_path(path)
    if len(uris) > 1:
        raise NotSecureEnough("nobody can be proved through a relay")
    return uris[0].without_session().text


def own_terms(agreed: Agreed) -> Terms:
    """What we take in the session that was agreed."""
    claim = None if agreed.me is None else agreed.me.text
    return Terms(agreed.own.accepts, agreed.own.maximum, agreed.own.files, claim)


async def _ask(driver: Driver, listener: str, terms: Terms) -> Session:
    """Direct rendezvous: ask the listener for a session."""
    connection = driver.connection
    host, port = driver.own_address
    own = Uri.fresh(host, port, secure=Uri.parse(listener).secure, user=terms.claim)
    status = await _answer(
        driver, asked := connection.request("AUTH", listener, own.text, terms.headers(), driver.now())
    )
    if asked.response is None or status != 200:
        comment = None if asked.response is None else asked.response.comment
        why = _SAID.get(comment or "") or _REFUSED.get(status, f"it answered {status:03d}")
        raise PeerError(f"the other side grants no session: {why}", status=status)
    try:
        remote, takes, maximum = granted(asked.response)
    except ValueError as wrong:
        raise PeerError(f"the other side granted something unusable: {wrong}") from None
    if not same_pair(Uri.parse(remote), connection.security):
        raise PeerError(_OTHER)
    endpoint = connection.bind(own.text, remote, takes, maximum, terms)
    session = Session(endpoint, driver, session_tag())
    connection.greet(endpoint, driver.now())
    driver.flush()
    return session


async def _answer(driver: Driver, asked: Request) -> int:
    """The code a request is answered with."""
    bell = driver.bell()
    asked.bell = bell
    driver.flush()
    while not asked.over:
        await bell.heard()
    if asked.response is None:
        raise ConnectionLost(asked.failure or "the connection was closed")
    return asked.response.status or 0
