"""Asks a trained model, and shows what its memory does.

    python3 babi/ask.py                                      (type a story)
    python3 babi/ask.py --story_file=story.txt
    python3 babi/ask.py --task=1 --index=0
    python3 babi/ask.py --serve                              (a page: `make ask`)

The published model answers, or that of `--checkpoint_file=model/best`. A typed story is
sentences that end in `.` and questions that end in `?`; a question that wants an answer
of two words ends in `? - -`. `--output=look` writes the picture look.png and the page
look.html, which works in any browser, offline; `--json` prints a line of JSON for each
question. The page of `--serve` compares two models with
`--checkpoint_file=results/joint,model`, and steps through the checkpoints of a run.
"""

import functools
import os
import pathlib
import sys
import webbrowser

if not __package__:  # run as a file: the folder above is the root of imports
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from absl import flags  # noqa: E402

from babi import asking  # noqa: E402
from babi.data.encoding import story_tokens  # noqa: E402
from babi.program import scripts, terminal  # noqa: E402
from babi.program.errors import UsageError  # noqa: E402
from babi.program.files import output_name, write_atomically  # noqa: E402
from babi.stories.story import DataError  # noqa: E402
from babi.stories.tasks import parse_tasks, story_title, task_titles  # noqa: E402

flags.adopt_module_key_flags(asking)  # for --help
_TASK = flags.DEFINE_string(
    "task", None, "ask about a story of this task, by number or name")
_INDEX = flags.DEFINE_integer(
    "index", 0, "which story of the task or of the file, from 0", 0)
_SPLIT = flags.DEFINE_enum(
    "split", "test", ["test", "train"], "which of the task's stories")
_STORY_FILE = flags.DEFINE_string(
    "story_file", None, "a file with a story: sentences, one or more a line, or "
    "bAbI's own format")
_OUTPUT = flags.DEFINE_string(
    "output", None, "file name: writes a picture to <output>.png and a page to "
    "<output>.html")
_JSON = flags.DEFINE_bool(
    "json", False, "print a line of JSON for each question, and nothing else")
_SERVE = flags.DEFINE_bool(
    "serve", False, "serve a page to ask in, for this machine alone")
_PORT = flags.DEFINE_integer(
    "port", 8020, "where the page is served; 0: any port that is free", 0, 65535)
_OPEN = flags.DEFINE_bool("open", True, "open the page in the browser")


def main():
    """Answers questions about a story, and shows how."""
    _check_flags()
    output = output_name(_OUTPUT.value, ".png", ".html")
    named = asking.CHECKPOINT_FILE.value or [None]
    if len(named) > 1 and not _SERVE.value:
        raise UsageError("--checkpoint_file: several can be compared with --serve "
                         "only; give one")
    scripts.start_tensorflow()
    from babi.data.typed import check_words
    from babi.inspection.reading import Reader
    from babi.model import published, trained

    paths = [published.checkpoint(path) for path in named]
    if _SERVE.value:
        _serve(paths)
        return
    model = trained.load(paths[0], jit=False)
    reader = Reader(model.model, model.vocabulary)
    if not (_TASK.value or _STORY_FILE.value):
        found = _prompt(reader, model.vocabulary)
    else:
        title, tokens = _chosen_story(model.record)
        check_words(tokens, model.vocabulary, title)
        found, = reader.read({title: tokens})
        for answer in found.answers():
            _tell(found, answer)
    if output and found:
        _write(found, output)


def _check_flags():
    """Raises UsageError for flags that do not go together."""
    given = [name for name in ("task", "story_file", "index", "split", "output", "json")
             if flags.FLAGS[name].present]
    if _SERVE.value and given:
        raise UsageError(f"--{given[0]} is about a single story; leave it out with "
                         f"--serve")
    if _TASK.value == "":
        raise UsageError("--task= names none; give its number or name")
    if _TASK.value and _STORY_FILE.value:
        raise UsageError("--task and --story_file both name a story; give one")
    if "split" in given and not _TASK.value:
        raise UsageError("--split chooses among the stories of a task; give --task")
    if "index" in given and not (_TASK.value or _STORY_FILE.value):
        raise UsageError("--index chooses among the stories of a task or a file; give "
                         "--task or --story_file")


def _tell(reading, answer):
    from babi.inspection import conversation

    print(conversation.as_json(reading.title, answer) if _JSON.value else
          conversation.describe(answer, terminal.painter(sys.stdout)),
          flush=True)


def _chosen_story(record):
    """(title, tokens) of the story that the flags name, for the model of a record."""
    from babi.data.typed import read_story

    if _STORY_FILE.value:
        path = _STORY_FILE.value
        # The letters of a name may be none.
        title = os.fsencode(pathlib.Path(path).name).decode(errors="replace")
        return title, read_story(path, _INDEX.value)
    titles, index = task_titles(record.data), _INDEX.value
    try:
        task, *more = parse_tasks(_TASK.value, titles)
    except ValueError as fault:
        raise UsageError(f"--task: {fault}") from None
    if more:
        raise UsageError(f"--task={_TASK.value} names several tasks; give one")
    source = asking.source(record, (task,), fall_back=True)
    stories = source.stories(_SPLIT.value, (task,))[task]
    if index >= len(stories):
        raise UsageError(f"--index={index}: task {_TASK.value} has {len(stories)} "
                         f"{_SPLIT.value} stories, so 0 to {len(stories) - 1}")
    return (story_title(task, titles[task], asking.kind(source, _SPLIT.value), index),
            story_tokens(stories[index]))


def _serve(paths):
    """Serves the page until Ctrl-C."""
    from babi.inspection.minds import Minds
    from babi.inspection.server import Server
    from babi.inspection.service import Service
    from babi.model.record import RunRecord

    minds = Minds(paths)
    record = RunRecord.read(minds.default.parent)

    @functools.cache
    def source():  # not before a task's story is asked for: it may be downloaded
        return asking.source(record, record.config.tasks, fall_back=True)

    @functools.cache
    def stories(task):
        return source().stories("test", (task,))[task]

    try:
        service = Service(minds, stories, task_titles(record.data),
                          lambda: asking.kind(source(), "test"))
        server = Server(service, _PORT.value)
    except OSError as error:
        raise UsageError(f"--port={_PORT.value}: {error.strerror}; give "
                         f"another, or 0 for any") from None
    print(f"The page: {server.address} (Ctrl-C ends it)", flush=True)
    shown = sys.platform == "darwin" or {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ)
    if _OPEN.value and shown:  # without a screen it would be a browser in the terminal
        webbrowser.open(server.address)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()


def _prompt(reader, vocabulary):
    """Answers what comes from standard input; the whole story's `answers.Reading`."""
    from babi.inspection import conversation

    if sys.stdin is None:
        raise UsageError("standard input is closed; name a story with "
                         "--story_file or --task")
    patient = sys.stdin.isatty() and not _JSON.value
    if patient:
        print("Type a story, a sentence a line, and questions about it. An empty "
              "line ends it.")
    found = conversation.converse(reader, vocabulary, _lines(patient), patient, _tell)
    if found is None:
        text = "no question was asked; end a sentence with '?'"
        if not patient:
            raise UsageError(f"standard input: {text}")
        print(f"{text.capitalize()}.")
    return found


def _lines(prompt):
    """The lines of standard input; with a prompt, up to an empty one."""
    while True:
        try:
            line = input("> " if prompt else "")
        except (EOFError, KeyboardInterrupt):
            return
        except UnicodeDecodeError:
            raise DataError("standard input: not UTF-8 text; save it as "
                            "UTF-8") from None
        if prompt and not line.strip():
            return
        yield line


def _write(reading, output):
    from babi.inspection import page, pictures

    picture, html = (output.with_name(output.name + end) for end in (".png", ".html"))
    try:
        write_atomically(html, page.render(reading).encode())
        pictures.save(pictures.draw(reading), picture)
    except OSError as error:
        raise UsageError(f"--output: {_OUTPUT.value}: {error.strerror}; give "
                         f"another") from None
    if not _JSON.value:
        print(f"Written: {picture} {html}")


if __name__ == "__main__":
    scripts.run(main, "a story comes by --story_file or from standard input")
