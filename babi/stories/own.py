"""Stories of one's own: any files, any words; each file is a task of its own name.

`docs/own-data.md` says what may be in them. Files are bAbI's text, read with more
patience than the official ones, or JSON lines. A file `<name>_test` (or in a folder
`test`) belongs to `<name>_train` or `<name>`; of a task without test stories a share of
its stories is kept for the test and not trained on.
"""

import hashlib
import json
import os
import random
import re
import stat
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from babi.stories.own_format import parse_own
from babi.stories.own_split import apart, same_texts, text_of, told
from babi.stories.source import OWN, read_file, walk
from babi.stories.story import DataError, Story
from babi.stories.tasks import OWN_TASKS

TEST_SHARE = 0.1  # of a task's stories, if it has no test file
_MAX_BYTES = 256 << 20  # of all files
_NAMED = 5  # tasks named in a remark

_SPLITS = {"train": "train", "training": "train", "test": "test", "testing": "test",
           **dict.fromkeys(("valid", "validation", "val", "dev"), "valid")}
_SPLIT = re.compile(rf"(?:(.+)[-_. ])?({'|'.join(_SPLITS)})", re.IGNORECASE)


class OwnSource(NamedTuple):
    """Stories of one's own, read and hashed, in the place of a `source.DataSource`.

    Attributes:
      path, test_path: what was given for stories and test stories; the latter may be
        None.
      titles: `{task: name}`.
      train, test: `{task: stories}`; a task may have no test stories.
      hashes: `{file: SHA-256 of its bytes}`.
      kept: `{task: number of its stories kept for the test}`, of tasks without a file
        of test stories.
      shared: tasks of which several stories have the same text.
    """

    path: Path
    test_path: Path | None
    titles: dict[int, str]
    train: dict[int, list[Story]]
    test: dict[int, list[Story]]
    hashes: dict[str, str]
    kept: dict[int, int]
    shared: frozenset[int] = frozenset()

    def stories(self, split: str, tasks: Iterable[int]) -> dict[int, list[Story]]:
        """The stories of tasks, `{task: stories}`, by ascending task.

        Args:
          split: "train" or "test".
          tasks: task numbers.

        Raises:
          DataError: a task without test stories.
        """
        of_split = {"train": self.train, "test": self.test}[split]
        missing = [self.titles[task] for task in tasks if not of_split.get(task)]
        if missing:
            raise DataError(f"{self.path}: no test stories of {_names(missing)}, and "
                            f"too few to keep one for the test; give some with "
                            f"--test_stories, or choose other --tasks")
        return {task: of_split[task] for task in sorted(set(tasks))}

    def identity(self) -> dict:
        """What the data are, to be kept as JSON beside a checkpoint.

        Returns:
          `{"kind", "name", "stories", "test_stories", "tasks", "together", "sha256",
          "files"}`: where they lie, the tasks' names in the order of their numbers,
          those of which stories were kept together, and the files' hashes; "sha256"
          stands for what is trained on: names, files, how many stories were kept for
          the test, and whether some have the same text, which decides what is kept and
          held out.
        """
        listing = json.dumps([
            [name, self.hashes[f"{name} train"], self.kept.get(task),
             *(["same texts"] if task in self.shared else [])]
            for task, name in self.titles.items()])
        return {"kind": OWN, "name": self.path.name, "stories": str(self.path),
                "test_stories": self.test_path and str(self.test_path),
                "tasks": list(self.titles.values()),
                "together": [self.titles[task] for task in sorted(self.shared)],
                "sha256": hashlib.sha256(listing.encode()).hexdigest(),
                "files": self.hashes}

    def check_kept(self, identity: dict) -> None:
        """Raises DataError if a run may have been trained on stories kept here.

        Args:
          identity: what the run's record says of its stories.
        """
        files = identity["files"]
        whole = {files[f"{name} train"] for name in identity["tasks"]
                 if f"{name} test" in files}  # of what nothing was kept
        for task in self.kept:
            name = self.titles[task]
            ours = self.hashes[f"{name} train"]
            # Earlier versions drew stories with the same text one by one.
            split_otherwise = (task in self.shared
                               and name not in identity.get("together", ()))
            if ours in whole or name in identity["tasks"] and (
                    f"{name} test" in files or split_otherwise
                    or files.get(f"{name} train") != ours):
                raise DataError(
                    f"{self.path}: other stories of {name} than those of the run, "
                    f"which may have been trained on what is kept for the test here; "
                    f"give the run's with --stories, or test stories with "
                    f"--test_stories")

    def differences(self, tasks: Iterable[int] | None = None,
                    tested: Iterable[int] | None = None) -> list[str]:
        """Lines on stories kept for the test, and on those trained on besides.

        Args:
          tasks: those trained on; None: all.
          tested: those tested; None: the same.
        """
        tasks = set(self.titles if tasks is None else tasks)
        tested = tasks if tested is None else set(tested)
        kept = {task: count for task, count in self.kept.items() if task in tested}
        shares = [f"{count:,} of the {count + len(self.train[task]):,} stories of "
                  f"{self.titles[task]}" for task, count in kept.items() if count]
        few = [self.titles[task] for task, count in kept.items() if not count]
        tests = {task: stories for task, stories in self.test.items() if task in tested}
        copies, texts = self.counts_of_seen(tests, {
            task: self.train[task] for task in tasks})
        return [f"{text}: {_names(names)}" for text, names in (
            ("no test stories given: kept for the test, and not trained on", shares),
            ("no test stories given: too few stories to keep one for the test", few),
            ("test stories that are among those to train on, word for word", copies),
            ("test stories whose text is among those to train on, with other "
             "questions", texts),
        ) if names]

    def counts_of_seen(self, stories: dict[int, list[Story]],
                       trained: dict[int, list[Story]]
                       ) -> tuple[list[str], list[str]]:
        """How many stories are among those trained on, of whatever task.

        Args:
          stories, trained: `{task: stories}`.

        Returns:
          (those there word for word, others whose text is there with other questions),
          each as "3 of a".
        """
        whole = {told(story) for of_task in trained.values() for story in of_task}
        texts = {text_of(story) for of_task in trained.values()
                 for story in of_task} - {()}
        counts = {task: (sum(told(story) in whole for story in of_task),
                         sum(text_of(story) in texts and told(story) not in whole
                             for story in of_task))
                  for task, of_task in stories.items()}
        copies, others = ([f"{pair[place]:,} of {self.titles[task]}"
                           for task, pair in counts.items() if pair[place]]
                          for place in (0, 1))
        return copies, others


def open_own(path: str | Path, test_path: str | Path | None = None) -> OwnSource:
    """Reads stories of one's own.

    Args:
      path: a file, which is one task, or a folder of files, at any depth to four.
      test_path: a file or folder of test stories, in the place of any in `path`; None:
        those in `path`, else a share of the stories.

    Raises:
      DataError: nothing there, a file that can't be read, a malformed line, two files
        of one name, or test stories of a task that is not there.
    """
    if "" in (path, test_path):
        raise DataError("stories of no name; give a file or a folder")
    path = Path(os.path.expanduser(path)).absolute()
    found = _find(path, "train")
    training = found.get("train", {})
    tests = found.get("test", {})
    if not training:
        raise DataError(f"{path}: no file with stories to train on; put one there")
    if test_path is not None:
        test_path = Path(os.path.expanduser(test_path)).absolute()
        tests = _find(test_path, "test").get("test", {})
        if not tests:
            raise DataError(f"{test_path}: no file with test stories; put one there")
        if len(tests) == len(training) == 1 and not os.path.isdir(test_path):
            tests = dict(zip(training, tests.values()))
    strange = sorted(set(tests) - set(training))
    if strange:
        raise DataError(f"{tests[strange[0]]}: test stories of {strange[0]!r}, but "
                        f"{path} has no such task; it has {_names(sorted(training))}")
    return _read(path, test_path, training, tests)


def open_recorded(identity: dict, path: str | Path | None = None,
                  test_path: str | Path | None = None) -> OwnSource:
    """Reads the stories of one's own that a run was trained on.

    Args:
      identity: what the run's record says of them.
      path, test_path: where they lie; None: where they lay when the run was started.

    Raises:
      DataError: see `open_own`; other tasks than the run's, or stories kept for
        the test that the run may have been trained on; a published model, which does
        not say where they lay.
    """
    for flag, given in (("stories", path), ("test_stories", test_path)):
        place = identity[flag]
        if given is None and place and not Path(place).is_absolute():
            raise DataError(f"{place}: a published model does not say where the "
                            f"stories of its run lie; give them with --{flag}")
    source = open_own(identity["stories"] if path is None else path,
                      identity["test_stories"] if test_path is None else test_path)
    if list(source.titles.values()) != identity["tasks"]:
        raise DataError(f"{source.path}: other tasks than those of the run; give the "
                        f"run's with --stories")
    source.check_kept(identity)
    return source


def _read(path, test_path, training, tests):
    """The source of `{name: path}` of training and of test files."""
    if len(training) > len(OWN_TASKS):
        raise DataError(f"{path}: more than {len(OWN_TASKS)} files, each a task; put "
                        f"stories that belong together into one file")
    titles = dict(zip(OWN_TASKS, sorted(training, key=_natural)))
    train, test, hashes, kept, shared, room = {}, {}, {}, {}, set(), _MAX_BYTES
    for task, name in titles.items():
        for split, files, stories in (("train", training, train),
                                      ("test", tests, test)):
            if name not in files:
                continue
            data = read_file(files[name])
            room -= len(data)
            if room < 0:
                raise DataError(f"{path}: more than {_MAX_BYTES >> 20} MB of stories; "
                                f"give fewer")
            hashes[f"{name} {split}"] = hashlib.sha256(data).hexdigest()
            stories[task] = parse_own(data, str(files[name]), task)
        texts = same_texts(train[task])
        if len(set(texts)) < len(texts):
            shared.add(task)
        if name not in tests:
            train[task], test[task] = _keep(train[task], texts)
            kept[task] = len(test[task])
    return OwnSource(path, test_path, titles, train, test, hashes, kept,
                     frozenset(shared))


def _find(path, split):
    """`{split: {task's name: file}}` of the files at a path.

    Args:
      path: a file or a folder.
      split: what files are for whose names, or those of their folders, don't say.
    """
    found = {}
    try:
        single = not stat.S_ISDIR(os.stat(path).st_mode)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; give another file or "
                        f"folder") from None
    for file in [path] if single else _files(path):
        *folders, last = [path.name] if single else file.relative_to(path).parts
        match = _SPLIT.fullmatch(Path(last).stem)
        name, purpose = match.groups("") if match else (Path(last).stem, "")
        of_folders = [folder for folder in folders if folder.lower() in _SPLITS]
        purpose = split if single else _SPLITS[
            (purpose or [*of_folders, split][0]).lower()]
        if purpose == "valid":
            raise DataError(f"{file}: stories to validate on are not read, as a share "
                            f"of those to train on is held out; put it elsewhere, or "
                            f"give it another name")
        name = "/".join([*(folder for folder in folders if folder not in of_folders),
                         *([name] if name else [])])
        # Systems differ in how they write a letter with an accent.
        name = unicodedata.normalize("NFC", name).strip()
        name = name or (path.parent if single else path).name
        if not name.isprintable():
            raise DataError(f"{str(file)!r}: not a name that can be shown; rename it")
        of_split = found.setdefault(purpose, {})
        if name in of_split:
            raise DataError(f"{file}: a second file for the task {name!r}, besides "
                            f"{of_split[name]}; rename one")
        of_split[name] = file
    return found


def _files(folder):
    """The files in a folder and those below it, but for hidden ones."""
    found = []
    try:
        for place, names in walk(folder):
            found += [place / name for name in names if not name.startswith(".")]
            if len(found) > 2 * len(OWN_TASKS):
                raise DataError(f"{folder}: more than {2 * len(OWN_TASKS):,} files in "
                                f"it, which are at most {len(OWN_TASKS)} tasks with "
                                f"their tests; give another folder")
    except OSError as error:
        raise DataError(f"{folder}: {error.strerror}; mend its permissions or give "
                        f"another folder") from None
    return found


def _keep(stories, texts):
    """(stories to train on, those kept for the test) of a task, always the same."""
    rng = random.Random(0)
    draws = [rng.random() for _ in stories]
    count = min(max(round(TEST_SHARE * len(stories)), 1), len(stories) - 1)
    kept = set(apart(sorted(range(len(stories)), key=draws.__getitem__), texts, count))
    return ([story for number, story in enumerate(stories) if number not in kept],
            [story for number, story in enumerate(stories) if number in kept])


def _natural(name):
    """Orders names as people do: task2 before task10."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part)
            for part in re.split(r"(\d+)", name)], name


def _names(names):
    """Names on one line, not too many of them."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
