"""Small files, of which a crash never leaves half, and what folders are called."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path

# What file systems say that can't do this with folders.
_NOT_FOR_FOLDERS = (errno.EINVAL, errno.EBADF, errno.ENOTSUP)


def write_atomically(path: str | Path, data: bytes) -> None:
    """Writes a file so that it is there whole or not at all, even after a crash.

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
        os.replace(aside, path)
        sync_folder(path.parent)
    finally:
        aside.unlink(missing_ok=True)


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
