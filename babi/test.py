"""Answers the test questions of all tasks with trained models.

    python3 babi/test.py --checkpoint_file=model/model.ckpt-590000

Several checkpoints, separated by commas, give the mean and standard deviation of
their errors. All settings are read from the run's directory. Models of simulated
stories are tested on the official ones too, if these can be had. `--held_out` asks
the questions held out of training instead, for choices that the test must not make.
"""

import json
import os
import pathlib
import sys
import time

if not __package__:  # run as a file: the folder above is the root of imports
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from babi.program.allocator import restart_with_huge_pages  # noqa: E402

if __name__ == "__main__":
    restart_with_huge_pages()  # before all that would have to be imported again

from absl import flags  # noqa: E402

from babi import asking  # noqa: E402
from babi.data.encoding import story_tokens  # noqa: E402
from babi.evaluation import results  # noqa: E402
from babi.model.record import RunRecord  # noqa: E402
from babi.program import scripts  # noqa: E402
from babi.program.errors import UsageError  # noqa: E402
from babi.program.files import output_name, short_names, write_atomically  # noqa: E402
from babi.program.progress import Progress, duration  # noqa: E402
from babi.stories.own import OwnSource  # noqa: E402
from babi.stories.source import OWN, SIMULATED  # noqa: E402
from babi.stories.tasks import parse_tasks, task_titles  # noqa: E402

flags.adopt_module_key_flags(asking)  # for --help
_TASKS = flags.DEFINE_string(
    "tasks", None, "tasks to test, such as 1,2,19, or names; default: those trained on")
_OUTPUT = flags.DEFINE_string(
    "output", None, "file name: writes the table to <output>.json and <output>.md")
_INSERT_INTO = flags.DEFINE_list(
    "insert_into", [], f"Markdown files that get the table, between "
    f"{results.TABLE_START} and {results.TABLE_END}")
_HELD_OUT = flags.DEFINE_bool(
    "held_out", False, "ask what the run held out of its training stories instead of "
    "the test questions: to choose between checkpoints or settings")
_SEPARATE = flags.DEFINE_bool(
    "separate", False, "several checkpoints: a column for each, under the name of its "
    "folder, instead of their mean")
_JIT = flags.DEFINE_bool("jit", True, "compile with XLA; --nojit: a plain graph")


def main():
    """Tests the checkpoints that the flags name."""
    if not asking.CHECKPOINT_FILE.value:
        raise UsageError("--checkpoint_file is needed, such as "
                         "--checkpoint_file=model/model.ckpt-590000")
    scripts.start_tensorflow()
    from babi.model import published, trained
    from babi.model.checkpoints import resolve

    prefixes = [resolve(published.checkpoint(path))
                for path in asking.CHECKPOINT_FILE.value]
    records = [RunRecord.read(prefix.parent) for prefix in prefixes]
    first = records[0]
    try:
        tasks = (parse_tasks(_TASKS.value, task_titles(first.data)) if _TASKS.value
                 else first.config.tasks)
    except ValueError as fault:
        raise UsageError(f"--{fault}") from None
    if _HELD_OUT.value and SIMULATED in {
            asking.DATA.value, *(record.config.data for record in records)}:
        raise UsageError("--held_out is about official stories; simulated test "
                         "stories are never among those trained on")
    name = output_name(_OUTPUT.value, ".json", ".md")
    for path in _INSERT_INTO.value:
        _insert("", pathlib.Path(path))
    source = asking.source(first, tasks)
    if isinstance(source, OwnSource):
        for record in records[1:]:  # of the first one, `open_recorded` has
            if record.config.data == OWN:
                source.check_kept(record.data)
    if first.config.data == OWN and not (_TASKS.value or _HELD_OUT.value):
        tasks = _with_tests(source, tasks)
    folders = short_names([prefix.parent for prefix in prefixes])
    found = [_test(trained.load(prefix, _JIT.value), source, tasks,
                   folders[prefix.parent]) for prefix in prefixes]
    print("\n" + results.as_text(found, _SEPARATE.value), end="")
    table = results.as_markdown(found, _SEPARATE.value)
    if name:
        text = json.dumps(results.as_dict(found), indent=2) + "\n"
        _write(text.encode(), name.with_name(name.name + ".json"), _OUTPUT)
        _write(table.encode(), name.with_name(name.name + ".md"), _OUTPUT)
    for path in map(pathlib.Path, _INSERT_INTO.value):
        _write(_insert(table, path), path, _INSERT_INTO)


def _with_tests(source, tasks):
    """Those tasks of an `own.OwnSource` that have test stories; says which have not."""
    missing = [source.titles[task] for task in tasks if not source.test.get(task)]
    if missing and len(missing) < len(tasks):
        print(f"Too few stories to keep one for the test: {', '.join(missing)}",
              flush=True)
        return tuple(task for task in tasks if source.test.get(task))
    return tasks


def _test(model, source, tasks, folder):
    """The `results.Result` of a `trained.Trained` on questions of tasks.

    Args:
      folder: what its run's is called.
    """
    from babi.data.run_data import remarks_for
    from babi.evaluation.evaluator import Evaluator

    started = time.monotonic()
    stream = _stream(model, source, tasks)
    progress = Progress(stream.count)
    scores, _ = Evaluator(model.model, _JIT.value).evaluate(
        stream, model.settings.row_length,
        lambda stories: progress.count(stories, "stories"))
    questions = {task: int(scores.questions[task]) for task in scores.tasks}
    data = model.record.data | model.state.told
    if model.record.config.data == OWN:
        data["differences"] = remarks_for(source, model.record, tasks)
    progress.line(f"{model.prefix}: {sum(questions.values()):,} questions in "
                  f"{duration(time.monotonic() - started)}")
    return results.Result(
        f"{folder}/{model.prefix.name}", model.iteration,
        model.state.stories, model.state.seconds,
        data,
        source.identity(), questions, scores.question_errors(),
        _HELD_OUT.value)


def _stream(model, source, tasks):
    """The stories to ask a `trained.Trained` about."""
    from babi.data.run_data import stream_of_held_out, stream_of_tests
    from babi.data.simulated import data_name

    if not _HELD_OUT.value:
        if isinstance(source, OwnSource):
            _check_words(source, tasks, model.vocabulary)
        return stream_of_tests(source, tasks, model.vocabulary)
    if source.identity()["sha256"] != model.record.data.get("sha256"):
        raise UsageError(
            f"--held_out: {model.prefix} was trained on "
            f"{data_name(model.record.data)}, not on these data; give those, with "
            + ("--stories, and --test_stories only if it had them"
               if model.record.config.data == OWN else "--data_dir and --variant"))
    return stream_of_held_out(source, tasks, model.vocabulary, model.record.config)


def _check_words(source, tasks, vocabulary):
    """Raises DataError if test stories of one's own have words that a model lacks."""
    from babi.data.typed import check_words

    for task, stories in source.stories("test", tasks).items():
        check_words([pair for story in stories for pair in story_tokens(story)],
                    vocabulary, f"test stories of {source.titles[task]}")


def _insert(table, path):
    """A Markdown file with a table in its place, as bytes; its line ends stay.

    Raises:
      UsageError: it can't be read, or has no such place.
    """
    try:
        text = path.read_bytes().decode()
        ends = "\r\n" if "\r\n" in text else "\n"
        text = results.insert(text.replace(ends, "\n"), table)
    except OSError as error:
        raise UsageError(f"--insert_into: {path}: {error.strerror}; give another "
                         f"file") from None
    except ValueError as error:
        raise UsageError(f"--insert_into: {path}: {error}; give a file with "
                         f"these lines") from None
    return text.replace("\n", ends).encode()


def _write(data, path, flag):
    """Writes a file that a flag names; what a link points to is written there."""
    try:
        write_atomically(path.resolve(), data)
    except OSError as error:
        raise UsageError(f"--{flag.name}: {path}: {error.strerror}; give "
                         f"another file") from None
    print(f"Written: {path}")


if __name__ == "__main__":
    scripts.run(main)
