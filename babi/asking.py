"""What the scripts share that ask trained models: whose stories they ask about."""

import sys

from absl import flags

from babi import command_line
from babi.data.simulated import SimulatedSource
from babi.program.errors import UsageError
from babi.stories.download import NoDataError, open_source
from babi.stories.own import open_recorded
from babi.stories.source import OFFICIAL, OWN, SIMULATED

CHECKPOINT_FILE = flags.DEFINE_list(
    "checkpoint_file", None, "checkpoints, such as model/model.ckpt-590000, "
    "model/best, or a run directory for its newest; several separated by commas")
DATA_DIR = command_line.define_data_dir()
flags.adopt_module_key_flags(command_line)  # for --help
DATA = flags.DEFINE_enum(
    "data", None, (OFFICIAL, SIMULATED), "stories to ask about; default: official, or "
    "for models of simulated stories, where there are no official ones, simulated; "
    "these are of the model's seed and options and not among those trained on")
VARIANT = flags.DEFINE_string(
    "variant", None, "folder of the archive to ask about; default: the one trained on")
STORIES = flags.DEFINE_string(
    "stories", None, "where the stories of your own lie that the model was trained on; "
    "default: where they lay then")
TEST_STORIES = flags.DEFINE_string(
    "test_stories", None, "a file or a folder with stories of your own to test on, for "
    "the tasks trained on; default: those of the run")


def source(record, tasks, fall_back=False):
    """Where the stories come from.

    Args:
      record: `record.RunRecord` of the model, or of the first one.
      tasks: tasks to ask about.
      fall_back: take simulated stories where there are no official ones, even if the
        model was trained on official ones.

    Raises:
      UsageError: data that can't be had or used.
    """
    if record.config.data == OWN:
        return _own(record)
    for name in ("stories", "test_stories"):
        if flags.FLAGS[name].present:
            raise UsageError(f"--{name} is for models that were trained on stories of "
                             f"one's own; babi/ask.py --story_file puts a story to any")
    return _of_babi(record.config, tasks, fall_back)


def kind(source, split):
    """Which stories of a source these are, as people are told: with "test", say."""
    return f"simulated {split}" if isinstance(source, SimulatedSource) else split


def _own(record):
    """The stories of one's own that a run was trained on, with those to test on."""
    for name in ("data", "data_dir", "variant"):
        if flags.FLAGS[name].present:
            raise UsageError(f"--{name} is about the bAbI tasks, and this model's "
                             f"stories are one's own; leave it out")
    return open_recorded(record.data, STORIES.value, TEST_STORIES.value)


def _of_babi(config, tasks, fall_back):
    """Official or simulated stories, as for `source`."""
    if DATA.value != SIMULATED:
        try:
            return open_source(DATA_DIR.value, VARIANT.value or config.variant)
        except NoDataError:
            fall_back = fall_back or config.data == SIMULATED
            if DATA.value == OFFICIAL or not fall_back:
                raise
        print("No official bAbI data here, and none could be downloaded: taking "
              "simulated test stories.", file=sys.stderr, flush=True)
    else:
        for name in ("data_dir", "variant"):
            if flags.FLAGS[name].present:
                raise UsageError(f"--{name} is about official data; leave it out with "
                                 f"--data=simulated")
    if config.data == SIMULATED:  # the options are about all of these
        tasks = config.tasks
    return SimulatedSource(tasks, config.simulator_seed, config.simulator_options())
