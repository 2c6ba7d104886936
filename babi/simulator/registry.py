"""The 20 tasks: which code writes each, and with which cast."""

from babi.simulator import (carrying, reasoning, space, time_reasoning, whereabouts,
                            words)
from babi.simulator.task import Task


def _paced(story, actors, places=words.HOUSE_PLACES, **details):
    """A task whose questions follow what was told last; five of them."""
    return Task(story.lines, actors, places, num_questions=5, paced=True, **details)


def _carrying(story, actors=words.HOUSE_PEOPLE, **details):
    """A paced task with things to carry."""
    return _paced(story, actors, things=words.CARRIED_THINGS, **details)


TASKS = {
    1: _paced(whereabouts.SingleSupportingFact, words.HOUSE_PEOPLE),
    2: _carrying(carrying.TwoSupportingFacts),
    3: _carrying(carrying.ThreeSupportingFacts),
    4: Task(space.two_arg_relations, places=words.HOUSE_PLACES),
    5: _carrying(carrying.ThreeArgRelations, words.GIVING_PEOPLE),
    6: _carrying(carrying.YesNoQuestions),
    7: _carrying(carrying.Counting, max_things=len(words.COUNTS) - 1),
    8: _carrying(carrying.ListsSets),
    9: _paced(whereabouts.SimpleNegation, words.HOUSE_PEOPLE),
    10: _paced(whereabouts.IndefiniteKnowledge, words.TOWN_PEOPLE, words.TOWN_PLACES),
    11: _paced(whereabouts.BasicCoreference, words.HOUSE_PEOPLE),
    12: _paced(whereabouts.Conjunction, words.HOUSE_PEOPLE),
    13: _paced(whereabouts.CompoundCoreference, words.HOUSE_PEOPLE),
    14: _paced(time_reasoning.TimeReasoning, words.TOWN_PEOPLE, words.TOWN_PLACES,
               check=time_reasoning.check_moments),
    15: Task(reasoning.basic_deduction, words.FEARFUL_PEOPLE, num_questions=4),
    16: Task(reasoning.basic_induction, words.ANIMAL_PEOPLE),
    17: Task(space.positional_reasoning, num_questions=8),
    18: Task(reasoning.size_reasoning, num_questions=5),
    19: Task(space.path_finding, places=words.HOUSE_PLACES),
    20: Task(reasoning.agents_motivations, words.MOODY_PEOPLE),
}
