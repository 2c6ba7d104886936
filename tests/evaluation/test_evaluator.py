"""Answers to stories that are read together, against each story read alone."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from babi.data.encoding import Encoder
from babi.data.streams import StoryStream
from babi.data.vocabulary import Vocabulary
from babi.evaluation.evaluator import Evaluator
from babi.model.answerer import build_model
from babi_data import make_stories
from helpers import randomize
from small_runs import CONFIG


def test_stories_evaluated_together_get_what_each_gets_alone(rng):
    vocabulary = Vocabulary.english()
    model = build_model(dataclasses.replace(CONFIG, jit=False), vocabulary.words)
    randomize(model, rng, 0.7)
    stream = StoryStream(make_stories({1: 6, 8: 6}, 4), Encoder(vocabulary), 1,
                         epochs=1)
    given, losses, wrong, seen = [], [], [], []
    alone = tf.function(model, input_signature=[tf.TensorSpec([1, None], tf.int32)])
    for position in range(stream.count):
        example = stream.example(position)
        scores = tf.nn.log_softmax(alone(example.inputs[np.newaxis]))[0].numpy()
        steps = np.flatnonzero(example.answers)
        losses += (-scores[steps, example.targets[steps]]).tolist()
        given += scores[steps].argmax(axis=1).tolist()
        wrong += (scores[steps].argmax(axis=1) != example.targets[steps]).tolist()
    scores, loss = Evaluator(model, jit=False).evaluate(
        stream, 64, observe=lambda batch, words: seen.extend(
            words[batch.answers].tolist()))
    assert loss == pytest.approx(np.mean(losses), rel=1e-4)
    assert sorted(seen) == sorted(given) and any(wrong)
    assert set(scores.question_errors()) == {1, 8}
