"""Stories of task 16 retold: the same question and answer, no short cut."""

import re
from collections import Counter

import pytest

from babi.checks import ConfigError
from babi.config import Config
from babi.data.exchange import exchanged
from babi.data.retelling import retold
from babi.simulator import generate_story
from babi.stories.story import Line, Story, format_stories
from solver import check_text

# Same kind said last: Brian's, not Julius's.
STORY = Story(16, (
    Line("Julius is a swan."), Line("Lily is a frog."), Line("Brian is a swan."),
    Line("Bernhard is a frog."), Line("Greg is a swan."), Line("Lily is gray."),
    Line("Julius is gray."), Line("Brian is white."), Line("Bernhard is white."),
    Line("What color is Greg?", "white", (5, 3, 8))))


def _said(story):
    """({name: kind}, {name: color}, {name: kinds said between})."""
    kinds, colors, apart = {}, {}, {}
    for line in story.lines[:-1]:
        name, word = re.fullmatch(r"(\w+) is (?:an? )?(\w+)\.", line.text).groups()
        if " is a " in line.text:
            kinds[name], apart[name] = word, len(kinds)
        else:
            colors[name], apart[name] = word, len(kinds) - 1 - apart[name]
    return kinds, colors, apart


def test_only_the_kind_asked_for_comes_twice_and_each_color_once():
    for key in range(50):
        story = retold(STORY, 1, key)
        kinds, colors, _ = _said(story)
        assert kinds["Greg"] == kinds["Brian"] == "swan" and colors["Brian"] == "white"
        assert Counter(kinds.values()) == {"swan": 2, "frog": 1, "lion": 1, "rhino": 1}
        assert Counter(colors.values()).most_common(1)[0][1] == 1
        assert story.lines[-1][:2] == STORY.lines[-1][:2]


def test_what_supports_the_answer_is_found_where_it_was_moved():
    for key in range(50):
        story = retold(STORY, key)
        texts = [story.lines[line - 1].text for line in story.lines[-1].support]
        assert texts == ["Greg is a swan.", "Brian is a swan.", "Brian is white."]


def test_colors_come_at_once_or_later_but_never_later_than_they_did():
    before = _said(STORY)[2]
    apart = [_said(retold(STORY, key))[2] for key in range(300)]
    for name in ("Julius", "Lily", "Brian", "Bernhard"):
        seen = Counter(of_story[name] for of_story in apart)
        assert 0 <= min(seen) and max(seen) <= before[name]
        assert min(seen[gap] for gap in range(before[name] + 1)) > 15, seen


def test_kinds_stay_in_their_order_but_the_last_is_often_that_of_the_one_asked_for():
    lines = (STORY.lines[4], *STORY.lines[:4], *STORY.lines[5:-1],
             STORY.lines[-1]._replace(support=(1, 4, 8)))
    story = STORY._replace(lines=lines)
    seen = Counter()
    for key in range(200):
        facts = retold(story, key).lines[:-1]
        names = [line.text.split()[0] for line in facts if " is a " in line.text]
        last = names[-1] == "Greg"
        assert last == (facts[-1].text == "Greg is a swan.")
        others = ["Julius", "Lily", "Brian", "Bernhard"]
        assert names == ([*others, "Greg"] if last else ["Greg", *others])
        seen[last] += 1
    assert min(seen.values()) > 60


def test_colors_come_at_once_in_the_share_of_stories_that_is_not_told_apart():
    def at_once(apart):
        said = [_said(retold(STORY, key, apart=apart)) for key in range(300)]
        return [not any(gaps[name] for name in colors) for _, colors, gaps in said]

    assert all(at_once(0.0)) and sum(at_once(1.0)) < 15
    assert 60 < sum(at_once(0.7)) < 120
    assert [retold(STORY, key, apart=0.7) for key in range(20) if not at_once(0.7)[key]
            ] == [retold(STORY, key) for key in range(20) if not at_once(0.7)[key]]


def test_no_color_said_last_or_first_is_right_more_often_than_another():
    right = Counter()
    for number in range(400):
        story = retold(generate_story(16, 3, number), 1, number)
        colors = list(_said(story)[1].values())
        right["first"] += colors[0] == story.lines[-1].answer
        right["last"] += colors[-1] == story.lines[-1].answer
    assert 60 < right["first"] < 140 and 60 < right["last"] < 140, right


def test_a_solver_answers_stories_retold_with_other_names():
    for number in range(60):
        story = exchanged(retold(generate_story(16, 3, number), 1, number), 1, number)
        verdict, = check_text(16, format_stories([story]))
        assert verdict.answer_agrees


def test_the_same_key_tells_the_same_story_and_other_tasks_stay():
    assert retold(STORY, 1, 5) == retold(STORY, 1, 5)
    assert len({retold(STORY, 1, key) for key in range(20)}) > 15
    other = generate_story(15, 1, 0)
    assert retold(other, 1, 5) is other


def test_a_story_that_is_told_otherwise_stays():
    """Official files of another name may have other stories of the task."""
    *facts, question = STORY.lines
    for lines in ((*facts, question, question), (facts[0], question), (question,),
                  (*facts, facts[0], question), (*facts, question, facts[0]),
                  (*facts, question._replace(text="What color is 'Greg'?"))):
        story = STORY._replace(lines=lines)
        assert retold(story, 1, 5) is story


@pytest.mark.parametrize("settings, message", [
    ({"keep_names": "21"}, "--keep_names: tasks: '21' is outside 1 to 20"),
    ({"repeat_stories": "17,21", "data": "simulated"},
     "--repeat_stories: tasks: '21' is outside 1 to 20"),
    ({"repeat_stories": "17", "data": "simulated", "tasks": (1, 2)},
     "--repeat_stories names task 17, which --tasks does not"),
    ({"repeat_stories": "17"}, "--repeat_stories is about simulated stories"),
    ({"packed_rows": 2, "phases": "9 repeat_stories=17"},
     "--phases: --repeat_stories is about simulated stories"),
    ({"thin_task_16": True, "retell_task_16": True}, "--thin_task_16 is about"),
    ({"thin_task_16": True, "data": "simulated"}, "--thin_task_16 is about"),
])
def test_settings_that_do_not_go_together(settings, message):
    with pytest.raises(ConfigError, match=message):
        Config(**settings)
