"""The settings as flags of the command line, and --preset."""

import dataclasses

from absl import flags

from babi.config import Config
from babi.presets import PRESETS
from babi.stories.tasks import parse_tasks


class _TasksParser(flags.ArgumentParser):
    """Reads a choice of tasks from the command line."""

    syntactic_help = "task numbers, such as 1,2,19 or 1-5, or all"

    def parse(self, argument):
        return argument if isinstance(argument, tuple) else parse_tasks(argument)


class _TasksSerializer(flags.ArgumentSerializer):
    """Writes a choice of tasks as a flag's value."""

    def serialize(self, value):
        return ",".join(map(str, value))


def define_flags(values=flags.FLAGS):
    """Defines a command-line flag for every setting, and --preset."""
    flags.DEFINE_enum("preset", "paper", list(PRESETS), "named settings, as in "
                      "babi/presets.py; flags given besides override them",
                      flag_values=values)
    define = {int: flags.DEFINE_integer, float: flags.DEFINE_float,
              bool: flags.DEFINE_bool, str: flags.DEFINE_string}
    for field in dataclasses.fields(Config):
        description = field.metadata["description"]
        if field.name == "tasks":
            flags.DEFINE(_TasksParser(), field.name, field.default, description,
                         serializer=_TasksSerializer(), flag_values=values)
        else:
            define[type(field.default)](
                field.name, field.default, description, flag_values=values)


def from_flags(values=flags.FLAGS):
    """Config of the parsed flags: the preset's settings, but for the flags given.

    Raises:
      ConfigError: a flag out of its range.
    """
    given = {field.name: values[field.name].value
             for field in dataclasses.fields(Config) if values[field.name].present}
    return Config(**PRESETS[values.preset] | given)
