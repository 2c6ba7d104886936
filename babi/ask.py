"""Asks a trained model, and shows what its memory does.

    python3 babi/ask.py --checkpoint_file=model/best --task=1 --index=0
    python3 babi/ask.py --checkpoint_file=model/best --story_file=story.txt
    python3 babi/ask.py --checkpoint_file=model/best         (type a story)

`--output=look` writes the picture look.png and the page look.html, which works in
any browser, offline. A typed story is sentences that end in `.` and questions that
end in `?`; a question that wants an answer of two words ends in `? - -`.
"""

import os
import pathlib
import sys

if not __package__:  # run as a file: the folder above is the root of imports
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from absl import flags  # noqa: E402

from babi.data.encoding import story_tokens  # noqa: E402
from babi.program import scripts  # noqa: E402
from babi.program.errors import UsageError  # noqa: E402
from babi.program.files import write_atomically  # noqa: E402
from babi.stories.source import OWN  # noqa: E402
from babi.stories.story import DataError  # noqa: E402
from babi.stories.tasks import parse_tasks, task_titles  # noqa: E402

_CHECKPOINT_FILE = flags.DEFINE_string(
    "checkpoint_file", None, "the checkpoint, such as model/model.ckpt-590000, "
    "model/best, or a run directory for its newest")
_TASK = flags.DEFINE_string(
    "task", None, "ask about a story of this task, by number or name")
_INDEX = flags.DEFINE_integer(
    "index", 0, "which story of the task or of the file, from 0", 0)
_SPLIT = flags.DEFINE_enum(
    "split", "test", ["test", "train"], "which of the task's stories")
_STORY_FILE = flags.DEFINE_string(
    "story_file", None, "a file with a story: sentences, one or more a line, or "
    "bAbI's own format")
_DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "folder or .tar.gz with the bAbI tasks; without it a cached "
    "copy is used, or the data are downloaded")
_STORIES = flags.DEFINE_string(
    "stories", None, "where the stories of your own lie that the model was trained on; "
    "default: where they lay then")
_OUTPUT = flags.DEFINE_string(
    "output", None, "file name: writes a picture to <output>.png and a page to "
    "<output>.html")


def main():
    """Answers questions about a story, and shows how."""
    if not _CHECKPOINT_FILE.value:
        raise UsageError("--checkpoint_file is needed, such as "
                         "--checkpoint_file=model/best")
    if _TASK.value and _STORY_FILE.value:
        raise UsageError("--task and --story_file both name a story; give one")
    scripts.start_tensorflow()
    from babi.data.typed import check_words
    from babi.inspection import conversation, reading
    from babi.model import trained

    model = trained.load(_CHECKPOINT_FILE.value, jit=False)
    reader = reading.Reader(model.model, model.vocabulary)
    if not (_TASK.value or _STORY_FILE.value):
        found = _prompt(reader, model.vocabulary)
    else:
        title, tokens = _chosen_story(model.record)
        check_words(tokens, model.vocabulary, title)
        found, = reader.read({title: tokens})
        for question in found.questions():
            print("\n".join(conversation.describe(found, question)))
    if _OUTPUT.value and found:
        _write(found)


def _chosen_story(record):
    """(title, tokens) of the story that the flags name, for the model of a record."""
    from babi.data.typed import read_story
    from babi.stories.opening import open_recorded, open_source

    if _STORY_FILE.value:
        path = _STORY_FILE.value
        return (pathlib.Path(path).name,
                read_story(path, task=1, index=_INDEX.value))
    titles, index = task_titles(record.data), _INDEX.value
    try:
        task, = parse_tasks(_TASK.value, titles)
    except ValueError as fault:
        raise UsageError(f"--task: {fault}; give one") from None
    source = (open_recorded(record.data, _STORIES.value)
              if record.config.data == OWN
              else open_source(_DATA_DIR.value, record.config.variant))
    stories = source.stories(_SPLIT.value, [task])[task]
    if index >= len(stories):
        raise UsageError(f"--index={index}: task {_TASK.value} has {len(stories)} "
                         f"{_SPLIT.value} stories, so 0 to {len(stories) - 1}")
    return (f"Task {task} ({titles[task]}), {_SPLIT.value} story {index}",
            story_tokens(stories[index]))


def _prompt(reader, vocabulary):
    """Answers what comes from standard input; the whole story's `reading.Reading`."""
    from babi.inspection import conversation

    if sys.stdin is None:
        raise UsageError("standard input is closed; name a story with "
                         "--story_file or --task")
    terminal = sys.stdin.isatty()
    if terminal:
        print("Type a story, a sentence a line, and questions about it. An empty "
              "line ends it.")
    found = conversation.converse(reader, vocabulary, _lines(terminal), terminal)
    if found is None:
        text = "no question was asked; end a sentence with '?'"
        if not terminal:
            raise UsageError(f"standard input: {text}")
        print(f"{text.capitalize()}.")
    return found


def _lines(terminal):
    """The lines of standard input, up to an empty one on a terminal."""
    while True:
        try:
            line = input("> " if terminal else "")
        except (EOFError, KeyboardInterrupt):
            return
        except UnicodeDecodeError:
            raise DataError("standard input: not UTF-8 text; save it as "
                            "UTF-8") from None
        if terminal and not line.strip():
            return
        yield line


def _write(reading):
    """Writes picture and page where `--output` says."""
    from babi.inspection import page, pictures

    picture, html = f"{_OUTPUT.value}.png", f"{_OUTPUT.value}.html"
    try:
        write_atomically(html, page.render(reading).encode())
        pictures.save(pictures.draw(reading), picture)
    except OSError as error:
        raise UsageError(f"--output: {error.filename or html}: "
                         f"{error.strerror}; give another") from None
    print(f"Written: {picture} {html}")


if __name__ == "__main__":
    scripts.run(main)
