"""A trained model out of a run directory, with all that belongs to it."""

import dataclasses
import pathlib
from typing import NamedTuple

from babi.config import Config
from babi.data.run_data import VOCABULARY_FILE
from babi.data.vocabulary import Vocabulary
from babi.model import checkpoints
from babi.model.answerer import AVERAGE, QuestionAnswerer, build_model, named_weights
from babi.model.record import RunRecord
from babi.model.run_state import RunState
from babi.phases import phase_at, phases_of


class Trained(NamedTuple):
    """A trained model.

    Attributes:
      prefix: path of its checkpoint.
      model: the model with the checkpoint's weights.
      vocabulary: its words.
      record: record of the run.
      settings: `config.Config` of the phase that it was last trained in, with the
        slots that it had then.
      iteration: iterations it was trained for.
      state: the rest of the run's state at that iteration.
    """

    prefix: pathlib.Path
    model: QuestionAnswerer
    vocabulary: Vocabulary
    record: RunRecord
    settings: Config
    iteration: int
    state: RunState


def load(path, jit=True, reuse=None):
    """The `Trained` of a checkpoint and what stands beside it.

    The weights are their averages, if the run kept these.

    Args:
      path: as for `checkpoints.resolve`.
      jit: whether the model is to be compiled with XLA.
      reuse: a `Trained` whose model takes the weights, if it has the same settings and
        words; it is of no use afterwards.

    Raises:
      DataError, ConfigError: checkpoint, record or vocabulary can't be used.
    """
    prefix = checkpoints.resolve(path)
    record = RunRecord.read(prefix.parent)
    vocabulary = Vocabulary.load(prefix.parent / VOCABULARY_FILE)
    arrays = checkpoints.read(prefix)
    checkpoints.check(arrays, {"iteration": ((), "int64"), "run_state": ((), "S")},
                      prefix)
    iteration = int(arrays["iteration"])
    state = RunState.from_json(arrays["run_state"])
    phases = phases_of(record.config)
    phases = phases[:phase_at(phases, max(iteration - 1, 0)) + 1]
    if not state.told:
        state.note(phases)
    # A run may have gone on with more slots than this checkpoint had.
    settings = dataclasses.replace(phases[-1].settings, memory_size=state.slots)
    if reuse and (reuse.settings, reuse.vocabulary) == (settings, vocabulary):
        model = reuse.model
    else:
        model = build_model(dataclasses.replace(settings, jit=jit), vocabulary.words)
    weights = named_weights(model)
    checkpoints.check(arrays, {name: (variable.shape, variable.dtype)
                               for name, variable in weights.items()}, prefix)
    for name, variable in weights.items():
        variable.assign(arrays.get(f"{AVERAGE}{name}", arrays[name]))
    return Trained(prefix, model, vocabulary, record, settings, iteration, state)
