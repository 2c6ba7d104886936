"""A training step that went wrong, kept so that it can be run again.

Two files: `<name>.npz` with the batch, the weights and the optimizer's slots, and
`<name>.json` with the settings and the stories. `babi.training.replay` runs the step
again and shows where the numbers leave the finite.
"""

import io
import json
import pathlib
import zipfile
import zlib
from typing import NamedTuple

import numpy as np

from babi.data.batches import Batch
from babi.model.record import RunRecord
from babi.program.files import write_atomically
from babi.stories.story import DataError

LOWER = ("a lower learning rate may help: --learning_rate, or --phases where they name "
         "one, with --change_settings")
_BATCH = "batch/"


class FailedStep(NamedTuple):
    """A step, with all that it depended on.

    Attributes:
      record: `record.RunRecord`.
      batch: `batches.Batch` of arrays.
      arrays: `trainer.Trainer.arrays()` before the step.
      stories: texts that name the stories of the batch.
      vocabulary_size: V.
    """

    record: RunRecord
    batch: Batch
    arrays: dict[str, np.ndarray]
    stories: list[str]
    vocabulary_size: int


def write(path, step):
    """Writes a `FailedStep` to a path that ends in `.npz`, both files or none.

    Raises:
      OSError: the disk is full or may not be written to.
    """
    path = pathlib.Path(path)
    batch = {f"{_BATCH}{name}": array for name, array in step.batch._asdict().items()}
    arrays = io.BytesIO()
    np.savez(arrays, **batch, **step.arrays)
    text = json.dumps({"record": json.loads(step.record.to_json()),
                       "stories": step.stories,
                       "vocabulary_size": step.vocabulary_size}, indent=2)
    write_atomically(path.with_suffix(".json"), text.encode())
    try:
        write_atomically(path, arrays.getvalue())
    except OSError:
        path.with_suffix(".json").unlink()
        raise


def check_finite(arrays):
    """Raises DataError if numbers of a checkpoint, {name: array}, are not finite."""
    for name, array in arrays.items():
        if np.asarray(array).dtype.kind == "f" and not np.isfinite(array).all():
            raise DataError(
                f"{name} has numbers that are not finite, so training stopped and "
                f"nothing is saved; the last checkpoint stands; {LOWER}")


def read(path):
    """Reads what `write` wrote.

    Raises:
      DataError: files that are missing, damaged or something else.
    """
    path = pathlib.Path(path)
    try:
        description = path.with_suffix(".json")
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        content = json.loads(description.read_text(encoding="utf-8"))
        batch = Batch(*(arrays.pop(f"{_BATCH}{name}") for name in Batch._fields))
        record = RunRecord.from_json(json.dumps(content["record"]), description)
        return FailedStep(record, batch, arrays, list(map(str, content["stories"])),
                          int(content["vocabulary_size"]))
    except DataError:
        raise
    except (OSError, ValueError, TypeError, KeyError, EOFError, AttributeError,
            RecursionError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: not a step that training has kept ({error}); give "
                        f"the .npz of one, with its .json beside it") from None
