"""dnc.addressing: each equation against the oracle, known answers, gradients."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

import oracle
from dnc import addressing
from helpers import SIZES, TOLERANCE, assert_close, check_gradient, weightings

both_dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
all_sizes = pytest.mark.parametrize("sizes", SIZES, ids=str)


def tensors(dtype, *arrays):
    return [tf.constant(array, dtype) for array in arrays]


# ---------------------------------------------------------- against the oracle

@both_dtypes
@all_sizes
def test_content_weighting_equals_oracle(sizes, dtype, rng):
    B, N, W, K, _ = sizes
    memory, keys = rng.normal(size=(B, N, W)), rng.normal(size=(B, K, W))
    strengths = 1.0 + rng.exponential(size=(B, K))
    result = addressing.content_weighting(*tensors(dtype, memory, keys, strengths))
    expected = [[oracle.content(memory[b], keys[b, k], strengths[b, k])
                 for k in range(K)] for b in range(B)]
    assert result.dtype == dtype
    assert_close(result, np.array(expected), TOLERANCE[dtype])


@both_dtypes
@all_sizes
def test_usage_equals_oracle(sizes, dtype, rng):
    B, N, _, R, H = sizes
    u, f = rng.uniform(size=(B, N)), rng.uniform(size=(B, R))
    ww, rw = weightings(rng, B, H, N), weightings(rng, B, R, N)
    result = addressing.usage(*tensors(dtype, u, ww, f, rw))
    expected = [oracle.usage(u[b], ww[b], f[b], rw[b]) for b in range(B)]
    assert_close(result, np.array(expected), TOLERANCE[dtype])


@both_dtypes
@all_sizes
def test_allocation_weighting_equals_oracle(sizes, dtype, rng):
    B, N, _, _, H = sizes
    u, gates = rng.uniform(size=(B, N)), rng.uniform(size=(B, H))
    result = addressing.allocation_weighting(*tensors(dtype, u, gates))
    expected = [oracle.allocation(u[b], gates[b]) for b in range(B)]
    assert_close(result, np.array(expected), TOLERANCE[dtype])


@both_dtypes
@all_sizes
def test_link_and_precedence_equal_oracle(sizes, dtype, rng):
    B, N, _, _, H = sizes
    L = weightings(rng, B, H, N, N) * (1.0 - np.eye(N))
    p, w = weightings(rng, B, H, N), weightings(rng, B, H, N)
    heads = list(itertools.product(range(B), range(H)))
    result = addressing.link_matrix(*tensors(dtype, L, p, w))
    expected = np.array([oracle.link(L[i], p[i], w[i]) for i in heads])
    assert_close(result, expected.reshape(B, H, N, N), TOLERANCE[dtype])
    result = addressing.precedence(*tensors(dtype, p, w))
    expected = np.array([oracle.precedence(p[i], w[i]) for i in heads])
    assert_close(result, expected.reshape(B, H, N), TOLERANCE[dtype])


@both_dtypes
@all_sizes
def test_directional_weightings_equal_oracle(sizes, dtype, rng):
    B, N, _, R, H = sizes
    L = weightings(rng, B, H, N, N) * (1.0 - np.eye(N))
    rw = weightings(rng, B, R, N)
    backward, forward = addressing.directional_weightings(*tensors(dtype, L, rw))
    for result, equation in ((backward, oracle.backward_weighting),
                             (forward, oracle.forward_weighting)):
        expected = [[[equation(L[b, h], rw[b, r]) for h in range(H)]
                     for r in range(R)] for b in range(B)]
        assert_close(result, np.array(expected), TOLERANCE[dtype])


# --------------------------------------------------------------- known answers

def test_content_weighting_of_an_exact_match():
    memory = [[[1.0, 0.0], [0.0, 5.0], [-3.0, 0.0]]]
    result = addressing.content_weighting(
        *tensors("float64", memory, [[[2.0, 0.0]]], [[3.0]]))
    expected = np.exp([3.0, 0.0, -3.0])
    assert_close(result[0, 0], expected / expected.sum(), 1e-10)


def test_content_weighting_is_uniform_without_content():
    zeros, ones = np.zeros((1, 4, 3)), np.ones((1, 4, 3))
    uniform = np.full((1, 1, 4), 0.25)
    for memory, key in ((zeros, ones[:, :1]), (ones, zeros[:, :1])):
        result = addressing.content_weighting(*tensors("float64", memory, key, [[9.]]))
        assert_close(result, uniform, 1e-10)


def test_content_weighting_ignores_lengths(rng):
    memory, keys = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 2, 3))
    strengths = np.full((2, 2), 2.5)
    plain = addressing.content_weighting(*tensors("float64", memory, keys, strengths))
    scaled = addressing.content_weighting(
        *tensors("float64", 7.0 * memory, 0.1 * keys, strengths))
    assert_close(scaled, plain, 1e-10)


@both_dtypes
def test_content_weighting_at_extremes_is_finite(dtype):
    memory = np.array([[[1e4, -1e4], [1e-20, 0.0], [0.0, 0.0]]])
    inputs = tensors(dtype, memory, [[[1e4, 0.0], [0.0, 0.0]]], [[1e4, 1e4]])
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        result = addressing.content_weighting(*inputs)
        value = tf.reduce_sum(result * [1.0, 2.0, 3.0])
    assert_close(tf.reduce_sum(result, -1), np.ones((1, 2)), 1e-6)
    for gradient in tape.gradient(value, inputs):
        assert np.all(np.isfinite(gradient))


def test_usage_is_never_below_zero():
    """A weight that is 1 but for rounding, freed: 0, which has a logarithm."""
    above = np.nextafter(np.float32(1), np.float32(2))
    one, weights = np.ones((1, 2)), np.array([[[above, 0.25]]])
    used = addressing.usage(*tensors("float32", one, np.zeros((1, 1, 2)), [[1.0]],
                                     weights))
    assert used.numpy().tolist() == [[0.0, 0.75]]
    allocation = addressing.allocation_weighting(used, tf.ones([1, 1])).numpy()
    assert allocation[0, 0] == pytest.approx([1, 0], abs=1e-12)


def test_usage_known_answers():
    zero, one = [[0.0, 0.0, 0.0]], [[[0.0, 1.0, 0.0]]]
    written = addressing.usage(*tensors("float64", zero, one, [[0.0]], one))
    assert_close(written, np.array([[0.0, 1.0, 0.0]]), 1e-12)
    freed = addressing.usage(*tensors("float64", zero, one, [[1.0]], one))
    assert_close(freed, np.zeros((1, 3)), 1e-12)


@both_dtypes
@pytest.mark.parametrize("u", [
    [0.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.5, 0.5], [0.7, 0.2, 0.7, 0.2],
    [1.0, 0.3, 1.0, 0.3], [1.0, 1.0, 1.0, 1.0], [0.0, 0.9, 0.0, 0.0]], ids=str)
def test_allocation_weighting_with_ties(u, dtype):
    result = addressing.allocation_weighting(*tensors(dtype, [u], [[0.6, 0.8]]))
    assert_close(result[0, 0], oracle.allocation_one(u), 1e-6)
    # What the first head takes of a slot behind an unused one is the epsilon, and
    # that orders equals for the second head: the oracle is given the same epsilon.
    expected = oracle.allocation(u, [0.6, 0.8], addressing.USAGE_EPSILON)
    assert_close(result[0, 1], expected[1], 1e-6)


def test_allocation_weighting_takes_the_least_used_slot_first():
    result = addressing.allocation_weighting(
        *tensors("float64", [[0.9, 0.5, 0.0, 0.2]], [[1.0]]))
    assert_close(result[0, 0], np.array([0.0, 0.0, 1.0, 0.0]), 1e-10)
    result = addressing.allocation_weighting(
        *tensors("float64", [[0.9, 0.5, 0.4]], [[1.0]]))
    assert_close(result[0, 0], np.array([0.1 * 0.5 * 0.4, 0.5 * 0.4, 0.6]), 1e-10)


def test_later_write_heads_leave_what_earlier_ones_take():
    u = tf.constant([[0.0, 0.1, 0.2]], tf.float64)
    taken = addressing.allocation_weighting(u, tf.constant([[1.0, 1.0, 1.0]], u.dtype))
    assert_close(taken[0, 0], np.array([1.0, 0.0, 0.0]), 1e-10)
    assert_close(taken[0, 1], np.array([0.0, 0.9, 0.08]), 1e-10)
    idle = addressing.allocation_weighting(u, tf.constant([[0.0, 0.0, 0.0]], u.dtype))
    assert_close(idle[0, 2], idle[0, 0], 1e-12)


def test_links_lead_from_the_earlier_to_the_later_write():
    first, second = np.eye(3)[0], np.eye(3)[2]
    link, order = tf.zeros([1, 1, 3, 3], tf.float64), tf.zeros([1, 1, 3], tf.float64)
    for w in (first, second):
        w = tf.constant(w[None, None])
        link = addressing.link_matrix(link, order, w)
        order = addressing.precedence(order, w)
    expected = np.zeros((3, 3))
    expected[2, 0] = 1.0
    assert_close(link[0, 0], expected, 1e-12)
    at_first = tf.constant(first[None, None])
    backward, forward = addressing.directional_weightings(link, at_first)
    assert_close(forward[0, 0, 0], second, 1e-12)
    assert_close(backward[0, 0, 0], np.zeros(3), 1e-12)
    at_second = tf.constant(second[None, None])
    backward, forward = addressing.directional_weightings(link, at_second)
    assert_close(backward[0, 0, 0], first, 1e-12)
    assert_close(forward[0, 0, 0], np.zeros(3), 1e-12)


# ------------------------------------------------------------------ properties

def test_allocation_follows_its_slots_when_they_are_shuffled(rng):
    u, order = rng.uniform(size=(1, 7)), rng.permutation(7)
    gates = tf.constant([[0.4, 0.9]], tf.float64)
    plain = addressing.allocation_weighting(tf.constant(u), gates).numpy()
    shuffled = addressing.allocation_weighting(tf.constant(u[:, order]), gates)
    assert_close(shuffled, plain[..., order], 1e-12)


@both_dtypes
@pytest.mark.parametrize("edge", [0.0, 1.0])
def test_weightings_stay_in_range_over_a_thousand_updates(edge, dtype, rng):
    """Hard gates and weightings at the edge of the simplex, in float32 too."""
    T, N, R, H = 1000, 6, 2, 2
    w, rw = (rng.dirichlet(np.full(N, 0.1), size=(T, 1, K)) for K in (H, R))
    f = np.where(rng.uniform(size=(T, 1, R)) < 0.5, edge, rng.uniform(size=(T, 1, R)))

    def update(state, inputs):
        used, link, order, _ = state
        w, f, rw = inputs
        used = addressing.usage(used, w, f, rw)
        link = addressing.link_matrix(link, order, w)
        order = addressing.precedence(order, w)
        return used, link, order, addressing.allocation_weighting(used, f)

    start = (tf.zeros([1, N], dtype), tf.zeros([1, H, N, N], dtype),
             tf.zeros([1, H, N], dtype), tf.zeros([1, H, N], dtype))
    scan = tf.function(lambda inputs: tf.scan(update, inputs, start))
    states = scan(tuple(tensors(dtype, w, f, rw)))
    for values in states:
        assert np.min(values) >= -1e-6 and np.max(values) <= 1.0 + 1e-5
    used, link, order, a = states
    for total in (tf.reduce_sum(link, -1), tf.reduce_sum(link, -2),
                  tf.reduce_sum(order, -1), tf.reduce_sum(a, -1)):
        assert np.max(total) <= 1.0 + 1e-5
    assert np.all(tf.linalg.diag_part(link) == 0.0)


# ------------------------------------------------------------------- gradients

@pytest.mark.parametrize("sizes", SIZES[2:], ids=str)
def test_gradients_equal_finite_differences(sizes, rng):
    B, N, W, R, H = sizes
    L = weightings(rng, B, H, N, N) * (1.0 - np.eye(N))
    p, w = weightings(rng, B, H, N), weightings(rng, B, H, N)
    rw = weightings(rng, B, R, N)
    spread = rng.permuted(np.tile(np.arange(N) + 0.5, (B, 1)), axis=1) / N
    cases = [
        (addressing.content_weighting,
         [rng.normal(size=(B, N, W)), rng.normal(size=(B, R, W)),
          1.0 + rng.exponential(size=(B, R))]),
        (addressing.usage, [spread, w, rng.uniform(size=(B, R)), rw]),
        (addressing.allocation_weighting, [spread, 0.1 * rng.uniform(size=(B, H))]),
        (addressing.link_matrix, [L, p, w]),
        (addressing.precedence, [p, w]),
        (addressing.directional_weightings, [L, rw]),
    ]
    for function, inputs in cases:
        if function is addressing.allocation_weighting and H == 1:
            function, inputs = fixed_gates(inputs[1]), inputs[:1]
        check_gradient(function, inputs, rng)


def fixed_gates(gates):
    """With one head the gate changes nothing, so it has no gradient to check."""
    return lambda u: addressing.allocation_weighting(u, tf.constant(gates))


@both_dtypes
@pytest.mark.parametrize("u", [
    [0.0, 0.3, 0.7, 0.9], [0.4, 0.0, 0.2, 0.9], [0.0, 0.0, 0.3, 0.7],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 1.0]], ids=str)
def test_allocation_gradient_at_usage_zero_is_not_lost(u, dtype):
    """The whole Jacobian da_j/du_i, worked out by hand, where slots are unused."""
    N, order = len(u), sorted(range(len(u)), key=lambda n: (u[n], n))
    expected = np.zeros((N, N))
    for place, j in enumerate(order):
        before = order[:place]
        expected[j, j] = -np.prod([u[k] for k in before])
        for i in before:
            expected[j, i] = (1.0 - u[j]) * np.prod([u[k] for k in before if k != i])
    with tf.GradientTape() as tape:
        used = tf.constant([u], dtype)
        tape.watch(used)
        a = addressing.allocation_weighting(used, tf.constant([[0.5]], dtype))[0, 0]
    jacobian = tape.jacobian(a, used)[:, 0]
    assert_close(jacobian, expected, 1e-6)


# ------------------------------------------------------------------------- variants

def test_a_mask_takes_word_positions_out_of_the_comparison(rng):
    """What is masked may be anything; a mask of ones is the paper's look-up."""
    memory, key = rng.normal(size=(1, 4, 3)), rng.normal(size=(1, 1, 3))
    strength = np.full((1, 1), 5.0)
    mask = np.array([[[1.0, 0.0, 1.0]]])
    other_memory, other_key = memory.copy(), key.copy()
    other_memory[:, :, 1], other_key[:, :, 1] = 9.0, -3.0
    found, other = (
        addressing.content_weighting(*map(tf.constant, inputs), strength, mask)
        for inputs in ((memory, key), (other_memory, other_key)))
    assert_close(found, other.numpy(), 1e-12)
    assert_close(found[0, 0], addressing.content_weighting(
        tf.constant(memory[:, :, ::2]), tf.constant(key[:, :, ::2]), strength)[0, 0]
        .numpy(), 1e-12)
    whole = addressing.content_weighting(
        tf.constant(memory), tf.constant(key), strength, np.ones((1, 1, 3)))
    assert_close(whole, addressing.content_weighting(
        tf.constant(memory), tf.constant(key), strength).numpy(), 1e-12)


def test_sharpened_known_values():
    weighting = tf.constant([[0.2, 0.4, 0.0], [0.0, 0.0, 0.0]], tf.float64)
    sharp = addressing.sharpened(weighting, tf.constant([2.0, 3.0], tf.float64))
    assert_close(sharp, np.array([[0.2, 0.8, 0.0], [1 / 3, 1 / 3, 1 / 3]]), 1e-5)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("N", [5, 64, 300])
def test_allocation_by_sorting_is_the_same(N, compiled, rng):
    """Equals by index too, and the gradient."""
    usage, gates = rng.uniform(size=(3, N)), tf.constant(rng.uniform(size=(3, 2)))
    usage[0] = 0.0
    usage[1, ::2] = usage[1, 0]
    usage, weights = tf.constant(usage), rng.normal(size=(3, 2, N))

    def run(by_sorting):
        def both(usage):
            with tf.GradientTape() as tape:
                tape.watch(usage)
                found = addressing.allocation_weighting(usage, gates, by_sorting)
            return found, tape.gradient(found, usage, weights)
        return tf.function(both, jit_compile=compiled)(usage)

    for found, expected in zip(run(True), run(False)):
        size = max(1.0, np.max(np.abs(expected)))
        assert_close(found / size, expected.numpy() / size, 1e-10)
