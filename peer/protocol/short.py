"""The short way of plain frames: the core takes them by itself, many in a read (`msrp_core.Express`),
and here they get to their sessions and senders.

Nothing is decided here that is not decided for every other frame, too: what the core may take is
said before each read, and what it took is looked at before any other event. With `Short.on` false
every frame goes the long way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from msrp_core import Body, Express, Flag, Frame, Lane

from .incoming import Incoming

if TYPE_CHECKING:
    from .connection import Connection
    from .endpoint import Endpoint

__all__ = ["Short"]


class Short:
    """One connection's."""

    on: ClassVar[bool] = True

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lanes: dict[Endpoint, Lane] = {}
        self._endpoints: dict[Lane, Endpoint] = {}
        self._followed: dict[Endpoint, Incoming] = {}
        self._now = 0.0
        self._off = False
        self.express = Express(connection.transactions.batches if self.on else None)

    def open(self, endpoint: Endpoint) -> None:
        """A session stands."""
        if self.on:
            lane = self._lanes[endpoint] = endpoint.lane()
            self._endpoints[lane] = endpoint
            self.express.open(lane)

    def close(self, endpoint: Endpoint) -> None:
        """It stands no more."""
        lane = self._lanes.get(endpoint)
        if lane is not None:
            self.settle()
            self._give_up()
            del self._lanes[endpoint], self._endpoints[lane]
            self._followed.pop(endpoint, None)
            self.express.close(lane)

    def accepted(self, endpoint: Endpoint, content_type: str) -> None:
        """A message of this kind is taken: others of it need not be asked about."""
        lane = self._lanes.get(endpoint)
        if lane is not None:
            lane.takes(content_type)

    def follow(self, endpoint: Endpoint, message: Incoming, frame: Frame) -> None:
        """More chunks of a message will come."""
        lane = self._lanes.get(endpoint)
        byte_range = frame.byte_range
        if lane is None or byte_range is None or self._off:
            return
        if message.room() > 0:
            lane.follow(message.message_id, message.reach + 1, byte_range.total, frame.success_report)
            self._followed[endpoint] = message

    def leave(self, endpoint: Endpoint, message: Incoming) -> None:
        """A chunk of this message goes the long way."""
        lane = self._lanes.get(endpoint)
        if lane is not None and lane.following and self._followed[endpoint] is message:
            lane.leave()

    def begin(self, octets: int, now: float, *, off: bool) -> None:
        """A read is about to be worked through; nothing of it may be taken where `off`."""
        self._now = now
        self._off = off
        self.express.begin(octets)
        lane = self.express.asks()
        if off:
            self.stop()
        elif lane is not None:
            self._allow(lane)

    def stop(self) -> None:
        """From here on all of this read goes the long way."""
        self.settle()
        self._give_up()
        self._off = True
        self.express.stop()

    def _allow(self, lane: Lane) -> None:
        """Say what may be taken of a session. It holds until the read, or anything that goes the
        long way, may have changed it; so only those are told of which something comes."""
        endpoint = self._endpoints[lane]
        octets = self._connection.budget.memory // len(self._lanes)
        if lane.following:
            room = self._followed[endpoint].room()
            if room <= 0:
                self._give_up()
                lane.leave()
            else:
                octets = min(octets, room)
        endpoint.inbox.settle()
        lane.allow(endpoint.limits.inbox - len(endpoint.inbox), octets)

    def settle(self) -> None:
        """Hand on what was taken."""
        express = self.express
        connection = self._connection
        if not express.news:
            return
        answers = express.answers()
        if answers:
            connection.say(answers)
        connection.transactions.settle()
        for lane in express.lanes_with_news():
            endpoint = self._endpoints[lane]
            messages, weight = lane.messages()
            if messages:
                endpoint.inbox.extend(messages, weight)
                endpoint.bell.ring()
            for block in lane.octets():
                self._followed[endpoint].octets_arrived(block)

    def event(self, event: Frame | Body | Flag) -> None:
        """One that was not taken. It goes the long way, where it must find all as if every frame did;
        unless nothing was wrong but that we were not asked yet."""
        lane = self.express.asks()
        if lane is not None and isinstance(event, Frame):
            self._allow(lane)
            if self.express.takes(event):
                return
        self.settle()
        self._give_up()
        self._connection.inbound.event(event, self._now)
        self.express.doubt()

    def end(self) -> None:
        """The read is worked through."""
        self.settle()
        if self.express.overdue:
            self._give_up()

    def _give_up(self) -> None:
        """What the core has begun to take goes on the long way."""
        begun = self.express.release()
        if begun is None:
            return
        frame, lane = begun
        inbound = self._connection.inbound
        if lane is None:
            inbound.event(frame, self._now)
        else:
            endpoint = self._endpoints[lane]
            inbound.go_on(frame, endpoint, self._followed[endpoint])
