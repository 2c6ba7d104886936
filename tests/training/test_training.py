"""The training step against NumPy: update, totals, skipping, compilation."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from babi.config import Config
from babi.data.batches import Batch, PackedBatches
from babi.data.encoding import Encoder
from babi.data.streams import StoryStream
from babi.data.vocabulary import Vocabulary
from babi.evaluation.scoring import Scores
from babi.model import checkpoints, trained
from babi.model.answerer import named_weights, path_below_root
from babi.model.record import RunRecord
from babi.model.run_state import RunState
from babi.training import trainer as module
from babi.training.metrics import count_questions, task_slots
from babi.training.trainer import Trainer
from babi_data import make_story

VOCABULARY = Vocabulary.english()


def small_config(**settings):
    return Config(**(dict(controller_units=6, memory_size=5, word_size=4,
                          num_read_heads=2, jit=False, learning_rate=0.01)
                     | settings))


def batches(count, rows=1, row_length=32, questions=1):
    """Packed batches of short made-up stories."""
    rng = random.Random(2)
    stories = {task: [make_story(task, rng, questions) for _ in range(8)]
               for task in (1, 8)}
    stream = StoryStream(stories, Encoder(VOCABULARY), seed=1)
    packed = PackedBatches(stream, rows, row_length)
    return [next(packed).arrays for _ in range(count)]


def trainer(config, **arguments):
    keras.utils.set_random_seed(3)
    return Trainer(config, len(VOCABULARY), **arguments)


def as_tensors(batch):
    return Batch(*map(tf.constant, batch))


class MadeUp:
    """Stands for a model's loss, logits and gradients in tests of the update."""

    def __init__(self, monkeypatch, subject, rng):
        self.loss = 0.0
        self._subject = subject
        self._rng = rng
        monkeypatch.setattr(subject, "gradients", lambda batch, counts, replica: (
            tf.constant(self.loss, tf.float32), tf.constant(self.logits),
            list(map(tf.constant, self.gradients))))

    def draw(self, batch, scale=1.0):
        """Draws new numbers, for a batch of arrays."""
        self.loss = float(self._rng.uniform(1, 5))
        self.logits = self._rng.normal(
            size=batch.inputs.shape + (len(VOCABULARY),)).astype(np.float32)
        # Half of the answers are to be right.
        row, step = np.nonzero(batch.answers & (self._rng.random(
            batch.answers.shape) < 0.5))
        self.logits[row, step, batch.targets[row, step]] += 100.0
        self.gradients = [
            scale * self._rng.normal(size=weight.shape).astype(np.float32)
            for weight in self._subject.model.trainable_variables]


class NumpyRMSProp:
    """RMSProp with momentum in float64, from its definition."""

    def __init__(self, config):
        self._config = config
        self._mean_square, self._momentum = {}, {}

    def update(self, index, weight, gradient, rate):
        config = self._config
        mean_square = (config.rho * self._mean_square.get(index, 0.0)
                       + (1.0 - config.rho) * gradient ** 2)
        momentum = (config.momentum * self._momentum.get(index, 0.0)
                    + rate * gradient / np.sqrt(mean_square + config.epsilon))
        self._mean_square[index], self._momentum[index] = mean_square, momentum
        return weight - momentum


class NumpyAdam:
    """Adam with decoupled weight decay in float64, as Keras has it: epsilon stands
    beside the root of a mean that is not yet corrected."""

    def __init__(self, config):
        self._config = config
        self._means, self._squares, self._counts = {}, {}, {}

    def update(self, index, weight, gradient, rate):
        config = self._config
        count = self._counts[index] = self._counts.get(index, 0) + 1
        mean = self._means[index] = (config.momentum * self._means.get(index, 0.0)
                                     + (1 - config.momentum) * gradient)
        square = self._squares[index] = (config.rho * self._squares.get(index, 0.0)
                                         + (1 - config.rho) * gradient ** 2)
        corrected = np.sqrt(1 - config.rho ** count) / (1 - config.momentum ** count)
        return (weight - rate * config.weight_decay * weight
                - rate * corrected * mean / (np.sqrt(square) + config.epsilon))


@pytest.mark.parametrize("max_grad_norm", [0.0, 20.0])
@pytest.mark.parametrize("oracle_of, optimizer", [
    (NumpyRMSProp, {}), (NumpyAdam, {"optimizer": "adam", "momentum": 0.8, "rho": 0.99,
                                     "weight_decay": 0.3})])
def test_updates_are_those_of_the_optimizer_on_clipped_gradients(
        monkeypatch, rng, max_grad_norm, oracle_of, optimizer):
    config = small_config(max_grad_norm=max_grad_norm, epsilon=1e-6,
                          learning_rate_schedule="exponential", decay_steps=2,
                          warmup_steps=2, **optimizer)
    subject, oracle = trainer(config, compiled=False), oracle_of(config)
    made_up = MadeUp(monkeypatch, subject, rng)
    scales = []
    for number, batch in enumerate(batches(5)):
        made_up.draw(batch, scale=0.1 + number)
        rate = 0.01 * min((number + 1) / 2, 1.0) * 0.1 ** (max(number - 2, 0) / 2)
        assert subject.learning_rate() == pytest.approx(rate, rel=1e-6)
        gradients = [np.asarray(gradient, np.float64) for gradient in
                     made_up.gradients]
        norm = np.sqrt(sum((gradient ** 2).sum() for gradient in gradients))
        scales.append(min(1.0, max_grad_norm / norm) if max_grad_norm else 1.0)
        expected = [
            oracle.update(index, weight.numpy(), scales[-1] * gradients[index], rate)
            for index, weight in enumerate(subject.model.trainable_variables)]
        outcome = subject.step(batch)
        assert outcome.finite
        np.testing.assert_allclose(outcome.loss, made_up.loss, rtol=1e-6)
        np.testing.assert_allclose(outcome.gradient_norm, norm, rtol=1e-5)
        for weight, value in zip(subject.model.trainable_variables, expected):
            np.testing.assert_allclose(weight.numpy(), value, atol=2e-6,
                                       err_msg=weight.path)
    assert (min(scales) < 1.0) == bool(max_grad_norm) and max(scales) == 1.0
    assert subject.iteration.numpy() == 5


def assert_same_counts(by_number, by_task):
    """An array indexed by task number counts the same as `{task: number}`."""
    np.testing.assert_array_equal(
        by_number, [by_task[task] for task in range(len(by_number))])


def test_questions_are_counted_as_the_scores_count_them(rng):
    for batch in batches(3, rows=3, row_length=64, questions=4):
        predictions = np.where(rng.random(batch.targets.shape) < 0.6, batch.targets,
                               rng.integers(0, 159, batch.targets.shape))
        scores = Scores()
        scores.update(batch, predictions)
        questions, wrong = count_questions(
            tf.constant(predictions.astype(np.int32)), as_tensors(batch), 21)
        assert_same_counts(questions, scores.questions)
        assert_same_counts(wrong, scores.wrong_questions)
        assert 0 < wrong.numpy().sum() < questions.numpy().sum()
        moved = batch._replace(tasks=batch.tasks + 100 * batch.mask)
        np.testing.assert_array_equal(
            count_questions(tf.constant(predictions.astype(np.int32)),
                            as_tensors(moved), 122), [
                np.pad(counts, (100, 1)) for counts in (questions, wrong)])
    assert task_slots((1, 8)) == 21 and task_slots((3, 121)) == 122


def test_totals_add_up_and_start_anew(monkeypatch, rng):
    subject = trainer(small_config(), compiled=False)
    made_up = MadeUp(monkeypatch, subject, rng)
    losses, norms, right, scores = [], [], [], Scores()
    for batch in batches(4, rows=3):
        made_up.draw(batch)
        predictions = np.argmax(made_up.logits, axis=-1)
        scores.update(batch, predictions)
        right += (predictions == batch.targets)[batch.answers].tolist()
        losses.append(made_up.loss)
        norms.append(float(subject.step(batch).gradient_norm))
    totals = subject.metrics.read()
    assert totals.steps == 4
    assert totals.loss == pytest.approx(sum(losses), rel=1e-6)
    assert totals.gradient_norm == pytest.approx(sum(norms), rel=1e-6)
    assert (totals.answers, totals.answers_right) == (len(right), sum(right))
    assert 0 < totals.answers_right < totals.answers
    assert_same_counts(totals.questions, scores.questions)
    assert_same_counts(totals.questions_wrong, scores.wrong_questions)
    subject.metrics.reset()
    assert all(np.all(total == 0) for total in subject.metrics.read())


@pytest.fixture(scope="module")
def plain():
    """A trainer with a plain graph; its loss is NaN where the first target is 158.

    Tests share it to save tracing, and leave it as `restore(plain.first)` makes it.
    """
    true_loss = module.mean_cross_entropy

    def loss(logits, targets, *steps):
        factor = tf.where(targets[0, 0] == 158, np.nan, 1.0)
        return true_loss(logits, targets, *steps) * factor

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "mean_cross_entropy", loss)
        subject = trainer(small_config(learning_rate=0.003))
        subject.first = subject.arrays()
        subject.step(batches(1)[0])
        yield subject


def test_a_step_without_finite_numbers_changes_nothing(plain):
    plain.restore(plain.first)
    good, second, bad = batches(3)
    bad.targets[0, 0] = 158
    assert plain.step(good).finite
    before = plain.arrays()
    outcome = plain.step(bad)
    assert not outcome.finite and not np.isfinite(outcome.loss)
    after = plain.arrays()
    assert after.pop("iteration") == before.pop("iteration") + 1
    for name, array in before.items():
        assert after[name].tobytes() == array.tobytes(), name
    assert plain.step(second).finite  # and training goes on
    assert not np.array_equal(plain.arrays()["model/dnc/cell/output_kernel"],
                              before["model/dnc/cell/output_kernel"])


def test_state_restored_goes_on_bit_for_bit(plain):
    plain.restore(plain.first)
    steps = batches(4)
    for batch in steps[:2]:
        plain.step(batch)
    saved = plain.arrays()
    for batch in steps[2:]:
        plain.step(batch)
    expected = plain.arrays()
    assert not np.array_equal(saved["metrics/loss"], expected["metrics/loss"])
    plain.restore(saved)
    for batch in steps[2:]:
        plain.step(batch)
    for name, array in plain.arrays().items():
        assert array.tobytes() == expected[name].tobytes(), name


def test_a_small_model_learns_its_answers():
    subject = trainer(small_config(controller_units=16, learning_rate=1e-3))
    batch, = batches(1)
    losses = [float(subject.step(batch).loss) for _ in range(80)]
    assert losses[0] > 4.5  # chance is log 159 = 5.07
    assert losses[-1] < 0.3


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_a_gradient_that_is_not_finite_or_overflows_is_skipped(
        monkeypatch, rng, value):
    subject = trainer(small_config(), compiled=False)
    made_up = MadeUp(monkeypatch, subject, rng)
    batch, = batches(1)
    made_up.draw(batch)
    made_up.gradients[2][1, 1] = value
    before = subject.arrays()
    outcome = subject.step(batch)
    assert np.isfinite(outcome.loss) and not outcome.finite
    for name, variable in subject.variables().items():
        if name != "iteration":
            np.testing.assert_array_equal(variable, before[name], err_msg=name)


def test_the_step_is_compiled_once_for_each_shape(monkeypatch):
    subject = trainer(small_config())
    gradients = [tf.ones(weight.shape) for weight in subject.model.trainable_variables]
    monkeypatch.setattr(subject, "gradients", lambda batch, counts, replica: (
        tf.reduce_sum(tf.cast(batch.targets, tf.float32)),
        tf.zeros(batch.inputs.shape + (len(VOCABULARY),)), gradients))
    shapes = [batches(2, row_length=length) for length in (32, 40, 48)]
    for batch in [batch for pair in zip(*shapes) for batch in pair]:
        subject.step(batch)
    assert subject.iteration.numpy() == 6
    assert subject._run.experimental_get_tracing_count() == 3  # shapes


def test_eager_plain_and_compiled_steps_agree():
    """Operation by operation, a plain graph, XLA: the same run of 2 steps."""
    steps = batches(2, row_length=12)
    losses, weights = {}, {}
    for name, jit, compiled in [("eager", False, False), ("plain", False, True),
                                ("jit", True, True)]:
        subject = trainer(small_config(jit=jit, epsilon=1e-3), compiled=compiled)
        used = steps if compiled else steps[:1]  # eager steps are slow
        losses[name] = [float(subject.step(batch).loss) for batch in used]
        weights[name] = subject.arrays()
    np.testing.assert_allclose(losses["plain"][:1], losses["eager"], rtol=1e-5)
    np.testing.assert_allclose(losses["plain"], losses["jit"], rtol=1e-5)
    for name, array in weights["plain"].items():
        np.testing.assert_allclose(weights["jit"][name], array, rtol=1e-4, atol=1e-5,
                                   err_msg=name)


def test_each_word_read_is_a_second_target():
    """Gradients against the two losses written out, on a padded batch."""
    subject = trainer(small_config(word_loss=0.25), compiled=False)
    batch = Batch(*map(tf.constant, batches(1)[0]))
    loss, logits, gradients = subject.gradients(batch)
    weights = subject.model.trainable_variables
    with tf.GradientTape() as tape:
        scores = tf.nn.log_softmax(subject.model(
            batch.inputs, mask=batch.mask, resets=batch.resets))
        of_answers = tf.reduce_mean(tf.gather_nd(
            scores, tf.concat([tf.where(batch.answers), tf.cast(
                batch.targets[batch.answers], tf.int64)[:, None]], 1)))
        reads = batch.mask & (batch.questions < 0)
        of_words = tf.reduce_mean(tf.gather_nd(
            scores, tf.concat([tf.where(reads), tf.cast(
                batch.inputs[reads], tf.int64)[:, None]], 1)))
        total = -of_answers - 0.25 * of_words
    np.testing.assert_allclose(loss, -of_answers, rtol=1e-5)
    assert not np.all(batch.mask)
    for ours, expected in zip(gradients, tape.gradient(total, weights)):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-6)


def test_dropout_follows_from_seed_and_iteration_alone():
    config = small_config(bypass_dropout=0.5)
    subject, batch = trainer(config), batches(1)[0]
    first = subject.arrays()
    norms = [float(subject.step(batch).gradient_norm) for _ in range(2)]
    subject.restore(first)
    again = trainer(config)
    again.restore(first)
    assert float(again.step(batch).gradient_norm) == norms[0]
    assert float(subject.step(batch).gradient_norm) == norms[0]
    subject.restore(first | {"iteration": np.int64(7)})
    assert float(subject.step(batch).gradient_norm) != norms[0]


def test_the_average_of_the_weights_is_kept_beside_them(tmp_path):
    subject = trainer(small_config(ema_momentum=0.6))
    names = [f"model/{path_below_root(weight)}"
             for weight in subject.model.trainable_variables]
    expected = None
    for batch in batches(4):
        subject.step(batch)
        arrays = subject.arrays()
        expected = {name: arrays[name] if expected is None else
                    0.6 * expected[name] + 0.4 * arrays[name] for name in names}
    saved = subject.checkpoint()
    for name in names:
        np.testing.assert_allclose(saved[f"average/{name}"], expected[name], atol=1e-6)
        np.testing.assert_array_equal(saved[name], arrays[name])
    with subject.averaged():
        np.testing.assert_array_equal(
            subject.arrays()[names[0]], saved[f"average/{names[0]}"])
    np.testing.assert_array_equal(subject.arrays()[names[0]], arrays[names[0]])
    # What is tested is the average.
    RunRecord(subject.config, {}, {}).write(tmp_path)
    VOCABULARY.save(tmp_path / "vocabulary.json")
    checkpoints.write(tmp_path / "model.ckpt-4", saved | {
        "run_state": RunState().to_json()})
    loaded = named_weights(trained.load(tmp_path, jit=False).model)
    for name in names:
        np.testing.assert_allclose(loaded[name], expected[name], atol=1e-6)


@pytest.mark.parametrize("optimizer", ["rmsprop", "adam"])
def test_weight_decay_takes_a_share_of_each_weight(optimizer, monkeypatch):
    """Without a gradient nothing else is left of an update."""
    subject = trainer(small_config(optimizer=optimizer, weight_decay=0.5,
                                   learning_rate=0.1), compiled=False)
    batch = batches(1)[0]
    zeros = [tf.zeros_like(weight) for weight in subject.model.trainable_variables]
    monkeypatch.setattr(subject, "gradients", lambda batch, counts, replica: (
        tf.constant(0.0), tf.zeros((*batch.inputs.shape, len(VOCABULARY))), zeros))
    before = [weight.numpy() for weight in subject.model.trainable_variables]
    subject.step(batch)
    for weight, array in zip(subject.model.trainable_variables, before):
        np.testing.assert_allclose(weight, 0.95 * array, rtol=1e-5, atol=1e-7)
