"""The command ``msrp``: from the command line to a sub-command, from its end to an exit code."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
import threading
import traceback
from collections.abc import Sequence

from ..terms.errors import MsrpError, NotSecureEnough, UsageError
from .exits import Exit, exit_of
from .options import build_parser, read
from .output import Output
from .settings import mention

__all__ = ["main"]

_MODULES = {
    "demo": "demo",
    "demo-peer": "demo_peer",
    "listen": "listen",
    "send": "send",
    "chat": "chat",
    "offer": "offer",
    "answer": "offer",
    "peers": "peers",
    "passwd": "passwd",
    "known": "known",
    "config": "config",
    "verify": "verify",
    "inspect": "inspect",
    "bench": "bench",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code (`exits.Exit`)."""
    code = _main(arguments)
    busy = [thread for thread in threading.enumerate() if not thread.daemon]
    if code == Exit.INTERRUPTED and len(busy) > 1:
        # Python would wait for threads that look up a name or hash a file; whoever interrupts does not.
        with contextlib.suppress(OSError):
            _flush()
        os._exit(code)
    return code


def _main(arguments: Sequence[str] | None) -> int:
    for stream in (sys.stdout, sys.stderr):
        # A terminal without the letters of a message must not end the session.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    output = Output()
    Output.lost = False
    args = argparse.Namespace()
    try:
        words = sys.argv[1:] if arguments is None else list(arguments)
        if not words:
            build_parser().print_help(sys.stderr)
            return Exit.USAGE
        args, complete = read(words)
        output = Output(json=getattr(args, "json", False))
        complete()
        module = importlib.import_module(f".{_MODULES[args.command]}", __package__)
        code = int(module.run(args))
        _flush()
        return Exit.FAILED if Output.lost and code == Exit.DONE else code
    except SystemExit:
        try:
            _flush()
        except OSError:  # `msrp --help | head -1`
            output.abandon()
            return Exit.FAILED
        raise
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        output.abandon()
        return Exit.FAILED
    except (MsrpError, OSError) as error:
        output.error(error)
        if isinstance(error, UsageError | NotSecureEnough) and (told := mention(args)):
            output.note(told)
        return exit_of(error)
    except Exception as error:
        if os.environ.get("MSRP_DEBUG") == "1":
            traceback.print_exception(error)
        output.bug(error)
        return Exit.FAILED


def _flush() -> None:
    """Raises OSError here, and not when Python ends."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # closed before we were started
            stream.flush()


if __name__ == "__main__":
    sys.exit(main())
