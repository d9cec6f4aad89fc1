"""Session descriptions as real stacks write them, against the rules, and what becomes of them.

Each case is written anew from what the named public source sends or reports; addresses and
names are replaced by those for documentation.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from msrp_peer.signalling.agreement import NotAcceptable, Side, look
from msrp_peer.signalling.offer_answer import Negotiation
from msrp_peer.signalling.sdp import Description, SdpError
from msrp_peer.terms.content import Accepts

CPIM = "message/cpim application/im-iscomposing+xml"


@dataclass
class Case:
    source: str
    text: str
    expected: dict[str, object] = field(default_factory=dict)


def sdp(*lines: str, end: str = "\r\n") -> str:
    return end.join(["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", *lines, ""])


PATH = "a=path:msrp://192.0.2.1:20000/1391503972255;tcp"

UNDERSTOOD = [
    Case(
        "android-rcs/rcsjta, ChatSdpUtilsTest: line feeds, spaces at the ends of lines, m= without formats",
        "v=0 \no=- 1 1 IN IP4 192.0.2.1 \ns=- \nc=IN IP4 192.0.2.1 \nt=0 0 \nm=message 20000 TCP/MSRP \n"
        f"{PATH}\na=setup:actpass\na=accept-types:{CPIM}\na=accept-wrapped-types:text/plain\na=sendrecv",
        {"setup": "actpass", "accepts": Accepts.parse(CPIM), "port": 20000, "address": "192.0.2.1"},
    ),
    Case(
        "android-rcs/rcsjta, OriginatingFileTransferSession: a space behind accept-types:, which RFC 4976 "
        "section 11 prints, too; a=file-location, which nobody knows",
        sdp(
            "m=message 20000 TCP/MSRP *",
            PATH,
            "a=setup:active",
            "a=accept-types: image/jpeg",
            "a=file-transfer-id:1391518338244",
            "a=file-disposition:attachment",
            "a=sendonly",
            'a=file-selector:name:"phototmp_3_1_1_1.jpg" type:image/jpeg size:195490',
            "a=file-location:http://192.0.2.9/x",
        ),
        {"accepts": Accepts.parse("image/jpeg"), "direction": "sendonly", "files": True},
    ),
    Case(
        "RCS clients derived from it: a space before the first selector",
        sdp("m=message 1 TCP/MSRP *", PATH, "a=accept-types:*", "a=file-selector: size:4092"),
        {"files": True},
    ),
    Case(
        "android-rcs/rcsjta, capabilities of a device: accept-types without any",
        sdp("m=message 1 TCP/MSRP *", PATH, "a=accept-types:", "a=file-selector"),
        {"accepts": Accepts(), "files": True, "file": None},
    ),
    Case(
        "fozavci/viproy-voipkit: message/CPIM in capitals, a space at the end",
        sdp("m=message 1 TCP/MSRP *", PATH, "a=setup:actpass", "a=accept-types:text/plain message/CPIM "),
        {"accepts": Accepts(("text/plain", "message/CPIM"))},
    ),
    Case(
        "an Android MSRP client in Rust: line feeds, a blank line and an indented one, a=connection",
        sdp(
            "m=message 20000 TCP/MSRP *",
            "a=sendrecv",
            PATH,
            "",
            "        a=setup:passive",
            "a=connection:new",
            f"a=accept-types:{CPIM}",
            end="\n",
        ),
        {"setup": "passive"},
    ),
    Case(
        "Metaswitch/clearwater-sprout, scscf_test: port 9 in m=, another one in the path, setup:active",
        sdp(
            "m=message 9 TCP/MSRP *",
            "a=path:msrp://192.0.2.1:7777/1391517924073;tcp",
            "a=setup:active",
            f"a=accept-types:{CPIM}",
        ),
        {"setup": "active", "port": 9},
    ),
    Case(
        "Blink, in meetecho/janus-gateway pull request 614: c= below m=, an attribute a=x-file-offset",
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=Blink 2.0.0 (Linux)\r\nt=0 0\r\n"
        "m=message 2855 TCP/TLS/MSRP *\r\nc=IN IP4 192.0.2.38\r\na=path:msrps://192.0.2.38:2855/da0f915e81b25560966a;tcp\r\na=sendonly\r\n"
        'a=accept-types:*\r\na=setup:active\r\na=x-file-offset\r\na=file-selector:name:"rpi.png" '
        "type:image/png size:28232 hash:sha-1:5F:2C:08:A1:80:E2:0D:B4:BF:85:0C:54:9C:27:36:EC:54:4B:CD:BF\r\n"
        "a=file-transfer-id:3dbbaf32-a33e-4bac-8dda-30a075594629\r\n",
        {"secure": True, "address": "192.0.2.38", "direction": "sendonly"},
    ),
    Case(
        "signalwire/freeswitch issue 826: a name where IN IP4 stands, setup:passive in an offer",
        "v=0\r\no=- 1 1 IN IP4 h.example.org\r\ns=-\r\nt=0 0\r\nm=message 2855 TCP/MSRP *\r\n"
        "c=IN IP4 h.example.org\r\na=path:msrp://h.example.org:2855/31409cbd4e1a4f3ea4804243336e11f9;tcp\r\n"
        "a=accept-types:message/cpim text/* image/*\r\na=accept-wrapped-types:message/cpim text/*\r\n"
        "a=setup:passive\r\n",
        {"setup": "passive", "address": "h.example.org"},
    ),
    Case(
        "PhrSite/SipLib before 1.1.0: the format 0 instead of *",
        sdp("m=message 9006 TCP/MSRP 0", PATH, "a=accept-types:text/plain"),
        {"port": 9006},
    ),
    Case(
        "a Samsung phone, as a public trace shows it: a fingerprint without TLS, hash in lower case",
        sdp(
            "m=message 8881 TCP/MSRP *",
            f"a=accept-types:{CPIM}",
            "a=setup:actpass",
            PATH,
            "a=fingerprint:sha-1 01:43:E3:69:F7:8F:0B:50:F8:31:56:AC:14:C7:0F:E8:99:DB:26:82",
        ),
        {"secure": False},
    ),
    Case(
        "Google Messages, as rebuilt publicly: msrp-cema and connection:new, digits in lower case",
        sdp(
            "m=message 5 TCP/TLS/MSRP *",
            "a=path:msrps://192.0.2.1:5/x1x2;tcp",
            "a=setup:actpass",
            "a=connection:new",
            "a=msrp-cema",
            "a=fingerprint:SHA-256 " + ":".join(["ab"] * 32),
            f"a=accept-types:{CPIM}",
        ),
        {"cema": True, "secure": True},
    ),
    Case(
        "RFC 8873 section 4.8, and stacks like it: an IPv6 address without brackets in the path",
        "v=0\r\nc=IN IP6 IP6 2001:db8::3\r\nm=message 54111 TCP/MSRP *\r\na=accept-types:*\r\n"
        "a=path:msrp://2001:db8::3:54111/si438dsaodes;tcp\r\n",
        {"path": "msrp://[2001:db8::3]:54111/si438dsaodes;tcp", "address": "2001:db8::3"},
    ),
    Case(
        "SIPp/sipp issue 59: brackets in the c= line",
        "v=0\r\nc=IN IP6 [2001:db8::3]\r\nm=message 1 TCP/MSRP *\r\na=accept-types:*\r\n"
        "a=path:msrp://[2001:DB8:0::3]:1/si438dsaodes;tcp\r\n",
        {"address": "2001:db8::3"},
    ),
    Case(
        "scottlamb/retina issue 52: no o= line; and RFC 4975 section 4 shows neither v= nor t=",
        f"v=0\r\ns=x\r\nc=IN IP4 192.0.2.1\r\nm=message 20000 TCP/MSRP *\r\n{PATH}\r\na=accept-types:*\r\n",
    ),
    Case(
        "sipwise/rtpengine issue 1182: the same description once more behind itself",
        2 * sdp("m=message 20000 TCP/MSRP *", PATH, "a=accept-types:*"),
    ),
    Case(
        "sipwise/rtpengine issue 819: setup:holdconn, which RFC 6135 section 4.2.1 has us ignore",
        sdp("m=message 1 TCP/MSRP *", PATH, "a=accept-types:*", "a=setup:holdconn"),
        {"setup": None},
    ),
    Case(
        "a servlet example: capitals in the scheme, no line end behind the last line",
        sdp("m=message 1000 TCP/MSRP *", "a=accept-types:text/plain").rstrip()
        + "\na=path:MSRP://www.example.com:1000/serversessionid;tcp",
        {"secure": False},
    ),
    Case(
        "RFC 7977 section 8.2.1: the port of m= is not the path's",
        sdp("m=message 1234 TCP/MSRP *", "a=accept-types:*", "a=path:msrp://192.0.2.1:49154/foo;tcp"),
        {"port": 1234},
    ),
    Case(
        "pasted from a chat window: quoted, with a mark of byte order and typographic spaces around",
        "\ufeffv=0\r\n m=message 20000 TCP/MSRP *\u00a0\r\n  " + PATH + "\r\n\ta=accept-types:text/plain\r\n",
    ),
]


@pytest.mark.rule("6135 4.2.1-4")
@pytest.mark.parametrize("case", UNDERSTOOD, ids=lambda case: case.source.partition(":")[0])
def test_understood(case: Case) -> None:
    """Read as it was meant; and an offer like it, as long as it takes anything, is answered."""
    media = look(case.text)
    for name, value in case.expected.items():
        assert getattr(media, name) == value
    side = Side("msrps://192.0.2.7:1/mine1mine2;tcp" if media.secure else "msrp://192.0.2.7:1/mine1mine2;tcp")
    negotiation = Negotiation(side)
    if not media.accepts.entries:
        with pytest.raises(NotAcceptable, match="no kind of content"):
            negotiation.answer(case.text)
        return
    negotiation.answer(case.text)
    assert negotiation.agreed is not None
    assert negotiation.agreed.active == (media.setup == "passive")
    assert len(Description.parse(case.text).sections) == 1


TOLD = [
    Case(
        "pjsip/pjproject, sdptest: the protocol's name of an early draft",
        sdp("m=message 7394 msrp/tcp *", PATH, "a=accept-types: text/plain"),
    ),
    Case("a servlet example: TCP/MRSP", sdp("m=message 1000 TCP/MRSP *", PATH, "a=accept-types:text/plain")),
    Case("MayamaTakeshi/mrcp_server issue 32: another medium", sdp("m=application 9 TCP/MRCPv2")),
]


@pytest.mark.parametrize("case", TOLD, ids=lambda case: case.source.partition(":")[0])
def test_told(case: Case) -> None:
    """What is no MSRP is refused in words, and an answer that says so can be had."""
    negotiation = Negotiation(Side("msrp://192.0.2.7:1/mine1mine2;tcp"))
    with pytest.raises(NotAcceptable, match="no MSRP") as refused:
        negotiation.answer(case.text)
    assert refused.value.status == 488
    assert " 0 " in negotiation.refuse(case.text)


def test_a_middlebox_that_takes_tls_away() -> None:
    """DoubangoTelecom/doubango issue 34: gateways do rewrite a=path. m= and a=path must agree on TLS."""
    text = sdp("m=message 1 TCP/TLS/MSRP *", PATH, "a=accept-types:*")
    with pytest.raises(SdpError, match="TLS"):
        look(text)


def test_an_answer_that_repeats_actpass() -> None:
    """sipsorcery-org/sipsorcery issue 1463: then the offerer connects, as without any a=setup."""
    negotiation = Negotiation(Side("msrp://192.0.2.7:1/mine1mine2;tcp"))
    negotiation.offer()
    negotiation.accept(sdp("m=message 20000 TCP/MSRP *", PATH, "a=accept-types:*", "a=setup:actpass"))
    assert negotiation.agreed is not None
    assert negotiation.agreed.active
    assert negotiation.agreed.connect == ("192.0.2.1", 20000)
