"""A world where people move between places, and take, drop and give things."""

from collections import defaultdict
from typing import NamedTuple

from babi.simulator import words
from babi.simulator.chance import Chance
from babi.simulator.task import Setting

MOVE, GET, DROP, GIVE = "move", "get", "drop", "give"


class Event(NamedTuple):
    """One person doing one thing.

    Attributes:
      actor: who does it.
      action: MOVE, GET, DROP or GIVE.
      place: where the actor is after it.
      thing: what is taken, dropped or given.
      receiver: to whom it is given.
    """

    actor: str
    action: str
    place: str
    thing: str | None = None
    receiver: str | None = None


class Clause(NamedTuple):
    """An event as told in a line of the story."""

    line: int
    event: Event


class World:
    """Where everybody and everything really is, told or not.

    At the start everybody and everything is in a place of its own, drawn uniformly.
    """

    def __init__(self, chance: Chance, setting: Setting):
        self.chance = chance
        self.setting = setting
        self.place_of = {item: chance.pick(setting.places)
                         for item in setting.actors + setting.things}
        self.holder = dict.fromkeys(setting.things)  # thing -> actor or None

    def held_by(self, actor: str) -> list[str]:
        """The things that a person holds."""
        return [thing for thing, holder in self.holder.items() if holder == actor]

    def apply(self, event: Event) -> None:
        """Changes the world as the event says."""
        if event.action == MOVE:
            self.place_of[event.actor] = event.place
        elif event.action == GET:
            self.holder[event.thing] = event.actor
        elif event.action == GIVE:
            self.holder[event.thing] = event.receiver
        else:
            self.holder[event.thing] = None
            self.place_of[event.thing] = event.place

    def draw_event(self) -> Event:
        """A random move, get or drop that is possible now.

        Actor, action and its object are drawn uniformly, and all are drawn anew if
        the action is not possible.
        """
        while True:
            actor = self.chance.pick(self.setting.actors)
            action = self.chance.pick((MOVE, GET, DROP))
            here = self.place_of[actor]
            if action == MOVE:
                place = self.chance.pick(self.setting.places)
                if place != here:
                    return Event(actor, MOVE, place)
                continue
            things = self.held_by(actor) if action == DROP else [
                thing for thing in self.setting.things
                if self.holder[thing] is None and self.place_of[thing] == here]
            if things:
                return Event(actor, action, here, self.chance.pick(things))

    def first_gift(self) -> Event | None:
        """The first thing that its holder can give, to the first in the same place.

        First in the order of the setting, as it is in all official stories. None if
        nothing can be given.
        """
        for thing, giver in self.holder.items():
            for receiver in self.setting.actors if giver else ():
                if receiver != giver and (
                        self.place_of[receiver] == self.place_of[giver]):
                    return Event(giver, GIVE, self.place_of[giver], thing, receiver)
        return None


class History:
    """What was told: clauses in order, and by person and thing."""

    def __init__(self):
        self.clauses: list[Clause] = []
        self.moves_of = defaultdict(list)  # actor -> clauses of moves
        self.handlings_by = defaultdict(list)  # giver, taker, receiver -> the rest
        self.handlings_of = defaultdict(list)  # thing -> the same

    def add(self, clause: Clause) -> None:
        """Adds the latest clause."""
        self.clauses.append(clause)
        event = clause.event
        if event.action == MOVE:
            self.moves_of[event.actor].append(clause)
            return
        self.handlings_of[event.thing].append(clause)
        self.handlings_by[event.actor].append(clause)
        if event.receiver:
            self.handlings_by[event.receiver].append(clause)

    def moves_between(self, actor: str, first_line: int, last_line: int):
        """A person's moves told after one line and before another."""
        return [clause for clause in self.moves_of[actor]
                if first_line < clause.line < last_line]


def move_phrase(chance: Chance, place: str) -> str:
    """`went to the kitchen` and the like."""
    return f"{chance.pick(words.MOVE)} the {place}"


def sentence(chance: Chance, event: Event, there_after_get: float,
             there_after_drop: float) -> str:
    """An event in words.

    Args:
      chance: where the choice of words comes from.
      event: what to tell.
      there_after_get, there_after_drop: probability that `there` ends a sentence of
        that kind.
    """
    if event.action == MOVE:
        return f"{event.actor} {move_phrase(chance, event.place)}."
    if event.action == GIVE:
        return (f"{event.actor} {chance.pick(words.GIVE)} the {event.thing} "
                f"to {event.receiver}.")
    verbs, there_probability = {GET: (words.GET, there_after_get),
                                DROP: (words.DROP, there_after_drop)}[event.action]
    there = " there" if chance.happens(there_probability) else ""
    return f"{event.actor} {chance.pick(verbs)} the {event.thing}{there}."
