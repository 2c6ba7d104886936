"""Which words a model takes for which: counts over a validation, and their picture."""

import collections

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from babi.evaluation.published import FAILURE_THRESHOLD
from babi.inspection.pictures import COLORS
from babi.stories.tasks import TASK_TITLES

_TASKS_SHOWN = 3
_WORDS_SHOWN = 9
_TEXT = 8  # points


class Confusion:
    """Counts answers by task, right word and given word, batch after batch."""

    def __init__(self):
        self._counts = collections.Counter()

    def __bool__(self):
        return bool(self._counts)

    def update(self, batch, predictions):
        """Counts the answers, word ids `[B, T]`, to a `batches.Batch` of arrays."""
        steps = np.asarray(batch.answers)
        self._counts.update(zip(
            np.asarray(batch.tasks)[steps].tolist(),
            np.asarray(batch.targets)[steps].tolist(),
            np.asarray(predictions)[steps].tolist()))

    def word_errors(self):
        """{task: share of wrong answer words in %}."""
        totals, wrong = collections.Counter(), collections.Counter()
        for (task, right, given), count in self._counts.items():
            totals[task] += count
            wrong[task] += count * (right != given)
        return {task: 100.0 * wrong[task] / totals[task] for task in sorted(totals)}

    def worst_tasks(self):
        """The tasks with the largest error above 0, worst first."""
        errors = self.word_errors()
        return sorted((task for task in errors if errors[task] > 0),
                      key=lambda task: -errors[task])[:_TASKS_SHOWN]

    def matrix(self, task, limit=_WORDS_SHOWN):
        """A task's answers between its most frequent words.

        Args:
          task: the task's number.
          limit: how many words at most.

        Returns:
          (word ids, counts `[right word, given word]`; the last row and column stand
          for all other words).
        """
        of_task = {(right, given): count for (number, right, given), count
                   in self._counts.items() if number == task}
        frequent = collections.Counter()
        for (right, given), count in of_task.items():
            frequent[right] += count
            frequent[given] += count
        words = sorted(word for word, _ in frequent.most_common(limit))
        place = {word: index for index, word in enumerate(words)}
        counts = np.zeros((len(words) + 1,) * 2, np.int64)
        for (right, given), count in of_task.items():
            counts[place.get(right, -1), place.get(given, -1)] += count
        return words, counts


def draw(confusion, vocabulary, titles=TASK_TITLES):
    """A matplotlib Figure: errors of all tasks, and what is confused in the worst.

    Args:
      confusion: `Confusion` with counts.
      vocabulary: `vocabulary.Vocabulary`.
      titles: {task: title}.
    """
    errors, worst = confusion.word_errors(), confusion.worst_tasks()
    height = max(3.9, 0.9 + 0.23 * len(errors))
    figure = Figure((5.2 + 4.3 * len(worst), height), dpi=100, layout="constrained",
                    facecolor="white")
    FigureCanvasAgg(figure)
    bars, *maps = figure.subplots(1, 1 + len(worst), squeeze=False)[0]
    _draw_errors(bars, {f"{task} {titles[task]}": error
                        for task, error in errors.items()})
    for axes, task in zip(maps, worst):
        axes.set_title(f"{task} {titles[task]}", size=_TEXT + 1, parse_math=False)
        _draw_matrix(axes, *confusion.matrix(task), vocabulary)
    return figure


def _draw_errors(axes, errors):
    """A bar for each task, of `{number and title: error}`."""
    places = range(len(errors))
    bars = axes.barh(places, list(errors.values()), color="#4292c6", edgecolor="black",
                     linewidth=0.6)
    axes.bar_label(bars, fmt="%.1f", size=_TEXT, padding=2)
    axes.axvline(FAILURE_THRESHOLD, color="black", lw=0.8, ls="--")
    axes.set_yticks(places, list(errors), parse_math=False)
    axes.invert_yaxis()
    axes.set_xlim(0, 118)
    axes.tick_params(labelsize=_TEXT)
    axes.set_xlabel(f"wrong answer words, % (dashed: {FAILURE_THRESHOLD:g})",
                    size=_TEXT)
    axes.set_title("error by task", size=_TEXT + 1)


def _draw_matrix(axes, words, counts, vocabulary):
    """The confusion of one task, each row by its own total."""
    names = [*vocabulary.decode(words), "others"]
    if not (counts[-1].any() or counts[:, -1].any()):
        names, counts = names[:-1], counts[:-1, :-1]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap=COLORS, vmin=0, vmax=1)
    for (right, given), count in np.ndenumerate(counts):
        if count:
            axes.text(given, right, count, ha="center", va="center", size=_TEXT - 1,
                      color="white" if shares[right, given] > 0.5 else "black")
    places = range(len(names))
    axes.set_xticks(places, names, size=_TEXT, rotation=90, parse_math=False)
    axes.set_yticks(places, names, size=_TEXT, parse_math=False)
    axes.set_xlabel("the model's answer", size=_TEXT)
    axes.set_ylabel("right answer", size=_TEXT)
