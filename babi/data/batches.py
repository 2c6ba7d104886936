"""Batches of fixed shapes, and training that goes on exactly where it stopped.

`PackedBatches` puts several stories into each row, one after the other, and marks
where the model's state starts anew; hardly a step is wasted and there are few shapes
in all. `PaddedBatches` gives each story a row of its own. Both take a stream of
`babi.data.streams` and can save and restore where they are.
"""

import functools
import math
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from babi.data.encoding import Example
from babi.data.streams import ExampleStream, permutation
from babi.stories.story import DataError

_LONG_ROWS = 2  # of a batch for the longest stories, at least
_POOL_SIZE = 64  # stories that wait for a row where they fit
_LONG_ROW_STEP = 48  # the longest rows are a multiple of this

_POOL_BATCHES = 64  # padded batches made from one pool of stories
_PADDED_LENGTHS = 12  # distinct lengths of padded batches
_PADDED_LENGTH_STEP = 8  # they are multiples of this
_SAMPLED_POOLS = 8  # pools whose lengths decide the distinct lengths
_BATCH_ORDER = 100  # keeps these random numbers apart from those of the streams


class Batch(NamedTuple):
    """What the model gets: NumPy arrays `[B, T]`, B rows of T steps.

    Attributes:
      inputs: token ids, int32; 0 at unused steps.
      targets: id of the answer's word at answer steps, 0 elsewhere, int32.
      answers: True at answer steps.
      mask: True at real steps, False at unused ones.
      resets: True at the first step of each story: the state starts anew there.
      questions: at answer steps the number of the question within the batch, from
        0 without gaps, -1 elsewhere, int32.
      tasks: the story's task number, 0 at unused steps, int32.
    """

    inputs: np.ndarray
    targets: np.ndarray
    answers: np.ndarray
    mask: np.ndarray
    resets: np.ndarray
    questions: np.ndarray
    tasks: np.ndarray


class PlacedStory(NamedTuple):
    """Where a story stands in a batch.

    Attributes:
      task, index: the story's task, and its number within the task.
      row, start, length: its steps are `[row, start:start + length]`.
      first_question, num_questions: numbers of its questions within the batch.
    """

    task: int
    index: int
    row: int
    start: int
    length: int
    first_question: int
    num_questions: int


class StoryBatch(NamedTuple):
    """A batch and what is in it.

    Attributes:
      arrays: the `Batch`.
      stories: one `PlacedStory` for each story, in the order of its questions.
    """

    arrays: Batch
    stories: tuple[PlacedStory, ...]


def assemble(rows: list[list[Example]], length: int) -> StoryBatch:
    """Lays stories out in rows.

    Args:
      rows: the examples of each row, one after the other; a row may be empty.
      length: steps T of a row.

    Returns:
      A `StoryBatch` of shape `[len(rows), length]`.
    """
    shape = (len(rows), length)
    batch = Batch(
        inputs=np.zeros(shape, np.int32), targets=np.zeros(shape, np.int32),
        answers=np.zeros(shape, bool), mask=np.zeros(shape, bool),
        resets=np.zeros(shape, bool), questions=np.full(shape, -1, np.int32),
        tasks=np.zeros(shape, np.int32))
    placed = []
    num_questions = 0
    for row, examples in enumerate(rows):
        start = 0
        for example in examples:
            steps = (row, slice(start, start + example.inputs.size))
            batch.inputs[steps] = example.inputs
            batch.targets[steps] = example.targets
            batch.answers[steps] = example.answers
            batch.mask[steps] = True
            batch.resets[row, start] = True
            batch.questions[steps] = np.where(
                example.answers, example.questions + num_questions, -1)
            batch.tasks[steps] = example.task
            placed.append(PlacedStory(
                example.task, example.index, row, start, example.inputs.size,
                num_questions, example.num_questions))
            num_questions += example.num_questions
            start += example.inputs.size
    return StoryBatch(batch, tuple(placed))


class PackedBatches(Iterator[StoryBatch]):
    """Batches of rows that each hold several stories.

    Stories enter a small pool in the order of the stream. Each row takes the
    oldest, then again and again the oldest that still fits: nothing waits long
    and the order stays a fair draw. Stories longer than a row wait for batches of
    fewer, longer rows, until they fill half of one; shorter ones have the rest.
    """

    def __init__(self, stream: ExampleStream, rows: int, row_length: int):
        """Makes an iterator, which ends when the stream does.

        Args:
          stream: where the stories come from.
          rows, row_length: shape of an ordinary batch.
        """
        self._stream = stream
        # Stories that wait are measured for each row.
        self._length = functools.lru_cache(maxsize=16 * _POOL_SIZE)(stream.length)
        self._shapes = packed_shapes(rows, row_length, stream.longest)
        self._position = 0
        # Positions in the stream of the stories that wait for each shape, oldest first.
        self._waiting: list[list[int]] = [[] for _ in self._shapes]

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """All shapes `(B, T)` that the batches may have."""
        return list(self._shapes)

    def state(self) -> dict:
        """Where the iterator is, for JSON: `restore` goes on from there."""
        pool, *long = self._waiting
        return {"position": self._position, "pool": list(pool), "long": sum(long, [])}

    def restore(self, state: dict) -> None:
        """Goes on with the batch that came next when `state` was taken.

        Raises:
          DataError: not a state of an iterator like this one.
        """
        self._position, pool, long = _parts(state, "position", "pool", "long")
        self._waiting = [[] for _ in self._shapes]
        for position in sorted([*pool, *long]):  # other ones with changed settings
            self._sort(position)

    def __next__(self) -> StoryBatch:
        self._fill_pool()
        waiting = [place for place, of_shape in enumerate(self._waiting) if of_shape]
        if not waiting:
            raise StopIteration
        due = waiting if self._ended else [
            place for place in waiting if place and self._is_due(place)]
        place = max(due, default=0)
        rows, length = self._shapes[place]
        sources = self._waiting[place::-1]
        taken = [self._row(length, sources) for _ in range(rows)]
        return assemble([[self._stream.example(position) for position in row]
                         for row in taken], length)

    @property
    def _ended(self):
        """Whether all stories are drawn."""
        return self._stream.count is not None and self._position >= self._stream.count

    def _is_due(self, place):
        """Whether the stories that wait for a shape would fill half of a batch."""
        waiting = self._waiting[place]
        steps = sum(map(self._length, waiting))
        return (2 * steps >= math.prod(self._shapes[place])
                or len(waiting) >= _POOL_SIZE)

    def _fill_pool(self):
        """Draws stories until a pool is full or the stream at its end."""
        while max(map(len, self._waiting)) < _POOL_SIZE and not self._ended:
            self._sort(self._position)
            self._position += 1

    def _sort(self, position):
        """Lets a story wait for the shortest rows that have room for it."""
        length = self._length(position)
        place = sum(length > steps for _, steps in self._shapes)
        self._waiting[place].append(position)

    def _row(self, space, sources):
        """Positions of stories for a row, out of the sources, the oldest first."""
        row = []
        for waiting in sources:
            left = []
            for position in waiting:
                length = self._length(position)
                if length <= space:
                    row.append(position)
                    space -= length
                else:
                    left.append(position)
            waiting[:] = left
        self._fill_pool()
        return row


def packed_shapes(rows: int, row_length: int, longest: int) -> list[tuple[int, int]]:
    """Shapes `(B, T)` of packed batches, shortest rows first.

    Few long rows cost more than many short ones with as many steps, and each shape has
    to be compiled: longer rows are fewer, a power of two of them, with about as many
    steps in all, until two have room for the longest story.

    Args:
      rows, row_length: shape of an ordinary batch.
      longest: the most tokens of a story.
    """
    shapes = [(rows, row_length)]
    last = -(-longest // _LONG_ROW_STEP) * _LONG_ROW_STEP
    while shapes[-1][1] < longest:
        rows = max(2 ** (max(rows - 1, 1).bit_length() - 1), _LONG_ROWS)
        length = math.prod(shapes[0]) // rows
        if length <= shapes[-1][1] or 3 * length >= 2 * last:
            length = last
        shapes.append((rows, length))
    return shapes


class PaddedBatches(Iterator[StoryBatch]):
    """Batches with one story a row, the rest of the row unused.

    Stories of similar length are put together, out of a pool of several batches
    drawn fairly. At most half of a batch comes from one task where the pool
    allows it: many tasks have stories of one length only.
    """

    def __init__(self, stream: ExampleStream, batch_size: int, seed: int = 0,
                 num_lengths: int = _PADDED_LENGTHS):
        """Makes an iterator, which ends when the stream does.

        Args:
          stream: where the stories come from.
          batch_size: rows B; the last batch of a stream that ends may have empty
            rows.
          seed: decides the order of the batches of a pool.
          num_lengths: at most so many distinct numbers of steps T, chosen to suit
            the stream.
        """
        self._stream = stream
        self._batch_size = batch_size
        self._seed = seed
        self._number = 0  # of the next batch
        self._pool = None, []  # number of the pool at hand, and its batches
        self._lengths = self._choose_lengths(num_lengths)

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """All shapes `(B, T)` that the batches may have."""
        return [(self._batch_size, length) for length in self._lengths]

    def state(self) -> dict:
        """Where the iterator is, for JSON: `restore` goes on from there."""
        return {"batch": self._number}

    def restore(self, state: dict) -> None:
        """Goes on with the batch that came next when `state` was taken.

        Raises:
          DataError: not a state of an iterator like this one.
        """
        self._number, = _parts(state, "batch")

    def __next__(self) -> StoryBatch:
        number, place = divmod(self._number, _POOL_BATCHES)
        if self._pool[0] != number:
            self._pool = number, self._pool_batches(number)
        if place >= len(self._pool[1]):
            raise StopIteration
        self._number += 1
        positions = self._pool[1][place]
        longest = max(map(self._stream.length, positions))
        length = self._lengths[np.searchsorted(self._lengths, longest)]
        rows = [[self._stream.example(position)] for position in positions]
        rows += [[] for _ in range(self._batch_size - len(rows))]
        return assemble(rows, int(length))

    def _pool_batches(self, number):
        """The batches of a pool, in the order to be used: lists of positions."""
        size = _POOL_BATCHES * self._batch_size
        last = (number + 1) * size
        if self._stream.count is not None:
            last = min(last, self._stream.count)
        waiting = sorted(range(number * size, last), key=self._stream.length)
        batches = []
        while waiting:
            batch, waiting = self._take(waiting)
            batches.append(batch)
        if len(batches) < _POOL_BATCHES:  # the last pool: the partial batch stays last
            return batches
        return [batches[i] for i in
                permutation(len(batches), self._seed, _BATCH_ORDER, number)]

    def _take(self, waiting):
        """Splits positions sorted by length into (one batch, the rest)."""
        cap = (self._batch_size + 1) // 2
        tasks = Counter()
        batch, passed = [], []
        for place, position in enumerate(waiting):
            if len(batch) == self._batch_size:
                passed += waiting[place:]
                break
            task = self._stream.task(position)
            taken = batch if tasks[task] < cap else passed
            taken.append(position)
            tasks[task] += 1
        missing = self._batch_size - len(batch)
        return batch + passed[:missing], passed[missing:]

    def _choose_lengths(self, num_lengths):
        """Few lengths, all multiples of a step, that waste few steps."""
        longest = []
        for number in range(_SAMPLED_POOLS):
            longest += [max(map(self._stream.length, positions))
                        for positions in self._pool_batches(number)]
        longest.append(self._stream.longest)
        rounded = -(-np.array(longest) // _PADDED_LENGTH_STEP) * _PADDED_LENGTH_STEP
        return choose_lengths(rounded, num_lengths)


def choose_lengths(lengths: np.ndarray, count: int) -> np.ndarray:
    """The few lengths to which others are rounded up with the least waste.

    Args:
      lengths: int `[n]`, with the frequency in which they come.
      count: how many may be chosen.

    Returns:
      Ascending int `[<= count]`, chosen among `lengths`, the largest among them.
    """
    values, frequencies = np.unique(lengths, return_counts=True)
    before = np.concatenate([[0], np.cumsum(frequencies)])
    # cost[k][j]: steps when values[:j] are rounded up to k of them, values[j - 1]
    # among these; the last of the k serves values[i:j] for the best i.
    cost = np.full(values.size + 1, np.inf)
    cost[0] = 0
    choices = []
    for _ in range(min(count, values.size)):
        steps = (before[None, 1:] - before[:-1, None]) * values[None, :]
        steps = np.where(before[None, 1:] > before[:-1, None], steps, np.inf)
        total = cost[:-1, None] + steps
        choices.append(total.argmin(axis=0))
        cost = np.concatenate([[np.inf], total.min(axis=0)])
    chosen = []
    end = values.size
    for choice in reversed(choices):
        chosen.append(values[end - 1])
        end = choice[end - 1]
    return np.array(chosen[::-1])


def _parts(state, *names):
    """What a saved state has under names that it must have."""
    missing = [name for name in names if name not in state]
    if missing:
        raise DataError(f"data position: it has no {missing[0]!r}; use another "
                        f"checkpoint")
    return [state[name] for name in names]
