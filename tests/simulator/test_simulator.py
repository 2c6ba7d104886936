"""Generated stories: right answers and reasons; numbered streams; splits; options."""

import collections
import hashlib
import itertools
import re
import time

import pytest

from babi.simulator import (OFFICIAL_STORIES, TASKS, Options, check_options,
                            generate_story, options_for, split_of, stream)
from babi.simulator.chance import Chance
from babi.stories.story import Story, format_stories
from solver import check_text

# First digits of the SHA-256 of ten stories of seed 0. If a change of the generator
# is meant, raise the task's of `generation._VERSIONS` and put the new digits here.
DIGESTS = {
    1: "a0a92dbe3cf4", 2: "0b9796c503a4", 3: "e984a241f764", 4: "eb2fb03078bc",
    5: "125b26167a63", 6: "88eb8aea4a45", 7: "e83583ae456d", 8: "b99909943205",
    9: "68d516cd22d1", 10: "dff0e782f8f9", 11: "2e03845ad12f", 12: "beb457efd76b",
    13: "1f6a97d68f28", 14: "eca968899a81", 15: "8247afad94cf", 16: "bfe06a143d6b",
    17: "1db18cd6134a", 18: "e86eaa2d88cf", 19: "35bbdf12a8f0", 20: "6bff355f9984",
}

# Each option small and large, with what a task needs besides.
VARIANTS = [
    Options(num_actors=2, questions_per_story=3),
    Options(num_actors=21),
    Options(num_places=3),
    Options(num_places=9),
    Options(num_objects=1),
    Options(num_objects=3, questions_per_story=12, num_actors=8),
    Options(length_factor=4, num_actors=20),
    Options(question_window=1, num_actors=5),
    Options(question_window=40, num_actors=9),
]


def stories(task, count, seed=0, **arguments):
    return [generate_story(task, seed, index, **arguments) for index in range(count)]


def all_words(stories):
    return {word.lower() for story in stories for line in story.lines
            for word in re.findall(r"\w+", f"{line.text} {line.answer or ''}")}


def disagreements(task, generated):
    verdicts = list(check_text(task, format_stories(generated)))
    assert len(verdicts) >= len(generated)
    return [verdict for verdict in verdicts
            if not (verdict.answer_agrees and verdict.support_agrees)]


# ------------------------------------------------------------------------- answers

@pytest.mark.parametrize("task", TASKS)
def test_solver_agrees_with_answers_and_support(task):
    assert disagreements(task, stories(task, 150, seed=11)) == []


@pytest.mark.parametrize("options", VARIANTS, ids=lambda options: str(options.given()))
def test_solver_agrees_with_harder_stories(options):
    fitting = [task for task in TASKS if set(options.given()) & TASKS[task].accepts()]
    assert len(fitting) >= 6
    for task in fitting:
        harder = stories(task, 4, options=options_for(task, options))
        assert disagreements(task, harder) == []


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_solver_agrees_with_a_full_set(task):
    assert disagreements(task, stories(task, OFFICIAL_STORIES[task])) == []


@pytest.mark.parametrize("task", TASKS)
def test_solver_finds_a_wrong_answer_and_a_wrong_reason(task):
    """So its agreement means something."""
    story = generate_story(task, 0, 0)
    number = next(i for i, line in enumerate(story.lines) if line.answer)
    question = story.lines[number]
    others = {line.answer for story in stories(task, 20) for line in story.lines}
    wrong_answer = min(others - {None, question.answer})
    for wrong in (question._replace(answer=wrong_answer),
                  question._replace(support=(*question.support, number))):
        lines = (*story.lines[:number], wrong, *story.lines[number + 1:])
        assert disagreements(task, [Story(task, lines)])


# ------------------------------------------------------------- numbers and streams

@pytest.mark.parametrize("task", TASKS)
def test_stories_of_a_seed_never_change(task):
    text = format_stories(stories(task, 10))
    assert hashlib.sha256(text.encode()).hexdigest()[:12] == DIGESTS[task]


def test_a_story_depends_on_each_argument():
    base = generate_story(3, 5, 7)
    assert base == generate_story(3, 5, 7)
    for other in (generate_story(3, 6, 7), generate_story(3, 5, 8),
                  generate_story(3, 5, 7, split="test"),
                  generate_story(3, 5, 7, Options(num_actors=5))):
        assert other.lines != base.lines
    assert len(set(stories(1, 500))) == 500


def test_a_stream_resumes_exactly_anywhere():
    whole = list(itertools.islice(stream(range(1, 21), seed=3), 60))
    for start in (0, 1, 17, 59):
        rest = itertools.islice(stream(range(1, 21), seed=3, start=start), 60 - start)
        assert list(rest) == whole[start:]
    assert next(stream([2], seed=3, start=10**15)) == generate_story(2, 3, 10**15)


def test_a_stream_has_tasks_in_official_shares():
    tasks, count = [1, 4, 15, 20], 4000
    drawn = collections.Counter(
        story.task for story in itertools.islice(stream(tasks, seed=1), count))
    total = sum(OFFICIAL_STORIES[task] for task in tasks)
    for task in tasks:
        share = OFFICIAL_STORIES[task] / total
        deviation = (count * share * (1 - share)) ** 0.5
        assert abs(drawn[task] - count * share) < 4 * deviation


def test_splits_have_no_story_in_common_whatever_the_seeds():
    """In task 4, which has so few stories that they would otherwise."""
    found = {split: {tuple(line.text for line in story.lines)
                     for seed in range(2)
                     for story in stories(4, 500, seed, split=split)}
             for split in ("train", "valid", "test")}
    assert all(len(some) > 300 for some in found.values())
    for one, other in itertools.combinations(found.values(), 2):
        assert not one & other
    assert set(stories(4, 500, 0)) & set(stories(4, 500, 1))  # within a split they do


def test_split_of_names_the_split():
    for split in ("train", "valid", "test"):
        assert all(split_of(story.lines) == split
                   for story in stories(6, 20, split=split))


def test_generation_is_fast_enough_for_training():
    """A story of the official mix within 5 ms of processor time; measured: 0.4."""
    endless = stream(TASKS, seed=0)
    next(endless)
    start = time.process_time()
    list(itertools.islice(endless, 300))
    assert (time.process_time() - start) / 300 < 5e-3


@pytest.mark.parametrize("arguments,words", [
    (dict(task=21, seed=0, index=0), "no task 21"),
    (dict(task="1", seed=0, index=0), "no task '1'"),
    (dict(task=1, seed=-1, index=0), "seed: got -1"),
    (dict(task=1, seed=0, index=-1), "index: got -1"),
    (dict(task=1, seed=0, index=0.5), "index: got 0.5"),
    (dict(task=1, seed=0, index=0, split="tset"), "split: got 'tset'"),
])
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        generate_story(**arguments)


def test_a_stream_checks_its_arguments_at_once():
    for tasks, start, words in (([], 0, "none given"), ([0], 0, "no task 0"),
                                ([1], -1, "start: got -1")):
        with pytest.raises(ValueError, match=words):
            stream(tasks, seed=0, start=start)


# ------------------------------------------------------------------------- options

@pytest.fixture(scope="module")
def official_words():
    """The lexicon's 159 less `.`, `?`, `-`; test_simulator_fidelity has the real."""
    found = all_words(story for task in TASKS for story in stories(task, 80))
    found.add("three")  # a rare answer in task 7
    assert len(found) == 156
    return found


def count_in(task, names, **options):
    """How many of the names occur in twenty stories at most, each story by itself."""
    return max(len(all_words([story]) & {name.lower() for name in names})
               for story in stories(task, 20, options=Options(**options)))


def test_options_set_the_cast():
    people = TASKS[1].setting(Options(num_actors=21)).actors
    places = TASKS[1].setting(Options(num_places=9)).places
    things = TASKS[2].setting(Options(num_objects=4)).things
    long = dict(questions_per_story=60)
    assert [count_in(1, people, num_actors=n, **long) for n in (2, 4, 9)] == [2, 4, 9]
    assert [count_in(1, places, num_places=n, **long) for n in (3, 6, 9)] == [3, 6, 9]
    assert [count_in(8, things, num_objects=n, **long) for n in (1, 3, 4)] == [1, 3, 4]
    assert count_in(15, people, num_actors=12) == 12
    assert count_in(16, people, num_actors=7) == 7
    assert count_in(19, places, num_places=9) == 9
    assert count_in(20, people, num_actors=6) == 6


@pytest.mark.parametrize("task", [1, 9, 10, 11, 12, 13])
def test_options_set_the_pace(task):
    options = Options(length_factor=3, questions_per_story=7)
    for story in stories(task, 5, options=options):
        assert [line.answer is not None for line in story.lines] == (
            [False] * 6 + [True]) * 7


def test_a_larger_window_asks_about_what_is_longer_ago():
    def mean_distance(window):
        distances = [number - line.support[0]
                     for story in stories(1, 40, options=Options(
                         question_window=window, num_actors=12, questions_per_story=20))
                     for number, line in enumerate(story.lines, start=1) if line.answer]
        return sum(distances) / len(distances)
    assert mean_distance(1) < mean_distance(5) < mean_distance(30)


@pytest.mark.parametrize("options", VARIANTS, ids=lambda options: str(options.given()))
def test_harder_stories_keep_to_the_official_lexicon(options, official_words):
    for task in TASKS:
        assert all_words(stories(task, 6, options=options_for(task, options))
                         ) <= official_words


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_every_split_has_stories_in_the_smallest_worlds(split):
    smallest = Options(num_actors=2, num_places=3, num_objects=1, questions_per_story=1,
                       question_window=1)
    for task in TASKS:
        story = generate_story(task, 0, 0, options_for(task, smallest), split)
        assert split_of(story.lines) == split


@pytest.mark.parametrize("tasks,options,words", [
    ([7], dict(num_objects=4), "task 7: num_objects: got 4, expected at most 3"),
    ([1], dict(num_objects=2), "num_objects: applies to none of the chosen tasks, "
                               "only to 2, 3, 5, 6, 7, 8"),
    ([4, 17, 18, 19], dict(num_actors=5), "num_actors: applies to none"),
    ([14], dict(questions_per_story=9), "task 14: questions_per_story=9"),
    ([14], dict(length_factor=4), "raise num_actors"),
])
def test_options_that_a_task_cannot_follow_are_errors(tasks, options, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        check_options(tasks, Options(**options))


@pytest.mark.parametrize("name,value", [
    ("num_actors", 1), ("num_actors", 22), ("num_places", 2), ("num_places", 10),
    ("num_objects", 0), ("num_objects", 5), ("questions_per_story", 0),
    ("length_factor", 0), ("question_window", 0), ("num_actors", 4.0),
    ("num_places", "6"), ("length_factor", True)])
def test_options_out_of_range_are_errors(name, value):
    with pytest.raises(ValueError, match=f"{name}: got {value!r}, expected a whole"):
        Options(**{name: value})


@pytest.mark.parametrize("actors", [2, 3, 4, 7, 20, 21])
@pytest.mark.parametrize("window", [1, 3, 5, 50])
def test_time_never_runs_out(actors, window):
    """Task 14 refuses what could need more times of the day than people have."""
    for factor in (1, 2, 5):
        most = 0
        for number in range(1, 60):
            options = Options(num_actors=actors, question_window=window,
                              length_factor=factor, questions_per_story=number)
            try:
                check_options([14], options)
            except ValueError:
                break
            most = number
        if most:
            options = Options(num_actors=actors, question_window=window,
                              length_factor=factor, questions_per_story=most)
            for story in stories(14, 25, options=options):
                assert sum(line.answer is not None for line in story.lines) == most


# -------------------------------------------------------------------------- chance

def test_chance_draws_uniformly():
    chance, count = Chance("test"), 6000
    draws = {
        "shuffled": [tuple(chance.shuffled("abc")) for _ in range(count)],
        "pick": [chance.pick("abcdef") for _ in range(count)],
        "pick_other": [chance.pick_other("abcdefgh", "b", "g") for _ in range(count)],
        "cycled": [tuple(chance.cycled("abcd")) for _ in range(count)],
    }
    for name, drawn in draws.items():
        shares = collections.Counter(drawn)
        assert len(shares) == 6, name
        assert all(abs(n - 1000) < 4 * (6000 * 1 / 6 * 5 / 6) ** 0.5
                   for n in shares.values()), name
    assert not any(a == b for items in draws["cycled"] for a, b in zip(items, "abcd"))
    assert not {"b", "g"} & set(draws["pick_other"])
    assert abs(sum(chance.happens(0.2) for _ in range(count)) - 1200) < 125
