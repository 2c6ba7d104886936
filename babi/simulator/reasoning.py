"""Tasks about kinds, colours, sizes and motives: 15, 16, 18 and 20."""

from babi.simulator import words
from babi.simulator.script import Script
from babi.simulator.world import move_phrase


def basic_deduction(chance, setting):
    """Task 15: what somebody fears, from what kind of animal they are."""
    animals = tuple(words.FEARED_ANIMALS)
    feared = {animal: chance.pick_other(animals, animal) for animal in animals}

    script = Script()
    fear_line, animal_of, person_line = {}, {}, {}
    while len(fear_line) < len(animals) or len(person_line) < len(setting.actors):
        animal = chance.pick(animals)
        if chance.happens(1 / 2):
            if animal not in fear_line:
                plural = words.FEARED_ANIMALS[animal].capitalize()
                fear_line[animal] = script.tell(
                    f"{plural} are afraid of {words.FEARED_ANIMALS[feared[animal]]}.")
        else:
            person = chance.pick(setting.actors)
            if person not in person_line and animal in fear_line:
                animal_of[person] = animal
                person_line[person] = script.tell(f"{person} is a {animal}.")
    for _ in range(setting.num_questions):
        person = chance.pick(setting.actors)
        animal = animal_of[person]
        script.ask(f"What is {person.lower()} afraid of?", feared[animal],
                   [person_line[person], fear_line[animal]])
    return script.lines


def basic_induction(chance, setting):
    """Task 16: somebody's colour, from who else is the same kind of animal."""
    while True:
        script = Script()
        animal_line, color_line, animal_of, color_of = _tell_colors(
            script, chance, setting.actors)
        (person,) = set(setting.actors) - set(color_of)
        alike = [other for other in animal_of
                 if animal_of[other] == animal_of[person] and other != person]
        if len(alike) not in (0, 2):  # as in the official files
            break
    latest = alike[-1]
    script.ask(f"What color is {person}?", color_of[latest],
               [animal_line[person], animal_line[latest], color_line[latest]])
    return script.lines


def _tell_colors(script, chance, actors):
    """Tells everybody's animal and the colour of all but one.

    Who is the same animal as somebody whose colour was told since has that colour
    too; so animals of a kind may still differ.

    Returns:
      {person: line} of animals and of colours, {person: animal} and {person: colour},
      all in the order told.
    """
    animal_line, color_line, animal_of, color_of = {}, {}, {}, {}
    while len(animal_of) < len(actors) or len(color_of) < len(actors) - 1:
        person = chance.pick(actors)
        if chance.happens(1 / 2):
            if person not in animal_of:
                animal_of[person] = chance.pick(words.COLORED_ANIMALS)
                animal_line[person] = script.tell(f"{person} is a {animal_of[person]}.")
        elif person in animal_of and person not in color_of and (
                len(color_of) < len(actors) - 1):
            since = [color for other, color in color_of.items()
                     if animal_of[other] == animal_of[person]
                     and color_line[other] > animal_line[person]]
            color_of[person] = since[-1] if since else chance.pick(words.COLORS)
            color_line[person] = script.tell(f"{person} is {color_of[person]}.")
    return animal_line, color_line, animal_of, color_of


def size_reasoning(chance, setting):
    """Task 18: which of two things is bigger, over a third between them.

    Five facts are told, and five more as long as no two of them can be joined.
    """
    by_size = words.SWEETS + tuple(chance.shuffled(words.BOXES))
    script = Script()
    facts = []  # (bigger, smaller, line)
    joined = []
    while not joined:
        for _ in range(5):
            small, big = sorted(chance.shuffled(by_size)[:2], key=by_size.index)
            line = script.tell(chance.pick((f"The {big} is bigger than the {small}.",
                                            f"The {small} fits inside the {big}.")))
            facts.append((big, small, line))
        joined = _joined(facts)
    for _ in range(setting.num_questions):
        fact, other = chance.pick(joined)
        # The fact drawn is about the thing that is asked to be the bigger one.
        if fact[1] == other[0]:
            answer, big, small = "yes", fact[0], other[1]
        else:
            answer, big, small = "no", fact[1], other[0]
        question = chance.pick((f"Is the {big} bigger than the {small}?",
                                f"Does the {small} fit in the {big}?"))
        script.ask(question, answer, (fact[2], other[2]))
    return script.lines


def _joined(facts):
    """All facts that say with another that A is bigger than B and B than C.

    Returns:
      Pairs of a fact and another: for each of its two things the first other fact that
      names it, if they can be joined.
    """
    found = []
    for fact in facts:
        for thing in fact[:2]:
            other = next((other for other in facts
                          if other is not fact and thing in other[:2]), None)
            if other and (fact[1] == other[0] or fact[0] == other[1]):
                found.append((fact, other))
    return found


def agents_motivations(chance, setting):
    """Task 20: people tell their mood, go where it leads them and get what it wants.

    A question follows every sentence. Who finds the thing gone is done.
    """
    mood_of = {actor: chance.pick(tuple(words.MOODS)) for actor in setting.actors}
    script = Script()
    steps = dict.fromkeys(setting.actors, 0)
    mood_line, taken = {}, set()
    while True:
        ready = [actor for actor in setting.actors if steps[actor] < 2 or (
            steps[actor] == 2 and words.MOODS[mood_of[actor]][1] not in taken)]
        if not ready:
            return script.lines
        actor = chance.pick(ready)
        mood = mood_of[actor]
        place, thing = words.MOODS[mood]
        if steps[actor] == 0:
            mood_line[actor] = script.tell(f"{actor} is {mood}.")
            question, answer = f"Where will {actor.lower()} go?", place
        elif steps[actor] == 1:
            script.tell(f"{actor} {move_phrase(chance, place)}.")
            question, answer = f"Why did {actor.lower()} go to the {place}?", mood
        else:
            script.tell(f"{actor} {chance.pick(words.GET)} the {thing} there.")
            question, answer = f"Why did {actor.lower()} get the {thing}?", mood
            taken.add(thing)
        steps[actor] += 1
        script.ask(question, answer, [mood_line[actor]])
