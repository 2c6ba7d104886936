"""Solver of the task about what happened when (14)."""

import re
from collections import defaultdict

_TIMES = ("yesterday", "this morning", "this afternoon", "this evening")
_TIME = "(%s)" % "|".join(_TIMES)
_GO = r"(?:went|moved|journeyed|travelled|went back) to the (\w+)"


class TimeReader:
    """Each person's diary: where they went at which time of day."""

    def __init__(self):
        self.diary = defaultdict(dict)  # person -> {time: (place, line)}

    def tell(self, line, sentence):
        match = re.fullmatch(rf"(?i:{_TIME}) (\w+) {_GO}\.", sentence)
        if match:
            time, person, place = match.groups()
        else:
            person, place, time = re.fullmatch(
                rf"(\w+) {_GO} {_TIME}\.", sentence).groups()
        self.diary[person][_TIMES.index(time.lower())] = (place, line)

    def ask(self, question):
        person, place = re.fullmatch(
            r"Where was (\w+) before the (\w+)\?", question).groups()
        diary = [self.diary[person][time] for time in sorted(self.diary[person])]
        arrival = max(i for i, (where, _) in enumerate(diary) if where == place)
        before, line_before = diary[arrival - 1]
        return before, {(diary[arrival][1], line_before)}
