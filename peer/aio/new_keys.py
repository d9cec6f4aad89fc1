"""Lasting keys that nothing verifies, at a listener: asked about, taken, or refused."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from ..security.attempts import Attempts
from ..security.known import Answer, Finding, Judgement, Learned, NotAsKnown, judge_refused
from ..security.known_peers import KnownPeers
from ..terms.errors import MsrpError, NotSecureEnough
from ..terms.principal import Principal
from ..terms.security import Believed, NewKey
from .crowd import source_of
from .line import Line

__all__ = ["AskKey", "Deciding", "NewKeys", "settle"]

log = logging.getLogger(__name__)

_PATIENCE: Final = 300.0  # seconds for a person to compare a key with somebody
_DECLINED: Final = 1000  # keys that are not asked about again
_FIRST: Final = (20, 60.0)  # first keys taken of one address, within so many seconds

AskKey = Callable[[Judgement, str], Awaitable[bool]]


class Deciding(Protocol):
    """Who decides about new keys at a listener."""

    async def decide(self, new: NewKey, address: str) -> Believed:
        """How the key is believed that was shown by whoever is at `address`.

        Raises `NotSecureEnough` where it is not, with what is told here of it, and `StoreError`.
        """


async def settle(deciding: Deciding, new: NewKey, line: Line, failed: Callable[[str], None]) -> None:
    """Decide for a line in doubt; also where it is over meanwhile, for whoever calls again. `failed` is
    told why a key is not believed."""
    how: Believed | None = None
    try:
        how = await deciding.decide(new, line.peer_address)
    except MsrpError as error:
        failed(str(error))
    except Exception:
        log.exception("whose key it is could not be decided")
    line.believe(how)


class NewKeys:
    """Decides by what is known, and by what the person says.

    With `KnownPolicy("ask")` the person is asked, about one key at a time; whoever comes with another
    one meanwhile is refused. Yes pins the key, also where the line is over by then: whoever called can
    call again. A no holds as long as this object. With `KnownPolicy("accept-new")` a first key is taken
    for that of whom it says, and verifies nobody; of one address twenty within a minute, and who goes on
    waits longer each time: names and keys cost nothing, and each of them stays. With
    `KnownPolicy("strict")`, where `ask` is missing, where another key is pinned and where who it says is
    blocked it is refused.

    Args:
        known: those who are known, with the policy.
        ask: asks the person whether the key of this judgement is theirs; the address is where it was
            shown from. It is called off after five minutes.
    """

    def __init__(self, known: KnownPeers, ask: AskKey | None = None) -> None:
        self._known = known
        self._ask = ask
        self._open: dict[NewKey, asyncio.Future[bool]] = {}
        self._declined: dict[NewKey, None] = {}
        self._first = Attempts(*_FIRST)

    async def decide(self, new: NewKey, address: str) -> Believed:
        """As `Deciding` has it."""
        who = Principal.parse(new.principal)
        found = await asyncio.to_thread(self._judged, who, new)
        if found.finding is not Finding.FIRST or found.answer is Answer.REFUSE:
            raise NotAsKnown(found)
        if found.answer is Answer.ACCEPT:
            source = source_of(address)
            if self._first.barred(source):
                raise NotSecureEnough(
                    f"{found.sentence}; too many new keys came from that address of late: let them call again"
                )
            self._first.failed(source, growing=True)
            await asyncio.to_thread(self._known.pin, who, new.key, time.time(), Learned.FIRST_USE)
            return "first-use"
        if self._ask is None or not await self._agreed(found, new, address, self._ask):
            raise NotAsKnown(found)
        await asyncio.to_thread(self._known.pin, who, new.key, time.time())
        return "pinned"

    def _judged(self, who: Principal, new: NewKey) -> Judgement:
        if who in self._known.blocked():
            raise NotSecureEnough(f"{who} is blocked, and somebody showed a key that says to be theirs")
        known = self._known.recall(who)
        found = judge_refused(who, known, new.key, self._known.policy, named=True)
        if found is None:  # they have been met without a key, by something better
            raise NotSecureEnough(
                f"somebody showed a key that says to be that of {who}, who is known by something else: "
                f"{new.key}"
            )
        return found

    async def _agreed(self, found: Judgement, new: NewKey, address: str, ask: AskKey) -> bool:
        if new in self._declined:
            return False
        if (asked := self._open.get(new)) is not None:
            return await asyncio.shield(asked)  # they called again meanwhile
        if self._open:
            raise NotSecureEnough(
                f"{found.sentence}; somebody else is being asked about at this moment: let them call again"
            )
        answer = self._open[new] = asyncio.get_running_loop().create_future()
        agreed = False
        try:
            async with asyncio.timeout(_PATIENCE):
                agreed = await ask(found, address)
            if not agreed:
                self._declined[new] = None
                if len(self._declined) > _DECLINED:
                    del self._declined[next(iter(self._declined))]
        except TimeoutError:
            pass
        finally:
            del self._open[new]
            answer.set_result(agreed)
        return agreed
