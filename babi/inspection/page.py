"""A page of HTML that shows readings step by step, in any browser, offline.

Pointing at a word or a column shows the word, the gates, where each head wrote and
read, and which earlier words were written where it read. Several readings of one story,
by several models, stand side by side. The same page, when `server` serves it, asks for
readings itself.
"""

import base64
import json
import pathlib

import numpy as np

from babi.inspection import pictures
from dnc.trajectory import origins

_FILES = pathlib.Path(__file__).with_name("page_files")
_SLOTS_LISTED = 3  # slots named for each head and step
_SOURCES_LISTED = 3  # earlier steps named for each slot
_LEAST_SHARE = 0.05  # less than this is not worth a line


def render(*readings):
    """The page of `answers.Reading`s of the same words, as text."""
    return _page({"readings": list(map(content, readings))})


def render_served(choices):
    """The page that asks the server for its readings.

    Args:
      choices: what can be asked, as objects of JSON: `service.Service.choices`.
    """
    return _page({"readings": [], "choices": choices})


def _page(data):
    """The template with its style, its program and its data."""
    data = json.dumps(data, ensure_ascii=False, allow_nan=False)
    parts = {
        "STYLE": _read("page.css"), "PROGRAM": _read("view.js") + _read("page.js"),
        # A "<" in the data must not be taken for a tag.
        "DATA": data.replace("<", "\\u003c")}
    page = _read("page.html")
    for name, part in parts.items():  # the data come last: no name is sought in them
        page = page.replace(f"@{name}@", part)
    return page


def _read(name):
    return (_FILES / name).read_text(encoding="utf-8")


def content(reading, name=""):
    """What the page shows of a reading by a model of some name, as objects of JSON."""
    trajectory = reading.trajectory
    slots = pictures.busiest_slots(trajectory)
    steps = range(len(reading.words))
    return {
        "title": reading.title,
        "name": name,
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
        "written": np.round(trajectory.write_weighting.sum(axis=-1), 4).tolist(),
        "reads": _reads(trajectory),
        "least": _LEAST_SHARE}


def _panel(panel):
    """A panel, its values in so many parts of 1 as bytes, row after row."""
    parts = 255 if panel.slots else 100  # shades for slots, else decimals to be told
    values = np.rint(parts * np.clip(panel.rows, 0, 1)).astype(np.uint8)
    return {"title": panel.title, "labels": panel.labels, "slots": panel.slots,
            "parts": parts, "bytes": base64.b64encode(values.tobytes()).decode()}


def _reads(trajectory):
    """For each step and head: [slot, weighting, [[earlier step, share], ...]]."""
    return [[[[slot, share, _sources(held, slot)]
              for slot, share in _largest(weighting)] for weighting in heads]
            for heads, held in zip(trajectory.read_weighting,
                                   origins(trajectory, _LEAST_SHARE))]


def _sources(held, slot):
    """[[earlier step, share], ...] of a slot, of what `origins` says at a step."""
    slots, steps, shares = held
    here = slots == slot
    return [[int(steps[here][place]), share]
            for place, share in _largest(shares[here], _SOURCES_LISTED)]


def _largest(shares, count=_SLOTS_LISTED):
    """[[index, share], ...] of the largest shares, if they are worth a line."""
    order = np.argsort(-shares, kind="stable")[:count]
    return [[int(index), round(float(shares[index]), 4)] for index in order
            if shares[index] >= _LEAST_SHARE]
