"""Exchanged names: an official story told of other people, places and things.

Who or what a story is about has no part in how it is answered, so that a story in which
names of one kind have changed places is as good as any. What a network could learn by
heart it then never meets twice: it is left with the rule. Names that mean something
stay: the moods of task 20 and where they lead, sizes (task 18), directions, numbers.
"""

import functools
import re

import numpy as np

from babi.data.streams import uniforms
from babi.simulator import words

_HOUSE = (words.HOUSE_PEOPLE, words.HOUSE_PLACES, words.CARRIED_THINGS)
_TOWN = (words.TOWN_PEOPLE, words.TOWN_PLACES)
# A pronoun tells who is a woman.
_PRONOUNS = (("Mary", "Sandra"), ("John", "Daniel"), words.HOUSE_PLACES)
# A sheep is one or several: it stays what it is.
_FEARED = tuple(pair for pair in words.FEARED_ANIMALS.items() if pair[0] != pair[1])
# {task: groups of names}; the forms of a name, if it has several, stand together, and
# all names of a group have the same number of words.
GROUPS = dict.fromkeys((1, 2, 3, 6, 7, 8, 9, 12), _HOUSE) | {
    4: (words.HOUSE_PLACES,),
    5: (words.GIVING_PEOPLE, words.HOUSE_PLACES, words.CARRIED_THINGS),
    10: _TOWN,
    11: _PRONOUNS,
    13: _PRONOUNS,
    14: _TOWN,
    15: (words.FEARFUL_PEOPLE, _FEARED),
    16: (words.ANIMAL_PEOPLE, words.COLORED_ANIMALS, words.COLORS),
    17: (tuple(shape for shape in words.SHAPES if " " in shape),),
    19: (words.HOUSE_PLACES,),
    20: (words.MOODY_PEOPLE,),
}
_EXCHANGE = 7  # keeps these random numbers apart from those of the streams


def exchanged(story, *key):
    """A story with the names of each group exchanged at random.

    Args:
      story: `story.Story`.
      *key: non-negative integers; the same ones exchange the same names.

    Returns:
      A `Story` with as many words.
    """
    groups, pattern = _names(story.task)
    if not groups:
        return story
    draws = uniforms(sum(map(len, groups)), _EXCHANGE, *key)
    names = {}
    for group in groups:
        order = np.argsort(draws[:len(group)], kind="stable")
        draws = draws[len(group):]
        for old, place in zip(group, order):
            names |= zip(old, group[place])

    def other(match):
        name = names[match[0].lower()]
        return name.capitalize() if match[0][0].isupper() else name

    # At once, as a call for each line takes longer than what is done in it.
    texts = [part for line in story.lines for part in (line.text, line.answer or "")]
    texts = iter(pattern.sub(other, "\n".join(texts)).split("\n"))
    return story._replace(lines=tuple(
        line._replace(text=text, answer=line.answer and answer)
        for line, text, answer in zip(story.lines, texts, texts)))


@functools.cache
def _names(task):
    """(groups of names, each a tuple of its forms in lower case; what finds one)."""
    groups = [[(name.lower(),) if isinstance(name, str) else tuple(map(str.lower, name))
               for name in group] for group in GROUPS.get(task, ())]
    forms = [form for group in groups for name in group for form in name]
    return groups, re.compile(rf"\b(?:{'|'.join(forms)})\b", re.IGNORECASE)
