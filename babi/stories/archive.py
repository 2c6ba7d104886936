"""The files of a variant out of an archive, read in memory and never unpacked.

A `.tar.gz` or a `.zip`. Archives come from anywhere: each has limits far above the true
sizes, and nothing in it is followed. What lies at its top lies in a folder named after
the archive, as it would if it were unpacked by hand.
"""

import gzip
import io
import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from babi.stories.story import DataError
from babi.stories.tasks import TASK_NAMES

TAR_ENDINGS = (".tar.gz", ".tgz")
ZIP_ENDING = ".zip"
ARCHIVE_ENDINGS = (*TAR_ENDINGS, ZIP_ENDING)

# Far above the true sizes (5 MB a file, about 150 MB in all), far below trouble.
MAX_FILE_BYTES = 32 << 20
MAX_UNPACKED_BYTES = 512 << 20
MAX_MEMBERS = 20_000

_FILE_NAME = re.compile(r"qa([1-9][0-9]?)_(?:[\w-]+_)?(train|valid|test)\.txt",
                        re.ASCII)

# What each file of a .zip begins with, and what its entry in the directory does.
_ZIP_START, _ZIP_ENTRY = b"PK\3\4", b"PK\1\2"

# All that gzip, tarfile and zipfile are known to raise on damaged or hostile archives.
_ERRORS = (OSError, EOFError, ValueError, LookupError, ArithmeticError, RuntimeError,
           zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile)


def file_key(name: str) -> tuple[int, str] | None:
    """(task, split) of a file name, or None for a name that is not bAbI's."""
    match = _FILE_NAME.fullmatch(name)
    if match is None or int(match[1]) not in TASK_NAMES:
        return None
    return int(match[1]), match[2]


def add(found: dict, folder: str, key: tuple[int, str], value) -> None:
    """Notes a file found in a folder; two for the same purpose are an error."""
    files = found.setdefault(folder, {})
    if key in files:
        raise DataError(f"{folder}: two {key[1]} files for task {key[0]}; remove one")
    files[key] = value


def check_size(size: int, place: str) -> None:
    """Refuses a file far larger than any of bAbI's."""
    if size > MAX_FILE_BYTES:
        raise DataError(f"{place}: larger than {MAX_FILE_BYTES >> 20} MB, which no "
                        f"bAbI file is; divide it, or get it anew")


def read_archive(path: Path, variant: str) -> dict:
    """Reads a variant's files.

    Returns:
      {folder in the archive: {(task, split): (name, bytes, or None unread)}}.

    Raises:
      DataError: not an archive, a damaged or truncated one, one that unpacks to
        more than any bAbI archive, or one with links or paths that leave it in the
        place of data.
    """
    contents = _Contents(path, variant)
    kind = ".zip" if _is_zip(path) else ".tar.gz"
    try:
        (_read_zip if kind == ".zip" else _read_tar)(path, contents)
    except DataError:
        raise
    except _ERRORS as error:
        raise DataError(
            f"{path}: not a whole {kind} archive ({str(error) or repr(error)}); get "
            f"it anew, or unpack it by hand and give the folder") from None
    return contents.found


class _Contents:
    """What an archive holds, member by member.

    Attributes:
      found: as `read_archive` returns it.
    """

    def __init__(self, path: Path, variant: str):
        self.found: dict[str, dict] = {}
        self.path = path
        self._variant = variant
        self._count = 0
        ending = next((ending for ending in ARCHIVE_ENDINGS
                       if path.name.endswith(ending)), "")
        self._top = PurePosixPath(path.name.removesuffix(ending))

    def count(self, members: int = 1) -> None:
        """Refuses more members than a bAbI archive has."""
        self._count += members
        if self._count > MAX_MEMBERS:
            raise DataError(f"{self.path}: more than {MAX_MEMBERS} files in it; this "
                            f"is not a bAbI archive, get another")

    def member(self, name: str, size: int, folder: bool, plain: bool, read) -> None:
        """Takes a member, if it is one of bAbI's.

        Args:
          name: with its folders.
          size: in bytes, as the archive has it.
          folder, plain: whether it is a folder, and whether an ordinary file.
          read: gives its bytes.
        """
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts:
            raise DataError(f"{self.path}: {name!r} in it leads out of the "
                            f"archive; this is not a bAbI archive, get another")
        key = None if folder else file_key(place.name)
        if key is None:
            return
        if not plain:
            raise DataError(f"{self.path}: {name!r} in it is a link or a device "
                            f"in the place of a file; get another archive")
        check_size(size, f"{self.path}: {name!r}")
        parent = self._top / place.parent
        wanted = parent.name == self._variant
        add(self.found, str(parent), key, (place.name, read() if wanted else None))


def _read_tar(path: Path, contents: _Contents) -> None:
    with gzip.open(path, "rb") as stream:
        unpacked = _LimitedReader(stream, path)
        with tarfile.open(fileobj=unpacked, mode="r|") as archive:
            for member in archive:
                contents.count()
                contents.member(member.name, member.size, member.isdir(),
                                member.isreg(), lambda member=member:
                                archive.extractfile(member).read())
        while unpacked.read(1 << 20):  # to the end, where gzip's checksum stands
            pass


def _read_zip(path: Path, contents: _Contents) -> None:
    with open(path, "rb") as file:
        packed = file.read(MAX_UNPACKED_BYTES + 1)
    _check_unpacked(MAX_UNPACKED_BYTES - len(packed), path)
    contents.count(packed.count(_ZIP_ENTRY))  # before all of them are held
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        members = archive.infolist()
        # The sizes hold: of a member no more is unpacked than it says that it has.
        _check_unpacked(
            MAX_UNPACKED_BYTES - sum(member.file_size for member in members), path)
        for member in members:
            mode = stat.S_IFMT(member.external_attr >> 16)
            # Archives of Windows have separators of its own.
            contents.member(member.filename.replace("\\", "/"), member.file_size,
                            member.is_dir(), mode in (0, stat.S_IFREG),
                            lambda member=member: archive.read(member))


def _is_zip(path: Path) -> bool:
    """By its name, or by how it begins."""
    with open(path, "rb") as file:
        return file.read(4) == _ZIP_START or path.name.endswith(ZIP_ENDING)


class _LimitedReader:
    """A stream that refuses to unpack without end."""

    def __init__(self, stream, path: Path):
        self._stream = stream
        self._path = path
        self._left = MAX_UNPACKED_BYTES

    def read(self, size: int) -> bytes:
        """Reads up to `size` bytes."""
        data = self._stream.read(size)
        self._left -= len(data)
        _check_unpacked(self._left, self._path)
        return data


def _check_unpacked(left: int, path: Path) -> None:
    if left < 0:
        raise DataError(f"{path}: unpacks to more than {MAX_UNPACKED_BYTES >> 20} MB; "
                        f"this is not a bAbI archive, get another")
