"""Trains a DNC on the bAbI tasks.

    python3 babi/train.py --checkpoint_dir=model --num_training_iterations=590000

The same command goes on where an interrupted run stopped. It trains on the official
data en-10k; where there are none and no network, on simulated stories, which
--data=simulated asks for and --data=official forbids. The other defaults are those of
the paper's DNC1; --preset=joint learns far faster.
"""

import os
import sys

if not __package__:  # run as a file: the folder above is the root of imports
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from absl import flags  # noqa: E402

from babi import command_line, config  # noqa: E402
from babi.program import scripts  # noqa: E402
from babi.program.errors import UsageError  # noqa: E402
from babi.program.progress import Progress  # noqa: E402
from babi.stories.source import SIMULATED  # noqa: E402
from babi.training import replicas  # noqa: E402

command_line.define_flags()
_CHECKPOINT_DIR = flags.DEFINE_string(
    "checkpoint_dir", "model", "directory of the run: checkpoints, settings, log, "
    "TensorBoard events; a run in it is continued")
DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "folder or .tar.gz with the bAbI tasks; without it a cached "
    "copy is used, or the data are downloaded")
_CHANGE_SETTINGS = flags.DEFINE_bool(
    "change_settings", False, "continue a run with other settings of the optimizer "
    "or another number of slots than it was started with; the change is recorded")


def main():
    """Trains as the flags say."""
    train(command_line.from_flags())


def train(settings, compiled=True):
    """Trains in the directory that the flags name, to the last iteration.

    Args:
      settings: `config.Config`.
      compiled: False runs the step eagerly.
    """
    if settings.data == SIMULATED and DATA_DIR.value is not None:
        raise UsageError("--data_dir has official data; leave it out with "
                         "--data=simulated")
    if settings.strategy != config.NONE and not compiled:
        raise UsageError(f"--strategy={settings.strategy} is for "
                         f"babi/train.py; leave it out")
    scripts.start_tensorflow()
    from babi.training.start import open_run

    replicas.prepare(settings.strategy, settings.packed_rows or settings.batch_size)
    workers = replicas.Replicas(settings.strategy)
    progress = Progress(settings.num_training_iterations)
    with workers.together(), open_run(
            _CHECKPOINT_DIR.value, DATA_DIR.value, settings, _CHANGE_SETTINGS.value,
            progress, compiled, data_chosen(), workers) as run:
        run.train()


def data_chosen():
    """Whether the flags say which data to train on."""
    return DATA_DIR.value is not None or any(
        flags.FLAGS[name].present for name in ("data", "fill_tasks"))


if __name__ == "__main__":
    scripts.run(main, huge_pages=True)
