"""Task 16 without its short cut: which of its stories to train on.

"What color is Greg?" is answered by the color of the animal of Greg's kind that was
named last. All the same the color said last is right in half of the stories, and the
one said most often nearly as often, which is where networks stop. Of the stories kept
here neither is right more often than any other color.
"""

import random
import re
from collections import Counter

TASK = 16
_COLOR = re.compile(r"\w+ is (\w+)\.")
# Share of stories to keep, by (color said last is right, color said most is right).
_KEPT = {(False, False): 1.0, (True, False): 1 / 3, (False, True): 1 / 4,
         (True, True): 1 / 8}


def keeps(story, number):
    """Whether a story of task 16 is trained on; always the same for the same number.

    Args:
      story: `story.Story`.
      number: the story's number.
    """
    colors = [match[1] for line in story.lines
              if (match := _COLOR.fullmatch(line.text))]
    answer = next(line.answer for line in story.lines if line.answer is not None)
    counts = Counter(colors)
    short_cuts = (colors[-1:] == [answer],
                  counts[answer] == max(counts.values(), default=0))
    return random.Random(number).random() < _KEPT[short_cuts]
