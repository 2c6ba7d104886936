"""The published models, and any other, by name or path: what `babi.load()` gives."""

import pathlib
import zipfile

import keras

from babi.model import checkpoints, trained
from babi.model.answerer import QuestionAnswerer
from babi.stories.story import DataError

DEFAULT = "joint"
FOLDER = pathlib.Path(__file__).resolve().parents[2] / "results"
ENDING = ".keras"


def find(name=DEFAULT, folder=FOLDER):
    """The path of a model, to be given to `load` or `trained.load`.

    Args:
      name: one of the published models, or else the path of a checkpoint, a run
        directory or a `.keras` file.
      folder: where the published ones are.

    Raises:
      DataError: there is no such model.
    """
    path, published = pathlib.Path(name), folder / name
    plain = path.name == str(name)  # may be the name of a published one
    if plain and checkpoints.iterations(published):
        return published
    if path.suffix == ENDING and path.is_file():
        return path
    try:
        return checkpoints.resolve(path)
    except checkpoints.CheckpointError as fault:
        if not plain or path.exists():
            raise
        there = ", ".join(sorted(found.name for found in folder.glob("*")
                                 if checkpoints.iterations(found)))
        there = f"{folder} has {there}" if there else (
            f"a checkout of the repository has them in {folder}")
        raise DataError(f"{name}: no published model ({there}), and {fault}; or train "
                        f"one with `make babi`, and give model/best") from None


def load(name=DEFAULT, folder=FOLDER):
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
