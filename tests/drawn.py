"""What the pictures of the examples show, read off matplotlib's figures."""

import numpy as np

from examples.graphs.asking import edge_text
from examples.graphs.pictures import reads_of
from examples.lessons.pictures import LEAST, RIGHT, WRONG


def with_reads(look, rng):
    """A look at a network that, from the query on, reads slots that were written.

    What an untrained network reads is too faint to be drawn.

    Args:
      look: `asking.Look`.
      rng: `numpy.random.Generator`.
    """
    reads = np.zeros_like(look.trajectory.read_weighting)
    strengths = {}
    for step, held in look.holders.items():
        for head in range(reads.shape[1]):
            slot = rng.choice(np.flatnonzero(held >= 0))
            reads[step, head, slot] = rng.uniform(0.25, 0.95)
        strengths[step] = np.stack([np.bincount(
            held[held >= 0], shares[held >= 0], len(look.names))
            for shares in reads[step]])
    return look._replace(strengths=strengths, trajectory=look.trajectory._replace(
        read_weighting=reads))


def marks(axes):
    """The ticks and crosses among an axes' texts, in order: True for a tick."""
    texts = [text.get_text() for text in axes.texts]
    return [RIGHT in text for text in texts if {RIGHT, WRONG} & {*text}]


def assert_strip(figure, look, decoder):
    """A figure of `graphs.pictures.draw_strip` shows what the memory did.

    Args:
      figure: of matplotlib.
      look: `asking.Look` that it was drawn of.
      decoder: `asking.Decoder`.
    """
    described, answered, modes = figure.axes[0], figure.axes[1], figure.axes[3]
    trajectory, first = look.trajectory, look.query[0]
    reads = trajectory.read_weighting[first:].max(axis=1)
    slots = np.flatnonzero(reads.max(axis=0) > 0.2)
    names = [label.get_text() for label in described.get_yticklabels()]
    decoded = [label.get_text() for label in answered.get_yticklabels()]
    assert len(names) == len(decoded) == len(slots) > 2
    strongest = {slot: first + reads[:, slot].argmax() for slot in slots}
    written = {slot: look.holders[step][slot] for slot, step in strongest.items()}
    order = sorted(slots, key=lambda slot: written[slot])
    assert names == [look.names[written[slot]] for slot in order]
    assert decoded == [edge_text(edge) for edge in decoder(
        np.stack([trajectory.memory[strongest[slot], slot] for slot in order]),
        look.numbered)]
    for head in range(trajectory.read_weighting.shape[1]):
        dots = answered.collections[2 * (1 + head)]
        shares = trajectory.read_weighting[:, head][:, order]
        steps, rows = np.nonzero(shares > LEAST)
        places = np.asarray(dots.get_offsets())
        assert np.array_equal(places[:, 0], steps)
        assert np.array_equal(places[:, 1].round(), rows)
        assert np.allclose(dots.get_sizes(), 26 * shares[steps, rows])
    asked = trajectory.interface.read_modes[first:]  # [T, R, modes]
    heights = np.array([bar.get_height() for bar in modes.patches])
    assert np.allclose(heights.reshape(asked.shape[1], asked.shape[2], len(asked)),
                       asked.transpose(1, 2, 0), atol=1e-6)


def assert_small_maps(figure, look):
    """The small maps have an arrow for each edge that is read, as strong as that."""
    panels = [axes for axes in figure.axes if axes.get_title()]
    steps, arrows = range(look.query[0], len(look.names)), 0
    for axes, step in zip(panels, steps, strict=True):
        edges, title = reads_of(look, step)
        assert axes.get_title() == title and look.names[step] in title
        drawn = [text.arrow_patch.get_alpha() for text in axes.texts
                 if getattr(text, "arrow_patch", None)]
        drawn = [alpha for alpha in drawn if alpha != 0.15]  # what is asked for, pale
        assert np.allclose(sorted(drawn), sorted(
            strength for _, _, strength in edges), atol=1e-6)
        arrows += len(edges)
    assert arrows
