"""Whether settings are in their range and go together; see `babi.config`."""

import ctypes
import dataclasses
import math
import os

from babi.phases import phases_of
from babi.program.errors import UsageError
from babi.simulator import Options, check_options
from babi.stories.source import DEFAULT_VARIANT, OWN, SIMULATED

NONE = "none"

# Who shares the work of a step; see `babi.training.replicas`.
MIRRORED = "mirrored"
MULTI_WORKER = "multi_worker"
STRATEGIES = (NONE, MIRRORED, MULTI_WORKER)

SHOWN = 60  # letters of a value in an error message

_CONTROLLERS = ("lstm", "gru", "feedforward")
# About the official stories, and no others.
OF_OFFICIAL = ("fill_tasks", "exchange_names", "keep_names", "thin_task_16")
_OF_BABI = ("variant", "retell_task_16", *OF_OFFICIAL)


class ConfigError(UsageError):
    """A setting that can't be used: one line with its name and the way out."""


def check(config):
    """Raises ConfigError unless a `config.Config` can be followed."""
    for field in dataclasses.fields(config):
        _check_value(field, getattr(config, field.name), config.task_numbers)
    if config.learning_rate_schedule != "constant" and not config.decay_steps:
        raise ConfigError(
            f"--learning_rate_schedule={config.learning_rate_schedule} needs "
            f"--decay_steps, the number of updates over which the rate falls")
    _check_model(config)
    if config.data == OWN:
        _check_own(config)
    if config.data == SIMULATED:
        _check_simulated(config)
    else:
        _check_files(config)
    _check_weights(config)
    _check_phases(config)


def _check_value(field, value, tasks):
    """Raises ConfigError if a value is not of the field's type or in its range."""
    kind, limits = type(field.default), field.metadata["limits"]
    if field.name == "tasks":
        expected = (f"task numbers from 1 to {len(tasks)} in ascending order, "
                    f"each once")
        good = (isinstance(value, tuple) and bool(value)
                and all(type(task) is int and task in tasks for task in value)
                and list(value) == sorted(set(value)))
    elif "choices" in limits:
        expected = f"one of {', '.join(limits['choices'])}"
        good = value in limits["choices"]
    elif kind in (bool, str):
        expected = f"a value such as {field.default!r}"
        good = type(value) is kind and value != ""
    else:
        expected, good = _number_check(kind, value, **limits)
    if not good:
        raise ConfigError(f"--{field.name}={shown(value)}: {expected} is expected")


def _number_check(kind, value, minimum=None, maximum=None, above=None):
    """(what is expected, whether value is that) for a number."""
    expected = "a whole number" if kind is int else "a finite number of 32 bits"
    maximum = 2 ** 63 - 1 if kind is int and maximum is None else maximum
    good = type(value) is kind and (kind is int or _fits(value))
    if minimum is not None:
        expected += f", at least {minimum:,}"
        good = good and value >= minimum
    if maximum is not None:
        expected += f", at most {maximum:,}"
        good = good and value <= maximum
    if above is not None:
        expected += f", more than {above:,}"
        good = good and value > above
    return expected, good


def _fits(value):
    """Whether a float is finite, and no 0 if it is none, in the bits of a weight."""
    narrow = ctypes.c_float(value).value
    return math.isfinite(narrow) and (narrow != 0 or value == 0)


def _check_model(config):
    layers = config.controller.split(",")
    strange = [name for name in layers if name not in _CONTROLLERS]
    if strange:
        raise ConfigError(
            f"--controller={shown(config.controller)}: {shown(strange[0])!r} is none "
            f"of {', '.join(_CONTROLLERS)}")
    if config.layer_norm and set(layers) != {"lstm"}:
        raise ConfigError(f"--layer_norm is of the LSTM's gates, which "
                          f"--controller={config.controller} has not; leave out one")
    if config.sharpened_links and not config.temporal_links:
        raise ConfigError("--sharpened_links sharpens the temporal links, which "
                          "--notemporal_links leaves out; give one of the two")


def _check_own(config):
    for field in dataclasses.fields(config):
        if field.name in _OF_BABI and getattr(config, field.name) != field.default:
            raise ConfigError(f"--{field.name} is about the bAbI tasks; leave it out "
                              f"with --stories")


def _check_simulated(config):
    _check_default_variant(config, "data")
    if config.fill_tasks != "none":
        raise ConfigError(f"--fill_tasks={config.fill_tasks} fills official data; "
                          f"leave it out with --data={SIMULATED}")
    try:
        check_options(config.tasks, config.simulator_options())
    except ValueError as fault:
        raise ConfigError(f"simulated stories: {fault}") from None


def _check_files(config):
    if config.fill_tasks == SIMULATED:
        _check_default_variant(config, "fill_tasks")
    given = [field.name for field in dataclasses.fields(Options)
             if getattr(config, field.name)]
    if config.repeat_stories != NONE:
        given.append("repeat_stories")
    if given:
        raise ConfigError(f"--{given[0]} is about simulated stories; give "
                          f"--data={SIMULATED}, or leave it out")


def _check_default_variant(config, setting):
    """Raises ConfigError if simulated stories are to be those of another variant."""
    if config.variant != DEFAULT_VARIANT:
        raise ConfigError(
            f"--{setting}={SIMULATED}: the simulated stories are in the place of "
            f"{DEFAULT_VARIANT}; leave out --variant={config.variant}")


def _check_weights(config):
    """Raises ConfigError if tasks can't be drawn, or names exchanged, as asked for."""
    try:
        weights = config.weights()
    except ValueError as fault:
        raise ConfigError(f"--task_weights: {fault}") from None
    _check_named("task_weights", weights, config)
    if not any(weights.get(task, 1.0) for task in config.tasks):
        raise ConfigError("--task_weights leaves no task to train on; give one of them "
                          "a weight above 0")
    validated = config.packed_rows and config.validation_interval
    if config.error_weights and not validated:
        raise ConfigError("--error_weights needs validations and --packed_rows, rows "
                          "of stories that it can go on with in other shares")
    for name in ("exchange_names", "thin_task_16", "retell_task_16"):
        if getattr(config, name) and not config.variant.startswith("en"):
            raise ConfigError(f"--{name} is about stories in English; leave it out")
    if config.exchange_names and config.data == SIMULATED:
        raise ConfigError("--exchange_names is about the official stories; leave it "
                          "out")
    for name in ("keep_names", "repeat_stories"):
        try:
            config.tasks_of(name)
        except ValueError as fault:
            raise ConfigError(f"--{name}: {fault}") from None
    _check_named("repeat_stories", config.tasks_of("repeat_stories"), config)
    if config.thin_task_16 and (config.retell_task_16 or config.data == SIMULATED):
        raise ConfigError("--thin_task_16 is about the official stories as they are; "
                          "--retell_task_16 changes any: give that one alone")


def _check_named(setting, tasks, config):
    """Raises ConfigError if a setting names tasks that are not trained on."""
    strange = sorted(set(tasks) - set(config.tasks))
    if strange:
        raise ConfigError(f"--{setting} names task {strange[0]}, which --tasks does "
                          f"not; leave it out, or train on it too")


def _check_phases(config):
    if config.phases == NONE:
        return
    if not config.packed_rows:
        raise ConfigError("--phases needs --packed_rows, rows of stories that it can "
                          "go on with in another shape")
    try:
        phases_of(config)
    except ValueError as fault:
        raise ConfigError(f"--phases: {fault}") from None


def shown_apart(one, other, limit=SHOWN):
    """Two values as `shown` does; long ones from a little before they differ."""
    texts = [shown(value, None) for value in (one, other)]
    if limit is not None and max(map(len, texts)) > limit:
        start = len(os.path.commonprefix(texts)) - limit // 3
        texts = [f"...{text[start:]}" if start > 0 else text for text in texts]
    return [shown(text, limit) for text in texts]


def shown(value, limit=SHOWN):
    """A value for an error message, on one line and not too long, if there is a limit.
    """
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    text = str(value) if isinstance(value, (str, int, float)) else repr(value)
    text = " ".join(text.split())
    return text if limit is None or len(text) <= limit else text[:limit] + "..."
