"""Tasks about how places and shapes lie to each other: 4, 17 and 19."""

from babi.simulator import words
from babi.simulator.script import Script

_STEPS = dict(zip(words.SIDES, ((0, 1), (1, 0), (0, -1), (-1, 0))))


class Plan:
    """Things that lie beside each other, joined without a loop.

    Attributes:
      direction: {(thing, neighbour): where the thing lies, seen from the neighbour},
        each pair both ways.
    """

    def __init__(self):
        self.direction: dict[tuple[str, str], str] = {}

    def put(self, thing: str, direction: str, neighbour: str) -> None:
        """Puts a thing in some direction of a neighbour."""
        self.direction[thing, neighbour] = direction
        self.direction[neighbour, thing] = words.opposite(direction)

    def draw_edges(self, chance):
        """All pairs of neighbours in random order: yields (thing, neighbour).

        The thing is drawn uniformly, then one of its neighbours, so who has many
        neighbours tends to be the neighbour.
        """
        neighbours = {}
        for thing, neighbour in self.direction:
            neighbours.setdefault(thing, []).append(neighbour)
        things, drawn = list(neighbours), set()
        while len(drawn) < len(self.direction):
            thing = chance.pick(things)
            neighbour = chance.pick(neighbours[thing])
            if (thing, neighbour) not in drawn:
                drawn.update([(thing, neighbour), (neighbour, thing)])
                yield thing, neighbour


def two_arg_relations(chance, setting):
    """Task 4: which of three places in a row lies in some direction of another."""
    first, middle, last = chance.shuffled(setting.places)[:3]
    direction = chance.pick(words.COMPASS)
    plan = Plan()
    plan.put(first, direction, middle)
    plan.put(middle, direction, last)

    script = Script()
    edges = list(plan.draw_edges(chance))
    for edge in edges:
        _tell_direction(script, plan, *edge)
    asked = chance.index(len(edges))
    place, neighbour = edges[asked]
    question = chance.pick((
        f"What is {plan.direction[place, neighbour]} of the {neighbour}?",
        f"What is the {neighbour} {plan.direction[neighbour, place]} of?"))
    script.ask(question, place, [asked + 1])
    return script.lines


def path_finding(chance, setting):
    """Task 19: the way from one place over a second to a third, among others.

    The other places lie beside these three, each on a side of its own, though two
    of them may come to lie on one spot.
    """
    start, middle, goal, *others = chance.shuffled(setting.places)
    first_step = chance.pick(words.COMPASS)
    second_step = chance.pick_other(words.COMPASS, words.opposite(first_step))
    plan = Plan()
    plan.put(middle, first_step, start)
    plan.put(goal, second_step, middle)
    free = [(side, place) for place in (start, middle, goal)
            for side in words.COMPASS
            if not any(place == neighbour and side == direction
                       for (_, neighbour), direction in plan.direction.items())]
    for other, (side, place) in zip(others, chance.shuffled(free)):
        plan.put(other, side, place)

    script = Script()
    line_of = {}
    for edge in plan.draw_edges(chance):
        line_of[frozenset(edge)] = _tell_direction(script, plan, *edge)
    script.ask(f"How do you go from the {start} to the {goal}?",
               f"{first_step[0]},{second_step[0]}",
               [line_of[frozenset(step)] for step in ((start, middle), (middle, goal))])
    return script.lines


def _tell_direction(script, plan, place, neighbour):
    """Writes where a place lies, seen from a neighbour; returns the line number."""
    return script.tell(
        f"The {place} is {plan.direction[place, neighbour]} of the {neighbour}.")


def positional_reasoning(chance, setting):
    """Task 17: how two shapes lie to each other, of which each is beside a third."""
    first, middle, last = chance.shuffled(words.SHAPES)[:3]
    sides = chance.shuffled(words.SIDES)[:2]
    plan = Plan()
    for shape, side in zip((first, last), sides):
        plan.put(shape, side, middle)

    script = Script()
    line_of = {}
    for shape, neighbour in plan.draw_edges(chance):
        line = script.tell(
            f"The {neighbour} is {plan.direction[neighbour, shape]} the {shape}.")
        line_of[shape] = line_of[neighbour] = line
    for _ in range(setting.num_questions):
        shape, other = chance.shuffled((first, last))
        true = _relations(plan, shape, other, middle)
        answer = chance.pick(("yes", "no"))
        relation = (chance.pick(true) if answer == "yes"
                    else chance.pick_other(words.SIDES, *true))
        script.ask(f"Is the {shape} {relation} the {other}?", answer,
                   [line_of[shape], line_of[other]])
    return script.lines


def _relations(plan, shape, other, middle):
    """The relations of one shape to another, both beside the middle one."""
    offset = [there - here for there, here in zip(
        _STEPS[plan.direction[shape, middle]], _STEPS[plan.direction[other, middle]])]
    return [side for side, step in _STEPS.items()
            if sum(along * out for along, out in zip(step, offset)) > 0]
