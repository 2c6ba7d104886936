"""A page of HTML with a slider: the answer on the map, step by step, offline."""

import json
from pathlib import Path

import numpy as np

from examples.common import HEADS
from examples.graphs import london
from examples.graphs.asking import edge_text
from examples.graphs.encoding import END
from examples.graphs.london_picture import LABELS, across, track
from examples.lessons.pictures import LEAST

_TEMPLATE = Path(__file__).with_name("london_page.html")


def render(look, decoder, title, asked="what is asked for"):
    """The page of an `asking.Look`, as text; `asked` says what its rides asked are."""
    content = {
        "title": title, "grey": asked, "heads": HEADS, "stations": london.STATIONS,
        "labels": LABELS,
        "asked": [london.RIDES.index(ride) for ride in look.asked],
        "rides": [{"name": edge_text(ride), "track": track(ride).round(3).tolist(),
                   "across": across(ride).round(3).tolist(),
                   "colour": london.COLOURS[london.line_of(ride[1])]}
                  for ride in london.RIDES],
        "steps": _steps(look, decoder)}
    data = json.dumps(content, ensure_ascii=False, allow_nan=False)
    # A "<" in the data must not be taken for a tag.
    return _TEMPLATE.read_text(encoding="utf-8").replace(
        "@DATA@", data.replace("<", "\\u003c"))


def _steps(look, decoder):
    """What the page shows of each step."""
    trajectory, told = look.trajectory, []
    ride_of = [london.RIDES.index(ride) for ride in
               look.numbered.name(look.episode.shown[:len(london.RIDES)])]
    for step in range(len(trajectory.usage)):
        written = trajectory.write_weighting[step, 0]
        entry = {"name": look.names[step],
                 "write": [int(written.argmax()), round(float(written.max()), 3)]}
        if step < len(ride_of):
            entry |= {"phase": "description", "shown": ride_of[step]}
        else:
            entry |= {"phase": "query" if step in look.query else "planning",
                      "reads": _reads(look, decoder, step, ride_of)}
        if step in look.answering:
            number = step - look.answering[0]
            entry |= {"phase": "answer", "right": look.right[number],
                      "answer": "the end" if look.episode.due[step, 0] == END
                      and look.right[number] else edge_text(look.answer[number])}
        told.append(entry)
    return told


def _reads(look, decoder, step, ride_of):
    """For each head: what it reads, its key and its modes."""
    interface = look.trajectory.interface
    keys = decoder(interface.read_keys[step], look.numbered)
    heads = []
    for head, strengths in enumerate(look.strengths[step]):
        sources = [source for source in np.argsort(-strengths)[:4]
                   if strengths[source] > LEAST]
        slot = look.trajectory.read_weighting[step, head].argmax()
        share = float(look.trajectory.read_weighting[step, head, slot])
        heads.append({
            "slot": [int(slot), round(share, 3)] if share > LEAST else None,
            "from": [[look.names[source], round(float(min(1, strengths[source])), 3),
                      ride_of[source] if source < len(ride_of) else None]
                     for source in sources],
            "key": edge_text(keys[head]),
            "modes": interface.read_modes[step, head].round(3).tolist()})
    return heads
