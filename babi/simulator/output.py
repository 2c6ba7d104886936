"""Generated stories as files in the official layout."""

import itertools
import json
import pathlib
from collections.abc import Callable, Iterator, Sequence

from babi.program.files import write_atomically
from babi.simulator.generation import (SPLITS, check_options, generate_story,
                                       options_for, split_of, version)
from babi.simulator.options import Options
from babi.simulator.registry import TASKS
from babi.stories.source import DEFAULT_VARIANT
from babi.stories.story import Story, count_questions, format_stories
from babi.stories.tasks import TASK_NAMES

ARCHIVE_FOLDER = "tasks_1-20_v1-2"
RECORD_FILE = "simulated.json"  # stands beside the files and says how they were made


def file_name(task: int, split: str) -> str:
    """The official name of a task's file."""
    return f"qa{task}_{TASK_NAMES[task]}_{split}.txt"


def stories_with_questions(task: int, seed: int, num_questions: int,
                           options: Options = Options(),
                           split: str = "train") -> Iterator[Story]:
    """Stories that have so many questions in all, the last one cut if need be.

    Whether the last story is whole or cut, it belongs to the split (`split_of`).
    """
    missing = num_questions
    for index in itertools.count():
        story = _cut(generate_story(task, seed, index, options, split), missing)
        if split_of(story.lines) != split:
            continue  # cut, it may be the same as another split's story
        yield story
        missing -= count_questions([story])
        if not missing:
            return


def _cut(story, num_questions):
    """The story up to its question of that number, if it has more questions."""
    questions = [number for number, line in enumerate(story.lines, start=1)
                 if line.answer is not None]
    if len(questions) <= num_questions:
        return story
    return story._replace(lines=story.lines[:questions[num_questions - 1]])


def write_files(output_dir: str, tasks: Sequence[int], num_questions: dict[str, int],
                seed: int, options: Options = Options(), variant: str = DEFAULT_VARIANT,
                progress: Callable[[int], None] = lambda questions: None
                ) -> pathlib.Path:
    """Writes files of stories, each whole or not at all.

    A folder belongs to the settings that it was first written with: writing again
    with the same settings leaves what is there and adds what is missing.

    Args:
      output_dir: files go to the folder `tasks_1-20_v1-2/<variant>` in it.
      tasks: numbers of the tasks.
      num_questions: {split: questions in each file of that split}.
      seed, options: see `generate_story`.
      progress: called with the number of questions of each story.

    Returns:
      The folder with the files.

    Raises:
      ValueError: an argument out of its range, or a folder with other content.
    """
    check_options(tasks, options)
    for split, number in num_questions.items():
        if split not in SPLITS or type(number) is not int or number < 1:
            raise ValueError(f"num_questions: got {number!r} for the split {split!r}; "
                             f"expected at least 1 for {', '.join(SPLITS)}")
    if variant in ("", "..") or pathlib.Path(variant).name != variant:
        raise ValueError(f"variant: {variant!r} is not the name of a folder, such as "
                         f"{DEFAULT_VARIANT}")
    folder = pathlib.Path(output_dir) / ARCHIVE_FOLDER / variant
    _claim(folder, {"generator": "babi.simulator", "version": version(TASKS),
                    "seed": seed, "num_questions": num_questions,
                    "options": options.given()})
    for task in tasks:
        for split, number in num_questions.items():
            stories = []
            for story in stories_with_questions(task, seed, number,
                                                options_for(task, options), split):
                stories.append(story)
                progress(count_questions([story]))
            _write(folder / file_name(task, split), format_stories(stories).encode())
    return folder


def _claim(folder, record):
    """Makes the folder and marks it with the record of its settings."""
    path, text = folder / RECORD_FILE, json.dumps(record, indent=2) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    if path.exists():
        if path.read_text("utf-8", "replace") != text:
            raise ValueError(f"{folder}: has stories of other settings, see "
                             f"{RECORD_FILE} there; give another --output_dir")
        return
    others = [other.name for other in folder.iterdir()
              if not other.name.startswith(".")]
    if others:
        raise ValueError(f"{folder}: has files that were not generated, such as "
                         f"{min(others)}; give another --output_dir")
    write_atomically(path, text.encode())


def _write(path, content):
    """Writes a file that is not there yet; checks one that is."""
    if not path.exists():
        write_atomically(path, content)
    elif path.read_bytes() != content:
        raise ValueError(f"{path}: was changed since it was generated; delete it, or "
                         f"give another --output_dir")
