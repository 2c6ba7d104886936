"""A page of HTML that shows a reading step by step, in any browser, offline.

Pointing at a word or a column shows the word, the gates, where each head wrote and
read, and which earlier words were written where it read.
"""

import base64
import json
import pathlib

import numpy as np

from babi.inspection import pictures
from dnc.trajectory import provenance

_TEMPLATE = pathlib.Path(__file__).with_name("page.html")
_SLOTS_LISTED = 3  # slots named for each head and step
_SOURCES_LISTED = 3  # earlier steps named for each slot
_LEAST_SHARE = 0.05  # less than this is not worth a line


def render(reading):
    """The page of a `reading.Reading`, as text."""
    data = json.dumps(_content(reading), ensure_ascii=False, allow_nan=False)
    # A "<" in the data must not be taken for a tag.
    return _TEMPLATE.read_text(encoding="utf-8").replace(
        "@DATA@", data.replace("<", "\\u003c"))


def _content(reading):
    """What the page shows, as objects of JSON."""
    trajectory = reading.trajectory
    slots = pictures.busiest_slots(trajectory)
    steps = range(len(reading.words))
    return {
        "title": reading.title,
        "words": reading.words,
        "right": reading.right,
        "top": reading.top,
        "verdicts": {step: reading.verdict(step) for step in reading.top},
        "answers": {step: pictures.answer_text(reading, step)
                    for step in reading.top},
        "sentences": sorted({reading.sentence(step) for step in steps}),
        "panels": [_panel(panel) for panel in
                   pictures.memory_panels(trajectory, slots)],
        "writes": [[_largest(weighting) for weighting in heads]
                   for heads in trajectory.write_weighting],
        "reads": _reads(trajectory),
        "least": _LEAST_SHARE}


def _panel(panel):
    """A panel with its shades as bytes, row after row."""
    shades = np.rint(255 * np.clip(panel.rows, 0, 1)).astype(np.uint8)
    return {"title": panel.title, "labels": panel.labels, "slots": panel.slots,
            "shades": base64.b64encode(shades.tobytes()).decode()}


def _reads(trajectory):
    """For each step and head: [slot, weighting, [[earlier step, share], ...]]."""
    origins = {}  # heads often read the same slot

    def sources(step, slot):
        if (step, slot) not in origins:
            origins[step, slot] = _largest(
                provenance(trajectory, step, slot), _SOURCES_LISTED)
        return origins[step, slot]

    return [[[[slot, share, sources(step, slot)] for slot, share in _largest(weighting)]
             for weighting in heads]
            for step, heads in enumerate(trajectory.read_weighting)]


def _largest(shares, count=_SLOTS_LISTED):
    """[[index, share], ...] of the largest shares, if they are worth a line."""
    order = np.argsort(-shares, kind="stable")[:count]
    return [[int(index), round(float(shares[index]), 4)] for index in order
            if shares[index] >= _LEAST_SHARE]
