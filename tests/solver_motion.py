"""Solver of the tasks about who goes where and carries what (1-3 and 5-13)."""

import itertools
import re
from collections import defaultdict

_GO = r"(?:went|moved|journeyed|travelled|went back) to the (\w+)\."
_AFTER = r"(?:Afterwards|After that|Following that|Then)"
_GETTING = r"(?:got|took|grabbed|picked up)"
_DROPPING = r"(?:left|dropped|discarded|put down)"
_GIVING = r"(?:gave|passed|handed)"

_COUNTS = {0: "none", 1: "one", 2: "two", 3: "three"}


class MotionReader:
    """Follows people and things through a story.

    Of each person: where they were reported (a set of possible places, or a place
    where they are not) and with which lines. Of each thing: who holds it, and the
    trail of its places.
    """

    def __init__(self):
        self.reports = defaultdict(list)  # person -> [(possible, excluded, lines)]
        self.holder = {}  # thing -> person who has it now
        self.trail = defaultdict(list)  # thing -> [(place, line)]
        self.touched = {}  # thing -> line of its last get or drop
        # person -> {thing: lines of get, drop, give}, things in order of first get
        self.handled = defaultdict(dict)
        self.gifts = {}  # thing -> (line, giver, receiver)
        self.subject = ((), 0)  # who a pronoun means, and the line that named them

    # ------------------------------------------------------------ statements

    def tell(self, line, sentence):
        for pattern, action in _STATEMENTS:
            match = re.fullmatch(pattern, sentence)
            if match:
                action(self, line, *match.groups())
                return
        raise ValueError(f"line {line}: cannot read {sentence!r}")

    def _arrives(self, person, place, lines):
        self.reports[person].append(({place}, set(), lines))
        for thing, holder in self.holder.items():
            if holder == person:
                self.trail[thing].append((place, lines[-1]))

    def _goes(self, line, first, second, place):
        people = tuple(filter(None, (first, second)))
        self.subject = (people, line)
        for person in people:
            self._arrives(person, place, (line,))

    def _pronoun_goes(self, line, place):
        people, named = self.subject
        for person in people:
            self._arrives(person, place, (named, line))

    def _is_in(self, line, person, place):
        self._arrives(person, place, (line,))

    def _is_not_in(self, line, person, place):
        self.reports[person].append((set(), {place}, (line,)))

    def _is_in_either(self, line, person, first, second):
        # "either in the park or the park" still leaves it open in these tasks
        self.reports[person].append(({first, second, None}, set(), (line,)))

    def _gets(self, line, person, thing):
        self.holder[thing] = person
        self.trail[thing] = []
        self._handles(line, person, thing)

    def _handles(self, line, person, thing):
        self.touched[thing] = line
        self.handled[person].setdefault(thing, []).append(line)

    def _drops(self, line, person, thing):
        been = [(next(iter(possible)), lines[-1])
                for possible, _, lines in self.reports[person]]
        if self.holder.pop(thing, None) is None:
            self.trail[thing] = been  # the get was not told: carried all along
        elif not self.trail[thing]:
            self.trail[thing] = been[-1:]
        self._handles(line, person, thing)

    def _gives(self, line, giver, thing, receiver):
        self.holder[thing] = receiver
        self.handled[giver].setdefault(thing, []).append(line)
        self.handled[receiver].setdefault(thing, []).append(line)
        self.gifts[thing] = (line, giver, receiver)

    # ------------------------------------------------------------- questions

    def ask(self, question):
        for pattern, answer in _QUESTIONS:
            match = re.fullmatch(pattern, question)
            if match:
                return answer(self, *match.groups())
        raise ValueError(f"cannot read {question!r}")

    def _where_is_person(self, person):
        possible, _, lines = self.reports[person][-1]
        return next(iter(possible)), {lines}

    def _where_is_thing(self, thing):
        place, move = self.trail[thing][-1]
        return place, {(self.touched[thing], move)}

    def _where_was_thing(self, thing, place):
        trail = self.trail[thing]
        places = [where for where, _ in trail]
        arrival = max(i for i, where in enumerate(places) if where == place)
        before, line_before = trail[arrival - 1] if arrival else (None, 0)
        return before, {(self.touched[thing], trail[arrival][1], line_before)}

    def _is_person_in(self, person, place):
        possible, excluded, lines = self.reports[person][-1]
        if place in excluded or (possible and place not in possible):
            return "no", {lines}
        return "yes" if len(possible) == 1 else "maybe", {lines}

    def _how_many(self, person):
        held = sum(holder == person for holder in self.holder.values())
        lines = itertools.chain.from_iterable(self.handled[person].values())
        return _COUNTS[held], {tuple(sorted(lines))}

    def _what_carried(self, person):
        held = [thing for thing in self.handled[person]
                if self.holder.get(thing) == person]
        lines = itertools.chain.from_iterable(self.handled[person].values())
        return ",".join(held) or "nothing", {tuple(lines)}  # thing by thing

    def _what_given(self, giver, receiver):
        line, thing = max((gift[0], thing) for thing, gift in self.gifts.items()
                          if gift[1:] == (giver, receiver))
        return thing, {(line,)}

    def _who_gave(self, thing, receiver=None):
        line, giver, _ = self.gifts[thing]
        return giver, {(line,)}

    def _who_received(self, thing):
        line, _, receiver = self.gifts[thing]
        return receiver, {(line,)}

    def _to_whom(self, giver, thing):
        return self._who_received(thing)


_STATEMENTS = [
    (rf"(?!{_AFTER} )(\w+)(?: and (\w+))? {_GO}", MotionReader._goes),
    (rf"{_AFTER} (?:he|she|they) {_GO}", MotionReader._pronoun_goes),
    (r"(\w+) is in the (\w+)\.", MotionReader._is_in),
    (r"(\w+) is (?:not|no longer) in the (\w+)\.", MotionReader._is_not_in),
    (r"(\w+) is either in the (\w+) or the (\w+)\.", MotionReader._is_in_either),
    (rf"(\w+) {_GETTING} the (\w+)(?: there)?\.", MotionReader._gets),
    (rf"(\w+) {_DROPPING} the (\w+)(?: there)?\.", MotionReader._drops),
    (rf"(\w+) {_GIVING} the (\w+) to (\w+)\.", MotionReader._gives),
]

_QUESTIONS = [
    (r"Where is ([A-Z]\w+)\?", MotionReader._where_is_person),
    (r"Where is the (\w+)\?", MotionReader._where_is_thing),
    (r"Where was the (\w+) before the (\w+)\?", MotionReader._where_was_thing),
    (r"Is (\w+) in the (\w+)\?", MotionReader._is_person_in),
    (r"How many objects is (\w+) carrying\?", MotionReader._how_many),
    (r"What is (\w+) carrying\?", MotionReader._what_carried),
    (r"What did (\w+) give to (\w+)\?", MotionReader._what_given),
    (r"Who gave the (\w+)(?: to (\w+))?\?", MotionReader._who_gave),
    (r"Who received the (\w+)\?", MotionReader._who_received),
    (r"Who did (\w+) give the (\w+) to\?", MotionReader._to_whom),
]
