"""The folder of this user's own data, and files in it that nobody else can read.

Processes of one user are not protected from each other; other users of the machine must find
nothing. A folder or file that others own or may open is refused and not repaired: who knows what
was done with it meanwhile.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from .errors import StoreError

__all__ = ["check_private", "data_folder", "make_private"]


def data_folder() -> Path:
    """``$XDG_DATA_HOME/msrp-peer``, or below ``~/.local/share`` where that says nothing.

    Raises `StoreError` where this user has no home.
    """
    named = os.environ.get("XDG_DATA_HOME", "")
    if Path(named).is_absolute():  # the XDG specification has relative ones ignored
        return Path(named) / "msrp-peer"
    try:
        return Path.home() / ".local/share/msrp-peer"
    except RuntimeError:
        raise StoreError("there is no home folder to keep data in: set XDG_DATA_HOME") from None


def make_private(folder: Path) -> None:
    """See that `folder` is there and this user's alone. Raises `StoreError`."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make {folder}: {error.strerror}") from None
    check_private(folder)


def check_private(path: Path) -> None:
    """See that a folder or a regular file belongs to this user, and that others may not open it.

    Raises `StoreError`, and `FileNotFoundError` where it is missing. The rights of Windows
    are not looked at: there a profile is its user's own.
    """
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode) and path.is_dir():
            found = path.stat()  # a folder may lie elsewhere; a file of ours is no link
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreError(f"cannot look at {path}: {error.strerror}") from None
    if not (stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode)):
        raise StoreError(f"{path} is no regular file, and is not used: move it away")
    if sys.platform == "win32":
        return
    if found.st_uid != os.geteuid():
        raise StoreError(f"{path} belongs to another user, and is not used: move it away")
    if found.st_mode & 0o077:
        right = "700" if stat.S_ISDIR(found.st_mode) else "600"
        raise StoreError(
            f"{path} can be opened by other users of this machine, and is not used. If none of them "
            f"had it, run: chmod {right} {path}"
        )
