"""Whatever two sides do and whatever lies between them: every message arrives whole and once, or
its sender is told.

Hypothesis plays: sessions begin and end, messages of any length go both ways, are withdrawn,
refused, read slowly or never; octets are cut, joined, held back and lost with their connection,
or frames pass a relay that changes their order; time passes. Whoever waits is woken by bells alone.
"""

from __future__ import annotations

import random
from dataclasses import replace
from functools import partial
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from msrp_peer.protocol.budget import Budget
from msrp_peer.protocol.incoming import Incoming
from msrp_peer.terms.limits import Limits
from support.actors import Actor, Guest, Reader, Sender
from support.by_hand import content
from support.channel import Channel, End
from support.letters import Letter, Plan, Talk, plans

# More at once than any example sends: only where limits are tight is a message turned away.
ROOMY = Limits(
    chunk_alone=200, chunk_in_company=40, turn=650, unsent=700, window=600,
    unopened=50, unread=80, spills=1000, arriving=1000,
)  # fmt: skip
TIGHT = Limits(
    chunk_alone=80, chunk_in_company=40, turn=90, unsent=70, window=90, unopened=20, unread=30,
    spills=1, spill=300, memory=9000, arriving=2, inbox=3, message=500, owed=2000, remembered=2,
)  # fmt: skip
REAL = Limits(chunk_alone=2048, turn=8192, unsent=8192, keep_alive=20, arriving=1000)


class Machine(RuleBasedStateMachine):
    relay: ClassVar[bool]

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.channels: list[Channel] = []
        self.talks: list[Talk] = []
        self.letters: list[Letter] = []
        self.actors: list[Actor] = []
        self.limits = ROOMY
        self.ended = 0  # times something ended
        self.came: list[tuple[Incoming, bool]] = []  # and whether from the acceptor
        self.random = random.Random(0)

    @initialize(limits=st.sampled_from(["roomy", "real", "tight"]))
    def begin(self, limits: str) -> None:
        self.limits = {"roomy": ROOMY, "real": REAL, "tight": TIGHT}[limits]
        self.budgets = (Budget(self.limits), Budget(self.limits))
        self._connect()

    def _connect(self) -> None:
        self.channels.append(Channel(self.limits, self.now, self.budgets, relay=self.relay))
        self._meet(self.channels[-1])

    def _meet(self, channel: Channel) -> None:
        talk = Talk(channel, channel.meet())
        self.talks.append(talk)
        self.actors += [Guest(endpoint, partial(self._seen, talk)) for endpoint in talk.ends]

    def _seen(self, talk: Talk, incoming: Incoming) -> None:
        letter = talk.letters.get(incoming.message_id)
        assert letter is not None, "nothing arrives that nobody sent"
        letter.arrivals.append(incoming)
        self.came.append((incoming, letter.plan.back))
        if letter.plan.way != "never look":
            reader = Reader(incoming, letter.plan.way, stop=len(letter.body) // 2)
            letter.readers.append(reader)
            self.actors.append(reader)

    # -- what people do

    @rule(pick=st.integers(0, 5), plans=st.lists(plans, min_size=1, max_size=4))
    def send(self, pick: int, plans: list[Plan]) -> None:
        if len(self.channels) < 4 and all(channel.closed for channel in self.channels):
            self._connect()
        talk = self._talk(pick)
        for plan in plans:
            self._send(talk, plan)

    def _send(self, talk: Talk, plan: Plan, again: Letter | None = None) -> None:
        endpoint = talk.ends[plan.back]
        body = self.random.randbytes(plan.size if self.limits is REAL else plan.size % 500)
        if again is not None:
            body = again.body
        outgoing = endpoint.send(
            "a/b",
            len(body) if plan.known else None,
            failure_report=plan.failures,
            success_report=plan.report,
            message_id=None if again is None else again.outgoing.message_id,
        )
        sender = Sender(outgoing, body, plan.block)
        letter = Letter(len(self.letters), talk, endpoint, outgoing, sender, body, plan)
        letter.troubled = (
            any(end.closed for end in talk.ends)
            or talk.channel.frozen
            or self.limits is TIGHT
            or not plan.must_arrive
        )
        talk.letters[outgoing.message_id] = letter
        self.letters.append(letter)
        self.actors.append(sender)

    @precondition(lambda self: any(letter.outgoing.over for letter in self.letters))
    @rule(pick=st.integers(0, 5), back=st.integers(0, 5), plan=plans)
    def send_again(self, pick: int, back: int, plan: Plan) -> None:
        """In another session, what may or may not have arrived (RFC 4975 section 5.4)."""
        over = [letter for letter in self.letters if letter.outgoing.over]
        letter, talk = over[-1 - back % len(over)], self._talk(pick)
        side = letter.talk.ends.index(letter.endpoint)
        if letter.outgoing.message_id not in talk.letters:
            self._send(talk, replace(plan, back=bool(side)), again=letter)

    def _talk(self, pick: int) -> Talk:
        """A session that stands, where there is one."""
        standing = [talk for talk in self.talks if not any(end.closed for end in talk.ends)]
        return (standing or self.talks)[pick % len(standing or self.talks)]

    @precondition(lambda self: sum(not letter.troubled for letter in self.letters) > 2)
    @rule(back=st.integers(0, 4))
    def withdraw(self, back: int) -> None:
        letter = self.letters[-1 - back % len(self.letters)]
        letter.troubled = True
        letter.outgoing.withdraw()

    @precondition(lambda self: any(actor.ready for actor in self.actors))
    @rule(pick=st.integers(0, 20))
    def act(self, pick: int) -> None:
        """One of those whose bell has rung gets round to it."""
        ready = [actor for actor in self.actors if actor.ready]
        ready[pick % len(ready)].act()

    @rule()
    def everybody_acts(self) -> None:
        self._act()

    # -- what the network does

    def _end(self, pick: int) -> tuple[Channel, End]:
        standing = [channel for channel in self.channels if not channel.closed] or self.channels
        channel = standing[pick // 2 % len(standing)]
        return channel, channel.ends[pick % 2]

    @rule(pick=st.integers(0, 3))
    def pull(self, pick: int) -> None:
        channel, end = self._end(pick)
        channel.pull(end)

    @rule(pick=st.integers(0, 3), size=st.integers(1, 2000), place=st.integers(0, 9))
    def deliver(self, pick: int, size: int, place: int) -> None:
        channel, end = self._end(pick)
        channel.deliver(end, size, place)

    @rule(pick=st.integers(0, 3), size=st.integers(1, 50), place=st.integers(0, 3), awake=st.booleans())
    def trickle(self, pick: int, size: int, place: int, awake: bool) -> None:
        """A side is heard for a while, in small pieces; everybody is quick, or slow meanwhile."""
        channel, end = self._end(pick)
        for _ in range(20):
            channel.pull(end)
            channel.deliver(end, size, place)
            if awake:
                self._act()

    @rule(pick=st.integers(0, 3), place=st.integers(0, 3))
    def flow(self, pick: int, place: int) -> None:
        self._end(pick)[0].run(place)

    @rule(seconds=st.sampled_from([0.1, 1.0, 6.0, 16.0, 31.0]))
    def wait(self, seconds: float) -> None:
        for letter in self.letters:
            if seconds > 1 or self._late_by(letter.talk.channel, self.now + seconds):
                letter.troubled = True  # an answer may now be late
        self._advance(seconds)

    @staticmethod
    def _late_by(channel: Channel, time: float) -> bool:
        """Whether a request, also one that only asks whether anybody is there, will have waited for
        its answer for too long by then: the line may be given up for it, with all that is on it."""
        timers = [end.connection.transactions.next_timer() for end in channel.ends]
        return any(at is not None and at <= time for at in timers)

    # -- how sessions begin and end

    @precondition(lambda self: len(self.talks) < 6)
    @rule(anew=st.booleans())
    def begin_a_session(self, anew: bool) -> None:
        self._settle()  # so that nobody's reader holds it up
        standing = [
            channel
            for channel in self.channels
            if all(end.connection.state == "open" for end in channel.ends) and not channel.frozen
        ]
        if not standing or (anew and len(standing) < 2):
            self._connect()
        elif not any(end.connection.paused for end in standing[0].ends):
            self._meet(standing[0])

    @precondition(lambda self: len(self.letters) > 6 * (self.ended + 1))
    @rule(
        pick=st.integers(0, 5),
        back=st.booleans(),
        how=st.sampled_from(["leave", "close", "break", "freeze"]),
        size=st.integers(0, 500),
    )
    def end(self, pick: int, back: bool, how: str, size: int) -> None:
        talk = self._talk(pick)
        for letter in self.letters:
            if letter.talk.channel is talk.channel:
                letter.troubled = True
        self.ended += 1
        endpoint = talk.ends[back]
        if how == "leave":
            endpoint.connection.leave(endpoint, self.now)  # the other side is not told
        elif how == "close":
            endpoint.connection.close(self.now)
        elif how == "freeze":
            talk.channel.frozen = True  # nothing arrives any more, and nobody says so
        else:
            for end in talk.channel.ends:
                talk.channel.pull(end)
                talk.channel.deliver(end, size)  # half a frame, perhaps
            talk.channel.break_()

    # -- what must hold

    @invariant()
    def delivered_is_whole(self) -> None:
        for letter in self.letters:
            if letter.outgoing.state == "delivered":
                self._check_delivered(letter)

    def _check_delivered(self, letter: Letter) -> None:
        (incoming,) = self._arrivals(letter)
        assert incoming.state == "whole", f"{letter}: {incoming.state}"
        assert letter.plan.report or letter.plan.failures == "yes", f"{letter}: nobody said so"
        if letter.plan.report and not incoming.duplicate:  # which may go unread
            (reader,) = letter.readers
            assert reader.settled, f"{letter}: reported, and nobody took it"
            assert reader.came == letter.body

    def _arrivals(self, letter: Letter) -> list[Incoming]:
        """What came of it, looked at or not."""
        other = letter.talk.ends[letter.endpoint is letter.talk.ends[0]]
        unseen = [i for i in other.inbox if i.message_id == letter.outgoing.message_id]
        return letter.arrivals + unseen

    def teardown(self) -> None:
        if not self.channels:
            return
        # The network is well, nobody dawdles: what nothing happened to arrives, without any time.
        self._settle()
        for letter in self.letters:
            if not letter.troubled:
                self._check_arrived(letter)
        # Answers that do not come are waited for so long and no longer.
        self._advance(1000)
        self._settle()
        for letter in self.letters:
            if letter.plan.failures != "partial" and not letter.plan.report:
                assert letter.outgoing.over, letter
                assert letter.sender.done, f"{letter}: its sender was never woken"
        # The end of the line is the end of everything.
        for channel in self.channels:
            channel.left.connection.close(self.now)
            if channel.frozen:
                channel.right.connection.close(self.now)
        self._settle()
        self._advance(1000)
        self._settle()
        for letter in self.letters:
            self._check_end(letter)
        self._check_duplicates()
        assert all(actor.done for actor in self.actors), "somebody was never woken"
        for channel in self.channels:
            self._check_left(channel)

    def _check_arrived(self, letter: Letter) -> None:
        (incoming,) = self._arrivals(letter)
        assert incoming.state == "whole", f"{letter}: {incoming.state}, {incoming.reason}"
        if letter.plan.report or letter.plan.failures == "yes":
            assert letter.outgoing.state == "delivered", letter
        else:
            assert letter.outgoing.state == {"partial": "awaiting", "no": "out"}[letter.plan.failures]
        assert letter.sender.done == letter.outgoing.over, f"{letter}: its sender was never woken"

    def _check_end(self, letter: Letter) -> None:
        assert letter.outgoing.over, letter
        assert letter.sender.done, f"{letter}: its sender was never woken"
        if letter.outgoing.state == "delivered":
            self._check_delivered(letter)
        if letter.outgoing.state == "failed":
            assert letter.outgoing.reason
        arrivals = self._arrivals(letter)
        assert len(arrivals) <= 1, "once"
        readers = {id(reader.incoming): reader for reader in letter.readers}
        for incoming in arrivals:
            reader = readers.get(id(incoming))
            assert incoming.state != "arriving", letter
            assert incoming.state == "whole" or incoming.reason
            if reader is not None:
                assert reader.done, f"{letter}: its reader was never woken"
            if reader is None or reader.way in ("read", "spoil"):
                came = content(incoming) if reader is None else reader.came
                assert letter.body.startswith(came)
                assert incoming.state != "whole" or came == letter.body
        if letter.outgoing.state == "withdrawn":
            assert all(incoming.state != "whole" for incoming in arrivals)

    def _check_duplicates(self) -> None:
        """Of all that came under one id, in whatever session, one at most is not marked."""
        new = [(i.message_id, back) for i, back in self.came if not i.duplicate]
        assert len(new) == len(set(new)) or self.limits is TIGHT

    def _check_left(self, channel: Channel) -> None:
        for end in channel.ends:
            assert end.connection.state == "closed"
            assert end.connection.next_timer() is None
            assert len(end.connection.transactions) == 0
        for endpoint in (e for talk in self.talks if talk.channel is channel for e in talk.ends):
            assert endpoint.closed
            endpoint.inbox.clear()

    # -- moves

    def _act(self) -> bool:
        acted = False
        while ready := [actor for actor in self.actors if actor.ready]:
            for actor in ready:
                actor.act()
            acted = True
        return acted

    def _settle(self) -> None:
        """All that can happen without time does."""
        while any([self._act(), *(channel.run() for channel in self.channels)]):
            pass

    def _advance(self, seconds: float) -> None:
        self.now += seconds
        for channel in self.channels:
            channel.advance(self.now)


class OverTheNetwork(Machine):
    relay = False


class OverARelay(Machine):
    relay = True


@pytest.mark.parametrize("machine", [OverTheNetwork, OverARelay])
@pytest.mark.rule("4975 5.4-13 5.4-19 7.1.1-7")
def test_whole_and_once_or_told(machine: type[Machine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            stateful_step_count=50,
            suppress_health_check=[
                HealthCheck.too_slow,
                HealthCheck.data_too_large,
                HealthCheck.filter_too_much,
            ],
        ),
    )
