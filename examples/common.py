"""What all the experiments share: weights, logs, pictures, errors of a user's."""

import argparse
import contextlib
import csv
import fcntl
import importlib
import math
import os
import sys
from pathlib import Path


def _without_remarks(package):
    """Imports a package whose C++ libraries would bury what a script has to say."""
    screen = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        return importlib.import_module(package)
    finally:
        os.dup2(screen, 2)
        os.close(screen)


def leave(words):
    """Ends a script after Ctrl-C, with the exit code that shells have for it."""
    print(words, file=sys.stderr)
    sys.exit(130)


try:
    tf = _without_remarks("tensorflow")
    keras = importlib.import_module("keras")
except KeyboardInterrupt:
    leave("Stopped.")
import numpy as np  # noqa: E402
# Pruning leaves loops that another pass refuses, with a line that looks like an error,
# and then the graph is not optimised at all.
tf.config.optimizer.set_experimental_options({"disable_model_pruning": True})

# Of Keras's `fit`: a progress bar on a screen, a line for each epoch in a file.
VERBOSE = 1 if sys.stdout.isatty() else 2
_HEADERS = 1 << 20  # bytes of a file of weights besides these, at most
# Colours of read heads.
HEADS = ("#d55e00", "#0072b2", "#cc79a7", "#009e73", "#e69f00", "#56b4e9", "#7b4b94",
         "#8c6d31")


def dataset(batches):
    """The batches of an epoch for Keras's `fit`, asked for anew in each.

    Without the autotuning that `fit` has of its own: a thread of that can sleep on for
    seconds at the end of an epoch, and `fit` waits for it.

    Args:
      batches: has a length, and tuples of arrays by their numbers, all of one shape.

    Returns:
      A `tf.data.Dataset`.
    """
    signature = tf.nest.map_structure(
        lambda array: tf.TensorSpec(array.shape, array.dtype), batches[0])
    options = tf.data.Options()
    options.autotune.enabled = False
    return tf.data.Dataset.from_generator(
        lambda: (batches[number] for number in range(len(batches))),
        output_signature=signature).apply(
            tf.data.experimental.assert_cardinality(len(batches))).with_options(options)


def save(model, path):
    """Saves a model's weights so that the file is there whole or not at all.

    Raises:
      OSError: there is no room for it.
    """
    aside = path.with_name(f"aside-{os.getpid()}.weights.h5")
    optimizer = getattr(model, "optimizer", None)
    size = sum(math.prod(variable.shape) * tf.as_dtype(variable.dtype).size
               for variable in (*model.weights, *getattr(optimizer, "variables", ())))
    try:
        # HDF5 without room can end the process: see first that there is some.
        with open(aside, "wb") as file:
            file.write(bytes(size + _HEADERS))
            file.flush()
            os.fsync(file.fileno())
        model.save_weights(aside)
        os.replace(aside, path)
    except (OSError, RuntimeError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        reason = getattr(error, "strerror", None) or lines[0]
        raise OSError(f"{path}: can't be saved ({reason}); make room, and give the "
                      f"same command again") from None
    finally:
        aside.unlink(missing_ok=True)


def check_claim(folder, **notes):
    """Sees that the training in a folder is what it is taken for; see `claim`.

    Returns:
      The notes that are not there.
    """
    missing = {}
    for name, text in notes.items():
        path = folder / name
        # A file can be empty: there was no room for its text.
        begun = path.read_text(encoding="utf-8").strip() if path.exists() else ""
        if begun and begun != text:
            raise ValueError(f"{folder}: a training whose {name} is {begun}, not "
                             f"{text}; choose another --folder")
        if not begun:
            missing[name] = text
    return missing


def claim(folder, **notes):
    """Notes what the training in a folder is, or sees that it is the same.

    Args:
      folder: of the training.
      **notes: texts by the names of the files that have them, such as `seed`.

    Raises:
      ValueError: a training with another note was begun there.
    """
    for name, text in check_claim(folder, **notes).items():
        (folder / name).write_text(f"{text}\n", encoding="utf-8")


@contextlib.contextmanager
def locked(folder):
    """Keeps other processes from training in a folder, which it makes.

    Raises:
      ValueError: another process trains there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"{folder}: another process is training in it; wait for "
                             f"its end, or choose another folder") from None
        except OSError as error:
            print(f"{folder}: it can't be locked ({error.strerror}): let no other "
                  f"process train in it")
        yield


class Saving(keras.callbacks.Callback):
    """Saves weights, optimizer and whatever is among the weights after each epoch.

    Ends the training with a ValueError when a weight is not finite any more, and leaves
    the file as it was.

    Keras's BackupAndRestore is for a model that stays the same, and its files can be
    left half-written.

    Args:
      path: of the file.
    """

    def __init__(self, path):
        super().__init__()
        self.path = path

    def on_epoch_end(self, epoch, logs=None):
        if not all(np.isfinite(weight).all() for weight in self.model.get_weights()):
            raise ValueError(
                f"{self.path.parent}: weights that are not finite after epoch "
                f"{epoch + 1}, which is not saved; the same command begins it anew; if "
                f"it ends so again, give another --seed and --folder")
        save(self.model, self.path)


def load(model, path):
    """Loads the weights of a file.

    Raises:
      ValueError: the file is not there, damaged, or of another network.
    """
    if not path.exists():
        raise ValueError(f"{path}: not there")
    try:
        model.load_weights(path)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path}: damaged, or of another network ({reason}); move it "
                         f"away, or choose another folder") from None


class LogError(ValueError):
    """A training's log that can't be read."""


def read_log(path, fields):
    """The rows of a training's CSVLogger, as {field: list of numbers}.

    Of an epoch that stands there twice, as its training was stopped before it was
    saved, the last row alone counts.

    Args:
      path: of the file; one that is not there has no rows.
      fields: names of those that are wanted.

    Raises:
      LogError: the file is damaged.
    """
    if not path.exists():
        return {field: [] for field in fields}
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = {row["epoch"]: row for row in csv.DictReader(file)}.values()
        return {field: [float(row[field]) for row in rows] for field in fields}
    except (ValueError, KeyError, TypeError, csv.Error):
        raise LogError(f"{path}: damaged; move it away") from None


def drawn(logs, draw):
    """{"learning.png": the figure} of trainings' logs, where there is one to draw.

    Args:
      logs: their paths; if one is damaged, that is told, and nothing drawn.
      draw: makes the figure, of logs of which one has rows.
    """
    try:
        begun = [log for log in logs if read_log(log, ("epoch",))["epoch"]]
        return {"learning.png": draw()} if begun else {}
    except LogError as fault:
        print(f"{fault}; learning.png is left out")
        return {}


class Log(keras.callbacks.CSVLogger):
    """Keras's log of all parts of a training; of an earlier one nothing is kept.

    Half a row at its end, written when there was no room left, is cut off.

    Args:
      path: of the file.
      begun: whether the training has begun before.
    """

    def __init__(self, path, begun):
        data = path.read_bytes() if begun and path.exists() else b""
        if data and not data.endswith(b"\n"):
            os.truncate(path, data.rfind(b"\n") + 1)
        super().__init__(path, append=begun)

    def on_train_end(self, logs=None):
        super().on_train_end(logs)
        self.append = True  # the next lesson may want another model


def matching(text, names):
    """The one of some names that is typed, whatever its capitals; else the text."""
    if text in names:
        return text
    found = [name for name in names if name.casefold() == text.casefold()]
    return found[0] if len(found) == 1 else text


def path_of(text):
    """A `Path` as typed; ~ is one's home, also after a = where shells leave it."""
    return Path(os.path.expanduser(text))


def make_parser(description, folder, lstm=True):
    """A parser with the options of all scripts that train, ask and draw.

    Args:
      description: of the script, in a line.
      folder: of the training and the pictures, if no other is given.
      lstm: whether an LSTM without memory can be trained too.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--show", action="store_true",
                        help="no training: what is shipped")
    parser.add_argument("--paper", action="store_true",
                        help="network, rate and curriculum as they were published")
    if lstm:
        parser.add_argument("--lstm", action="store_true",
                            help="train the LSTM that stands beside the DNC")
    parser.add_argument("--folder", type=path_of, default=Path(folder),
                        help=f"of the training; default: {folder}")
    parser.add_argument("--output", type=path_of, help="of the pictures; default: "
                        f"{folder}, of what is shipped {folder}/shipped")
    parser.add_argument("--seed", type=int, default=1, help="of weights and data")
    return parser


def check_folders(parser, args, trains, ships):
    """Leaves with a line if --folder, --output or --seed can't be used.

    Args:
      parser, args: of the script.
      trains: whether anything is written into the folder too.
      ships: whether the network that is shipped is drawn: not over one's own pictures.
    """
    if args.output is None:
        args.output = parser.get_default("folder") / ("shipped" if ships else "")
    for name in ("folder", "output"):
        path = getattr(args, name)
        there = path.absolute()
        while not os.path.lexists(there):
            there = there.parent
        if not there.is_dir():
            parser.error(f"--{name}={path}: not a folder ({there} is a file)")
        if (trains or name == "output") and not os.access(there, os.W_OK | os.X_OK):
            parser.error(f"--{name}={path}: {there} can't be written to; give another")
    check_seed(parser, args)


def check_seed(parser, args):
    """Leaves with a line if --seed is none that Keras takes."""
    if not 0 <= args.seed < 2 ** 32:
        parser.error(f"--seed={args.seed}: give a number from 0 to 2 ** 32 - 1")


def write(folder, figures, pages):
    """Writes {name: matplotlib Figure} and {name: text} into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        figure.savefig(folder / name)
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    print(f"Written to {folder}: {', '.join([*figures, *pages])}")


def run(main):
    """Calls a script's main function; errors of its input are told in a line."""
    try:
        main()
    except (ValueError, OSError, tf.errors.OpError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        sys.exit(f"error: {lines[0]}")
    except KeyboardInterrupt:
        leave("Stopped. If it trained, the same command goes on from its last "
              "evaluation, and begins anew before the first.")
