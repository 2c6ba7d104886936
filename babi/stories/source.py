"""The files of one variant of the bAbI tasks, out of a folder or an archive.

The files of a variant (`en-10k`, `en`, `hn`, `shuffled`, `en-valid-10k`, ...) lie
in a folder of that name, at any depth; see `babi.stories.archive` for archives, and
`babi.stories.download`, which fetches the official one.
"""

import functools
import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from babi.stories import archive
from babi.stories.story import DataError, Story, count_questions, parse_stories
from babi.stories.tasks import TASK_NAMES, TEST_QUESTIONS

# Kinds of data.
OFFICIAL = "official"
SIMULATED = "simulated"
OWN = "own"

DEFAULT_VARIANT = "en-10k"

# Variants whose test files are known to hold TEST_QUESTIONS questions a task.
FULL_VARIANTS = ("en", "en-10k")

# Folders below the one given that are searched.
_MAX_DEPTH = 4

_DIFFERENCES_SHOWN = 3  # files that differ, each on a line of its own


class DataFile(NamedTuple):
    """One file of a variant: its name without its folders, and its bytes."""

    name: str
    data: bytes

    @property
    def sha256(self) -> str:
        """Hash of the bytes, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


class DataSource(NamedTuple):
    """The files of one variant, read and hashed.

    Attributes:
      kind: "folder" or "archive".
      path: the folder or archive.
      variant: name of the variant.
      files: `{(task, split): DataFile}`.
    """

    kind: str
    path: Path
    variant: str
    files: dict[tuple[int, str], DataFile]

    def stories(self, split: str,
                tasks: Iterable[int] = tuple(TASK_NAMES)) -> dict[int, list[Story]]:
        """Reads the stories of tasks.

        Args:
          split: "train", "valid" or "test".
          tasks: task numbers.

        Returns:
          `{task: stories in the order of the file}`, by ascending task.

        Raises:
          DataError: a missing file, a malformed line, or a test file of an
            official variant without exactly 1,000 questions.
        """
        return {task: self._task_stories(task, split) for task in sorted(set(tasks))}

    def _task_stories(self, task: int, split: str) -> list[Story]:
        file = self.files.get((task, split))
        if file is None:
            raise DataError(
                f"{self.path}: {self.variant} has no {split} file for task {task} "
                f"(qa{task}_..._{split}.txt); choose other tasks or get all files")
        place = f"{self.path}/{self.variant}/{file.name}"
        stories = parse_stories(file.data, place, task)
        questions = count_questions(stories)
        if not stories:
            raise DataError(f"{place}: the file is empty; get it anew")
        if split == "test" and self.variant in FULL_VARIANTS:
            if questions != TEST_QUESTIONS:
                raise DataError(
                    f"{place}: {questions} questions where {self.variant} has "
                    f"{TEST_QUESTIONS} in each test file; get the file anew, or give "
                    f"data of your own a folder of another name")
        return stories

    def identity(self) -> dict:
        """What the data is, to be kept as JSON beside a checkpoint.

        Returns:
          `{"kind", "name", "variant", "sha256", "files": {file name: sha256}}`;
          "sha256" stands for all files together and does not depend on whether
          they lie in a folder or an archive.
        """
        files = {file.name: file.sha256 for _, file in sorted(self.files.items())}
        listing = "".join(f"{files[name]} {name}\n" for name in sorted(files))
        return {"kind": self.kind, "name": self.path.name, "variant": self.variant,
                "sha256": hashlib.sha256(listing.encode()).hexdigest(), "files": files}

    def differences(self, tasks: Iterable[int] = TASK_NAMES) -> list[str]:
        """Lines to be shown on files of some tasks that are not the official ones.

        There is one for each, or one for all if they are many. Only variants with
        known hashes (en-10k) are compared; for others the list is empty.
        """
        files = [file for (task, _), file in self.files.items() if task in tasks]
        lines = file_differences(self.variant, files)
        if len(lines) <= _DIFFERENCES_SHOWN:
            return lines
        return [f"{len(lines)} of {len(files)} files of {self.variant} are not "
                f"the official ones; say so with any result"]


def open_path(path: str | Path, variant: str = DEFAULT_VARIANT) -> DataSource:
    """Reads all files of a variant.

    Args:
      path: a folder at or above the variant's, a folder that holds the archive, or
        the `.tar.gz` or `.zip` itself.
      variant: name of the folder with the wanted files.

    Raises:
      DataError: nothing there, or nothing that can be read.
    """
    path = Path(os.path.expanduser(path))
    try:
        if path.is_dir():
            return _open_folder(path, variant)
        if path.exists():
            return open_archive(path, variant)
    except OSError as error:
        raise DataError(f"{error.filename or path}: cannot be read: {error.strerror}; "
                        f"mend its permissions or give another folder") from None
    raise DataError(f"{path}: no such folder or archive; give the folder, the "
                    f".tar.gz or the .zip of the bAbI tasks")


def _open_folder(folder: Path, variant: str) -> DataSource:
    """Reads a variant's files from a folder, or from an archive in it."""
    found = _find_files(folder)
    if not found:
        archives = sorted(
            path for path in folder.iterdir()
            if path.name.endswith(archive.ARCHIVE_ENDINGS) and path.is_file())
        if len(archives) == 1:
            return open_archive(archives[0], variant)
        hint = "it holds several archives: give one of them" if archives else (
            "give the folder, the .tar.gz or the .zip of the bAbI tasks")
        raise DataError(f"{folder}: no bAbI files (such as "
                        f"qa1_single-supporting-fact_train.txt) in it; {hint}")
    names = _choose_variant(found, variant, folder)
    files = {key: DataFile(path.name, read_file(path)) for key, path in names.items()}
    return DataSource("folder", folder, variant, files)


def read_file(path: str | Path) -> bytes:
    """The bytes of a file of stories.

    Raises:
      DataError: not there, neither a pipe nor a device but a plain file, or larger
        than 32 MB.
    """
    try:
        # Reading a pipe or a device may never end.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise DataError(f"{path}: not a plain file; put the stories into one")
        with open(path, "rb") as file:
            data = file.read(archive.MAX_FILE_BYTES + 1)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; give another file") from None
    archive.check_size(len(data), str(path))
    return data


def _find_files(folder: Path) -> dict[str, dict[tuple[int, str], Path]]:
    """{folder relative to the one given: {(task, split): path}}."""
    found: dict[str, dict[tuple[int, str], Path]] = {}
    for place, names in walk(folder):
        for name in names:
            key = archive.file_key(name)
            if key is not None:
                below = Path(folder.resolve().name) / place.relative_to(folder)
                archive.add(found, str(below), key, place / name)
    return found


def walk(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """(folder, names of its files) of a folder and those below it, hidden ones not.

    Raises:
      OSError: one of the folders can't be read.
    """
    def fail(error):  # os.walk would pass over it
        raise error

    for place, folders, names in os.walk(folder, onerror=fail):
        place = Path(place)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if len(place.relative_to(folder).parts) >= _MAX_DEPTH:
            folders.clear()
        yield place, sorted(names)


def open_archive(path: Path, variant: str = DEFAULT_VARIANT) -> DataSource:
    """Reads a variant's files from a `.tar.gz` or a `.zip`, without unpacking it.

    Raises:
      DataError: as `archive.read_archive`, or one without the variant.
    """
    files = _choose_variant(archive.read_archive(path, variant), variant, path)
    return DataSource("archive", path, variant,
                      {key: DataFile(*named) for key, named in files.items()})


def _choose_variant(found: dict[str, dict], variant: str, path: Path) -> dict:
    """The files of the one folder that has the variant's name."""
    by_name: dict[str, list[str]] = {}
    for folder in sorted(found):
        by_name.setdefault(PurePosixPath(folder).name, []).append(folder)
    folders = by_name.get(variant, [])
    if not folders:
        names = ", ".join(sorted(by_name)) or "no variants"
        raise DataError(f"{path}: no folder {variant!r} with bAbI files in it; it "
                        f"holds {names}: choose one of these as the variant")
    if len(folders) > 1:
        raise DataError(f"{path}: several folders named {variant}: "
                        f"{', '.join(folders)}; give one of them as the data folder")
    return found[folders[0]]


@functools.cache
def official_files(variant: str) -> dict[str, dict]:
    """{file name: {"bytes", "sha256"}} of a variant's true files; {} if unknown."""
    folder = resources.files("babi.stories")
    text = folder.joinpath("official_files.json").read_text("utf-8")
    return json.loads(text).get(variant, {})


def file_differences(variant: str, files: Iterable[DataFile]) -> list[str]:
    """One line for each file that is not bAbI's true one of that name.

    Args:
      variant: the files' variant; without known hashes there are no differences.
      files: any of the variant's files.
    """
    known = official_files(variant)
    lines = []
    for file in files if known else ():
        true = known.get(file.name)
        if true is None:
            lines.append(f"{variant}/{file.name} is not among the official files")
        elif file.sha256 != true["sha256"]:
            questions = file.data.count(b"\t") // 2
            lines.append(
                f"{variant}/{file.name} is not the official file: "
                f"{len(file.data):,} bytes instead of {true['bytes']:,}, with "
                f"{questions:,} questions; say so with any result")
    return lines
