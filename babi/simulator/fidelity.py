"""How close the generated stories are to the official ones, in a table.

    python3 -m babi.simulator.fidelity --data_dir=../shared/babi

For each task and each feature of its stories (below, `FEATURES`) the table gives the
distance between the distributions in real and in generated stories, and the distance
that chance alone would give: the 99 % quantile over random divisions of all these
stories into two sets of the same sizes. Stories are divided, not their lines, since
what stands in a story hangs together.

The distance is that of Kolmogorov and Smirnov (the largest difference between the
shares of values up to some value) for numbers, and total variation (half the sum of
the differences between shares) for kinds of things. Both lie between 0 and 1.
"""

import collections
import functools
import itertools
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from absl import flags

from babi.program import scripts
from babi.program.errors import UsageError
from babi.simulator import words
from babi.simulator.generation import generate_story
from babi.stories.download import open_source
from babi.stories.source import DataSource
from babi.stories.story import Story
from babi.stories.tasks import parse_tasks

FLAGS = flags.FLAGS
_DIVISIONS = 200  # random divisions that the noise is taken from
_NOISE_QUANTILE = 0.99


# -------------------------------------------------------------------- features

_NAMES = {
    "PERSON": words.PEOPLE,
    "THING": words.THINGS,
    "PLACE": words.PLACES,
    "MOOD": tuple(words.MOODS),
    "ANIMAL": tuple(words.FEARED_ANIMALS) + words.COLORED_ANIMALS,
    "ANIMALS": tuple(words.FEARED_ANIMALS.values()),
    "SHAPE": words.SHAPES,
    "SIZED": words.SWEETS + words.BOXES,
    "COLOR": words.COLORS,
}
_KIND_OF = {name: kind for kind, names in reversed(_NAMES.items()) for name in names}
_NAME = re.compile(r"\b(%s)\b" % "|".join(sorted(_KIND_OF, key=len, reverse=True)),
                   re.IGNORECASE)
_KIND_OF.update({name.lower(): kind for name, kind in _KIND_OF.items()})


@functools.lru_cache(maxsize=1 << 16)
def template(sentence: str) -> str:
    """A sentence with kinds in place of names: `PERSON went to the PLACE.`"""
    return _NAME.sub(lambda match: _KIND_OF[match[0].lower()], sentence)


def _statements(story):
    return [line for line in story.lines if line.answer is None]


def _questions(story):
    """(line number, line) of each question."""
    return [(number, line) for number, line in enumerate(story.lines, start=1)
            if line.answer is not None]


class Feature(NamedTuple):
    """Something that can be counted in a story.

    Attributes:
      name: what it is.
      values: function of a Story to the values that occur in it.
      numeric: whether values are numbers, whose order matters.
    """

    name: str
    values: Callable[[Story], list]
    numeric: bool = False


FEATURES = (
    Feature("sentences", lambda story: [len(_statements(story))], True),
    Feature("words", lambda story: [sum(len(line.text.split()) for line in
                                        story.lines)], True),
    Feature("questions", lambda story: [len(_questions(story))]),
    Feature("sentences before", lambda story: [
        number - before - 1 for (before, _), (number, _) in zip(
            [(0, None), *_questions(story)], _questions(story))], True),
    Feature("answers", lambda story: [line.answer for _, line in _questions(story)]),
    Feature("support distance", lambda story: [
        number - support for number, line in _questions(story)
        for support in line.support], True),
    Feature("support lines", lambda story: [
        len(line.support) for _, line in _questions(story)], True),
    Feature("questions repeated", lambda story: [
        (one.text == other.text, one.answer == other.answer,
         one.support == other.support) for (_, one), (_, other)
        in itertools.pairwise(_questions(story))]),
    Feature("statement templates", lambda story: [
        template(line.text) for line in _statements(story)]),
    Feature("question templates", lambda story: [
        template(line.text) for _, line in _questions(story)]),
)


# ------------------------------------------------------------------- distances

class Comparison(NamedTuple):
    """One row of the table.

    Attributes:
      task, feature: what is compared.
      real_mean, simulated_mean: means of a numeric feature, otherwise None.
      distance: between the two distributions.
      noise: the distance that chance stays below in 99 % of cases.
    """

    task: int
    feature: str
    real_mean: float | None
    simulated_mean: float | None
    distance: float
    noise: float


def compare(real: Sequence[Story], simulated: Sequence[Story]) -> list[Comparison]:
    """Compares stories of one task in all features."""
    return [_compare(feature, real, simulated) for feature in FEATURES]


def _compare(feature, real, simulated):
    """A Comparison; same arguments, same result."""
    counts, values = _histograms(feature, [*real, *simulated])
    is_real = np.arange(len(counts)) < len(real)
    noise = np.random.default_rng(0)
    divisions = np.stack([is_real] + [noise.permutation(is_real)
                                      for _ in range(_DIVISIONS)])
    distances = _distances(divisions.astype(np.float64) @ counts,
                           counts.sum(axis=0), feature.numeric)
    means = [None, None]
    if feature.numeric:
        means = [float(np.average(values, weights=counts[chosen].sum(axis=0)))
                 for chosen in (is_real, ~is_real)]
    return Comparison(real[0].task, feature.name, *means, float(distances[0]),
                      float(np.quantile(distances[1:], _NOISE_QUANTILE)))


def _histograms(feature, stories):
    """How often each value occurs in each story: array [story, value], the values."""
    counters = [collections.Counter(feature.values(story)) for story in stories]
    values = sorted(set().union(*counters))
    column = {value: i for i, value in enumerate(values)}
    counts = np.zeros((len(stories), len(values)))
    for row, counter in zip(counts, counters):
        for value, count in counter.items():
            row[column[value]] = count
    return counts, values


def _distances(counts, total, numeric):
    """Distance between each row and the rest of the total.

    Args:
      counts: array [division, value].
      total: array [value].
      numeric: whether by Kolmogorov and Smirnov, otherwise total variation.

    Returns:
      Array [division].
    """
    rest = total - counts
    difference = (counts / counts.sum(axis=1, keepdims=True)
                  - rest / rest.sum(axis=1, keepdims=True))
    if numeric:
        return np.abs(np.cumsum(difference, axis=1)).max(axis=1)
    return np.abs(difference).sum(axis=1) / 2


# --------------------------------------------------------------------- command

def real_and_simulated(source: DataSource, task: int, num_stories: int, seed: int
                       ) -> tuple[list[Story], list[Story]]:
    """Official stories of a task and as many generated ones.

    Args:
      source: the official files.
      task: the task's number.
      num_stories: most stories of each kind.
      seed: seed of the generated ones.
    """
    # The last story of a file may be cut short.
    files = [source.stories(split, [task])[task][:-1] for split in ("train", "test")]
    real = list(itertools.islice(itertools.chain(*files), num_stories))
    return real, [generate_story(task, seed, index) for index in range(len(real))]


HEADER = (f"{'task':>4}  {'feature':<20}{'real mean':>10}{'simulated':>10}"
          f"{'distance':>10}{'noise':>8}")


def table_row(row: Comparison) -> str:
    """A row of the table; `*` marks a distance above the noise."""
    means = "".join(f"{'' if mean is None else format(mean, '.2f'):>10}"
                    for mean in (row.real_mean, row.simulated_mean))
    return (f"{row.task:>4}  {row.feature:<20}{means}{row.distance:>10.4f}"
            f"{row.noise:>8.4f}{' *' if row.distance > row.noise else ''}")


def _define_flags():
    flags.DEFINE_string("data_dir", None, "folder or archive of the official files; "
                        "without it, a cached copy or a download")
    flags.DEFINE_string("tasks", "all", "which tasks, such as 1,2,19 or 1-5 or all")
    flags.DEFINE_integer("num_stories", 2000, "most stories of a task to compare, "
                         "both real and generated", lower_bound=10)
    flags.DEFINE_integer("seed", 0, "seed of the generated stories", lower_bound=0)


def main():
    """Prints the table, task by task."""
    try:
        tasks = parse_tasks(FLAGS.tasks)
    except ValueError as fault:
        raise UsageError(fault) from None
    source = open_source(FLAGS.data_dir)
    print(HEADER)
    for task in tasks:
        for row in compare(*real_and_simulated(source, task, FLAGS.num_stories,
                                               FLAGS.seed)):
            print(table_row(row), flush=True)


if __name__ == "__main__":
    _define_flags()
    scripts.run(main)
