"""Tasks about where people are: 1, 9, 10, 11, 12 and 13."""

from typing import NamedTuple

from babi.simulator import words
from babi.simulator.script import PacedStory
from babi.simulator.world import move_phrase


class Report(NamedTuple):
    """What is known of a person from the latest that was told of them.

    Attributes:
      actor: the person.
      lines: numbers of the lines that tell it.
      place: where the person really is.
      possible: the places where the person may be as told; empty if only `excluded`
        was told.
      excluded: the place where the person is said not to be, or None.
    """

    actor: str
    lines: tuple[int, ...]
    place: str
    possible: tuple[str, ...] = ()
    excluded: str | None = None


class WhereaboutsStory(PacedStory):
    """A story of people who move; any clause carries the question where one is."""

    def __init__(self, chance, setting):
        super().__init__(chance, setting)
        self.place_of = {actor: chance.pick(setting.places)
                         for actor in setting.actors}
        self.latest: dict[str, Report] = {}

    def report(self, report: Report) -> None:
        """Adds what was told of a person, whose true place it follows."""
        self.place_of[report.actor] = report.place
        self.latest[report.actor] = report
        self.clauses.append(report)

    def evidence(self, clause):
        return self.latest[clause.actor]

    def ask(self, evidence):
        self.script.ask(f"Where is {evidence.actor}?", evidence.place, evidence.lines)

    def draw_move(self):
        """Somebody and a place where they are not."""
        actor = self.chance.pick(self.setting.actors)
        return actor, self.chance.pick_other(self.setting.places, self.place_of[actor])

    def draw_joint_move(self):
        """Two people in random order and a place where neither is."""
        while True:
            first = self.chance.pick(self.setting.actors)
            second = self.chance.pick_other(self.setting.actors, first)
            place = self.chance.pick(self.setting.places)
            if place not in (self.place_of[first], self.place_of[second]):
                return (first, second), place


class SingleSupportingFact(WhereaboutsStory):
    """Task 1: where somebody went last."""

    def tell_sentence(self):
        actor, place = self.draw_move()
        line = self.script.tell(f"{actor} {move_phrase(self.chance, place)}.")
        self.report(Report(actor, (line,), place))


class ClaimStory(WhereaboutsStory):
    """A story told in claims of different kinds, with questions for yes and no.

    Every sentence moves a person, and then tells it in one way or another.
    """

    def tell_sentence(self):
        actor, new = self.draw_move()
        old = self.place_of[actor]
        if self.chance.happens(1 / 2):
            claim, known = move_phrase(self.chance, new), {"possible": (new,)}
        elif self.chance.happens(1 / 2):
            claim, known = f"is in the {new}", {"possible": (new,)}
        else:
            claim, known = self.uncertain_claim(old, new)
        line = self.script.tell(f"{actor} {claim}.")
        self.report(Report(actor, (line,), new, **known))

    def uncertain_claim(self, old, new):
        """A claim about a move from `old` to `new`, and fields of its Report."""
        raise NotImplementedError

    def ask(self, evidence):
        place = evidence.excluded or evidence.place
        if not evidence.excluded and self.chance.happens(1 / 2):
            place = self.chance.pick_other(self.setting.places, place)
        if place not in evidence.possible:
            answer = "no"
        else:
            answer = "yes" if len(evidence.possible) == 1 else "maybe"
        self.script.ask(f"Is {evidence.actor} in the {place}?", answer, evidence.lines)


class SimpleNegation(ClaimStory):
    """Task 9: claims may only say where somebody is not."""

    def uncertain_claim(self, old, new):
        denial = self.chance.pick(("is not in", "is no longer in"))
        return f"{denial} the {old}", {"excluded": old}


class IndefiniteKnowledge(ClaimStory):
    """Task 10: claims may leave it open in which of two places somebody is.

    The second place may be the same as the first, and the answer is still maybe:
    so it is in the official files.
    """

    def uncertain_claim(self, old, new):
        places = self.chance.shuffled((new, self.chance.pick(self.setting.places)))
        return ("is either in the {} or the {}".format(*places),
                {"possible": tuple(places)})


class Conjunction(WhereaboutsStory):
    """Task 12: two people move together."""

    def tell_sentence(self):
        actors, place = self.draw_joint_move()
        self.report_joint_move(actors, place, " and ".join(actors))

    def report_joint_move(self, actors, place, subject, told_before=()):
        """Writes that people, called `subject`, move to a place together.

        Args:
          told_before: lines without which it can't be known who the subject is.

        Returns:
          All lines that tell it.
        """
        line = self.script.tell(f"{subject} {move_phrase(self.chance, place)}.")
        lines = (*told_before, line)
        for actor in actors:
            self.report(Report(actor, lines, place))
        return lines


class CompoundCoreference(Conjunction):
    """Task 13: two people move together, then again, now called `they`."""

    def tell_pair(self):
        actors, place = self.draw_joint_move()
        self.report_two_moves(actors, place, "they")

    def report_two_moves(self, actors, place, pronoun):
        """Writes a move to a place and a second one, where people are a pronoun."""
        named = self.report_joint_move(actors, place, " and ".join(actors))
        self.report_joint_move(
            actors, self.chance.pick_other(self.setting.places, place),
            f"{self.chance.pick(words.NEXT)} {pronoun}", told_before=named)


class BasicCoreference(CompoundCoreference):
    """Task 11: one person moves, then again, now called `he` or `she`."""

    def tell_pair(self):
        actor, place = self.draw_move()
        self.report_two_moves((actor,), place, words.pronoun(actor))
