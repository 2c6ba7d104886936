"""Task 16 retold: its stories without short cuts, and with shorter ways to remember.

"What color is Greg?" is answered by the color of the animal of Greg's kind that was
named last. Networks stop at the color said last, or most often: right in half of the
stories. And the rule is far from what they can do: a color is said of a name, sentences
after the kind. In a story retold

- no kind comes twice but Greg's, and no color comes twice: only the rule gives the
  answer (the rewriting of Franke et al. 2018, ADNC);
- a color is said somewhere between the kind of its animal and where it was said, one in
  six at once, one in six where it was: from a kind held in mind for a few words to one
  that has to be looked up in the memory;
- in half of the stories Greg's kind is said last, right before he is asked for.
"""

import re

from babi.data.streams import permutation, uniforms
from babi.simulator import words

TASK = 16
_KIND = re.compile(r"(\w+) is an? (\w+)\.")
_COLOR = re.compile(r"(\w+) is (\w+)\.")
_RETELL = 8  # keeps these random numbers apart from those of the streams


def retold(story, *key, apart=1.0):
    """A story of task 16 told without short cuts; of any other task as it is.

    Args:
      story: `story.Story`.
      *key: non-negative integers; the same ones tell the same story.
      apart: the share of stories that are told as above; of the others all colors are
        said at once.

    Returns:
      A `Story` with as many words and the same answer; the same one, if it is not told
      as the official ones of the task are.
    """
    if story.task != TASK:
        return story
    *facts, question = story.lines
    kinds, colors = _by_name(_KIND, facts), _by_name(_COLOR, facts)
    match = re.search(r"(\w+) *\?", question.text)
    asked = match[1] if match else None
    like = [name for name, (_, kind) in kinds.items() if asked in kinds
            and kind == kinds[asked][1] and name != asked and name in colors]
    if not like or len(kinds) + len(colors) < len(facts):
        return story  # of another form, in files of another name
    chain = {asked, like[-1]}
    _rename(facts, kinds, chain, words.COLORED_ANIMALS, 0, *key)
    _rename(facts, colors, chain, words.COLORS, 1, *key)
    order = _order(facts, kinds, colors, asked, key, apart)
    places = {old: new for new, old in enumerate(order, 1)}
    support = tuple(places[line - 1] for line in question.support)
    return story._replace(lines=(*(facts[old] for old in order),
                                 question._replace(support=support)))


def _by_name(sentence, facts):
    """`{name: (place, what is said of it)}`, in order of telling."""
    return {match[1]: (place, match[2]) for place, line in enumerate(facts)
            if (match := sentence.fullmatch(line.text))}


def _rename(facts, said, chain, choice, *key):
    """Gives all that the answer doesn't hang on other kinds, or colors, in `facts`."""
    taken = {word for name, (_, word) in said.items() if name in chain}
    spare = [word for word in choice if word not in taken]
    others = [name for name in said if name not in chain]
    for name, new in zip(others, permutation(len(spare), _RETELL, *key)):
        place, old = said[name]
        facts[place] = facts[place]._replace(
            text=facts[place].text.replace(f" {old}.", f" {spare[new]}."))


def _order(facts, kinds, colors, asked, key, apart):
    """The places of the facts in the order in which they are told."""
    last, at_once, *draws = uniforms(2 + len(colors), _RETELL, 2, *key)
    at = [float(place) for place in range(len(facts))]
    if last < 0.5:
        at[kinds[asked][0]] = len(facts)
    for draw, (name, (place, _)) in zip(draws, colors.items()):
        kind = kinds[name][0] + 0.5 if name in kinds else place
        share = min(max(1.5 * draw - 0.25, 0.0), 1.0) if at_once < apart else 0.0
        at[place] = min(kind + share * (place - kind), place)
    return sorted(range(len(facts)), key=at.__getitem__)
