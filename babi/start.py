"""Starting a run: its directory, its record, its parts."""

import contextlib
import fcntl
import importlib.metadata
import pathlib
import platform

import keras
import tensorflow as tf

import dnc
from babi import data as run_data
from babi.checkpoints import iterations
from babi.config import (ADJUSTABLE, FIXED, RECORD_FILE, ConfigError, RunRecord,
                         differences)
from babi.loop import Run
from babi.training import Trainer
from babi.vocabulary import Vocabulary


@contextlib.contextmanager
def open_run(directory, data_dir, config, change_settings, progress, compiled=True):
    """A `loop.Run` in a directory, new or to be continued, for one process.

    Nothing is written before settings and data are known to fit the directory.

    Args:
      directory: the run directory; made if it is not there.
      data_dir: folder or archive of the data; None: a cached copy or a download.
      config: `config.Config`.
      change_settings: whether a continued run may change adjustable settings.
      progress: `progress.Progress`; logs into the directory from here on.
      compiled: False runs the training step eagerly.

    Raises:
      DataError, ConfigError: the directory holds another run, or the data can't be
        used.
    """
    directory = pathlib.Path(directory)
    record = _existing_record(directory)
    changes = _allowed_changes(directory, record, config, change_settings)
    data = run_data.load(config, data_dir)
    if record is not None:
        _check_data(directory, record, data)
    with _locked(directory):
        progress.log = directory / "train.log"
        record = RunRecord(config, record.data if record else _identity(data),
                           record.packages if record else _packages(),
                           (record.changes if record else ()) + changes)
        try:
            record.write(directory)
            data.vocabulary.save(directory / run_data.VOCABULARY_FILE)
        except OSError as error:
            raise ConfigError(f"{directory}: can't be written: {error.strerror}; make "
                              f"room or give another --checkpoint_dir") from None
        yield _build_run(directory, record, data, progress, compiled)


def _build_run(directory, record, data, progress, compiled):
    """The run, after its newest checkpoint if there is one."""
    config = record.config
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    trainer = Trainer(config, len(data.vocabulary), compiled)
    run = Run(directory, record, trainer, data, progress)
    for remark in data.source.differences():
        progress.line(f"Data: {remark}")
    for change in record.changes:
        progress.line(f"Changed after the start: {change}")
    progress.line(
        f"Run {directory}: {trainer.model.count_params():,} weights; data "
        f"{record.data['name']}, {record.data['variant']}, tasks "
        f"{','.join(map(str, config.tasks))}; batches of rows x steps "
        f"{', '.join(f'{rows}x{steps}' for rows, steps in data.training.shapes)}")
    run.resume()
    return run


def _existing_record(directory):
    """The record of a run directory; None where no run was started yet."""
    if (directory / RECORD_FILE).exists():
        return RunRecord.read(directory)
    if iterations(directory):
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
    step = max(iterations(directory), default=0)
    return tuple(f"at iteration {step:,} or before it: {text}" for text in adjustable)


def _check_data(directory, record, data):
    """Raises ConfigError unless the data are those that the run was started with."""
    old, new = record.data.get("sha256"), data.source.identity()["sha256"]
    if old != new:
        raise ConfigError(
            f"{directory}: this run was started on other data: sha256 {old}, and "
            f"{data.source.path} has {new}; give the run's data, or another "
            f"--checkpoint_dir")
    path = directory / run_data.VOCABULARY_FILE
    if path.exists() and Vocabulary.load(path) != data.vocabulary:
        raise ConfigError(f"{path}: not the vocabulary of these data; restore the "
                          f"file, or give another --checkpoint_dir")


def _identity(data):
    """What a record says of the data."""
    return data.source.identity() | {"differences": data.source.differences(),
                                     "vocabulary_size": len(data.vocabulary)}


def _packages():
    """{package: version} of what can change the numbers."""
    versions = {name: importlib.metadata.version(name)
                for name in ("tensorflow", "keras", "numpy")}
    return {"dnc": getattr(dnc, "__version__", "unknown"),
            "python": platform.python_version(),
            "platform": platform.platform()} | versions


@contextlib.contextmanager
def _locked(directory):
    """Keeps other processes from training in a directory, which it makes.

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
        except OSError:
            raise ConfigError(f"{directory}: another process is training in it; wait "
                              f"for its end, or give another --checkpoint_dir") \
                from None
        yield
