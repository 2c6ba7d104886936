"""Phases of a run: settings that change at given updates, within one run.

    --phases="24000 memory_size=64 row_length=320; 60000 learning_rate=1e-4"

Each phase goes on with the settings of the one before, but for those it names.
The learning rate's warm-up and decay are counted from the start of the last phase
that names one of its settings; such a phase has no warm-up unless it names one.
"""

import dataclasses
from typing import Any, NamedTuple

RATE_SETTINGS = ("learning_rate", "learning_rate_schedule", "warmup_steps",
                 "decay_steps", "decay_rate")
# What the training step is made of.
_STEP_SETTINGS = RATE_SETTINGS + (
    "weight_decay", "max_grad_norm", "word_loss", "bypass_dropout", "memory_size")
# What a phase may change: the meaning of the weights does not hang on it.
SETTINGS = _STEP_SETTINGS + (
    "packed_rows", "row_length", "sampling", "task_weights", "error_weights",
    "exchange_names", "keep_names", "retell_task_16", "retold_apart",
    "thin_task_16", "repeat_stories")
_MAX_PHASES = 100


class Phase(NamedTuple):
    """A part of a run.

    Attributes:
      start: updates made before it.
      settings: `config.Config` while it lasts.
      rate_start: the update from which the rate's warm-up and decay are counted.
    """

    start: int
    settings: Any
    rate_start: int

    def has_step_of(self, other):
        """Whether another phase's training step does for this one: the data differ."""
        return self.rate_start == other.rate_start and all(
            getattr(self.settings, name) == getattr(other.settings, name)
            for name in _STEP_SETTINGS)


def without(text, names):
    """The text of phases without some settings; a phase of nothing else goes too.

    Args:
      text: see above.
      names: of the settings.
    """
    phases = []
    for phase in text.split(";"):
        start, *changes = phase.split()
        changes = [change for change in changes
                   if change.partition("=")[0] not in names]
        if changes:
            phases.append(" ".join([start, *changes]))
    return "; ".join(phases) or "none"


def phases_of(config):
    """The `Phase`s of a run of a `config.Config`, first to last.

    Raises:
      ValueError: a phase that can't be read, or settings that it may not change or
        that are out of their range.
    """
    found = [Phase(0, dataclasses.replace(config, phases="none"), 0)]
    if config.phases == "none":
        return found
    for text in config.phases.split(";"):
        start, changes = _read(text, found[-1])
        of_rate = set(changes) & set(RATE_SETTINGS)
        if of_rate:
            changes.setdefault("warmup_steps", 0)
        found.append(Phase(
            start, dataclasses.replace(found[-1].settings, **changes),
            start if of_rate else found[-1].rate_start))
        if len(found) > _MAX_PHASES:
            raise ValueError(f"more than {_MAX_PHASES} phases")
    return found


def changed_later(config, names):
    """{setting: the update from which a phase of a config has its own}, of `names`."""
    later = {}
    for phase in phases_of(config)[1:]:
        for name in names:
            if getattr(phase.settings, name) != getattr(config, name):
                later.setdefault(name, phase.start)
    return later


def phase_at(phases, iteration):
    """Number of the phase in force for the step after `iteration` steps."""
    return max(number for number, phase in enumerate(phases)
               if phase.start <= iteration)


def _read(text, before):
    """(start, {setting: value}) of one phase's text, after the phase `before`."""
    words = text.split()
    start, *parts = words or [""]
    if not (start.isascii() and start.isdigit() and len(start) < 13):
        raise ValueError(f"{text.strip()[:40]!r} does not begin with a number of "
                         f"updates, such as 24000 memory_size=64")
    if int(start) <= before.start:
        raise ValueError(f"the phase at {start} does not come after the one at "
                         f"{before.start}")
    changes = {}
    for part in parts:
        name, _, value = part.partition("=")
        if name not in SETTINGS:
            raise ValueError(f"{name[:40]!r} can't change within a run; these can: "
                             f"{', '.join(SETTINGS)}")
        if name in changes:
            raise ValueError(f"the phase at {start} names {name} twice")
        changes[name] = _value(name, value, getattr(before.settings, name))
        if changes[name] == 0 and name == "packed_rows":
            raise ValueError(f"the phase at {start} has packed_rows=0: stories in rows "
                             f"can't go on in padded batches; give a number of rows")
    if not changes:
        raise ValueError(f"the phase at {start} changes nothing")
    return int(start), changes


def _value(name, text, like):
    """A setting's text as a value of the type of `like`."""
    kind = type(like)
    try:
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        return kind(text)
    except (ValueError, KeyError):
        raise ValueError(f"{name}={text[:40]!r} is not a value such as "
                         f"{like!r}") from None
