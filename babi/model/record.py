"""What a run directory says about its run: `config.json`, readable and complete."""

import dataclasses
import json
import pathlib
from typing import Any

from babi.checks import ConfigError, shown
from babi.config import Config
from babi.program.files import write_atomically
from babi.stories.source import OWN

RECORD_FILE = "config.json"
RECORD_FORMAT = 1
# Settings that came after the first records of this format: their defaults are what was
# done before they came.
_ADDED = ("initial_weights", "input_stddev", "read_stddev", "task_weights",
          "thin_task_16", "word_loss", "bypass_dropout", "phases",
          "weight_decay", "ema_momentum", "error_weights", "exchange_names",
          "layer_norm", "interface_norm", "masked_content", "deallocation",
          "sharpened_links", "temporal_links", "controller", "keep_names",
          "retell_task_16", "retold_apart", "repeat_stories")


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """What a run directory says about its run, kept as `config.json`.

    Attributes:
      config: the settings.
      data: identity of the training data: where it came from, its hash, how much.
      packages: {package: version} of what the run was started with.
      changes: what was changed since, one text a change, oldest first.
    """

    config: Config
    data: dict[str, Any]
    packages: dict[str, str]
    changes: tuple[str, ...] = ()

    def to_json(self):
        """The record as readable JSON."""
        return json.dumps({"format": RECORD_FORMAT,
                           "settings": dataclasses.asdict(self.config),
                           "data": self.data,
                           "packages": self.packages,
                           "changes": self.changes}, indent=2) + "\n"

    def without_places(self):
        """The record to be published: names in the place of the owner's folders."""
        data = self.data | {key: pathlib.Path(self.data[key]).name
                            for key in ("stories", "test_stories")
                            if self.data.get(key)}
        weights = "/".join(pathlib.Path(self.config.initial_weights).parts[-2:]) or "."
        return dataclasses.replace(self, data=data, config=dataclasses.replace(
            self.config, initial_weights=weights))

    @classmethod
    def from_json(cls, text, place):
        """Reads `to_json`'s text; `place` is the file's name for errors.

        Raises:
          ConfigError: not a record, or a setting that is missing, unknown or out of
            its range.
        """
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{place}: not JSON ({shown(error)}); restore the "
                              f"file, or start in another directory") from None
        parts = {"settings": dict, "data": dict, "packages": dict, "changes": list}
        if not (isinstance(record, dict) and record.get("format") == RECORD_FORMAT
                and all(type(record.get(name)) is kind
                        for name, kind in parts.items())):
            raise ConfigError(
                f"{place}: not a run's record of format {RECORD_FORMAT} (an object "
                f"with {', '.join(parts)}); restore the file, or start in another "
                f"directory")
        try:
            config = _config_from_dict(record["settings"])
            _check_own_data(config, record["data"])
            return cls(config, record["data"],
                       {str(k): str(v) for k, v in record["packages"].items()},
                       tuple(map(str, record["changes"])))
        except ConfigError as fault:
            raise ConfigError(f"{place}: {fault}") from None

    def write(self, directory):
        """Writes the record into a run directory, at once or not at all."""
        path = pathlib.Path(directory) / RECORD_FILE
        write_atomically(path, self.to_json().encode())

    @classmethod
    def read(cls, directory):
        """Reads a run directory's record.

        Raises:
          ConfigError: there is none, or it can't be used.
        """
        path = pathlib.Path(directory) / RECORD_FILE
        try:
            text = path.read_text("utf-8", "replace")
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}; a checkpoint needs the "
                              f"{RECORD_FILE} of its run beside it") from None
        return cls.from_json(text, path)


def same_data(one, other):
    """Whether two identities of data, as `RunRecord.data`, are of the same stories."""
    return all(one.get(key) == other.get(key) for key in ("sha256", "filled"))


def _check_own_data(config, data):
    """Raises ConfigError if the record of own stories does not say which they are."""
    names = data.get("tasks")
    if config.data != OWN and "tasks" not in data:
        return
    good = (config.data == OWN and isinstance(names, list)
            and all(isinstance(name, str) for name in names)
            and config.tasks[-1] <= len(names)
            and isinstance(data.get("stories"), str)
            and isinstance(data.get("files"), dict)
            and isinstance(data.get("test_stories"), str | None))
    if not good:
        raise ConfigError("it does not say what stories it was trained on; the record "
                          "was made by another version or was changed by hand")


def _config_from_dict(settings):
    """Config of a record's settings: all must be there but `_ADDED`, and no other."""
    names = {field.name for field in dataclasses.fields(Config)}
    settings = {name: getattr(Config, name) for name in _ADDED} | settings
    for name in sorted(names.symmetric_difference(settings)):
        state = "is missing" if name in names else "is unknown"
        raise ConfigError(f"the setting {shown(name)} {state}; the record was made "
                          f"by another version or was changed by hand")
    tasks = settings["tasks"]
    tasks = tuple(tasks) if isinstance(tasks, list) else tasks
    # Programs that rewrite JSON make 1 of 1.0.
    whole = {field.name: float(settings[field.name])
             for field in dataclasses.fields(Config)
             if type(field.default) is float and type(settings[field.name]) is int
             and abs(settings[field.name]) < 2**53}
    return Config(**(settings | whole | {"tasks": tasks}))
