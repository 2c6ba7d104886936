"""Scoring, against a count by hand and one by brute force."""

import math

import numpy as np
import pytest
from babi_data import make_stories

from babi.data.batches import PackedBatches, assemble
from babi.data.encoding import Encoder
from babi.data.streams import StoryStream
from babi.data.vocabulary import Vocabulary
from babi.evaluation.scoring import Scores, failed_tasks, mean_error
from babi.stories.story import Line, Story

ENCODER = Encoder(Vocabulary.english())
FACT = Line("Mary went there.")


def test_a_question_needs_all_words_of_its_answer():
    pair = Story(8, (FACT, Line("What?", "milk,apple", (1,)),
                     Line("What?", "apple,milk", (1,)), Line("What?", "milk", (1,))))
    one = Story(1, (FACT, Line("Is?", "yes", (1,))))
    batch = assemble([[ENCODER.encode(pair), ENCODER.encode(one)], []], 30)
    predictions = np.where(batch.arrays.answers, batch.arrays.targets, 77)
    scores = Scores()
    assert scores.update(batch.arrays, predictions).tolist() == [True] * 4
    steps = np.argwhere(batch.arrays.answers)
    predictions[tuple(steps[1])] = 3  # the second word of the first question
    predictions[tuple(steps[3])] = 3  # the second word of the second
    assert scores.update(batch.arrays, predictions).tolist() == [
        False, False, True, True]
    assert scores.question_errors() == {1: 0.0, 8: pytest.approx(100 / 3)}
    assert scores.mean_question_error() == pytest.approx(100 / 6)
    assert scores.tasks == (1, 8) and scores.questions[8] == 6


def test_random_predictions_score_as_by_brute_force():
    stories = make_stories({1: 40, 2: 30, 19: 20}, seed=2)
    rng = np.random.default_rng(0)
    scores = Scores()
    right, asked = {}, {}
    stream = StoryStream(stories, ENCODER, 1, epochs=1)
    for batch in PackedBatches(stream, 4, 90):
        arrays = batch.arrays
        wrong = rng.random(arrays.inputs.shape) < 0.2
        predictions = np.where(wrong, arrays.targets + 1, arrays.targets)
        found = scores.update(arrays, predictions)
        for story in batch.stories:
            steps = story.row, slice(story.start, story.start + story.length)
            for number in range(story.num_questions):
                question = story.first_question + number
                words = arrays.questions[steps] == question
                assert words.any()
                good = (predictions[steps] == arrays.targets[steps])[words].all()
                assert found[question] == good
                asked[story.task] = asked.get(story.task, 0) + 1
                right[story.task] = right.get(story.task, 0) + int(good)
    expected = {task: 100 * (1 - right[task] / asked[task]) for task in (1, 2, 19)}
    assert scores.question_errors() == pytest.approx(expected)
    assert 10 < scores.mean_question_error() < 50


def test_tasks_of_ones_own_may_be_more_than_twenty():
    batches = [assemble([[ENCODER.encode(Story(task, (FACT, Line("Is?", answer))))
                          for task in tasks]], 40).arrays
               for tasks, answer in (((3, 25), "yes"), ((120, 3), "no"))]
    scores = Scores()
    scores.update(batches[0], batches[0].targets)
    scores.update(batches[1], batches[1].targets + 1)
    assert scores.question_errors() == {3: 50.0, 25: 0.0, 120: 100.0}
    assert scores.questions == {3: 2, 25: 1, 120: 1}


def test_five_percent_is_not_yet_failed():
    errors = {1: 5.0, 2: 5.1, 3: 0.0}
    assert failed_tasks(errors) == (2,)
    assert mean_error(errors) == pytest.approx(10.1 / 3)


def test_without_questions_there_is_no_error():
    scores = Scores()
    assert scores.question_errors() == {} and scores.tasks == ()
    assert math.isnan(scores.mean_question_error())
    batch = assemble([[], []], 8)
    assert scores.update(batch.arrays, np.zeros((2, 8), int)).tolist() == []
    assert math.isnan(scores.mean_question_error())
