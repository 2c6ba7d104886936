"""Small files, of which a crash never leaves half, and what folders are called."""

import errno
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from babi.program.errors import UsageError

# What file systems say that can't do this with folders.
_NOT_FOR_FOLDERS = (errno.EINVAL, errno.EBADF, errno.ENOTSUP)


def write_atomically(path: str | Path, data: bytes) -> None:
    """Writes a file so that it is there whole or not at all, even after a crash.

    One that was there keeps its permissions.

    Raises:
      OSError: the disk is full or may not be written to; the old file, if there
        was one, is untouched.
    """
    path = Path(path)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(aside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, aside)
        os.replace(aside, path)
        sync_folder(path.parent)
    finally:
        aside.unlink(missing_ok=True)


def output_name(text: str, *endings: str) -> Path | None:
    """The path of --output, which files with some endings are named after.

    Args:
      text: with or without one of the endings; None or "" gives None.

    Raises:
      UsageError: no file can be written there.
    """
    if not text:
        return None
    path = Path(text)
    if text[-1] == os.sep or not path.name or path.name == ".." or (
            not path.parent.is_dir()):
        raise UsageError(f"--output: {text}: not a file in a folder that is there; "
                         f"give another file")
    return path.with_suffix("") if path.suffix in endings else path


def short_names(folders: Iterable[Path]) -> dict[Path, str]:
    """{folder: its name, or its path as given where others of them have that name}."""
    real = {folder: folder.resolve() for folder in folders}
    return {folder: str(folder) if any(
        other.name == own.name and other != own for other in real.values())
        else own.name for folder, own in real.items()}


def sync_folder(folder: str | Path) -> None:
    """Makes renames inside a folder last through a power cut, where it can."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_FOR_FOLDERS:
            raise
    finally:
        os.close(descriptor)
