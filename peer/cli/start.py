"""The console script: Ctrl-C ends it without a traceback while Python still loads the command, too."""

import signal

__all__ = ["main"]


def main() -> int:
    """Run the command ``msrp``; returns its exit code (`exits.Exit`). Until it is loaded, SIGINT has
    its default effect, which a shell tells as 130: an exception could come up in any import."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:  # who is started to ignore it goes on doing so
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from . import main as command

    signal.signal(signal.SIGINT, handler)
    return command.main()
