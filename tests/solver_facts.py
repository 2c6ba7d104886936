"""Solver of the tasks about kinds, sizes and motives (15, 16, 18, 20)."""

import re

_SINGULAR = {"mice": "mouse", "sheep": "sheep", "wolves": "wolf", "cats": "cat"}


class DeductionReader:
    """What each person is, and what each animal fears (task 15)."""

    def __init__(self):
        self.kind, self.fear = {}, {}

    def tell(self, line, sentence):
        match = re.fullmatch(r"(\w+) are afraid of (\w+)\.", sentence)
        if match:
            feared = _SINGULAR[match[2]]
            self.fear[_SINGULAR[match[1].lower()]] = (feared, line)
        else:
            person, kind = re.fullmatch(r"(\w+) is a (\w+)\.", sentence).groups()
            self.kind[person.lower()] = (kind, line)

    def ask(self, question):
        (person,) = re.fullmatch(r"What is (\w+) afraid of\?", question).groups()
        kind, kind_line = self.kind[person]
        feared, fear_line = self.fear[kind]
        return feared, {(kind_line, fear_line)}


class InductionReader:
    """Infers a colour from the last named other of the same kind (task 16)."""

    def __init__(self):
        self.kind, self.color = {}, {}  # in the order told

    def tell(self, line, sentence):
        match = re.fullmatch(r"(\w+) is a (\w+)\.", sentence)
        known = self.kind if match else self.color
        person, what = (match or re.fullmatch(r"(\w+) is (\w+)\.", sentence)).groups()
        known[person] = (what, line)

    def ask(self, question):
        (person,) = re.fullmatch(r"What color is (\w+)\?", question).groups()
        kind, line = self.kind[person]
        alike = [other for other, (what, _) in self.kind.items()
                 if what == kind and other in self.color]
        color, color_line = self.color[alike[-1]]
        return color, {(line, self.kind[alike[-1]][1], color_line)}


class SizeReader:
    """Compares two things over a third (task 18)."""

    def __init__(self):
        self.bigger = []  # (bigger, smaller, line)

    def tell(self, line, sentence):
        match = re.fullmatch(r"The (.+) is bigger than the (.+)\.", sentence)
        if match:
            self.bigger.append((match[1], match[2], line))
        else:
            match = re.fullmatch(r"The (.+) fits inside the (.+)\.", sentence)
            self.bigger.append((match[2], match[1], line))

    def ask(self, question):
        match = re.fullmatch(r"Is the (.+) bigger than the (.+)\?", question)
        if match:
            big, small = match.groups()
        else:
            match = re.fullmatch(r"Does the (.+) fit in the (.+)\?", question)
            small, big = match.groups()
        # Named first is the line about the thing that is asked to be the bigger one.
        yes = self._chains(big, small)
        no = {(lower, upper) for upper, lower in self._chains(small, big)}
        return "yes" if yes else "no", yes | no

    def _chains(self, big, small):
        return {(upper, lower) for a, b, upper in self.bigger
                for c, d, lower in self.bigger if (a, d) == (big, small) and b == c}


class MotivationReader:
    """Moods and what people in them do (task 20)."""

    _PLACE = {"hungry": "kitchen", "thirsty": "kitchen", "bored": "garden",
              "tired": "bedroom"}

    def __init__(self):
        self.mood = {}  # person -> (mood, line)

    def tell(self, line, sentence):
        match = re.fullmatch(r"(\w+) is (\w+)\.", sentence)
        if match:
            self.mood[match[1].lower()] = (match[2], line)

    def ask(self, question):
        match = re.fullmatch(
            r"(Where will|Why did) (\w+) (?:go|go to the \w+|get the \w+)\?", question)
        mood, line = self.mood[match[2]]
        return self._PLACE[mood] if match[1] == "Where will" else mood, {(line,)}
