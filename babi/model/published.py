"""The published models: any is had by name or path, and written for publishing."""

import hashlib
import os
import pathlib
import shutil
import zipfile

import keras
import numpy as np

from babi.data.run_data import VOCABULARY_FILE
from babi.model import checkpoints, serving, trained
from babi.model.answerer import QuestionAnswerer, named_weights
from babi.program.files import write_atomically
from babi.stories.story import DataError

DEFAULT = "best"
FOLDER = pathlib.Path(__file__).resolve().parents[2] / "results"
ENDING = ".keras"
SUMS_FILE, SAVED_MODEL = "SHA256SUMS", "saved_model"


def find(name=None, folder=FOLDER):
    """The path of a model, to be given to `load` or, but for `.keras`, `trained.load`.

    Args:
      name: a run directory, or else one of the published models, the path of a
        checkpoint or a `.keras` file; None: `DEFAULT`.
      folder: where the published ones are.

    Raises:
      DataError: there is no such model.
    """
    if name is not None and checkpoints.iterations(name):
        return pathlib.Path(name)
    name = DEFAULT if name is None else name
    path, published = pathlib.Path(name), folder / name
    plain = path.name == str(name)  # may be the name of a published one
    if plain and checkpoints.iterations(published):
        return published
    if path.suffix == ENDING and path.is_file():
        return path
    try:
        checkpoints.resolve(path)
        return path
    except checkpoints.CheckpointError as fault:
        if not plain or path.exists():
            raise
        there = ", ".join(found.name for found in checkpoints.runs_in(folder))
        there = f"{folder} has {there}" if there else (
            f"a checkout of the repository has them in {folder.name}/")
        raise DataError(f"{name}: no published model ({there}), and {fault}; or train "
                        f"one with `make babi`, and give model/best") from None


def checkpoint(name=None, folder=FOLDER):
    """`find` where a `.keras` file does not do, which says nothing of the training."""
    path = find(name, folder)
    if path.suffix == ENDING:
        raise DataError(f"{path}: babi.load() reads it; give a checkpoint here")
    return path


def load(name=None, folder=FOLDER):
    """The question answerer of a checkpoint or `.keras` file; see `find`.

    Raises:
      DataError, ConfigError: there is none, or it can't be used.
    """
    path = find(name, folder)
    if path.suffix != ENDING:
        return trained.load(path, jit=False).model
    try:
        model = keras.saving.load_model(path)
    except (OSError, ValueError, TypeError, LookupError, AttributeError,
            zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{path}: not a model that can be read ({reason}); give "
                        f"another") from None
    if not isinstance(model, QuestionAnswerer):
        raise DataError(f"{path}: a {type(model).__name__}, not a question answerer; "
                        f"give another")
    return model


def keras_file(directory):
    """The path of a published model's `.keras` file, beside its folder."""
    directory = directory.resolve()
    return directory.with_name(directory.name + ENDING)


def export(checkpoint_file, directory, saved_model=True):
    """Writes a checkpoint's model in each form, and what belongs to it.

    Args:
      checkpoint_file: as for `find`.
      directory: the folder, a pathlib.Path; for one file see `keras_file`.
      saved_model: whether to write the SavedModel too.

    Returns:
      The prefix of the checkpoint written, a pathlib.Path.

    Raises:
      DataError, ConfigError: the checkpoint can't be used.
      OSError, tf.errors.OpError: it could not be written; nothing is left in a folder
        that was empty.
    """
    # Without `jit` it runs anywhere.
    model = trained.load(checkpoint(checkpoint_file), jit=False)
    fresh = not directory.exists() or not any(directory.iterdir())
    try:
        return _write(model, directory, saved_model)
    except BaseException:
        if fresh:
            keras_file(directory).unlink(missing_ok=True)
            shutil.rmtree(directory, ignore_errors=True)
        raise


def _write(model, directory, saved_model):
    directory.mkdir(parents=True, exist_ok=True)
    prefix = directory / f"{checkpoints.PREFIX}-{model.iteration}"
    weights = {name: variable.numpy()
               for name, variable in named_weights(model.model).items()}
    checkpoints.write(prefix, weights | {"iteration": np.int64(model.iteration),
                                         "run_state": model.state.to_json()})
    model.record.without_places().write(directory)
    model.vocabulary.save(directory / VOCABULARY_FILE)
    model.model.save(keras_file(directory))
    if saved_model:
        serving.save(model.model, directory / SAVED_MODEL)
    write_atomically(directory / SUMS_FILE, _sums(directory).encode())
    return prefix


def _sums(directory):
    """A line for each file: its hash, and its path from a folder, where they are."""
    files = [keras_file(directory), *sorted(
        path for path in directory.resolve().rglob("*") if path.is_file())]
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  "
        f"{pathlib.Path(os.path.relpath(path, directory)).as_posix()}\n"
        for path in files)
