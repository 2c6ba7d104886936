"""Stories as training reads them: which are kept, and how they are told anew."""

import re
from collections import Counter

import pytest

from babi.config import Config
from babi.data import run_data, thinning
from babi.data.exchange import exchanged
from babi.data.retelling import retold
from babi.simulator import generate_story


def test_of_the_stories_kept_no_short_cut_answers_more_than_chance():
    """Of four colors; of all stories the last one is right in half."""
    kept = last = most = 0
    for number in range(1500):
        story = generate_story(16, 3, number)
        assert thinning.keeps(story, number) == thinning.keeps(story, number)
        if thinning.keeps(story, number):
            said = [found[1] for line in story.lines
                    if (found := re.fullmatch(r"\w+ is (\w+)\.", line.text))]
            answer, counts = story.lines[-1].answer, Counter(said)
            kept += 1
            last += said[-1] == answer
            most += counts[answer] == max(counts.values())
    assert 500 < kept < 800
    assert last / kept == pytest.approx(0.25, abs=0.06)
    assert most / kept == pytest.approx(0.25, abs=0.06)


def test_settings_say_how_stories_are_told_anew():
    one, induction = generate_story(1, 3, 0), generate_story(16, 3, 0)
    assert run_data._change(Config()) is None
    change = run_data._change(Config(exchange_names=True, keep_names="16",
                                     retell_task_16=True, retold_apart=0.3))
    both = run_data._change(Config(exchange_names=True, retell_task_16=True))
    for key in range(10):
        assert change(one, 1, key) == exchanged(one, 1, key) != one
        assert change(induction, 1, key) == retold(induction, 1, key, apart=0.3)
        assert both(induction, 1, key) == exchanged(
            retold(induction, 1, key, apart=Config().retold_apart), 1, key)
