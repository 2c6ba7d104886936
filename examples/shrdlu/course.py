"""How the network is trained, lesson by lesson, and how its moves are judged."""

from typing import NamedTuple

import numpy as np

from examples.lessons.epochs import Epoch, batches_of, stream
from examples.lessons.network import adam
from examples.shrdlu.boards import boards
from examples.shrdlu.player import BlockPlayer
from examples.shrdlu.puzzles import make_batch

# A lesson is complete when such a share of constraints holds in the end; the last one
# ends the training.
COMPLETE, FINISHED = 0.85, 0.99


class Episodes(Epoch):
    """The training batches of an epoch of puzzles."""

    def batch(self, rng):
        lesson = self.lessons[self.lesson]
        puzzles = stream(self.lessons, self.lesson, rng)
        return (make_batch([next(puzzles) for _ in range(self.shape[0])], lesson.length,
                           lesson.most, rng, lesson.taught, lesson.tries),)


class BlockPlan(NamedTuple):
    """A network and how it is trained; see `examples.lessons`.

    Attributes:
      lessons: the curriculum, of `puzzles.Lesson`.
      units: of each layer of the LSTM.
      word_size, read_heads: of the memory; 0 heads for an LSTM alone, of one layer.
      rows: episodes of a batch.
      updates: between two evaluations.
      rate, acting_rate: the learning rate where a planner teaches, and that of actor
        and critic.
      falling: updates in which either falls to a tenth.
      decay: lambda of the advantages.
      entropy: how much an action's entropy counts.
      recall: how much it counts to name the constraints that are asked for.
      counted: reward the number of constraints that hold, not their share.
      mover: units of the hidden layers of a network that sees what is recalled laid
        over the board (`player.between_squares`), and adds its scores of actions to the
        layer's; empty for none.
      layers: of the LSTM.
    """

    lessons: tuple
    units: int = 128
    word_size: int = 32
    read_heads: int = 4
    rows: int = 32
    updates: int = 400
    rate: float = 3e-3
    falling: int = 60_000
    acting_rate: float = 2e-4
    decay: float = 0.75
    entropy: float = 0.02
    recall: float = 0.5
    counted: bool = False
    mover: tuple = (512, 512)
    layers: int = 1

    def build(self, slots):
        """A `BlockPlayer` with weights; none of them depends on `slots`."""
        model = BlockPlayer(self, slots)
        model.build()
        return model

    def compile(self, model, lesson):
        """Adam, with the rate of what the lesson learns from."""
        taught = self.lessons[lesson].taught > 0
        model.compile(adam(self.rate if taught else self.acting_rate, self.falling),
                      jit_compile=True)
        model.optimizer.build(model.trainable_variables)

    def shape(self, lesson):
        """What wants another compiled model when it changes."""
        lesson = self.lessons[lesson]
        return (lesson.slots, lesson.length, lesson.most, lesson.taught > 0,
                lesson.tries)

    def epoch(self, lesson, seed):
        """The training batches of an epoch."""
        return Episodes(self.lessons, self.updates, self.rows,
                        self.lessons[lesson].length, seed)

    def examine(self, model, lesson, rng, count):
        """Shares of new episodes of a lesson, most likely actions: see `judge`."""
        lesson = self.lessons[lesson]
        puzzles = [lesson.draw(rng) for _ in range(count)]
        return evaluate(model, puzzles, self.rows, lesson.length, lesson.most)

    def is_complete(self, lesson, shares):
        """Whether a lesson is, with these shares of `examine`."""
        counts = "named" if self.lessons[lesson].recital else "satisfied"
        last = lesson + 1 == len(self.lessons)
        return shares[counts] >= (FINISHED if last else COMPLETE)


def evaluate(model, puzzles, rows, length, most):
    """How good a network's moves are, with most likely actions.

    Args:
      model: `BlockPlayer`.
      puzzles: list of `Puzzle`.
      rows: of a batch; the last is filled up with puzzles that do not count.
      length, most: see `puzzles.make_batch`.

    Returns:
      {name: share}: see `judge`, and their means.
    """
    results = []
    for batch, filled in batches_of(puzzles, rows):
        played = model.predict_on_batch(make_batch(filled, length, most))
        named = played.get("named", [()] * rows)  # a random player names nothing
        results += [judge(*each) for each in zip(batch, played["boards"], named)]
    return {name: float(np.mean([result[name] for result in results]))
            for name in results[0]}


def judge(puzzle, passed, named=()):
    """What an episode came to.

    Args:
      puzzle: `Puzzle`.
      passed: `[M + 1]` boards, from the start on; the last one is the end.
      named: `[T, CONSTRAINTS]` scores of what is recalled before the moves.

    Returns:
      {"perfect": whether the goal was reached with the least moves and kept, "success":
      whether it holds in the end without that, "incomplete": neither; "satisfied":
      the share of the goal's constraints that hold in the end; "named": the share of
      the letters shown whose constraints are named, all and no others}.
    """
    holds = boards().holds[passed][:, puzzle.goal]
    reached = holds.all(axis=1)
    perfect = bool(reached[-1] and reached[puzzle.least:].all())
    letters = (*puzzle.rehearsed, puzzle.asked)
    right = [set(np.flatnonzero(scores > 0)) == set(puzzle.goals[letter])
             for letter, scores in zip(letters, named[-len(letters):])]
    return {"perfect": perfect, "success": bool(reached[-1]) and not perfect,
            "incomplete": not reached[-1], "satisfied": float(holds[-1].mean()),
            "named": float(np.mean(right)) if right else 0.0}
