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

from absl import flags  # noqa: E402

from babi.evaluation import results  # noqa: E402
from babi.model.record import RunRecord  # noqa: E402
from babi.phases import phases_of  # noqa: E402
from babi.program import scripts  # noqa: E402
from babi.program.errors import UsageError  # noqa: E402
from babi.program.files import write_atomically  # noqa: E402
from babi.program.progress import Progress, duration  # noqa: E402
from babi.stories.source import OFFICIAL, OWN, SIMULATED  # noqa: E402
from babi.stories.tasks import parse_tasks, task_titles  # noqa: E402

_CHECKPOINT_FILE = flags.DEFINE_list(
    "checkpoint_file", None, "checkpoints, such as model/model.ckpt-590000, "
    "model/best, or a run directory for its newest; several separated by commas")
_DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "folder or .tar.gz with the bAbI tasks; without it a cached "
    "copy is used, or the data are downloaded")
_DATA = flags.DEFINE_enum(
    "data", None, (OFFICIAL, SIMULATED), "test stories; default: official, or for "
    "models of simulated stories, where there are no official ones, simulated; these "
    "are of the model's seed and options and not among those trained on")
_STORIES = flags.DEFINE_string(
    "stories", None, "where the stories of your own lie that the model was trained on; "
    "default: where they lay then")
_TEST_STORIES = flags.DEFINE_string(
    "test_stories", None, "a file or a folder with stories of your own to test on, for "
    "the tasks trained on; default: those of the run")
_TASKS = flags.DEFINE_string(
    "tasks", None, "tasks to test, such as 1,2,19, or names; default: those trained on")
_VARIANT = flags.DEFINE_string(
    "variant", None, "folder of the archive to test on; default: the one trained on")
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
    if not _CHECKPOINT_FILE.value:
        raise UsageError("--checkpoint_file is needed, such as "
                         "--checkpoint_file=model/model.ckpt-590000")
    scripts.start_tensorflow()
    from babi.model import trained
    from babi.model.checkpoints import resolve

    prefixes = [resolve(path) for path in _CHECKPOINT_FILE.value]
    records = [RunRecord.read(prefix.parent) for prefix in prefixes]
    first = records[0]
    try:
        tasks = (parse_tasks(_TASKS.value, task_titles(first.data)) if _TASKS.value
                 else first.config.tasks)
    except ValueError as fault:
        raise UsageError(f"--{fault}") from None
    if _HELD_OUT.value and SIMULATED in {
            _DATA.value, *(record.config.data for record in records)}:
        raise UsageError("--held_out is about official stories; simulated test "
                         "stories are never among those trained on")
    if first.config.data == OWN:
        source = _own_source(first)
        if not (_TASKS.value or _HELD_OUT.value):
            tasks = _with_tests(source, tasks)
    else:
        source = _source(first.config, tasks)
    found = [_test(trained.load(prefix, _JIT.value), source, tasks)
             for prefix in prefixes]
    print("\n" + results.as_text(found, _SEPARATE.value), end="")
    if _OUTPUT.value:
        _write(found)
    for path in _INSERT_INTO.value:
        _insert(found, pathlib.Path(path))


def _own_source(record):
    """The stories of one's own that a run was trained on, with those to test on.

    Args:
      record: `record.RunRecord`.
    """
    from babi.stories.opening import open_recorded

    for name in ("data", "data_dir", "variant"):
        if flags.FLAGS[name].present:
            raise UsageError(f"--{name} is about the bAbI tasks, and this model's "
                             f"stories are one's own; leave it out")
    return open_recorded(record.data, _STORIES.value, _TEST_STORIES.value)


def _with_tests(source, tasks):
    """Those tasks of an `own.OwnSource` that have test stories; says which have not."""
    missing = [source.titles[task] for task in tasks if not source.test.get(task)]
    if missing and len(missing) < len(tasks):
        print(f"Too few stories to keep one for the test: {', '.join(missing)}",
              flush=True)
        return tuple(task for task in tasks if source.test.get(task))
    return tasks


def _source(config, tasks):
    """Where the test stories come from.

    Args:
      config: `config.Config` of the first checkpoint.
      tasks: tasks to test.
    """
    from babi.data.simulated import SimulatedSource
    from babi.stories.download import NoDataError
    from babi.stories.opening import open_source

    for name in ("stories", "test_stories"):
        if flags.FLAGS[name].present:
            raise UsageError(f"--{name} is for models that were trained on stories of "
                             f"one's own; babi/ask.py --story_file puts a story to any")
    if _DATA.value != SIMULATED:
        try:
            return open_source(_DATA_DIR.value, _VARIANT.value or config.variant)
        except NoDataError:
            if _DATA.value == OFFICIAL or config.data != SIMULATED:
                raise
        print("No official bAbI data here, and none could be downloaded: testing on "
              "simulated test stories.", flush=True)
    elif _DATA_DIR.value is not None:
        raise UsageError("--data_dir has official data; leave it out with "
                         "--data=simulated")
    return SimulatedSource(tasks, config.simulator_seed, config.simulator_options())


def _test(model, source, tasks):
    """The `results.Result` of a `trained.Trained` on questions of tasks."""
    from babi.evaluation.evaluator import Evaluator

    started = time.monotonic()
    stream = _stream(model, source, tasks)
    progress = Progress(stream.count)
    scores, _ = Evaluator(model.model, _JIT.value).evaluate(
        stream, model.settings.row_length,
        lambda stories: progress.count(stories, "stories"))
    questions = {task: int(scores.questions[task]) for task in scores.tasks}
    progress.line(f"{model.prefix}: {sum(questions.values()):,} questions in "
                  f"{duration(time.monotonic() - started)}")
    return results.Result(
        "/".join(model.prefix.resolve().parts[-2:]), model.iteration,
        model.state.stories, model.state.seconds,
        model.record.data | {"exchanged": _exchanged(model.record.config)},
        source.identity(), questions, scores.question_errors(),
        _HELD_OUT.value)


def _exchanged(config):
    """Whether a run exchanged names within its stories, at any time."""
    return any(phase.settings.exchange_names for phase in phases_of(config))


def _stream(model, source, tasks):
    """The stories to ask a `trained.Trained` about."""
    from babi.data.run_data import stream_of_held_out, stream_of_tests
    from babi.data.simulated import data_name

    if not _HELD_OUT.value:
        return stream_of_tests(source, tasks, model.vocabulary)
    if source.identity()["sha256"] != model.record.data.get("sha256"):
        raise UsageError(
            f"--held_out: {model.prefix} was trained on "
            f"{data_name(model.record.data)}, not on these data; give those with "
            f"--data_dir, or --stories if they are one's own")
    return stream_of_held_out(source, tasks, model.vocabulary, model.record.config)


def _insert(found, path):
    """Puts the table into a file that --insert_into names."""
    try:
        text = results.insert(path.read_text(encoding="utf-8"),
                              results.as_markdown(found, _SEPARATE.value))
        write_atomically(path, text.encode())
    except (OSError, ValueError) as error:
        raise UsageError(f"--insert_into: {path}: {error}; give a file with "
                         f"these lines") from None
    print(f"Written: {path}")


def _write(found):
    """Writes the results to the files that --output names."""
    text = json.dumps(results.as_dict(found), indent=2) + "\n"
    name = pathlib.Path(_OUTPUT.value)
    name = name.with_suffix("") if name.suffix in (".json", ".md") else name
    table = results.as_markdown(found, _SEPARATE.value)
    for suffix, content in ((".json", text), (".md", table)):
        path = name.with_name(name.name + suffix)
        try:
            write_atomically(path, content.encode())
        except OSError as error:
            raise UsageError(f"--output: {path}: {error.strerror}; give "
                             f"another file") from None
        print(f"Written: {path}")


if __name__ == "__main__":
    scripts.run(main, huge_pages=True)
