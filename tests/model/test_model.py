"""The question answerer and its loss, against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from babi.config import Config
from babi.data.batches import assemble
from babi.data.encoding import Example
from babi.model.answerer import QuestionAnswerer, build_model, named_weights
from babi.model.loss import mean_cross_entropy

V = 11
SIZES = dict(controller_units=6, memory_size=5, word_size=4, num_read_heads=2)


def small_config(**settings):
    return Config(**(SIZES | {"jit": False} | settings))


def numpy_loss(logits, targets, answers):
    """Mean over answer steps of -log softmax(logits)[target], step by step."""
    losses = []
    for row, step in np.argwhere(answers):
        scores = np.asarray(logits[row, step], np.float64)
        probabilities = np.exp(scores - scores.max())
        probabilities /= probabilities.sum()
        losses.append(-np.log(probabilities[targets[row, step]]))
    return np.mean(losses) if losses else 0.0


def example(rng, length, task=1):
    """A made-up story of `length` tokens with an answer at each fourth."""
    answers = np.arange(length) % 4 == 3
    questions = np.where(answers, np.cumsum(answers) - 1, -1).astype(np.int32)
    tokens = rng.integers(0, V, (2, length)).astype(np.int32)
    return Example(task, 0, tokens[0], np.where(answers, tokens[1], 0), answers,
                   questions)


@pytest.mark.parametrize("share", [1.0, 0.3, 0.05])
def test_loss_is_the_mean_over_answer_steps(rng, share):
    logits = rng.normal(size=(3, 7, V)).astype(np.float32) * 5
    targets = rng.integers(0, V, (3, 7)).astype(np.int32)
    answers = rng.random((3, 7)) < share
    answers[1, 2] = True
    loss = mean_cross_entropy(tf.constant(logits), targets, answers)
    assert loss.shape == ()
    np.testing.assert_allclose(loss, numpy_loss(logits, targets, answers), rtol=1e-5)


def test_other_steps_have_no_part_in_loss_and_gradient(rng):
    logits = rng.normal(size=(2, 6, V)).astype(np.float32)
    logits[0, 0] = np.nan  # not an answer step: must not matter
    targets = rng.integers(0, V, (2, 6)).astype(np.int32)
    answers = np.zeros((2, 6), bool)
    answers[0, 3] = answers[1, 5] = True
    logits = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = mean_cross_entropy(logits, targets, answers)
    gradient = tape.gradient(loss, logits).numpy()
    assert np.isfinite(loss)
    for row, step in np.ndindex(2, 6):
        if (row, step) == (0, 0):
            continue
        expected = np.zeros(V)
        if answers[row, step]:
            expected = tf.nn.softmax(logits[row, step]).numpy()
            expected[targets[row, step]] -= 1.0
        np.testing.assert_allclose(gradient[row, step], expected / 2, atol=1e-6)


def test_no_answer_gives_zero_loss():
    logits = tf.zeros((1, 3, V))
    nothing = tf.zeros((1, 3), tf.int32)
    assert mean_cross_entropy(logits, nothing, nothing > 0) == 0


def test_stories_packed_or_padded_get_what_they_get_alone(rng):
    model = build_model(small_config(), V)
    stories = [example(rng, length) for length in (8, 5, 12)]

    def logits(rows, length):
        batch = assemble(rows, length).arrays
        return model(batch.inputs, mask=batch.mask, resets=batch.resets).numpy()

    alone = [logits([[story]], story.inputs.size)[0] for story in stories]
    packed = logits([[stories[0], stories[1]], [stories[2]]], 16)
    np.testing.assert_allclose(packed[0, :8], alone[0], atol=1e-5)
    np.testing.assert_allclose(packed[0, 8:13], alone[1], atol=1e-5)
    np.testing.assert_allclose(packed[1, :12], alone[2], atol=1e-5)
    assert np.abs(alone[0][:5] - alone[1]).max() > 1e-3  # the stories do differ


def test_weights_have_the_same_names_in_every_process():
    expected = {
        "model/dnc/cell/controller/kernel": (V + 2 * 4, 4 * 6),
        "model/dnc/cell/controller/recurrent_kernel": (6, 4 * 6),
        "model/dnc/cell/controller/bias": (4 * 6,),
        "model/dnc/cell/interface_kernel": (6, 2 * 4 + 3 * 4 + 5 * 2 + 3),
        "model/dnc/cell/output_kernel": (6 + 2 * 4, V)}
    for _ in range(2):  # a second model of the same process keeps the names
        weights = named_weights(build_model(small_config(), V))
        assert {name: tuple(weight.shape)
                for name, weight in weights.items()} == expected


def test_settings_reach_the_model():
    config = small_config(num_write_heads=2, clip_value=7.0, use_bias=True)
    model = build_model(config, V)
    cell = model.dnc.cell
    assert (cell.controller_units, cell.memory_size, cell.word_size) == (6, 5, 4)
    assert (cell.num_read_heads, cell.num_write_heads) == (2, 2)
    assert cell.clip_value == 7.0 and cell.use_bias
    assert build_model(small_config(clip_value=0.0), V).dnc.cell.clip_value is None


def test_variants_reach_the_model():
    every = {"layer_norm": True, "interface_norm": True, "masked_content": True,
             "deallocation": True, "sharpened_links": True, "temporal_links": True}
    cell = build_model(small_config(**every), V).dnc.cell
    assert every.items() <= cell.get_config().items()
    cell = build_model(small_config(temporal_links=False), V).dnc.cell
    assert not cell.variants.temporal_links


def test_a_stack_of_controllers_reaches_the_model():
    config = small_config(controller="gru,lstm", input_stddev=3.0)
    cell = build_model(config, V).dnc.cell
    assert cell.get_config()["controller"] == ["gru", "lstm"]
    first, second = (layer.kernel.numpy() for layer in cell.controller.cells)
    assert first[:V].std() > 2.0 and first[V:].std() < 1.0 and second.std() < 1.0


@pytest.mark.parametrize("stddev", [0.1, 0.02])
def test_initial_weights_are_drawn_from_the_normal_distribution(stddev):
    config = Config(memory_size=4, weight_stddev=stddev, jit=False)
    for name, weight in named_weights(build_model(config, 159)).items():
        if weight.shape[0] > 100 and len(weight.shape) == 2:
            values = weight.numpy()
            assert abs(values.mean()) < stddev / 50, name
            np.testing.assert_allclose(values.std(), stddev, rtol=0.03, err_msg=name)


@pytest.mark.parametrize("given", [0.0, 0.1])
def test_words_and_reads_may_start_from_weights_of_their_own(given):
    """The other weights are those of the same seed without."""
    keras.utils.set_random_seed(7)
    plain = build_model(small_config(weight_stddev=given), 159).dnc.cell
    keras.utils.set_random_seed(7)
    cell = build_model(small_config(
        weight_stddev=given, input_stddev=0.6, read_stddev=2.5), 159).dnc.cell
    kernel, output = cell.controller.kernel.numpy(), cell.output_kernel.numpy()
    for block, stddev in ((kernel[:159], 0.6), (kernel[159:], 2.5), (output[6:], 2.5)):
        assert abs(block.mean()) < stddev / 4
        np.testing.assert_allclose(block.std(), stddev, rtol=0.15)
    np.testing.assert_array_equal(output[:6], plain.output_kernel.numpy()[:6])
    np.testing.assert_array_equal(cell.interface_kernel, plain.interface_kernel)
    np.testing.assert_array_equal(
        cell.controller.recurrent_kernel, plain.controller.recurrent_kernel)


def test_the_seed_decides_the_weights():
    def weights(seed):
        keras.utils.set_random_seed(seed)
        model = build_model(small_config(input_stddev=0.6), V)
        return [weight.numpy() for weight in model.weights]

    first, again, other = weights(3), weights(3), weights(4)
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    assert not np.array_equal(first[0], other[0])


def test_the_model_is_rebuilt_from_its_configuration(rng):
    model = QuestionAnswerer(V, **SIZES)
    model.build()
    copy = QuestionAnswerer.from_config(model.get_config())
    copy.build()
    copy.set_weights(model.get_weights())
    tokens = rng.integers(0, V, (2, 5)).astype(np.int32)
    np.testing.assert_allclose(model(tokens), copy(tokens), atol=1e-6)
