"""Solver of the tasks about directions, paths and arrangements (4, 17, 19)."""

import re

_OPPOSITE = {"north": "south", "south": "north", "east": "west", "west": "east"}


class MapReader:
    """Places and the directions between them (tasks 4 and 19)."""

    def __init__(self):
        self.steps = {}  # (from, direction) -> (to, line)

    def tell(self, line, sentence):
        there, direction, here = re.fullmatch(
            r"The (\w+) is (\w+) of the (\w+)\.", sentence).groups()
        self.steps[here, direction] = self.steps.get((here, direction), [])
        self.steps[here, direction].append((there, line))
        back = self.steps.setdefault((there, _OPPOSITE[direction]), [])
        back.append((here, line))

    def ask(self, question):
        match = re.fullmatch(r"What is (\w+) of the (\w+)\?", question)
        if match:
            return self._neighbour(match[2], match[1])
        match = re.fullmatch(r"What is the (\w+) (\w+) of\?", question)
        if match:
            return self._neighbour(match[1], _OPPOSITE[match[2]])
        match = re.fullmatch(r"How do you go from the (\w+) to the (\w+)\?", question)
        return self._path(*match.groups())

    def _neighbour(self, place, direction):
        ((there, line),) = self.steps[place, direction]
        return there, {(line,)}

    def _path(self, start, goal):
        """Breadth first; the statements form a tree, so there is one path."""
        frontier, seen = [(start, (), ())], {start}
        while frontier:
            place, letters, lines = frontier.pop(0)
            if place == goal:
                return ",".join(letters), {lines}
            for (here, direction), steps in self.steps.items():
                for there, line in steps if here == place else ():
                    if there not in seen:
                        seen.add(there)
                        frontier.append(
                            (there, letters + (direction[0],), lines + (line,)))
        raise ValueError(f"no path from {start} to {goal}")


class ArrangementReader:
    """Shapes beside each other on a grid (task 17)."""

    _OFFSETS = {"to the left of": (-1, 0), "to the right of": (1, 0),
                "above": (0, 1), "below": (0, -1)}
    _RELATION = "(%s)" % "|".join(_OFFSETS)

    def __init__(self):
        self.relations = []  # (shape, offset from the other, other, line)

    def tell(self, line, sentence):
        first, relation, second = re.fullmatch(
            rf"The (.+) is {self._RELATION} the (.+)\.", sentence).groups()
        self.relations.append((first, self._OFFSETS[relation], second, line))

    def ask(self, question):
        first, relation, second = re.fullmatch(
            rf"Is the (.+) {self._RELATION} the (.+)\?", question).groups()
        offset, lines = self._offset(first, second)
        asked = self._OFFSETS[relation]
        along = sum(a * o for a, o in zip(asked, offset))
        return "yes" if along > 0 else "no", {lines}

    def _offset(self, first, second):
        """Where `first` stands as seen from `second`, over a shape between them."""
        steps = [*self.relations,
                 *((b, (-x, -y), a, line) for a, (x, y), b, line in self.relations)]
        for shape, (x, y), between, line in steps:
            for start, (u, v), end, next_line in steps:
                if (shape, end) == (first, second) and start == between:
                    return (x + u, y + v), (line, next_line)
        raise ValueError(f"nothing relates {first} and {second}")
