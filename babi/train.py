"""Trains a DNC on the bAbI tasks.

    python3 babi/train.py --checkpoint_dir=model --num_training_iterations=590000

The same command goes on where an interrupted run stopped. It trains on the official
data en-10k; where there are none and no network, on simulated stories, which
--data=simulated asks for and --data=official forbids; --stories=FILE_OR_FOLDER gives
stories of your own. The other defaults are those of the paper's DNC1; --preset=joint
learns far faster.
"""

import os
import sys

if not __package__:  # run as a file: the folder above is the root of imports
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from babi.program.allocator import restart_with_huge_pages  # noqa: E402

if __name__ == "__main__":
    restart_with_huge_pages()  # before all that would have to be imported again

from absl import flags  # noqa: E402

from babi import checks, command_line, phases  # noqa: E402
from babi.program import scripts  # noqa: E402
from babi.program.errors import UsageError  # noqa: E402
from babi.program.progress import Progress  # noqa: E402
from babi.stories.own import open_own  # noqa: E402
from babi.stories.source import OWN, SIMULATED  # noqa: E402
from babi.training import replicas  # noqa: E402

_CHECKPOINT_DIR = flags.DEFINE_string(
    "checkpoint_dir", "model", "directory of the run: checkpoints, settings, log, "
    "TensorBoard events; a run in it is continued")
command_line.define_flags()
_DATA_DIR = command_line.define_data_dir()
flags.adopt_module_key_flags(command_line)  # for --help
_STORIES = flags.DEFINE_string(
    "stories", None, "a file or a folder with stories of your own to train on, each "
    "file a task; see docs/own-data.md")
_TEST_STORIES = flags.DEFINE_string(
    "test_stories", None, "a file or a folder with test stories for --stories; without "
    "any a share of the stories is kept for the test")
_CHANGE_SETTINGS = flags.DEFINE_bool(
    "change_settings", False, "continue a run with other settings than it was started "
    "with, of those that may change: learning rate and the like, losses, dropout, "
    "slots, how tasks are drawn and told, --phases; the change is recorded")


def main():
    """Trains as the flags say."""
    return train(*settings_and_data())


def settings_and_data():
    """(`config.Config`, where its data are, as for `run_data.load`) of the flags."""
    if _STORIES.value is None:
        if _TEST_STORIES.value is not None:
            raise UsageError("--test_stories belong to stories to train on; give them "
                             "with --stories")
        settings = command_line.from_flags()
        if settings.data == OWN:
            raise UsageError("--data=own is said by --stories=FILE_OR_FOLDER; give it")
        if settings.data == SIMULATED and _DATA_DIR.value is not None:
            raise UsageError("--data_dir has official data; leave it out with "
                             "--data=simulated")
        return settings, _DATA_DIR.value
    for name in ("data_dir", "data"):
        if flags.FLAGS[name].present and flags.FLAGS[name].value != OWN:
            raise UsageError(f"--stories and --{name} both say what to train on; give "
                             f"one")
    source = open_own(_STORIES.value, _TEST_STORIES.value)
    return command_line.from_flags(own_titles=source.titles), source


def prepare(settings, compiled=True):
    """Starts TensorFlow with the devices and threads of the settings; once or again."""
    if settings.strategy != checks.NONE and not compiled:
        raise UsageError(f"--strategy={settings.strategy} is for babi/train.py; give "
                         f"--strategy={checks.NONE}")
    scripts.start_tensorflow()
    replicas.prepare(settings.strategy, settings.packed_rows or settings.batch_size,
                     settings.memory_size)


def train(settings, data, compiled=True):
    """Trains in the directory that the flags name, to the last iteration.

    Args:
      settings: `config.Config`.
      data: where the data are, as for `run_data.load`.
      compiled: False runs the step eagerly.

    Returns:
      The script's exit code: see `loop.Run.train`.
    """
    prepare(settings, compiled)
    from babi.training.start import open_run

    workers = replicas.Replicas(settings.strategy)
    progress = Progress(settings.num_training_iterations)
    _tell_of_phases(settings, progress)
    with workers.together(), open_run(
            _directory(), data, settings, _CHANGE_SETTINGS.value,
            progress, compiled, data_chosen(), workers) as run:
        return run.train()


def _tell_of_phases(settings, progress):
    """Tells which flags hold for a part of the training only, as the preset is."""
    if flags.FLAGS["phases"].present:
        return
    given = [name for name in phases.SETTINGS if flags.FLAGS[name].present]
    for name, start in phases.changed_later(settings, given).items():
        progress.line(f"--{name} holds to update {start:,}: from there the preset's "
                      f"--phases give another")


def _directory():
    """The directory of the run."""
    if not _CHECKPOINT_DIR.value:
        raise UsageError("--checkpoint_dir= names none; give the directory of the run")
    return os.path.expanduser(_CHECKPOINT_DIR.value)


def data_chosen():
    """Whether the flags say which data to train on."""
    return any(flags.FLAGS[name].present
               for name in ("data", "data_dir", "stories", *checks.OF_OFFICIAL))


if __name__ == "__main__":
    scripts.run(main)
