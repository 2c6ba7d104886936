"""The settings as flags of the command line, --preset and --data_dir."""

import dataclasses
import re

from absl import flags

from babi.checks import ConfigError
from babi.config import Config
from babi.presets import PRESETS
from babi.stories.source import OWN, SIMULATED
from babi.stories.tasks import TASK_TITLES, parse_tasks


def define_flags(values=flags.FLAGS):
    """Defines a command-line flag for every setting, and --preset."""
    flags.DEFINE_enum("preset", "paper", list(PRESETS), "named settings, as in "
                      "babi/presets.py; flags given besides override them",
                      flag_values=values)
    define = {int: flags.DEFINE_integer, float: flags.DEFINE_float,
              bool: flags.DEFINE_bool, str: flags.DEFINE_string}
    for field in dataclasses.fields(Config):
        description = field.metadata["description"]
        choices = field.metadata["limits"].get("choices")
        if choices:
            description += f" ({', '.join(choices)})"
        if field.name == "tasks":
            flags.DEFINE_string(field.name, "all", description, flag_values=values)
        else:
            define[type(field.default)](
                field.name, field.default, description, flag_values=values)


def define_data_dir():
    """The flag that says where the bAbI tasks are."""
    return flags.DEFINE_string(
        "data_dir", None, "folder, .tar.gz or .zip with the bAbI tasks; without it a "
        "cached copy is used, or the data are downloaded")


def from_flags(values=flags.FLAGS, own_titles=None):
    """Config of the parsed flags: the preset's settings, but for the flags given.

    Args:
      values: the flags.
      own_titles: `{task: name}` of stories of one's own, if there are any.

    Raises:
      ConfigError: a flag out of its range.
    """
    given = {field.name: values[field.name].value
             for field in dataclasses.fields(Config) if values[field.name].present}
    if own_titles:
        given = {"data": OWN, "tasks": "all"} | given
        _check_preset(values.preset)
    if "tasks" in given:
        try:
            given["tasks"] = parse_tasks(given["tasks"], own_titles or TASK_TITLES)
        except ValueError as fault:
            raise ConfigError(f"--{fault}") from None
    settings = Config(**PRESETS[values.preset])
    if given.get("data") == SIMULATED:
        settings = settings.on_simulated_stories()
    try:
        return dataclasses.replace(settings, **given)
    except ConfigError as fault:
        name = re.match(r"--(\w+)", str(fault))
        if name is None or name[1] in given or name[1] not in PRESETS[values.preset]:
            raise
        raise ConfigError(f"{fault} (--preset={values.preset} has it: give another "
                          f"--{name[1]}, or another preset)") from None


def _check_preset(name):
    """Raises ConfigError for a preset that can't be followed with one's own stories."""
    for setting in ("data", "fill_tasks", "task_weights", "phases"):
        if setting in PRESETS[name]:
            raise ConfigError(f"--preset={name} is made for the bAbI tasks (its "
                              f"{setting}); with --stories take quick or paper, and "
                              f"flags besides")
