"""What happens in generated stories is possible, told as the official files tell it."""

import itertools
import re

import pytest

from babi.simulator import generate_story, words

_MOVE = "|".join(words.MOVE)
_GET, _DROP, _GIVE = ("|".join(verbs) for verbs in (words.GET, words.DROP, words.GIVE))


def statements(story):
    return [line.text for line in story.lines if line.answer is None]


class World:
    """Follows a story's events and checks that each is possible."""

    def __init__(self):
        self.place, self.holder, self.lies_in = {}, {}, {}
        self.people = ()
        self.counts = dict.fromkeys(("move", "get", "drop", "give"), 0)

    def follow(self, sentence):
        move = re.fullmatch(rf"(.+) (?:{_MOVE}) the (\w+)\.", sentence)
        if move:
            return self._move(*move.groups())
        actor, verb, thing, there = re.fullmatch(
            rf"(\w+) ({_GET}|{_DROP}|{_GIVE}) the (\w+)(.*)\.", sentence).groups()
        if verb in words.GET:
            self._get(actor, thing)
        elif verb in words.DROP:
            self._drop(actor, thing)
        else:
            self._give(actor, thing, there.removeprefix(" to "))

    def _move(self, subject, place):
        if subject.split()[-1] not in ("he", "she", "they"):
            self.people = subject.split(" and ")
        elif "they" not in subject:
            women = {"Mary", "Sandra"}
            assert subject.endswith(" she") == (self.people[0] in women)
        assert len(set(self.people)) == (2 if "they" in subject else len(self.people))
        for person in self.people:
            assert self.place.get(person) != place
            self.place[person] = place
        self.counts["move"] += 1

    def _get(self, actor, thing):
        assert self.holder.get(thing) is None
        here, there = self.place.get(actor), self.lies_in.get(thing)
        assert here is None or there is None or here == there
        self.holder[thing] = actor
        self.counts["get"] += 1

    def _drop(self, actor, thing):
        assert self.holder[thing] == actor
        self.holder[thing] = None
        self.lies_in[thing] = self.place.get(actor)
        self.counts["drop"] += 1

    def _give(self, actor, thing, receiver):
        assert self.holder[thing] == actor and receiver != actor
        here, there = self.place.get(actor), self.place.get(receiver)
        assert here is None or there is None or here == there
        self.holder[thing] = receiver
        self.counts["give"] += 1


@pytest.mark.parametrize("task,actions", [
    (1, {"move"}), (11, {"move"}), (12, {"move"}), (13, {"move"}),
    (2, {"move", "get", "drop"}), (3, {"move", "get", "drop"}),
    (6, {"move", "get", "drop"}), (8, {"move", "get", "drop"}),
    (5, {"move", "get", "drop", "give"}), (7, {"move", "get", "drop", "give"})])
def test_events_are_possible(task, actions):
    counts = dict.fromkeys(("move", "get", "drop", "give"), 0)
    for index in range(60):
        world = World()
        for sentence in statements(generate_story(task, 0, index)):
            world.follow(sentence)
        counts = {name: counts[name] + world.counts[name] for name in counts}
    for action, count in counts.items():
        assert (count > 20) == (action in actions), (action, count)


def test_negation_denies_the_place_that_was_left():
    denials = 0
    for index in range(100):
        place = {}
        for sentence in statements(generate_story(9, 0, index)):
            person, where = sentence.split()[0], sentence[:-1].split()[-1]
            if " not " in sentence or " no longer " in sentence:
                assert place.get(person) in (None, where)
                place[person] = None  # somewhere else
                denials += 1
            else:
                assert place.get(person) != where
                place[person] = where
    assert 150 < denials < 350  # a quarter of a thousand


def test_times_pass_in_order_and_are_told_out_of_order():
    """Two sentences of one person before a question: the later time comes first."""
    pairs = 0
    for index in range(300):
        blocks = [[]]
        seen = {}
        for line in generate_story(14, 0, index).lines:
            if line.answer is not None:
                blocks.append([])
                continue
            time = next(t for t in words.TIMES if t in line.text.lower())
            person = next(p for p in words.TOWN_PEOPLE if p in line.text)
            blocks[-1].append((person, words.TIMES.index(time)))
        for block in blocks:
            for person, time in block:
                assert time not in seen.setdefault(person, set())
                seen[person].add(time)
            if len(block) == 2 and block[0][0] == block[1][0]:
                assert block[0][1] > block[1][1]
                pairs += 1
        assert all(times == set(range(len(times))) for times in seen.values())
    assert pairs > 100


def test_induction_never_has_none_or_two_others_alike():
    found = set()
    for index in range(400):
        story = generate_story(16, 0, index)
        asked = re.search(r"is (\w+)\?", story.lines[-1].text)[1]
        kinds = dict(re.fullmatch(r"(\w+) is a (\w+)\.", text).groups()
                     for text in statements(story) if " is a " in text)
        found.add(sum(kind == kinds[asked] for kind in kinds.values()) - 1)
    assert found == {1, 3, 4}


def test_deduction_tells_a_fear_before_who_has_it():
    for index in range(200):
        feared = set()
        for sentence in statements(generate_story(15, 0, index)):
            plural, afraid, animal = re.fullmatch(
                r"(\w+) (are afraid of|is a) (\w+)\.", sentence).groups()
            if afraid == "is a":
                assert words.FEARED_ANIMALS[animal] in feared
            else:
                assert plural.lower() != animal
                feared.add(plural.lower())
        assert len(feared) == 4


def test_sizes_never_contradict_each_other():
    for index in range(200):
        bigger = set()
        for sentence in statements(generate_story(18, 0, index)):
            big, fits, small = re.fullmatch(
                r"The (.+) (is bigger than|fits inside) the (.+)\.", sentence).groups()
            bigger.add((big, small) if fits == "is bigger than" else (small, big))
        assert any(not any(big == other for other, _ in bigger)  # there is a smallest
                   for _, big in bigger)
        order = [*words.SWEETS]
        assert all(small not in words.SWEETS or big not in order[:order.index(small)]
                   for big, small in bigger)
        assert any(all(rank.index(big) > rank.index(small) for big, small in bigger)
                   for boxes in itertools.permutations(words.BOXES)
                   for rank in [words.SWEETS + boxes])


def test_motives_follow_each_other():
    """Mood, then place, then thing; a thing is taken once; all can is done."""
    for index in range(200):
        step, mood, taken = {}, {}, set()
        for sentence in statements(generate_story(20, 0, index)):
            person, last = sentence.split()[0], sentence[:-1].split()[-1]
            step[person] = step.get(person, 0) + 1
            if step[person] == 1:
                mood[person] = last
            elif step[person] == 2:
                assert last == words.MOODS[mood[person]][0]
            else:
                thing = words.MOODS[mood[person]][1]
                assert step[person] == 3 and thing in sentence and thing not in taken
                taken.add(thing)
        assert len(step) == 4 and min(step.values()) >= 2
        assert taken == {words.MOODS[one][1] for one in mood.values()}
