"""What the codes of responses and REPORTs mean, for a person (RFC 4975 section 10)."""

from __future__ import annotations

__all__ = ["refusal"]

_REFUSALS = {
    400: "the other side did not understand it",
    403: "the other side refuses it",
    408: "no answer came in time",
    413: "the other side takes no more of it: it has ended, has no room, or does not want it",
    415: "the other side does not take this kind of content",
    481: "the other side knows no such session",
    501: "the other side does not know this request",
    506: "the session is in use on another connection",
}


def refusal(status: int) -> str:
    """What a code means, for a person (RFC 4975 section 10)."""
    return _REFUSALS.get(status, f"the other side answered {status:03d}")
