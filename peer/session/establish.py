"""From a line to a session: direct rendezvous, the initiator's side (PROFILE section 5).

protected?  ->  AUTH asks for a session  ->  200 grants a URI  ->  an empty SEND binds it
"""

from __future__ import annotations

import secrets

from msrp_core import Uri

from ..protocol.auth import granted
from ..terms.errors import ConnectionLost, NotSecureEnough, PeerError
from ..terms.security import Level
from .driver import Driver
from .session import Session

__all__ = ["establish", "ready", "session_tag"]

_REFUSED = {
    400: "it did not understand the request",
    401: "it wants authentication, and none is configured",
    403: "it refuses",
    481: "it knows no direct rendezvous",
    501: "it knows no direct rendezvous",
}


def session_tag() -> str:
    """A short random name for logs: no part of any URI."""
    return secrets.token_hex(3)


async def ready(driver: Driver) -> None:
    """Wait until the line is protected and open. Raises `ConnectionLost`."""
    connection = driver.connection
    while connection.state == "securing":
        await driver.changed.heard()
    if connection.state != "open":
        raise ConnectionLost(connection.reason or "the connection was closed")


async def establish(driver: Driver, listener: str, own_address: tuple[str, int], require: Level) -> Session:
    """Begin a session with a listener over a line that stands.

    `listener` is the listener's URI (no session-id), `own_address` where this side's end of
    the connection is. Raises `NotSecureEnough` before anything confidential is said,
    `PeerError` where the other side refuses, `ConnectionLost`.
    """
    await ready(driver)
    connection = driver.connection
    level = connection.security.level
    if level < require:
        raise NotSecureEnough(
            f"{require.word} is required, and this line reaches {level.word}: "
            f"{connection.security.describe()}"
        )
    host, port = own_address
    terms = connection.terms
    own = Uri.fresh(host, port, user=terms.claim)
    asked = connection.request("AUTH", listener, own.text, terms.headers(), driver.now())
    bell = driver.bell()
    asked.bell = bell
    driver.flush()
    while not asked.over:
        await bell.heard()
    if asked.response is None:
        raise ConnectionLost(asked.failure or "the connection was closed")
    status = asked.response.status or 0
    if status != 200:
        why = _REFUSED.get(status, f"it answered {status:03d}")
        raise PeerError(f"the other side grants no session: {why}", status=status)
    try:
        remote, takes, maximum = granted(asked.response)
    except ValueError as wrong:
        raise PeerError(f"the other side granted something unusable: {wrong}") from None
    endpoint = connection.bind(own.text, remote, takes, maximum)
    session = Session(endpoint, driver, session_tag())
    # The active side sends at once, so that the other side knows the session is used
    # (RFC 4975 section 5.4).
    connection.greet(endpoint, driver.now())
    driver.flush()
    return session
