"""Writes a trained model for publishing: weights without the optimizer's slots.

    python3 babi/export.py --checkpoint_file=model/best --output_dir=published

The folder holds

- the checkpoint `model.ckpt-<iteration>`, the run's settings and vocabulary:
  `babi/test.py` takes it as any run directory;
- `model.keras`, the question answerer with its words, in one file:
  `keras.saving.load_model` reads it where `babi` was imported;
- `saved_model`, which takes text and needs TensorFlow alone, see `babi.model.serving`;
- SHA256SUMS of all of these (`sha256sum --check SHA256SUMS`).
"""

import hashlib
import os
import pathlib
import sys

if not __package__:  # run as a file: the folder above is the root of imports
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from absl import flags  # noqa: E402

from babi.program import scripts  # noqa: E402
from babi.program.errors import UsageError  # noqa: E402
from babi.program.files import write_atomically  # noqa: E402

SUMS_FILE, KERAS_FILE, SAVED_MODEL = "SHA256SUMS", "model.keras", "saved_model"
_CHECKPOINT_FILE = flags.DEFINE_string(
    "checkpoint_file", None, "the checkpoint, such as model/best")
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "the folder to write; it must be empty or not there")
_SAVED_MODEL = flags.DEFINE_bool(
    "saved_model", True, "write the SavedModel too; --nosaved_model: leave it out")


def main():
    """Writes the weights and what belongs to them."""
    if not (_CHECKPOINT_FILE.value and _OUTPUT_DIR.value):
        raise UsageError("--checkpoint_file and --output_dir are needed")
    directory = pathlib.Path(_OUTPUT_DIR.value)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(f"--output_dir: {directory} is not an empty folder; "
                         f"give another")
    scripts.start_tensorflow()
    try:
        prefix = export(_CHECKPOINT_FILE.value, directory, _SAVED_MODEL.value)
    except OSError as error:
        raise UsageError(f"--output_dir: {error.filename or directory}: "
                         f"{error.strerror}; give another") from None
    print(f"Written: {prefix}")


def export(checkpoint_file, directory, saved_model=True):
    """Writes a checkpoint's model in each form, and what belongs to it, into a folder.

    Args:
      checkpoint_file: as for `checkpoints.resolve`.
      directory: the folder, a pathlib.Path.
      saved_model: whether to write the SavedModel too.

    Returns:
      The prefix of the checkpoint written, a pathlib.Path.
    """
    import numpy as np

    from babi.data.run_data import VOCABULARY_FILE
    from babi.model import checkpoints, serving, trained
    from babi.model.answerer import named_weights

    model = trained.load(checkpoint_file, jit=False)  # so that it runs anywhere
    directory.mkdir(parents=True, exist_ok=True)
    prefix = directory / f"{checkpoints.PREFIX}-{model.iteration}"
    weights = {name: variable.numpy()
               for name, variable in named_weights(model.model).items()}
    checkpoints.write(prefix, weights | {"iteration": np.int64(model.iteration),
                                         "run_state": model.state.to_json()})
    model.record.write(directory)
    model.vocabulary.save(directory / VOCABULARY_FILE)
    model.model.save(directory / KERAS_FILE)
    if saved_model:
        serving.save(model.model, directory / SAVED_MODEL)
    write_atomically(directory / SUMS_FILE, _sums(directory).encode())
    return prefix


def _sums(directory):
    """A line for each file of a folder, at any depth: its hash and its path."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  "
                   f"{path.relative_to(directory).as_posix()}\n" for path in files)


if __name__ == "__main__":
    scripts.run(main)
