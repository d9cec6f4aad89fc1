"""The command line: every sub-command, its options, and the help that teaches them.

Nothing here loads the engine, so that ``msrp --help`` is quick.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path

from ..signalling.target import parse_target
from ..terms.errors import UsageError
from . import door_options, helps, login_options, settings
from .parsing import Parser, refuse_first, refuse_rest

__all__ = ["build_parser", "listening_address", "parse", "read"]

ANY_ADDRESS = "0.0.0.0:2855"
_DEMO = ("scram", "digest", "certificate", "kerberos")

_TALKING = ("listen", "send", "chat", "offer", "answer", "verify")  # the commands that have sessions
Add = Callable[[argparse.ArgumentParser], None]


def build_parser(*, hidden: bool = False) -> argparse.ArgumentParser:
    """The parser of the whole command; the chosen sub-command's name is `command`.

    With `hidden` it knows what the demo starts, too: bob's half.
    """
    parser = Parser(
        prog="msrp",
        description="Messages and files straight between two people (MSRP, RFC 4975).",
        epilog=helps.MAIN,
        formatter_class=helps.Formatter,
    )
    parser.add_argument(
        "--version", action=_Version, nargs=0, help="show the version and where it is installed"
    )
    settings.add_options(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, summary: str, epilog: str, add: Add) -> None:
        one = commands.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}{'' if summary.endswith('?') else '.'}",
            epilog=epilog,
            formatter_class=helps.Formatter,
        )
        add(one)
        if name not in ("inspect", "config"):
            one.add_argument(
                "-v", "--verbose", action="count", default=0, help="log on stderr; twice for more"
            )
        if name in _TALKING:
            one.add_argument(
                "--trace",
                type=Path,
                metavar="FILE",
                help="write every frame there, one JSON object a line, without secrets and contents",
            )
        settings.add_options(one, default=argparse.SUPPRESS)

    command("demo", "watch two processes on this machine meet, talk and send a file", helps.DEMO, _demo)
    command("listen", "wait for sessions, show their messages, take their files", helps.LISTEN, _listen)
    command("send", "send a message or files, and wait until they are delivered", helps.SEND, _send)
    command("chat", "talk to somebody, or wait for somebody to talk to", helps.CHAT, _chat)
    command("offer", "print an offer to paste, wait for its answer, and talk", helps.OFFER, _offering)
    command("answer", "read an offer, print its answer to paste, and talk", helps.ANSWER, _answering)
    command("verify", "compare words with somebody: does anybody sit in between?", helps.VERIFY, _verify)
    command("peers", "show who announces to be listening on this network", helps.PEERS, _peers)
    from . import config, inspect, known_options, passwd_options

    command("passwd", passwd_options.SUMMARY, passwd_options.EPILOG, passwd_options.add_arguments)
    command("known", known_options.SUMMARY, known_options.EPILOG, known_options.add_arguments)
    command("config", config.SUMMARY, config.EPILOG, config.add_arguments)
    command("inspect", "show a recorded stream of MSRP, frame by frame, as JSON", "", inspect.add_arguments)
    command("bench", "measure the framing core on this machine", helps.BENCH, _bench)
    if hidden:
        bob = commands.add_parser("demo-peer")
        for add in (_tls, _interfaces):
            add(bob)
        bob.add_argument("--out", type=Path, required=True)
        bob.add_argument("--auth", choices=("none", *_DEMO), default="none")
        for option in ("--cert", "--key", "--ca"):
            bob.add_argument(option, type=Path)
    return parser


def read(words: Sequence[str]) -> tuple[argparse.Namespace, Callable[[], None]]:
    """Read a command line; ends the program with a usage error where it makes no sense.

    What is not typed is still missing: the function adds what the config file sets, and the
    defaults, and raises `ConfigError` where the file makes no sense.
    """
    hidden = words[:1] == ["demo-peer"]  # half of a demo, which is what the other half says
    parser = build_parser(hidden=hidden)
    defaults = {} if hidden else settings.withhold(parser)
    commands = settings.commands(parser)
    if words[:1] == ["help"]:
        words = [*words[1:2], "--help"]
    refuse_first(parser, commands, words)
    args, rest = parser.parse_known_args(words)
    if len(rest) == 1 and args.command == "send" and args.text is None and not rest[0].startswith("--"):
        # argparse looks for an optional word before the first option only: send HOST --tls adh TEXT.
        args.text, rest = rest[0], []
    if rest and args.command == "passwd":
        # It may be the password, and must not get into a log as well.
        why = "no password is taken from the command line, where others can read it: you are asked"
        commands["passwd"].error(why)
    if rest:
        refuse_rest(args.command, commands, rest)
    return args, lambda: None if hidden else settings.complete(parser, args, defaults)


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read a command line, and the config file. Raises `ConfigError`."""
    args, complete = read(words)
    complete()
    return args


def listening_address(text: str, port: int | None) -> str:
    """``host:port`` to listen at, from an ADDRESS and what --port says; 0 is any free port.

    Raises UsageError.
    """
    if text.endswith(":0"):
        text, port = text.removesuffix(":0"), 0 if port is None else port
    target = parse_target(text)
    if target.host is None:
        raise UsageError(f"{target} is somebody, and no address of this machine: give {ANY_ADDRESS}")
    host = f"[{target.host}]" if ":" in target.host else target.host
    return f"{host}:{target.port if port is None else port}"


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        from .about import about

        print(f"msrp {about()['version']} ({about()['installed']}, Python {about()['python']})")
        parser.exit()


# -- one function for each command


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--size",
        type=_number(1, 1 << 20),
        default=64,
        metavar="MIB",
        help="size of the file in MiB (%(default)s)",
    )
    parser.add_argument(
        "--seconds",
        type=_seconds,
        default=120.0,
        metavar="S",
        help="give up after so many seconds, and say what was waited for (120)",
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the files there")
    parser.add_argument(
        "--auth",
        choices=("none", *_DEMO),
        default="none",
        metavar="HOW",
        help="whether the two prove themselves to each other: with a password made for the run (scram; "
        "digest, over plain TCP), by certificates of an authority made for it (certificate), in a Kerberos "
        "realm made for it (kerberos), or not at all (none)",
    )
    _tls(parser)
    _json(parser)


def _listen(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "address", nargs="?", default=ANY_ADDRESS, metavar="ADDRESS", help=f"where to listen ({ANY_ADDRESS})"
    )
    _listener(parser)
    parser.add_argument("--once", action="store_true", help="end after the first session")
    login_options.add_accepting(parser)
    for add in (door_options.add_known, door_options.add_let_in, _taking, _me, _tls, _interfaces, _json):
        add(parser)


def _send(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="TARGET", help="host:port, an msrps URI, or an im: URI")
    parser.add_argument("text", nargs="?", metavar="TEXT", help="the message; - reads it from standard input")
    parser.add_argument(
        "--file",
        "-f",
        action="append",
        default=[],
        type=Path,
        dest="files",
        metavar="F",
        help="a file; repeatable",
    )
    for add in (_reaching, login_options.add_calling, door_options.add_known, _me, _tls, _interfaces, _json):
        add(parser)


def _chat(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", nargs="?", metavar="TARGET", help="host:port, an msrps URI, or an im: URI")
    _instead(parser)
    _listener(parser)
    doors = door_options.add_known, door_options.add_let_in
    for add in (_reaching, login_options.add_calling, *doors, _taking, _me, _tls, _interfaces, _json):
        add(parser)


def _verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", nargs="?", metavar="TARGET", help="host:port, an msrps URI, or an im: URI")
    _instead(parser)
    _listener(parser)
    doors = door_options.add_known, door_options.add_let_in, door_options.add_remember
    for add in (_reaching, login_options.add_calling, *doors, _me, _tls, _interfaces, _json):
        add(parser)


def _offering(parser: argparse.ArgumentParser) -> None:
    _texts(parser, "send this file, and end; repeatable")
    parser.add_argument(
        "--get",
        action="append",
        default=[],
        metavar="SELECTOR",
        help="ask for a file of this name, or size:N, type:T, hash:sha-1:XX:..; repeatable: all must fit",
    )


def _answering(parser: argparse.ArgumentParser) -> None:
    _texts(parser, "send this file, or share it where the offer asks for one (--get); repeatable")
    parser.set_defaults(get=[])


def _texts(parser: argparse.ArgumentParser, file: str) -> None:
    parser.add_argument("text", nargs="?", metavar="TEXT", help="send this message, and end")
    parser.add_argument(
        "--file", "-f", action="append", default=[], type=Path, dest="files", metavar="F", help=file
    )
    parser.add_argument("--listen", action="store_true", help="only show what comes, and take files")
    parser.add_argument(
        "--at",
        default="0.0.0.0:0",
        metavar="ADDRESS",
        help="where the other side may connect to (any interface, any free port)",
    )
    parser.add_argument(
        "--port", type=_number(0, 65535), metavar="N", help="the port there; 0 for any free one"
    )
    parser.add_argument(
        "--interface", metavar="ADDR", help="there, only the interface of this address, which is told"
    )
    parser.add_argument(
        "--host",
        metavar="H",
        help="the address by which the other side reaches that, where it is another (a router's)",
    )
    parser.add_argument(
        "--connect",
        action="store_true",
        help="connect to the other side; nobody can connect to this computer",
    )
    parser.add_argument(
        "--cema",
        action="store_true",
        help="where something in between has put its own address into the texts, connect there (RFC 6714)",
    )
    parser.add_argument(
        "--protected",
        action="store_true",
        help="you are sure that nobody can change the texts on their way: then they verify the keys",
    )
    parser.add_argument(
        "--tls",
        choices=("fingerprint", "none"),
        default="fingerprint",
        help="TLS with the keys whose fingerprints the texts tell (fingerprint), or plain TCP (none)",
    )
    _reaching(parser)
    login_options.add_calling(parser)
    for add in (door_options.add_known, door_options.add_let_in, _taking, _me, _json):
        add(parser)


def _peers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=_seconds, default=4.0, metavar="N", help="seconds to look (4)")
    parser.add_argument("--follow", action="store_true", help="go on looking until Ctrl-C")
    _interfaces(parser)
    _json(parser)


def _bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=_number(3, 1000), default=15, metavar="N", help="turns of each (15)")
    parser.add_argument("--quick", action="store_true", help="leave out what takes longer than a few seconds")
    parser.add_argument("--write", type=Path, metavar="DIR", help="write the figures as JSON and SVG, too")
    _json(parser)


# -- options of several commands


def _instead(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen",
        nargs="?",
        const=ANY_ADDRESS,
        dest="address",
        metavar="ADDRESS",
        help=f"wait for the other side instead ({ANY_ADDRESS})",
    )


def _listener(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=_number(0, 65535), metavar="N", help="the port (2855); 0 for any free one"
    )
    parser.add_argument(
        "--announce", action="store_true", help="be found on this network, under the name of --as where given"
    )


def _reaching(parser: argparse.ArgumentParser) -> None:
    login_options.add_require(parser)
    parser.add_argument(
        "--timeout",
        type=_seconds,
        metavar="S",
        help="seconds to look, to reach, and to agree with the other side, each (5, 30, 30)",
    )


def _taking(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="take files into this folder; without it they are refused"
    )
    parser.add_argument("--accept-files", action="store_true", help="take every file without asking")
    parser.add_argument("--overwrite", action="store_true", help="a file may replace one of its name")


def _me(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--as",
        type=login_options.principal,
        dest="me",
        metavar="URI",
        help="who you say you are, such as im:bob@lan",
    )


def _tls(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tls",
        choices=("anonymous", "adh", "none"),
        help="TLS 1.3 with a throw-away key (anonymous), TLS 1.2 without any key (adh), or plain TCP, which "
        "only a proof protects (none; see --auth); else what the address says: none for msrp://",
    )


def _interfaces(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--interface",
        action="append",
        dest="interfaces",
        metavar="ADDR",
        help="search or announce only on the interface of this address; repeatable (all)",
    )


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a line on stdout, and nothing else"
    )


# -- values


def _number(lowest: int, highest: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 10 and lowest <= int(text) <= highest):
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {lowest} to {highest}")
        return int(text)

    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return seconds
