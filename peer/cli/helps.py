"""The texts below each command's options: examples, and what nobody would guess."""

from __future__ import annotations

import argparse
import itertools
import re
import textwrap

from .exits import MEANINGS

__all__ = [
    "ANSWER",
    "BENCH",
    "CHAT",
    "DEMO",
    "LISTEN",
    "MAIN",
    "OFFER",
    "PEERS",
    "SEND",
    "VERIFY",
    "Formatter",
]


class Formatter(argparse.RawDescriptionHelpFormatter):
    """The texts below, at the width of the terminal: paragraphs are filled; indented lines are examples,
    or a table's, each with its explanation beside it, or all of them below where there is no room."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(filled for block in re.split(r"\n(?=\n)", text) for filled in _filled(block, width))


def _filled(block: str, width: int) -> list[str]:
    filled: list[str] = []
    for indented, lines in itertools.groupby(block.split("\n"), lambda line: line.startswith(" ")):
        if indented:
            filled += _examples(list(lines), width)
            continue
        for empty, words in itertools.groupby(lines, lambda line: not line):
            paragraph = list(words)
            filled += paragraph if empty else _wrapped(" ".join(paragraph), width)
    return filled


def _examples(lines: list[str], width: int) -> list[str]:
    if all(len(line) <= width for line in lines):
        return lines
    return [shown for line in lines for shown in _example(line, width)]


def _example(line: str, width: int) -> list[str]:
    number = re.match(r" +\d+  ", line)
    if number is not None:
        return _wrapped(line, width, below=" " * number.end())
    command, _, explanation = line.strip().partition("   ")
    indent = line[: len(line) - len(line.lstrip())]
    if re.search(r"\bmsrp [a-z]", command):
        shown = _command(command, indent, width)
    else:
        shown = _wrapped(indent + command, width, below=f"{indent}    ")
    return shown + _wrapped(explanation.strip(), width, " " * 6, " " * 6)


def _command(command: str, indent: str, width: int) -> list[str]:
    """A command as it can be pasted, whose line goes on behind a backslash."""
    lines = [indent.removesuffix(" ")]
    for part in re.split(r" (?=--|\| |\")", command):
        if len(lines[-1]) + 1 + len(part) > width - 2 and lines[-1].strip():
            lines[-1] += " \\"
            lines.append(f"{indent}   ")
        lines[-1] += f" {part}"
    return lines


def _wrapped(text: str, width: int, first: str = "", below: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=below,
        break_on_hyphens=False,
        break_long_words=False,
    )


_EXITS = "\n".join(f"  {int(code):>3}  {meaning}" for code, meaning in MEANINGS.items())
MAIN = f"""\
TARGET, where one is wanted, is host:port, an msrps URI or an im: URI found on the local network.

examples:
  msrp demo                                two processes meet, talk and send a file
  msrp listen --out inbox                  wait for messages; files go into inbox/
  msrp send 192.168.1.7 "Hello"            a message, until it is delivered
  msrp send im:bob@lan --file photo.jpg    a file, to whoever announces to be bob
  msrp chat 192.168.1.7                    talk

Each command has its own help, which tells more: msrp send --help

What you would type each time can stand in a file: msrp config --help

Every line is encrypted, with a key made for this run. That protects against everybody who only
listens; it proves nobody. What protects a line is told in words for every session.

exit codes:
{_EXITS}
"""
DEMO = """\
One process, bob, listens and announces itself; the other, alice, finds it by multicast DNS, or
by its address where this system has no multicast. They talk, alice sends a file of random
octets, and both name its SHA-256. Everything happens on 127.0.0.1.

examples:
  msrp demo
  msrp demo --size 1024          a file of 1 GiB
  msrp demo --tls adh            the anonymous suites of TLS 1.2
  msrp demo --auth scram         the two prove who they are, with a password made for the run
  msrp demo --auth certificate   the same, by certificates of an authority made for it
  msrp demo --auth digest        the same by DIGEST-MD5, without TLS: what that is worth, and what not
  msrp demo --auth kerberos      with tickets of a realm made for the run; needs MIT's KDC here
  msrp demo --keep /tmp/demo     keep the file, as it was sent and as it arrived
"""
LISTEN = """\
examples:
  msrp listen                                    messages only; files are refused
  msrp listen --out inbox                        asks about every file
  msrp listen --out inbox --accept-files         takes every file
  msrp listen --as im:bob@lan --announce         to be found on this network
  msrp listen 127.0.0.1 --port 0 --once --json   for a program: any free port, one session
  msrp listen --as im:bob@lan --expect im:alice@lan   nobody but alice, once she has logged in
  msrp listen --cert bob.pem --key bob.key --ca ca.pem   who has a certificate of that authority

Who has a password here (msrp passwd) can log in, and so can people of your Kerberos realm where you
have a ticket (kinit); each side is then proved to the other. With --expect, --require authenticated
or another --auth than auto nobody else is served.

With --auth certificate and no --ca each side shows a key that lasts. One that is new here you are
asked about: compare its fingerprint with what they tell you on another way. --known accept-new takes
the first one of somebody without a question; it verifies nobody, and another one is refused.

A name that is only claimed is nobody's, whatever --known says: who says to be bob comes in like any
stranger. --expect im:bob@lan serves only who is proved to be bob.

A file is written as NAME.part, checked, and then gets its name. An existing file is never
replaced without --overwrite: the new one gets a number.
"""
SEND = """\
examples:
  msrp send 192.168.1.7 "Lunch?"
  msrp send im:bob@lan --file a.jpg --file b.jpg
  fortune | msrp send box.lan:2855 -
  msrp send 192.168.1.7 --as im:alice@lan --expect im:bob@lan "Lunch?"
  msrp send 192.168.1.7 --expect im:bob@lan --cert alice.pem --key alice.key --ca ca.pem "Lunch?"

With --expect the other side must prove who it is, and you log in: with your Kerberos ticket, if you
have one and both of you are of its realm (im:alice@example.com is alice@EXAMPLE.COM; --realm says
another); else with a password from standard input (--password-stdin), MSRP_PASSWORD (with
MSRP_PASSWORD_FOR=im:bob@lan), the system's keyring, or typed here. Whoever waits there has made it:
  msrp passwd --from im:alice@lan --for im:bob@lan --generate

With --tls none, or an msrp URI, there is no TLS, and the proof protects the line: a ticket as well as
TLS would, --auth digest less. Nothing is said before it does.

With --ca and --cert certificates prove both: they name im:bob@lan as a URI, and no host counts.
"""
CHAT = """\
examples:
  msrp chat 192.168.1.7
  msrp chat im:bob@lan --as im:alice@lan --out inbox
  msrp chat --listen --as im:bob@lan --announce
  msrp chat 192.168.1.7 --as im:alice@lan --expect im:bob@lan   with a password, see msrp send --help

/file PATH sends a file; /take or /refuse answers when you are asked about one, and anything else is
said to the other side. /security tells what protects the line, /verify shows words to compare with
the other side, /quit or Ctrl-D ends, /help tells more. Where standard input is not a terminal its
lines are sent, and its end ends the chat.
"""
VERIFY = """\
examples:
  msrp verify 192.168.1.7          the other side waits: msrp verify --listen, or msrp chat --listen
  msrp verify im:bob@lan --as im:alice@lan
  msrp verify 192.168.1.7 --as im:alice@lan --remember im:bob@lan
  msrp verify --listen --as im:bob@lan

Both sides show the same five words, unless somebody sits in between and reads everything: then the
words differ. One reads them aloud where the other knows the voice, by telephone or face to face,
and both say whether they are the same. Who sits in between has one guess among 1,000,000,000,000.

With --as each tells the other the key that lasts of this name, which lines do not show else; it is
remembered once you agree that the name is theirs whose voice you heard. In a script --remember, or
a TARGET that names them, agrees beforehand. The next line is then known by this key, without words:
  msrp listen --as im:bob@lan --auth certificate
  msrp send 192.168.1.7 "Lunch?" --as im:alice@lan --expect im:bob@lan --auth certificate
Who calls im:bob@lan by this name, and says --as, need not say --auth certificate.
msrp known show im:bob@lan tells when it was compared, msrp known forget im:bob@lan undoes it.

Ends with 0 where both have said yes, and with 4 where the words differ, nobody answered, or the key
is another one than before. In msrp chat /verify does the same for the session you are in, and
/verify remember keeps the key. Who only listens or sends compares nothing: use these two.
"""
OFFER = """\
examples:
  msrp offer                           talk
  msrp offer "Lunch?"                  a message, until it is delivered
  msrp offer --file photo.jpg          a file
  msrp offer --get photo.jpg --out in   a file that the other side has, and shares by answer --file
  msrp offer --listen --out inbox      only take what the other side has
  msrp offer --connect                 where nobody can connect to this computer
  msrp offer --cema                    where a middlebox of the network must be connected to
  msrp offer --as im:alice@lan --expect im:bob@lan   only with bob, who is proved by a password
  msrp offer --cert me.pem --key me.key --ca ca.pem --expect im:bob@example.com

Prints an offer (SDP) for the other side, who gives it to `msrp answer`, or to any program that
speaks MSRP; then paste the answer here, and an empty line. Both texts are secret: whoever reads
them may speak in the session, and whoever can change them can put itself in between. Where you
are sure that nobody can, say --protected: then the fingerprint in them verifies the key.

An offer of one file describes it: name, size, type, hashes (RFC 5547). The other side can refuse it
before anything is sent, checks the hash, and goes on from the NAME.part of an earlier attempt.
Several files are not described: they are sent in a conversation, and asked about as they come.

With --expect both sides are proved to each other, or nothing is said. Whoever has the password
connects, and the other side is the one that keeps it (msrp passwd); with Kerberos tickets either
side can connect, also over plain TCP (--tls none), which they protect. The texts show that it can be
(a=msrp-auth:SASL), and an offer or answer that does not is refused.

With --auth certificate each side shows its certificate, or its lasting key, and its text tells the
fingerprint. The other's must match its text and be that of the one you --expect: by an authority
(--ca), or because you know the key already.

With --cema (RFC 6714) the side that connects goes to the c= and m= lines of the other side's text,
which a session border controller may have made its own. If the other side cannot do that, a second
offer is printed, to be carried over like the first.
"""
ANSWER = """\
examples:
  msrp answer                          talk
  msrp answer --listen --out inbox     only take what the other side has
  msrp answer --file photo.jpg         send it; or share it, where the offer asks for a file
  msrp answer < offer.sdp

Paste the offer, and an empty line; then give what is printed to whoever made the offer. Where the
offer asks for a file, only those of --file can be meant; it is sent if its name, size, type or hash
is what was asked for. An offer of a file is refused without --out; where it is taken, that is all.
See msrp offer --help for what the texts are worth, and for --expect.
"""
PEERS = """\
examples:
  msrp peers
  msrp peers --seconds 10 --json

Everybody on the network can announce any name: the list says where to try, never who is there.
"""

BENCH = """\
examples:
  msrp bench
  msrp bench --quick
  msrp bench --write figures       also figures/framing.json and figures/framing.svg
  MSRP_SCAN=sse2 msrp bench        another end-line search: avx2, sse2 or c

Each figure is given with its unit, and as a ratio of two contestants that took turns, its median
and quartiles: noise and the machine's speed cancel out as far as they can. A quick run gives an
idea, and judges nothing. Comparisons with other parsers: make bench.
"""
