"""Checkpoints: complete or absent, checked when read, never a pickle.

A checkpoint is a set of named arrays in TensorFlow's own format, two files
`<prefix>.data-00000-of-00001` and `<prefix>.index`. Both are written in a folder
aside and synced to disk; then the data file is renamed into place, then the index.
A checkpoint without its index does not count, so a crash at any moment leaves
either the whole checkpoint or none. TensorFlow keeps a checksum of every array:
damage shows when it is read.
"""

import contextlib
import os
import pathlib
import re
import shutil

import numpy as np
import tensorflow as tf

from babi.program.files import sync_folder
from babi.stories.story import DataError

PREFIX = "model.ckpt"
BEST_PREFIX = "best.ckpt"
_UNUSED = "unused.ckpt"
_DATA, _INDEX = ".data-00000-of-00001", ".index"
_ASIDE = ".saving"
_WAY_OUT = "give another checkpoint"


class CheckpointError(DataError):
    """A checkpoint that can't be read or written, and why, on one line."""


def write(prefix, arrays):
    """Writes arrays as the checkpoint `prefix`; complete or not at all.

    Args:
      prefix: path of the checkpoint without `.index`.
      arrays: {name: array, tensor or bytes}.

    Raises:
      CheckpointError: the disk is full, or may not be written to.
    """
    prefix = pathlib.Path(prefix)
    aside = prefix.parent / f"{_ASIDE}-{os.getpid()}"
    try:
        aside.mkdir(exist_ok=True)
        draft = str(aside / prefix.name)
        names = sorted(arrays)
        tf.raw_ops.SaveV2(prefix=draft, tensor_names=names,
                          shape_and_slices=[""] * len(names),
                          tensors=[tf.convert_to_tensor(arrays[name])
                                   for name in names])
        for suffix in (_DATA, _INDEX):
            with open(draft + suffix, "rb") as file:
                os.fsync(file.fileno())
        for suffix in (_DATA, _INDEX):
            os.replace(draft + suffix, f"{prefix}{suffix}")
            sync_folder(prefix.parent)
    except (OSError, tf.errors.OpError) as error:
        raise CheckpointError(
            f"{prefix}: not written: {_reason(error)}") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def read(prefix):
    """A checkpoint's {name: NumPy array, or bytes}, each checked by its checksum.

    Args:
      prefix: path of the checkpoint without `.index`.

    Raises:
      CheckpointError: there is no such checkpoint, or it is damaged.
    """
    prefix = str(prefix)
    for suffix in (_INDEX, _DATA):
        if not os.path.isfile(prefix + suffix):
            raise CheckpointError(
                f"{prefix}: no such checkpoint (there is no file {prefix}{suffix}); "
                f"{_WAY_OUT}")
    try:
        reader = tf.train.load_checkpoint(prefix)
        return {name: reader.get_tensor(name)
                for name in sorted(reader.get_variable_to_shape_map())}
    except (OSError, ValueError, LookupError, TypeError, ArithmeticError,
            RuntimeError, MemoryError, tf.errors.OpError) as error:
        raise CheckpointError(
            f"{prefix}: damaged ({_reason(error)}); {_WAY_OUT}") from None


def check(arrays, expected, prefix):
    """Raises CheckpointError unless the arrays are those expected.

    Args:
      arrays: {name: array}, as `read` returns them.
      expected: {name: (shape, NumPy dtype)} that must be there; others may be too.
      prefix: the checkpoint's path, for the message.
    """
    for name, (shape, dtype) in expected.items():
        if name not in arrays:
            raise CheckpointError(
                f"{prefix}: made by another model, or weights alone: it has no "
                f"{name!r}; {_WAY_OUT}")
        array = np.asarray(arrays[name])
        wanted = np.dtype(dtype)
        same_type = (array.dtype == wanted or wanted.kind in "OS"
                     and array.dtype.kind in "OS")
        if array.shape != tuple(shape) or not same_type:
            raise CheckpointError(
                f"{prefix}: made by another model: {name!r} is {array.dtype} of shape "
                f"{array.shape}, expected {wanted} of shape {tuple(shape)}; "
                f"{_WAY_OUT}")


def resolve(path):
    """The prefix, a pathlib.Path, that a user means by a checkpoint's path.

    Args:
      path: a prefix such as `model/model.ckpt-5000`; one of its two files; a run
        directory, for its newest checkpoint; or `model/best`, for its best.

    Raises:
      CheckpointError: there is no such checkpoint.
    """
    path = pathlib.Path(os.path.expanduser(path))
    text = str(path)
    for suffix in (_INDEX, _DATA):
        text = text.removesuffix(suffix)
    if os.path.isfile(text + _INDEX):
        return pathlib.Path(text)
    is_folder = os.path.isdir(path)
    folder, name = (path, PREFIX) if is_folder else (path.parent, BEST_PREFIX)
    if is_folder or path.name in ("best", BEST_PREFIX):
        found = iterations(folder, name)
        if found:
            return folder / f"{name}-{found[-1]}"
    there = [f"{prefix}-{iteration}" for prefix in (PREFIX, BEST_PREFIX)
             for iteration in iterations(folder, prefix)]
    below = [str(place) for place in runs_in(path)]
    there = (f"; in {folder}: {', '.join(there)}" if there else
             f"; there are some in {', '.join(below)}" if below else "")
    raise CheckpointError(f"{path}: no such checkpoint{there}; give the path of one")


def runs_in(folder):
    """The directories right below a folder that have checkpoints, in their order."""
    return sorted(place for place in folder.glob("*") if iterations(place))


def iterations(directory, prefix=PREFIX):
    """Iterations of the complete checkpoints in a directory, ascending."""
    pattern = re.compile(re.escape(prefix) + r"-(\d{1,15})" + re.escape(_INDEX))
    try:
        names = os.listdir(directory)
    except OSError:
        return []
    return sorted(int(match[1]) for match in map(pattern.fullmatch, names) if match)


def time_written(prefix):
    """When a checkpoint was written, in nanoseconds; None if it is not there."""
    try:
        return os.stat(f"{prefix}{_INDEX}").st_mtime_ns
    except OSError:
        return None


def last_iteration(directory):
    """That of the newest checkpoint of a run, the best included; None without one."""
    return max((iteration for prefix in (PREFIX, BEST_PREFIX)
                for iteration in iterations(directory, prefix)), default=None)


class RunCheckpoints:
    """The checkpoints of one run directory.

    Args:
      directory: the run directory; it exists.
      max_checkpoints: how many of the newest to keep; the best is kept besides.
    """

    def __init__(self, directory, max_checkpoints):
        self._directory = pathlib.Path(directory)
        self._max_checkpoints = max_checkpoints
        self._written = {}  # {prefix: iteration last written or read}

    def remove_drafts(self):
        """Removes what an interrupted write left behind."""
        for aside in self._directory.glob(f"{_ASIDE}-*"):
            shutil.rmtree(aside, ignore_errors=True)

    def newest(self, expected, report):
        """The newest checkpoint, the best included, that is whole and of this model.

        Args:
          expected: {name: (shape, dtype)}, as for `check`.
          report: called with one line for each checkpoint that is passed over.

        Returns:
          (iteration, arrays), or None in a directory without checkpoints.

        Raises:
          CheckpointError: there are checkpoints, but none can be used.
        """
        found = sorted((iteration, name == PREFIX, name)
                       for name in (PREFIX, BEST_PREFIX)
                       for iteration in iterations(self._directory, name))
        for iteration, _, name in reversed(found):
            prefix = self._prefix(name, iteration)
            try:
                arrays = read(prefix)
                check(arrays, expected, prefix)
            except CheckpointError as fault:
                report(f"{str(fault).removesuffix('; ' + _WAY_OUT)}; "
                       f"trying the one before it")
                continue
            self._written[name] = iteration
            return iteration, arrays
        if found:
            raise CheckpointError(
                f"{self._directory}: none of its {len(found)} checkpoints can be "
                f"used; restore one, or start in another directory (from weights "
                f"alone, such as published ones, with --initial_weights)")
        return None

    def save(self, iteration, arrays):
        """Writes the checkpoint of an iteration, and removes the oldest.

        One of a later iteration could not be used, or training would stand there: it
        is set aside, so that it is not taken for the newest.

        Raises:
          CheckpointError: it could not be written; nothing was removed.
        """
        if self._written.get(PREFIX) != iteration:
            write(self._prefix(PREFIX, iteration), arrays)
            self._written[PREFIX] = iteration
            found = iterations(self._directory)
            for later in (other for other in found if other > iteration):
                for suffix in (_INDEX, _DATA):
                    with contextlib.suppress(OSError):  # half of it may be gone
                        os.replace(f"{self._prefix(PREFIX, later)}{suffix}",
                                   f"{self._prefix(_UNUSED, later)}{suffix}")
            whole = [old for old in found if old <= iteration]
            self._remove(PREFIX, whole[:-self._max_checkpoints])

    def save_best(self, iteration, arrays):
        """Writes the best checkpoint so far, in place of the previous best.

        Raises:
          CheckpointError: it could not be written; the previous best is kept.
        """
        write(self._prefix(BEST_PREFIX, iteration), arrays)
        found = iterations(self._directory, BEST_PREFIX)
        self._remove(BEST_PREFIX, [old for old in found if old != iteration])

    def _remove(self, name, found):
        for iteration in found:
            for suffix in (_INDEX, _DATA):
                path = f"{self._prefix(name, iteration)}{suffix}"
                pathlib.Path(path).unlink(missing_ok=True)

    def _prefix(self, name, iteration):
        return self._directory / f"{name}-{iteration}"


def _reason(error):
    """One line of what an exception says."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = str(getattr(error, "message", None) or error)
    # TensorFlow names its node first, the operation last and the cause in between.
    text = " ".join(re.sub(r"\{\{.*?\}\}|\[Op:\w+\]", " ", text).split())
    return text if len(text) <= 200 else f"...{text[-197:]}"
