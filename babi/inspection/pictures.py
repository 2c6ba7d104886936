"""Pictures of what the memory does while a story is read.

Drawn by matplotlib without a display. All shades are of one hue, from white at 0 to
dark at 1, so that they say the same in black and white.
"""

from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from babi.inspection import fonts

COLORS = "Blues"
# Weightings are often spread thin: the shade follows the square root.
SHADES = PowerNorm(0.5, vmin=0.0, vmax=1.0)
RIGHT, WRONG = "\N{CHECK MARK}", "\N{BALLOT X}"
SLOTS_SHOWN = 48
STEPS_PER_BAND = 110
_MOST_BANDS, _MOST_LINES = 16, 200  # a picture has 65,536 rows of dots at most

_DPI = 100
_WORD_SIZE, _LABEL_SIZE, _TITLE_SIZE = 7.5, 8, 12  # points
_STEP_WIDTH, _ROW_HEIGHT, _SLOT_HEIGHT = 0.125, 0.17, 0.04  # inches
_LEFT, _RIGHT, _GAP = 1.65, 0.85, 0.3
_TOP, _WORDS = 0.55, 0.95  # room for the title, and for words below a band
_LETTER = 0.078  # width of a letter
_MIN_WIDTH, _LINK_SIDE, _LINE = 8.5, 2.5, 0.19


class Panel(NamedTuple):
    """Rows of numbers in [0, 1] over time.

    Attributes:
      title: what is shown.
      rows: `[rows, T]`.
      labels: a label for each row; for slots their numbers.
      slots: whether the rows are memory slots.
    """

    title: str
    rows: np.ndarray
    labels: tuple[str, ...]
    slots: bool = False

    @property
    def height(self):
        """Inches."""
        if not self.slots:
            return _ROW_HEIGHT * len(self.rows)
        return max(_SLOT_HEIGHT * len(self.rows), 0.8)


def busiest_slots(trajectory, limit=SLOTS_SHOWN):
    """Numbers of the slots most written or read at any step, ascending.

    Args:
      trajectory: `dnc.trajectory.Trajectory` of arrays `[T, ...]`.
      limit: how many at most.
    """
    largest = np.maximum(trajectory.write_weighting.max(axis=(0, 1)),
                         trajectory.read_weighting.max(axis=(0, 1)))
    return np.sort(np.argsort(-largest, kind="stable")[:limit])


def memory_panels(trajectory, slots):
    """The `Panel`s of a trajectory, from top to bottom.

    Args:
      trajectory: `dnc.trajectory.Trajectory` of arrays `[T, ...]`.
      slots: numbers of the slots to show.
    """
    interface = trajectory.interface
    write_heads = _numbered(trajectory.write_weighting.shape[1])
    read_heads = _numbered(trajectory.read_weighting.shape[1])
    gates = {
        **{f"write gate{n}": interface.write_gates[:, h]
           for h, n in enumerate(write_heads)},
        **{f"allocation gate{n}": interface.allocation_gates[:, h]
           for h, n in enumerate(write_heads)},
        **{f"free gate{n}": interface.free_gates[:, r]
           for r, n in enumerate(read_heads)}}
    numbers = tuple(map(str, slots))

    def of_slots(title, weighting):
        return Panel(title, weighting[:, slots].T, numbers, slots=True)

    return [
        Panel("gates", np.stack(list(gates.values())), tuple(gates)),
        *(of_slots(f"write weighting{n}", trajectory.write_weighting[:, h])
          for h, n in enumerate(write_heads)),
        of_slots("usage", trajectory.usage),
        *(of_slots(f"read weighting{n}", trajectory.read_weighting[:, r])
          for r, n in enumerate(read_heads)),
        *_variant_panels(trajectory, of_slots, write_heads, read_heads)]


def _variant_panels(trajectory, of_slots, write_heads, read_heads):
    """The panels of what some variants have and others not."""
    interface = trajectory.interface
    if trajectory.retention is not None:
        yield of_slots("retention: what is not freed", trajectory.retention)
    if interface.read_masks is not None:
        masks = {
            **{f"write mask{n}": interface.write_masks[:, h].mean(axis=-1)
               for h, n in enumerate(write_heads)},
            **{f"read mask{n}": interface.read_masks[:, r].mean(axis=-1)
               for r, n in enumerate(read_heads)}}
        yield Panel("share of the word looked at", np.stack(list(masks.values())),
                    tuple(masks))
    if interface.link_sharpness is not None:
        ways = [mode for mode in mode_names(len(write_heads)) if mode != "content"]
        sharpness = {
            f"{way}, head{n or ' 1'}": 1 / interface.link_sharpness[:, r, index]
            for r, n in enumerate(read_heads) for index, way in enumerate(ways)}
        yield Panel("blur of the links, 1 / s", np.stack(list(sharpness.values())),
                    tuple(sharpness))
    if interface.read_modes is not None:
        modes = {f"{mode}, head{n or ' 1'}": interface.read_modes[:, r, index]
                 for r, n in enumerate(read_heads)
                 for index, mode in enumerate(mode_names(len(write_heads)))}
        yield Panel("read modes", np.stack(list(modes.values())), tuple(modes))


def mode_names(num_write_heads):
    """The names of a read head's modes, in the interface's order."""
    names = _numbered(num_write_heads)
    return (*(f"backward{n}" for n in names), "content",
            *(f"forward{n}" for n in names))


def _numbered(count):
    """" 1", " 2", ... to tell heads apart; "" for a single one."""
    return [""] if count == 1 else [f" {number + 1}" for number in range(count)]


def draw(reading):
    """A matplotlib Figure of an `answers.Reading`; see `save` and `pixels`.

    It has bands of panels over time, and below them links and answers; of a long story
    its end.
    """
    begin = max(0, len(reading.words) - _MOST_BANDS * STEPS_PER_BAND)
    title = f"{reading.title}, from step {begin + 1} on" if begin else reading.title
    count = len(reading.words) - begin
    num_bands = -(-count // STEPS_PER_BAND)
    size = -(-count // num_bands)
    step_width = max(_STEP_WIDTH, min(0.3, (_MIN_WIDTH - _LEFT - _RIGHT) / size))
    slots = busiest_slots(reading.trajectory)
    panels = memory_panels(reading.trajectory, slots)
    steps = range(begin, len(reading.words))
    bands = [_Band(reading, panels, steps[first:first + size], step_width)
             for first in range(0, count, size)]
    end = _End(reading, slots)
    page = _Page(max(_LEFT + size * step_width + _RIGHT, end.width),
                 _TOP + sum(part.height for part in (*bands, end)))
    page.text(0.15, 0.15, title, _TITLE_SIZE, weight="bold")
    top = _TOP
    for part in (*bands, end):
        part.draw(page, top)
        top += part.height
    return page.figure


class _Page:
    """A figure on which things are placed in inches from the top left corner."""

    def __init__(self, width, height):
        self.width, self.height = width, height
        self.figure = Figure((width, height), dpi=_DPI, facecolor="white")
        FigureCanvasAgg(self.figure)

    def axes(self, left, top, width, height):
        """New axes."""
        return self.figure.add_axes((
            left / self.width, 1 - (top + height) / self.height,
            width / self.width, height / self.height))

    def text(self, left, top, text, size=_LABEL_SIZE, **kwargs):
        """Text whose upper left corner is given."""
        self.figure.text(left / self.width, 1 - top / self.height, text, size=size,
                         va="top", parse_math=False, **kwargs)


class _Band:
    """All panels over some steps of the story, with answers above, words below.

    Attributes:
      height: inches.
    """

    def __init__(self, reading, panels, steps, step_width):
        self._reading, self._panels, self._steps = reading, panels, steps
        self._width = step_width * len(steps)
        self._answers = [step for step in reading.top if step in steps]
        longest = max((len(answer_text(reading, step)) for step in self._answers),
                      default=0)
        self._top = 0.35 + _LETTER * longest
        self.height = (self._top + sum(panel.height + _GAP for panel in panels)
                       + _WORDS + _GAP)

    def draw(self, page, top):
        """Draws it from a height on down."""
        top += self._top
        for panel in self._panels:
            axes = page.axes(_LEFT, top, self._width, panel.height)
            _draw_panel(axes, panel, self._steps)
            for step in self._answers:
                axes.axvspan(step - 0.5, step + 0.5, fill=False, lw=0.8,
                             ls=(0, (2, 2)), color="black")
            if panel is self._panels[0]:
                self._write_answers(axes)
            top += panel.height + _GAP
        self._write_words(page, axes, top - _GAP)
        bar = page.axes(_LEFT + self._width + 0.15,
                        top - _GAP - self._panels[-1].height, 0.1,
                        self._panels[-1].height)
        _draw_scale(page.figure, bar)

    def _write_words(self, page, axes, top):
        """The words read, below the last panel, which ends at `top`."""
        for step in self._steps:  # matplotlib's own tick labels take five times as long
            axes.text(step, -0.05 / self._panels[-1].height, self._reading.words[step],
                      transform=axes.get_xaxis_transform(), rotation=90, ha="center",
                      va="top", size=_WORD_SIZE, parse_math=False)
        page.text(_LEFT, top + _WORDS - 0.2,
                  f"words read, steps {self._steps[0] + 1} to {self._steps[-1] + 1}")

    def _write_answers(self, axes):
        for step in self._answers:
            wrong = self._reading.verdict(step) is False
            axes.annotate(
                answer_text(self._reading, step), (step, 1),
                xycoords=("data", "axes fraction"), xytext=(0, 14),
                textcoords="offset points", rotation=90, ha="center", va="bottom",
                size=_LABEL_SIZE, parse_math=False,
                weight="bold" if wrong else "normal",
                arrowprops={"arrowstyle": "-", "lw": 0.6})


def _draw_panel(axes, panel, steps):
    """The shades of a panel at some steps, with its labels."""
    axes.imshow(panel.rows[:, steps[0]:steps[-1] + 1], cmap=COLORS, norm=SHADES,
                aspect="auto", interpolation="nearest",
                extent=(steps[0] - 0.5, steps[-1] + 0.5, len(panel.rows) - 0.5, -0.5))
    axes.set_title(panel.title, loc="left", size=_LABEL_SIZE, pad=3)
    every = 1
    if panel.slots:
        axes.set_ylabel("slot", size=_LABEL_SIZE)
        every = -(-len(panel.labels) // max(1, int(panel.height / 0.16)))
    rows = range(0, len(panel.labels), every)
    axes.set_yticks(rows, [panel.labels[row] for row in rows], size=_WORD_SIZE)
    axes.set_xticks([])
    axes.tick_params(length=2, pad=2)
    for spine in axes.spines.values():
        spine.set_linewidth(0.6)


def answer_text(reading, step):
    """The model's word at an answer step, marked right or wrong if that is known."""
    given, right = reading.given(step), reading.right[step]
    if right is None:
        return given
    return f"{given} {RIGHT}" if given == right else f"{given} {WRONG} ({right})"


def _draw_scale(figure, axes):
    shades = matplotlib.cm.ScalarMappable(SHADES, COLORS)
    bar = figure.colorbar(shades, cax=axes, ticks=[0, 0.1, 0.25, 0.5, 1])
    bar.ax.tick_params(labelsize=_WORD_SIZE, length=2)
    bar.outline.set_linewidth(0.6)


class _End:
    """What stands below the bands: the last link matrices, and the answers.

    Attributes:
      width, height: inches.
    """

    def __init__(self, reading, slots):
        links = reading.trajectory.final_state.memory.link
        self._links = () if links is None else links
        self._slots = slots
        self._lines = list(_answer_lines(reading))[-_MOST_LINES:]
        self._text_left = _LEFT + len(self._links) * (_LINK_SIDE + 0.8) - 0.2
        longest = max((len(line) for line in self._lines), default=0)
        self.width = self._text_left + _LETTER * max(longest, 45)
        self.height = max(_LINK_SIDE + 1.1, 0.7 + _LINE * len(self._lines))

    def draw(self, page, top):
        """Draws it from a height on down."""
        for index, (link, number) in enumerate(
                zip(self._links, _numbered(len(self._links)))):
            axes = page.axes(_LEFT + index * (_LINK_SIDE + 0.8), top + 0.3,
                             _LINK_SIDE, _LINK_SIDE)
            draw_link(axes, link, self._slots, number)
        page.text(self._text_left, top + 0.1,
                  "questions, answers and their probabilities", weight="bold")
        for index, line in enumerate(self._lines):
            page.text(self._text_left, top + 0.32 + _LINE * index, line)


def _answer_lines(reading):
    """Each question, and below it each word of its answer with likely words."""
    for answer in reading.answers():
        yield answer.question
        for step in answer.steps:
            yield "     " + "   ".join(
                [answer_text(reading, step) + ":",
                 *(f"{word} {probability:.2f}"
                   for word, probability in reading.top[step][:4])])


def draw_link(axes, link, slots, number=""):
    """The link matrix of one write head, `[N, N]`, between the slots shown."""
    axes.imshow(link[np.ix_(slots, slots)], cmap=COLORS, norm=SHADES,
                interpolation="nearest")
    every = -(-len(slots) // 12)
    ticks = range(0, len(slots), every)
    labels = [slots[tick] for tick in ticks]
    axes.set_xticks(ticks, labels, size=_WORD_SIZE, rotation=90)
    axes.set_yticks(ticks, labels, size=_WORD_SIZE)
    axes.set_xlabel("slot written before", size=_LABEL_SIZE)
    axes.set_ylabel("slot written next", size=_LABEL_SIZE)
    axes.set_title(f"link matrix{number} at the end", loc="left", size=_LABEL_SIZE)
    axes.tick_params(length=2, pad=2)


def save(figure, path):
    """Writes a figure as a PNG file."""
    with fonts.complete(figure):
        figure.savefig(path, format="png", dpi=_DPI)


def pixels(figure):
    """A figure's picture, uint8 `[height, width, 3]`."""
    with fonts.complete(figure):
        figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[:, :, :3]
