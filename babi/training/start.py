"""Starting a run: its directory, its record, its parts."""

import contextlib
import dataclasses
import fcntl
import importlib.metadata
import pathlib
import platform

import keras
import tensorflow as tf

import dnc
from babi.checks import NONE, ConfigError, shown
from babi.config import ADJUSTABLE, FIXED, differences
from babi.data import run_data
from babi.data.simulated import data_name
from babi.data.vocabulary import Vocabulary
from babi.model import trained
from babi.model.answerer import SHAPE_SETTINGS
from babi.model.checkpoints import last_iteration
from babi.model.record import RECORD_FILE, RunRecord, same_data
from babi.stories.download import NoDataError
from babi.stories.source import DEFAULT_VARIANT, OFFICIAL, OWN, SIMULATED
from babi.stories.tasks import task_titles
from babi.training.loop import Run
from babi.training.replicas import ClusterError, Replicas
from babi.training.trainer import Trainer


@contextlib.contextmanager
def open_run(directory, data_dir, config, change_settings, progress, compiled=True,
             data_chosen=True, replicas=None):
    """A `loop.Run` in a directory, new or to be continued, for one process.

    Nothing is written before settings and data are known to fit the directory. Of
    several workers only the chief uses the directory; the others follow it.

    Args:
      directory: the run directory; made if it is not there.
      data_dir: folder or archive of the data; None: a cached copy or a download. Of
        stories of one's own their `own.OwnSource`.
      config: `config.Config`.
      change_settings: whether a continued run may change adjustable settings.
      progress: `progress.Progress`; logs into the directory from here on.
      compiled: False runs the training step eagerly.
      data_chosen: False takes the data that the directory's run has; a new run
        without official data takes simulated ones, and says so.
      replicas: `replicas.Replicas`; default: one.

    Raises:
      DataError, ConfigError: the directory holds another run, or the data can't be
        used.
      ClusterError: a worker was started with other settings or data than the chief.
    """
    directory, replicas = pathlib.Path(directory), replicas or Replicas()
    if not replicas.is_chief:
        config, data = load_data(config, data_dir, data_chosen, progress.line)
        record = RunRecord(config, data.identity, _packages())
        _check_chief(record, replicas)
        yield _build_run(directory, record, data, progress, compiled, replicas)
        return
    record = _existing_record(directory)
    if record is not None and record.config.data == OWN != config.data:
        raise ConfigError(f"{directory}: this run was started on stories of one's own; "
                          f"give them again: --stories={record.data['stories']}")
    if record is not None and not data_chosen and config.data == OFFICIAL:
        if record.config.data == SIMULATED:
            config = config.on_simulated_stories()
        config = dataclasses.replace(config, data=record.config.data,
                                     fill_tasks=record.config.fill_tasks)
    changes = _allowed_changes(directory, record, config, change_settings)
    config, data = load_data(config, data_dir, data_chosen or record is not None,
                             progress.line)
    if record is not None:
        _check_data(directory, record, data)
    start, identity = None, data.identity
    if config.initial_weights != NONE and last_iteration(directory) is None:
        start = _start(config, data.vocabulary)
        identity = identity | {"starts": _data_of_start(start)}
    with _locked(directory, progress.line):
        progress.log = directory / "train.log"
        _tell_of_held_out(config, identity, progress.line)
        record = RunRecord(config, record.data if record else identity,
                           record.packages if record else _packages(),
                           (record.changes if record else ()) + changes)
        _check_chief(record, replicas)
        run = _build_run(directory, record, data, progress, compiled, replicas, start)
        try:  # changes with which it can't be gone on are not kept
            record.write(directory)
            data.vocabulary.save(directory / run_data.VOCABULARY_FILE)
        except OSError as error:
            raise ConfigError(f"{directory}: can't be written: {error.strerror}; make "
                              f"room or give another --checkpoint_dir") from None
        yield run


def _existing_record(directory):
    """The record of a run directory; None where no run was started yet."""
    try:
        if (directory / RECORD_FILE).exists():
            return RunRecord.read(directory)
    except OSError as error:
        raise ConfigError(f"--checkpoint_dir={shown(str(directory))}: "
                          f"{error.strerror}; give another") from None
    if last_iteration(directory) is not None:
        raise ConfigError(f"{directory}: it has checkpoints but no {RECORD_FILE}; "
                          f"restore that file, or give another --checkpoint_dir")
    return None


def _allowed_changes(directory, record, config, change_settings):
    """What a continued run changes, as texts.

    Raises:
      ConfigError: settings differ that may not.
    """
    if record is None:
        return ()
    fixed = differences(record.config, config, (FIXED,))
    adjustable = differences(record.config, config, (ADJUSTABLE,))
    if fixed:
        raise ConfigError(
            f"{directory}: this run was started with other settings: "
            f"{'; '.join(fixed + adjustable)} (run's -> asked for); give the run's, "
            f"or another --checkpoint_dir")
    if adjustable and not change_settings:
        raise ConfigError(
            f"{directory}: this run was started with other settings: "
            f"{'; '.join(adjustable)} (run's -> asked for); give the run's, or "
            f"--change_settings to go on with the new ones, or another "
            f"--checkpoint_dir")
    step = last_iteration(directory) or 0
    return tuple(f"at iteration {step:,} or before it: {text}" for text in differences(
        record.config, config, (ADJUSTABLE,), whole=True))


def load_data(config, data_dir, chosen, say):
    """Loads the official data; where there are none, simulated ones unless forbidden.

    Args:
      config, data_dir: as for `run_data.load`.
      chosen: whether the config's data were asked for, so that no others will do.
      say: called with a line that tells of simulated data which were not asked for.

    Returns:
      (config of the data, `run_data.RunData`).

    Raises:
      DataError: see `run_data.load`.
    """
    try:
        return config, run_data.load(config, data_dir)
    except NoDataError:
        if chosen or config.variant != DEFAULT_VARIANT:
            raise
    config = config.on_simulated_stories()
    say("No official bAbI data here, and none could be downloaded: training on "
        "simulated stories, for which --preset=simulated is made (--data_dir=PATH "
        "gives official ones; --data=official says what was tried).")
    return config, run_data.load(config)


def _check_data(directory, record, data):
    """Raises ConfigError unless the data are those that the run was started with."""
    if not same_data(record.data, data.identity):
        raise ConfigError(
            f"{directory}: this run was started on other data: "
            f"{data_name(record.data)}, and at hand are {data_name(data.identity)}; "
            f"give the run's data, or another --checkpoint_dir")
    path = directory / run_data.VOCABULARY_FILE
    if path.exists() and Vocabulary.load(path) != data.vocabulary:
        if record.data.get("files") != data.identity.get("files"):
            raise ConfigError(
                f"{directory}: the test stories at hand have other words than those of "
                f"the run, and its network has a weight for each; give those of the "
                f"run with --test_stories, or another --checkpoint_dir")
        raise ConfigError(f"{path}: not the vocabulary of these data; restore the "
                          f"file, or give another --checkpoint_dir")


def _start(config, vocabulary):
    """The `trained.Trained` whose weights a new run takes.

    Raises:
      DataError, ConfigError: the checkpoint can't be used, or its model or words are
        others.
    """
    model = trained.load(config.initial_weights, jit=False)
    theirs = model.record.config
    found = differences(theirs, dataclasses.replace(
        theirs, **{name: getattr(config, name) for name in SHAPE_SETTINGS}))
    if model.vocabulary != vocabulary:
        found.append("the vocabulary")
    if found:
        raise ConfigError(
            f"--initial_weights={config.initial_weights}: weights of another model: "
            f"{'; '.join(found)} (that run's -> this one's); give the settings of that "
            f"run, or other weights")
    return model


def _data_of_start(start):
    """What the weights of `start`, a `Trained`, were trained on, the first ones first.

    Returns:
      A list of {"name", "kind", "sha256", "seed"}, to be kept as "starts" of the data.
    """
    record = start.record
    own = {key: value for key, value in record.data.items() if key != "starts"}
    return [*record.data.get("starts", ()),
            {"name": data_name(own | start.state.told), "kind": own.get("kind"),
             "sha256": own.get("sha256"), "seed": record.config.seed}]


def _tell_of_held_out(config, identity, say):
    """Tells if stories that are held out here may have been trained on before."""
    for start in identity.get("starts", ()):
        same = (start["sha256"], start["seed"]) == (identity["sha256"], config.seed)
        kinds = start["kind"], identity["kind"]
        if SIMULATED not in kinds and kinds.count(OWN) != 1 and not same:
            other = OWN in kinds and start["sha256"] != identity["sha256"]
            part = "held out or kept for the test" if other else "held out"
            say(f"Data: the weights were trained on {start['name']} with --seed="
                f"{start['seed']}: they may know stories that are {part} here, and "
                f"errors on these may be too low")


@contextlib.contextmanager
def _locked(directory, say):
    """Keeps other processes from training in a directory, which it makes.

    Args:
      directory: the run directory.
      say: called with a line where the file system has no locks.

    Raises:
      ConfigError: it can't be made or written to, or another process trains there.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file = open(directory / ".lock", "w")
    except OSError as error:
        raise ConfigError(f"{directory}: can't be written: {error.strerror}; give "
                          f"another --checkpoint_dir") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"{directory}: another process is training in it; wait "
                              f"for its end, or give another --checkpoint_dir") \
                from None
        except OSError as error:
            say(f"{directory}: it can't be locked ({error.strerror}): let no other "
                f"process train in it")
        yield


def _packages():
    """{package: version} of what can change the numbers."""
    versions = {name: importlib.metadata.version(name)
                for name in ("tensorflow", "keras", "numpy")}
    return {"dnc": getattr(dnc, "__version__", "unknown"),
            "python": platform.python_version(),
            "platform": platform.platform()} | versions


def _check_chief(record, replicas):
    """Raises ClusterError if this worker's run is not the chief's."""
    chief = RunRecord.from_json(
        replicas.bytes_from_chief(record.to_json().encode()).decode(), "the chief")
    found = differences(chief.config, record.config)
    if not same_data(chief.data, record.data):
        found.append("the data")
    if found:
        raise ClusterError(
            f"worker {replicas.worker}: not the chief's run: {'; '.join(found)} "
            f"(chief's -> this worker's); start all workers with the same flags and "
            f"data")


def _build_run(directory, record, data, progress, compiled, replicas, start=None):
    """The run, after its newest checkpoint, or else with the weights of `start`."""
    config = record.config
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()

    def trainer_of(phase):
        return Trainer(phase.settings, len(data.vocabulary), compiled, replicas,
                       phase.rate_start)

    run = Run(directory, record, trainer_of, data, progress)
    for remark in data.identity["differences"]:
        progress.line(f"Data: {remark}")
    if data.validation is None:
        progress.line("Data: too few stories to hold one out: nothing is validated, "
                      "and no checkpoint is kept as the best")
    run.resume(start)
    for change in record.changes:
        progress.line(f"Changed after the start: {change}")
    progress.line(
        f"Run {directory}: {run.num_weights:,} weights; data "
        f"{data_name(data.identity)}; tasks {_task_list(config, data)}; batches of "
        f"rows x steps "
        f"{', '.join(f'{rows}x{steps}' for rows, steps in run.shapes)}"
        f"{f', shared by {replicas.count} replicas' if replicas.count > 1 else ''}")
    return run


def _task_list(config, data):
    """The tasks of a run on one line: numbers, with names if they are one's own."""
    if config.data != OWN:
        return ",".join(map(str, config.tasks))
    titles = task_titles(data.identity)
    return ", ".join(f"{task} {titles[task]}" for task in config.tasks)
