"""Writes a trained model for publishing: weights without the optimizer's slots.

    python3 babi/export.py --checkpoint_file=model/best --output_dir=published

- `published` has the checkpoint `model.ckpt-<iteration>`, the run's settings and
  vocabulary: `babi/test.py` takes it as any run directory;
- `published.keras` is the question answerer with its words, in one file:
  `keras.saving.load_model` reads it where `dnc` or `babi` was imported;
- `published/saved_model` takes text and needs TensorFlow alone: `babi.model.serving`;
- `published/SHA256SUMS` is of all of these (there, `sha256sum --check SHA256SUMS`).
"""

import os
import pathlib
import sys

if not __package__:  # run as a file: the folder above is the root of imports
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from absl import flags  # noqa: E402

from babi.program import scripts  # noqa: E402
from babi.program.errors import UsageError  # noqa: E402

_CHECKPOINT_FILE = flags.DEFINE_string(
    "checkpoint_file", None, "the checkpoint, such as model/best")
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "the folder to write, which must be empty or not there, and "
    "beside it <output_dir>.keras")
_SAVED_MODEL = flags.DEFINE_bool(
    "saved_model", True, "write the SavedModel too; --nosaved_model: leave it out")


def main():
    """Writes the weights and what belongs to them."""
    if not (_CHECKPOINT_FILE.value and _OUTPUT_DIR.value):
        raise UsageError("--checkpoint_file and --output_dir are needed")
    directory = pathlib.Path(os.path.expanduser(_OUTPUT_DIR.value))
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(f"--output_dir: {directory} is not an empty folder; "
                         f"give another")
    scripts.start_tensorflow()
    import tensorflow

    from babi.model import published

    if published.keras_file(directory).exists():
        raise UsageError(f"--output_dir: {published.keras_file(directory)} is there "
                         f"already; give another")
    try:
        prefix = published.export(_CHECKPOINT_FILE.value, directory, _SAVED_MODEL.value)
    except (OSError, tensorflow.errors.OpError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        place = getattr(error, "filename", None) or directory
        raise UsageError(f"--output_dir: {place}: {reason}; give another") from None
    print(f"Written: {prefix}")


if __name__ == "__main__":
    scripts.run(main)
