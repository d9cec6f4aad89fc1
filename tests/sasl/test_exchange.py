"""Who may speak when, and what success means."""

from __future__ import annotations

from dataclasses import replace

import pytest

from msrp_sasl import (
    Accepting,
    Channel,
    Reason,
    SaslError,
    SASLServer,
    SaslUsageError,
    ScramVerifier,
)
from sasl.parties import (
    ALICE,
    AUTHORITY,
    BOB,
    CERTIFIED,
    EXPORTER,
    NOW,
    PERSON,
    PLUS,
    SCRAM,
    SECRET,
    UNBOUND,
    VERIFIED,
    Kept,
    acceptor,
    alone,
    initiator,
    refused,
    run,
    started,
)


@pytest.mark.parametrize("name", SCRAM)
def test_scram_proves_both(name: str) -> None:
    client, server = initiator(name), acceptor(name)
    assert client.properties.mutual
    assert client.properties.may_block
    assert client.properties.binds == name.endswith("-PLUS")
    assert len(run(client, server)) == 4
    binding = "tls-exporter" if name.endswith("-PLUS") else None
    assert (client.identity.name, client.identity.binding) == (BOB, binding)
    assert (server.identity.name, server.identity.user) == (ALICE, ALICE)
    assert client.layer is None
    assert server.layer is None
    assert client.spent == server.spent == (binding is not None)


def test_external_proves_the_initiator() -> None:
    client = initiator("EXTERNAL", channel=CERTIFIED)
    server = acceptor("EXTERNAL", channel=CERTIFIED)
    assert run(client, server) == [b""]
    assert client.identity.name is None  # TLS proves the acceptor, or nobody does
    assert server.identity.name == ALICE


def test_anonymous_proves_nobody() -> None:
    client, server = initiator("ANONYMOUS"), acceptor("ANONYMOUS")
    assert run(client, server) == [b""]
    assert client.identity.name is None
    assert server.identity.name is None
    assert server.identity.user == ""


# -- empty and absent (RFC 4422 section 4)


def test_an_absent_initial_response_is_asked_for() -> None:
    for name, channel in (("EXTERNAL", CERTIFIED), (PLUS, VERIFIED)):
        client, server = initiator(name, channel=channel), acceptor(name, channel=channel)
        first = client.start(NOW)
        assert server.start(name, None, NOW) == b""
        assert not server.complete
        assert first is not None
        back = server.process(first, NOW)
        assert (back is None) == (name == "EXTERNAL")
    assert refused(Reason.MALFORMED, lambda: acceptor(PLUS).start(PLUS, b"", NOW))


def test_the_signature_may_come_as_a_challenge() -> None:
    """A protocol without additional data: one more challenge, one more empty response."""
    client, server, final = started()
    signature = server.process(final, NOW)
    assert signature is not None
    assert client.process(signature, NOW) == b""
    assert not client.complete  # the other side has not said so yet
    client.succeeded(None, NOW)
    assert client.complete


@pytest.mark.parametrize("data", [None, b"", b"v=AAAA", b"v=", b"e=other-error", b"r=once,s=again,i=4096"])
def test_success_without_the_proof_is_no_success(data: bytes | None) -> None:
    client, _, _ = started()
    with pytest.raises(SaslError):
        client.succeeded(data, NOW)
    assert not client.complete
    with pytest.raises(SaslUsageError):
        _ = client.identity


def test_success_before_anything() -> None:
    client = initiator(PLUS)
    client.start(NOW)
    refused(Reason.UNPROVED, lambda: client.succeeded(None, NOW))


def test_data_beyond_the_end() -> None:
    client, server, final = started()
    signature = server.process(final, NOW)
    assert signature is not None
    client.process(signature, NOW)
    refused(Reason.MALFORMED, lambda: client.succeeded(signature, NOW))  # once is enough
    one = initiator("EXTERNAL", channel=CERTIFIED)
    one.start(NOW)
    refused(Reason.MALFORMED, lambda: one.succeeded(b"", NOW))


# -- order


def test_a_dead_exchange_stays_dead() -> None:
    client, server, _ = started()
    refused(Reason.MALFORMED, lambda: server.process(b"nonsense", NOW))
    refused(Reason.MALFORMED, lambda: client.process(b"nonsense", NOW))
    for again in (
        lambda: server.process(b"", NOW),
        lambda: server.start(PLUS, b"", NOW),
        lambda: client.process(b"", NOW),
        lambda: client.succeeded(None, NOW),
        lambda: client.start(NOW),
        lambda: client.look_again((PLUS,)),
    ):
        with pytest.raises(SaslUsageError):
            again()


def test_what_was_not_offered_is_not_begun() -> None:
    for name in ("PLAIN", "CRAM-MD5", "SCRAM-SHA-256", "", "nonsense"):
        refused(Reason.POLICY, lambda name=name: acceptor(PLUS).start(name, b"", NOW))


def test_policy_decides_what_is_offered() -> None:
    everything = replace(CERTIFIED, bindings=EXPORTER)

    def server(channel: Channel, *names: str) -> SASLServer:
        return SASLServer(Accepting(BOB, channel, PERSON, AUTHORITY, offered=names))

    assert server(everything).offered == ("EXTERNAL", "SCRAM-SHA-512-PLUS", PLUS, "DIGEST-MD5")
    assert server(everything, PLUS).offered == (PLUS,)
    assert server(UNBOUND).offered == ("DIGEST-MD5",)
    for name in ("SCRAM-SHA-256", "ANONYMOUS", "PLAIN"):
        with pytest.raises(SaslUsageError):
            server(everything, name)
    refused(Reason.POLICY, lambda: server(UNBOUND).start(PLUS, b"", NOW))


def test_failed_says_what_to_do() -> None:
    client, _, _ = started()
    error = client.failed()
    assert error.reason is Reason.REFUSED
    assert "password" in str(error)
    assert "in between" in str(error)
    assert "password" not in str(initiator("EXTERNAL", channel=CERTIFIED).failed())
    with pytest.raises(SaslUsageError):
        client.process(b"", NOW)
    done, server = initiator(PLUS), acceptor(PLUS)
    run(done, server)
    with pytest.raises(SaslUsageError):
        done.failed()


def test_aborting() -> None:
    client, server, final = started()
    client.abort()
    server.abort()
    with pytest.raises(SaslUsageError):
        server.process(final, NOW)
    assert server.spent  # the binding is used up all the same


def test_a_fault_of_the_store_kills_the_exchange() -> None:
    class Broken(Kept):
        def scram(self, user: str, acceptor: str, hash: object) -> None:
            raise OSError("the disk is gone")

    server, client = acceptor(PLUS, verifiers=Broken()), initiator(PLUS)
    with pytest.raises(OSError, match="disk"):
        server.start(PLUS, client.start(NOW), NOW)
    with pytest.raises(SaslUsageError):
        server.process(b"", NOW)


def test_a_store_that_mixes_hashes_up_is_told() -> None:
    kept = Kept({(ALICE, BOB, "SHA-256"): ScramVerifier.make(SECRET, "SHA-1", iterations=4096)})
    with pytest.raises(SaslUsageError):
        acceptor(PLUS, verifiers=kept).start(PLUS, initiator(PLUS).start(NOW), NOW)


# -- the second look


def test_the_list_asked_for_again() -> None:
    offer = (PLUS, "EXTERNAL")
    for second, good in (
        (offer, True),
        (("EXTERNAL", PLUS), True),
        ((PLUS,), False),
        ((*offer, "KRB5-U2U"), False),
        (("nonsense!",), False),
    ):
        server = acceptor(*offer, channel=replace(CERTIFIED, bindings=EXPORTER))
        client = initiator(PLUS, offered=server.offered)
        run(client, server)
        if good:
            client.look_again(second)
            assert client.complete
        else:
            with pytest.raises(SaslError):
                client.look_again(second)
            assert not client.complete


def test_unbound_scram_proves_no_person() -> None:
    """It may be chosen to a service only, whoever asks."""
    for channel in (UNBOUND, VERIFIED):
        refused(
            Reason.POLICY, lambda channel=channel: initiator("SCRAM-SHA-256", channel=channel, policy=PERSON)
        )
    assert initiator("SCRAM-SHA-256", policy=alone("SCRAM-SHA-256")).name == "SCRAM-SHA-256"
