"""The bAbI tasks from where they are: a path, a cached copy, or else a download.

What is downloaded is checked file by file.
"""

import os
import socket
import tempfile
from pathlib import Path

from babi.stories import source
from babi.stories.story import DataError

ARCHIVE_NAME = "tasks_1-20_v1-2.tar.gz"

# Tried in turn. The archive circulates in several forms, so what counts is that
# the files inside are the true ones.
DOWNLOAD_URLS = (
    "http://www.thespermwhale.com/jaseweston/babi/tasks_1-20_v1-2.tar.gz",
    "https://s3.amazonaws.com/text-datasets/babi_tasks_1-20_v1-2.tar.gz",
    "http://parl.ai/downloads/babi/babi.tar.gz",
)

# Names under which Keras examples and other programs leave the archive.
_CACHED_NAMES = (ARCHIVE_NAME, "babi_tasks_1-20_v1-2.tar.gz",
                 "babi-tasks-v1-2.tar.gz", "babi.tar.gz", "tasks_1-20_v1-2")

_VERIFIED_VARIANT = source.DEFAULT_VARIANT  # the one whose true files are known
_TIMEOUT_SECONDS = 30  # without a byte from the server


class NoDataError(DataError):
    """There is no cached copy of the data, and none could be downloaded."""


def cache_folder() -> Path:
    """Keras's folder for data sets: `~/.keras/datasets`, or below `KERAS_HOME`."""
    home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")
    return Path(home) / "datasets"


def open_source(data_dir: str | Path | None = None,
                variant: str = source.DEFAULT_VARIANT) -> source.DataSource:
    """Reads all files of a variant.

    Args:
      data_dir: as for `source.open_path`; None: a cached copy, else a download.
      variant: name of the folder with the wanted files.

    Raises:
      DataError: nothing there, or nothing that can be read.
    """
    if data_dir is None:
        return find_or_download(variant)
    return source.open_path(data_dir, variant)


def find_or_download(variant: str = source.DEFAULT_VARIANT,
                     cache: Path | None = None) -> source.DataSource:
    """Opens a cached copy of the data, or downloads the official archive.

    Args:
      variant: name of the variant.
      cache: folder for the archive; None: Keras's own.

    Raises:
      DataError: neither worked; the message is one line that says what was tried.
        It is a `NoDataError` if there was not even a cached copy that can't be used.
    """
    cache = cache_folder() if cache is None else cache
    tried = []
    for name in _CACHED_NAMES:
        if (cache / name).exists():
            try:
                return source.open_path(cache / name, variant)
            except DataError as error:
                tried.append(str(error))
    failure = DataError if tried else NoDataError
    if not tried:
        tried.append(f"no cached copy in {cache}")
    for url in DOWNLOAD_URLS:
        try:
            return source.open_path(_download(url, cache), variant)
        except DataError as error:
            tried.append(str(error))
    raise failure(
        f"no bAbI data: {'; '.join(tried)}; get {ARCHIVE_NAME} by hand on a "
        f"machine with a network and give it with --data_dir=PATH")


def _download(url: str, cache: Path) -> Path:
    """Fetches an archive into the cache if its files are the true ones.

    Returns:
      Path of the archive. What fails is deleted.

    Raises:
      DataError: no connection, no such address, or other files than the true ones.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".download-") as aside:
            archive = _fetch(url, Path(aside))
            _verify(archive, url)
            os.replace(archive, cache / ARCHIVE_NAME)
    except OSError as error:
        raise DataError(f"{error.filename or cache}: cannot keep a download: "
                        f"{error.strerror or error}") from None
    return cache / ARCHIVE_NAME


def _fetch(url: str, folder: Path) -> Path:
    from keras.utils import get_file  # slow to import, and rarely needed

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT_SECONDS)
    try:
        return Path(get_file(ARCHIVE_NAME, url, cache_dir=str(folder),
                             cache_subdir=""))
    except Exception as error:  # get_file wraps failures in plain Exception
        reason = " ".join(str(error).split()).removeprefix(
            f"URL fetch failure on {url}: ").removeprefix("None -- ")
        raise DataError(f"{url}: {reason or repr(error)}") from None
    finally:
        socket.setdefaulttimeout(before)


def _verify(archive: Path, url: str) -> None:
    """Checks every official file of a downloaded archive."""
    try:
        files = source.open_archive(archive, _VERIFIED_VARIANT).files.values()
    except DataError as error:
        raise DataError(str(error).replace(str(archive), url)) from None
    faults = source.file_differences(_VERIFIED_VARIANT, files)
    missing = set(source.official_files(_VERIFIED_VARIANT)) - {f.name for f in files}
    faults += [f"{_VERIFIED_VARIANT}/{name} is missing" for name in sorted(missing)]
    if faults:
        more = f" and {len(faults) - 1} more faults" if len(faults) > 1 else ""
        raise DataError(f"{url}: not the official data: {faults[0]}{more}")
