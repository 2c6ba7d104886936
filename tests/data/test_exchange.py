"""Exchanged names: the stories stay stories of their task, with the right answers."""

import pytest

from babi.checks import ConfigError
from babi.config import Config
from babi.data import exchange
from babi.data.exchange import GROUPS, exchanged
from babi.simulator import generate_story
from babi.stories.story import Line, Story, format_stories
from solver import check_text


@pytest.mark.parametrize("task", range(1, 21))
def test_a_solver_answers_exchanged_stories(task):
    """It reads the text alone."""
    changed = 0
    for number in range(60):
        story = generate_story(task, 3, number)
        other = exchanged(story, 1, number)
        changed += other != story
        assert [line.support for line in other.lines] == [
            line.support for line in story.lines]
        assert [len(line.text.split()) for line in other.lines] == [
            len(line.text.split()) for line in story.lines]
        verdicts = list(check_text(task, format_stories([other])))
        assert verdicts and all(verdict.answer_agrees for verdict in verdicts)
    assert changed > 40 or task == 18 and not changed


def test_all_forms_of_a_name_are_exchanged_together():
    story = Story(15, (Line("Mice are afraid of wolves."), Line("Emily is a mouse."),
                       Line("What is emily afraid of?", "wolf", (1, 2))))
    seen = set()
    for key in range(40):
        first, second, asked = exchanged(story, key).lines
        mice, wolves = first.text[:-1].split(" are afraid of ")
        mouse = second.text[:-1].split(" is a ")[1]
        plurals = dict(exchange._FEARED)
        assert plurals[mouse] == mice.lower() and plurals[asked.answer] == wolves
        assert second.text.split()[0].lower() == asked.text.split()[2]
        seen.add((first.text, second.text))
    assert len(seen) > 15
    assert exchanged(story, 5) == exchanged(story, 5)


def test_each_name_comes_as_often_as_any_other():
    story = Story(16, (Line("Lily is a swan."), Line("Lily is gray."),
                       Line("What color is Lily?", "gray", (1, 2))))
    answers = [exchanged(story, 1, key).lines[2].answer for key in range(800)]
    counts = [answers.count(color) for color in ("gray", "white", "yellow", "green")]
    assert sum(counts) == 800 and min(counts) > 150


def test_names_of_a_group_have_as_many_words_as_each_other():
    for groups in GROUPS.values():
        for group in groups:
            forms = [(name,) if isinstance(name, str) else name for name in group]
            assert len({tuple(len(form.split()) for form in of_name)
                        for of_name in forms}) == 1


@pytest.mark.parametrize("settings, about", [
    ({"data": "simulated"}, "the official stories"),
    ({"variant": "hn-10k"}, "stories in English")])
def test_other_data_have_no_names_to_exchange(settings, about):
    with pytest.raises(ConfigError, match=f"--exchange_names is about {about}"):
        Config(exchange_names=True, **settings)
