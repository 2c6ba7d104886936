"""Task 14: where somebody was before, told out of order."""

from collections import defaultdict
from typing import NamedTuple

from babi.simulator import words
from babi.simulator.script import PacedStory
from babi.simulator.world import move_phrase


class Visit(NamedTuple):
    """Somebody going to a place at an index of words.TIMES."""

    actor: str
    time: int
    place: str


class TimeReasoning(PacedStory):
    """Everybody goes somewhere each time of the day; questions look one time back.

    Sentences are held back until a question can be asked, and then written in a
    cyclic permutation of the order in which they came to be.
    """

    def __init__(self, chance, setting):
        super().__init__(chance, setting)
        self.visits = defaultdict(list)  # actor -> visits, by time
        self.untold: list[Visit] = []
        self.line_of: dict[Visit, int] = {}

    def tell_sentence(self):
        """Lets somebody visit a place, to be told at the next question."""
        actor = self.chance.pick([actor for actor in self.setting.actors
                                  if len(self.visits[actor]) < len(words.TIMES)])
        visits = self.visits[actor]
        last = [visit.place for visit in visits[-1:]]
        visit = Visit(actor, len(visits),
                      self.chance.pick_other(self.setting.places, *last))
        visits.append(visit)
        self.clauses.append(visit)
        self.untold.append(visit)

    def evidence(self, clause):
        """The person's latest visit to the clause's place, and the one before."""
        if clause.time == 0:
            return None
        visits = self.visits[clause.actor]
        latest = max(visit.time for visit in visits if visit.place == clause.place)
        return visits[latest], visits[latest - 1]

    def ask(self, evidence):
        for visit in self.chance.cycled(self.untold):
            self.line_of[visit] = self.script.tell(self._sentence(visit))
        self.untold.clear()
        visit, before = evidence
        self.script.ask(f"Where was {visit.actor} before the {visit.place}?",
                        before.place, (self.line_of[visit], self.line_of[before]))

    def _sentence(self, visit):
        time = words.TIMES[visit.time]
        event = f"{visit.actor} {move_phrase(self.chance, visit.place)}"
        if self.chance.happens(1 / 2):
            return f"{time[0].upper()}{time[1:]} {event}."
        return f"{event} {time}."


def check_moments(setting) -> None:
    """Raises ValueError if people's times may run out before the questions."""
    pair, actors = 2 * setting.length_factor, len(setting.actors)
    # A question fails only if the whole window tells first visits of the day.
    failures = actors // min(setting.question_window, pair)
    if pair * (setting.num_questions + failures) > len(words.TIMES) * actors:
        raise ValueError(
            f"questions_per_story={setting.num_questions} with "
            f"length_factor={setting.length_factor}: {actors} people with "
            f"{len(words.TIMES)} times of the day each have not enough to do; raise "
            f"num_actors, or lower these")
