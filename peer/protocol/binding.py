"""Which session of a connection a request belongs to; how sessions begin and end on it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from msrp_core import Frame, Uri

from ..terms.content import Accepts, Takes
from .auth import Grant, Terms
from .endpoint import Endpoint
from .register import Expected, Register

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["Bindings"]


class Bindings:
    """The sessions of one connection.

    Attributes:
        register: the session URIs of this place, across its connections.
        endpoints: those that stand, by our URI.
        used: whether a session ever stood.
    """

    def __init__(self, connection: Connection, register: Register) -> None:
        self._connection = connection
        self.register = register
        self.endpoints: dict[str, Endpoint] = {}
        self.used = False

    def bind(
        self,
        local: str,
        remote: str,
        peer_takes: Accepts,
        peer_maximum: int | None,
        own: Terms,
        *,
        granted: bool,
    ) -> Endpoint:
        """Begin a session between these two paths; `granted` where the line itself gave them."""
        connection = self._connection
        endpoint = Endpoint(
            connection,
            local,
            remote,
            takes=own.accepts,
            files=own.files,
            peer_takes=peer_takes,
            peer_maximum=peer_maximum,
        )
        self._bound_by(endpoint, own.maximum)
        endpoint.granted = granted
        self.endpoints[local] = endpoint
        connection.short.open(endpoint)
        self.register.stands(endpoint)
        self.used = True
        connection.watch.bound()
        return endpoint

    def renew(self, endpoint: Endpoint, own: Takes, peer: Takes) -> None:
        """Change what both sides take in a session that stands (RFC 4975 section 8.4).

        What has begun goes on. Kinds the other side refused before may be taken now.
        """
        short = self._connection.short
        short.close(endpoint)  # it knows kinds that were taken
        endpoint.renew(own, peer)
        self._bound_by(endpoint, own.maximum)
        short.open(endpoint)

    def _bound_by(self, endpoint: Endpoint, maximum: int | None) -> None:
        limits = self._connection.limits
        if maximum is not None and (limits.message is None or maximum < limits.message):
            limits = replace(limits, message=maximum)
        endpoint.limits = limits

    def over(self, endpoint: Endpoint) -> None:
        """It ended; what is over is not kept."""
        self.endpoints.pop(endpoint.local, None)
        self.register.over(endpoint)

    def known(self, frame: Frame) -> Endpoint | None:
        """The session that stands and that a request belongs to."""
        endpoint = self._here(frame)
        return endpoint if endpoint is not None and endpoint.knows(frame) else None

    def _here(self, frame: Frame) -> Endpoint | None:
        endpoint = self.endpoints.get(frame.to_path)
        if endpoint is None and " " not in frame.to_path:
            uri = Uri.parse(frame.to_path)  # it may be written in another way
            endpoint = next((e for e in self.endpoints.values() if e.local_uri == uri), None)
        return endpoint

    def session_of(self, frame: Frame, now: float) -> Endpoint | int:
        """The session a SEND belongs to, or the code to answer it with.

        The first SEND to a granted or an expected URI begins its session.
        """
        endpoint = self._here(frame)
        if endpoint is not None:
            # RFC 4975 asks nowhere whom a request comes from; who guesses one URI of a session
            # must not speak in it.
            return endpoint if endpoint.knows(frame) else 481
        connection = self._connection
        begun: Grant | Expected | int | None = connection.grants.use(frame, now)
        if begun is None:
            begun = self.register.use(frame, connection)
        if isinstance(begun, int):
            return begun
        own = begun.own if isinstance(begun, Expected) else connection.terms
        endpoint = self.bind(
            begun.local,
            begun.remote,
            begun.peer_takes,
            begun.peer_maximum,
            own,
            granted=isinstance(begun, Grant),
        )
        if isinstance(begun, Expected):
            endpoint.peer_wrapped = begun.peer_wrapped
            begun.bell.ring()
        connection.arrived.append(endpoint)
        connection.bell.ring()
        return endpoint
