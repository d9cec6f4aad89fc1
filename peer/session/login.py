"""Proving who we are on a line that stands, the side that connects (docs/profile.md section 11)."""

from __future__ import annotations

from msrp_core import Uri

from ..protocol.initiator import Initiator
from ..protocol.prover import Initiating
from ..terms.errors import ConnectionLost, NotSecureEnough
from .driver import Driver

__all__ = ["log_in"]


async def log_in(driver: Driver, prover: Initiating, listener: str) -> None:
    """Prove ourselves, and have the other side proved, as far as the mechanism does that; or do without,
    where that need not be.

    Then `driver.connection.proof` says who it is. Raises `NotSecureEnough` where the other side
    does not authenticate, or not us, or not itself; `PeerError` where it breaks the order,
    `ConnectionLost`, and what the credentials raise. After any of these the line must be left.
    """
    host, port = driver.own_address
    # Until the other side is proved it sees no URI that is good for anything.
    own = Uri.fresh(host, port, secure=Uri.parse(listener).secure)
    run = Initiator(driver.connection, prover, listener, own.text)
    bell = run.bell = driver.bell()
    run.begin(driver.now())
    driver.flush()
    while not run.over:
        if run.step is None:
            await bell.heard()
            continue
        if run.slow:
            try:
                await driver.apart(run.think, prover.forget)
            except TimeoutError:
                seconds = driver.connection.limits.handshake
                raise ConnectionLost(f"to prove who we are took longer than {seconds:g} s") from None
        else:
            run.think()
        run.thought(driver.now())
        driver.flush()
    if run.failure is not None:
        raise run.failure
    if run.state == "absent" and not prover.needed:
        return
    if run.state == "absent":
        raise NotSecureEnough("the other side cannot prove who it is: it does not know authentication")
    if driver.connection.proof is None:
        raise NotSecureEnough(f"{prover.name} proves nobody, and somebody was to be proved")
