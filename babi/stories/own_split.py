"""Which stories are kept apart from others, so that no text falls on both sides.

Reading comprehension asks several questions about one text, each of which is a story of
its own: were they drawn one by one, most texts would be trained on and asked about.
"""

from collections.abc import Iterable, Sequence

from babi.stories.story import Story


def told(story: Story) -> tuple:
    """What a network reads of a story, whose letters' case it does not see."""
    return tuple((line.text.lower(), line.answer and line.answer.lower())
                 for line in story.lines)


def text_of(story: Story) -> tuple:
    """The statements of a story, as `told`; empty if it only asks."""
    return tuple(line.text.lower() for line in story.lines if line.answer is None)


def same_texts(stories: Iterable[Story]) -> list[int]:
    """For each story the number of the first one with its text, or its own."""
    first: dict[tuple, int] = {}
    return [first.setdefault(text, number) if (text := text_of(story)) else number
            for number, story in enumerate(stories)]


def apart(order: Sequence[int], texts: Sequence[int], count: int) -> list[int]:
    """The first stories of an order, those of a text together.

    Texts with more stories than are still wanted are passed over. If less than half is
    found so, the smallest of these comes too, unless it has more than twice as many as
    are wanted, or nothing would be left: then stories are taken one by one.

    Args:
      order: the numbers of all stories.
      texts: for each story the number of its text, as from `same_texts`.
      count: how many are wanted.
    """
    members: dict[int, list[int]] = {}
    for number in order:
        members.setdefault(texts[number], []).append(number)
    chosen: list[int] = []
    passed_over: list[list[int]] = []
    for of_text in members.values():
        if len(chosen) + len(of_text) <= count:
            chosen += of_text
        else:
            passed_over.append(of_text)
    if 2 * len(chosen) >= count:
        return chosen
    smallest = min(passed_over, key=len)
    if len(smallest) <= 2 * count and len(chosen) + len(smallest) < len(order):
        return chosen + smallest
    return list(order[:count])
