"""Writes a trained model for publishing: weights without the optimizer's slots.

    python3 babi/export.py --checkpoint_file=model/best --output_dir=published

The folder holds the checkpoint `model.ckpt-<iteration>`, the run's settings and
vocabulary, and SHA256SUMS (`sha256sum --check SHA256SUMS`). `babi/test.py` takes it
as any run directory.
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

SUMS_FILE = "SHA256SUMS"
_CHECKPOINT_FILE = flags.DEFINE_string(
    "checkpoint_file", None, "the checkpoint, such as model/best")
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "the folder to write; it must be empty or not there")


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
        print(f"Written: {export(_CHECKPOINT_FILE.value, directory)}")
    except OSError as error:
        raise UsageError(f"--output_dir: {error.filename or directory}: "
                         f"{error.strerror}; give another") from None


def export(checkpoint_file, directory):
    """Writes a checkpoint's weights and what they need into a folder.

    Returns:
      The prefix of the checkpoint written, a pathlib.Path.
    """
    import numpy as np

    from babi.data.run_data import VOCABULARY_FILE
    from babi.model import checkpoints, trained
    from babi.model.answerer import named_weights

    model = trained.load(checkpoint_file)
    directory.mkdir(parents=True, exist_ok=True)
    prefix = directory / f"{checkpoints.PREFIX}-{model.iteration}"
    weights = {name: variable.numpy()
               for name, variable in named_weights(model.model).items()}
    checkpoints.write(prefix, weights | {"iteration": np.int64(model.iteration),
                                         "run_state": model.state.to_json()})
    model.record.write(directory)
    model.vocabulary.save(directory / VOCABULARY_FILE)
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
                   for path in sorted(directory.iterdir()))
    write_atomically(directory / SUMS_FILE, sums.encode())
    return prefix


if __name__ == "__main__":
    scripts.run(main)
