"""dnc.trajectory: the states of stepping the cell by hand, the parts, provenance."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dnc import DNC, DNCCell, addressing
from dnc.interface import Interface
from dnc.trajectory import Recorder, Trajectory, origins, provenance
from helpers import assert_close, randomize, weightings

B, T, D, Y, U = 3, 6, 3, 2, 4
N, W, R = 5, 3, 2
STATES = ("usage", "precedence", "write_weighting", "read_weighting", "memory", "link")


def make_layer(rng, H=1, **kwargs):
    layer = DNC(Y, controller_units=U, memory_size=N, word_size=W, num_read_heads=R,
                num_write_heads=H, dtype="float64", return_sequences=True, jit=False,
                **kwargs)
    layer.build((None, None, D))
    randomize(layer, rng, 0.9)
    return layer


def step_by_hand(cell, sequences, states=None):
    """Outputs `[T, Y]` and states (a DNCState a step) of one row, by `cell.call`."""
    states = cell.get_initial_state(1) if states is None else states
    outputs, history = [], []
    for inputs in sequences:
        output, states = cell(tf.constant(inputs[np.newaxis]), states)
        outputs.append(output[0])
        history.append(cell.unpack_state(states))
    return np.stack(outputs), history


def check_row(trajectory, row, steps, outputs, history):
    """Compares steps of a row with steps by hand."""
    assert_close(trajectory.outputs[row].numpy()[steps], outputs, 1e-12, "outputs")
    for name in STATES:
        by_hand = np.stack([getattr(state.memory, name)[0] for state in history])
        assert_close(getattr(trajectory, name)[row].numpy()[steps], by_hand, 1e-12,
                     name)
    reads = np.stack([state.read_vectors[0] for state in history])
    assert_close(trajectory.read_vectors[row].numpy()[steps], reads, 1e-12, "reads")


CONTROLLERS = {
    "lstm": lambda: None,
    "stack": lambda: keras.layers.StackedRNNCells(
        [keras.layers.LSTMCell(U, dtype="float64"),
         keras.layers.GRUCell(U, dtype="float64")], dtype="float64"),
    "feedforward": lambda: keras.layers.Dense(U, "tanh", dtype="float64")}


@pytest.mark.parametrize("H, controller", [
    (2, "lstm"), (1, "stack"), (2, "feedforward")])
def test_equals_stepping_the_cell_by_hand(H, controller, rng):
    layer = make_layer(rng, H, controller=CONTROLLERS[controller]())
    sequences = rng.normal(size=(B, T, D))
    trajectory = layer.trajectory(sequences, memory=True, link=True)
    for row in range(B):
        outputs, history = step_by_hand(layer.cell, sequences[row])
        check_row(trajectory, row, slice(None), outputs, history)
        for final, by_hand in zip(keras.tree.flatten(trajectory.final_state),
                                  keras.tree.flatten(history[-1]), strict=True):
            assert_close(final[row], by_hand[0].numpy(), 1e-12, "final state")


def test_variants_equal_stepping_the_cell_by_hand(rng):
    """Blended from sharpened directions; what is freed is what is forgotten."""
    layer = make_layer(rng, 2, masked_content=True, deallocation=True,
                       sharpened_links=True)
    sequences = rng.normal(size=(B, T, D))
    trajectory = layer.trajectory(sequences, memory=True, link=True)
    check_row(trajectory, 0, slice(None), *step_by_hand(layer.cell, sequences[0]))
    assert_close(tf.reduce_sum(trajectory.backward, -1), np.ones((B, T, R, 2)), 1e-12)
    flat = [tf.reshape(part, (B * T, *part.shape[2:])) for part in (
        trajectory.backward, trajectory.read_content, trajectory.forward,
        trajectory.interface.read_modes, trajectory.read_weighting)]
    assert_close(flat[-1], addressing.read_weighting(*flat[:-1]).numpy(), 1e-12)
    sample = trajectory.sample(0)
    before = np.concatenate([np.zeros((1, N, W)), sample.memory[:-1]])
    kept = np.prod(1 - sample.write_weighting[:, :, :, np.newaxis]
                   * sample.interface.erase_vectors[:, :, np.newaxis], axis=1)
    written = np.einsum("thn,thw->tnw", sample.write_weighting,
                        sample.interface.write_vectors)
    assert_close(sample.memory, before * sample.retention[:, :, np.newaxis] * kept
                 + written, 1e-12)


def test_without_temporal_links_their_parts_are_none(rng):
    layer = make_layer(rng, 2, temporal_links=False)
    sequences = rng.normal(size=(B, T, D))
    trajectory = layer.trajectory(sequences, memory=True, link=True)
    for name in ("precedence", "backward", "forward", "link"):
        assert getattr(trajectory, name) is None
    assert trajectory.interface.read_modes is None
    assert_close(trajectory.read_weighting, trajectory.read_content.numpy(), 0)
    sample = trajectory.sample(1, steps=2)
    assert sample.usage.shape == (2, N) and sample.final_state.memory.link is None
    outputs, history = step_by_hand(layer.cell, sequences[1])
    assert_close(trajectory.outputs[1], outputs, 1e-12)
    assert_close(trajectory.memory[1], np.stack(
        [state.memory.memory[0] for state in history]), 1e-12)


def test_masks_resets_and_initial_state(rng):
    layer = make_layer(rng)
    cell = layer.cell
    sequences = rng.normal(size=(B, T, D))
    mask = np.array([[1, 1, 0, 0, 1, 1], [0, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]], bool)
    resets = np.zeros((B, T), bool)
    resets[2, 3] = True
    resets[1, 0] = True  # masked: no effect
    _, history = step_by_hand(cell, rng.normal(size=(2, D)))
    start = cell.pack_state(history[-1])
    initial = [tf.repeat(state, B, axis=0) for state in start]
    trajectory = layer.trajectory(sequences, initial, mask, resets, memory=True,
                                  link=True)
    for row in (0, 1):
        check_row(trajectory, row, mask[row],
                  *step_by_hand(cell, sequences[row][mask[row]], start))
    check_row(trajectory, 2, slice(0, 3), *step_by_hand(cell, sequences[2, :3], start))
    check_row(trajectory, 2, slice(3, 6), *step_by_hand(cell, sequences[2, 3:]))
    # The layer itself gives the same outputs, masked steps included, and state.
    outputs = layer(sequences, mask=mask, initial_state=initial, resets=resets)
    assert_close(trajectory.outputs, outputs.numpy(), 1e-12)
    # A masked step repeats the state, and does nothing.
    assert_close(trajectory.usage[0, 3], trajectory.usage[0, 1].numpy(), 0)
    assert np.all(trajectory.interface.write_gates.numpy()[~mask] == 0)
    assert np.all(trajectory.interface.read_modes.numpy()[~mask] == 0)
    assert np.all(trajectory.interface.write_gates.numpy()[mask] > 0)


@pytest.mark.parametrize("H", [1, 2])
def test_weightings_are_blended_from_the_parts(H, rng):
    trajectory = make_layer(rng, H).trajectory(rng.normal(size=(B, T, D)))
    flat = keras.tree.map_structure(
        lambda tensor: None if tensor is None else tf.reshape(
            tensor, (B * T, *tensor.shape[2:])), trajectory[:12])
    (_, interface, _, _, _, write_weighting, read_weighting, allocation, write_content,
     read_content, backward, forward) = flat
    assert_close(write_weighting, addressing.write_weighting(
        allocation, write_content, interface.allocation_gates,
        interface.write_gates).numpy(), 1e-12)
    assert_close(read_weighting, addressing.read_weighting(
        backward, read_content, forward, interface.read_modes).numpy(), 1e-12)
    # A row of its own, cut where its padding would start.
    sample = trajectory.sample(2, steps=4)
    assert sample.usage.shape == (4, N) and sample.memory is None
    assert_close(sample.write_weighting, trajectory.write_weighting[2, :4].numpy(), 0)
    assert_close(sample.interface.read_keys,
                 trajectory.interface.read_keys[2, :4].numpy(), 0)
    assert_close(sample.final_state.memory.link,
                 trajectory.final_state.memory.link[2].numpy(), 0)


def test_recorder_is_traced_once_for_all_shapes(rng):
    layer = make_layer(rng)
    recorder = Recorder(layer.cell)
    for rows, steps in ((B, T), (1, 1), (2, 4)):
        sequences = rng.normal(size=(rows, steps, D))
        assert_close(recorder(sequences).outputs, layer(sequences).numpy(), 1e-12)
    assert recorder._run.experimental_get_tracing_count() <= 2


def test_a_layer_keeps_what_was_traced_for_its_trajectories(rng, caplog):
    """And TensorFlow has nothing to warn of, with many layers either."""
    for _ in range(3):
        layer = make_layer(rng)
        for _ in range(3):
            x = rng.normal(size=(2, 4, D))
            assert_close(layer.trajectory(x).outputs, layer(x).numpy(), 1e-12)
            assert layer.trajectory(x, memory=True).memory is not None
        assert [recorder._run.experimental_get_tracing_count()
                for recorder in layer._recorders.values()] == [1, 1]
    assert not caplog.records


def test_a_recorder_takes_a_layer_and_wants_weights(rng):
    layer = make_layer(rng)
    x = tf.constant(rng.normal(size=(2, 3, D)))
    assert_close(Recorder(layer)(x).outputs, Recorder(layer.cell)(x).outputs.numpy(), 0)
    with pytest.raises(ValueError, match="has no weights yet: call it first"):
        Recorder(DNC(3, name="unbuilt"))


def test_a_stateful_layer_says_in_how_many_rows_it_stands(rng):
    layer = DNC(Y, U, N, W, R, stateful=True)
    x = tf.constant(rng.normal(size=(4, 3, D)), tf.float32)
    layer(x)
    with pytest.raises(ValueError, match="stands in 4 rows, got 1: give an initial_st"):
        layer.trajectory(x[:1])
    layer.reset_state()
    assert layer.trajectory(x).outputs.shape[0] == 4


def test_a_row_that_is_not_there(rng):
    trajectory = make_layer(rng).trajectory(rng.normal(size=(2, 3, D)))
    assert_close(trajectory.sample(-1).outputs, trajectory.sample(1).outputs, 0)
    for index in (2, -3):
        with pytest.raises(IndexError, match=f"no row {index} in a trajectory of 2"):
            trajectory.sample(index)


def test_reversed_layer(rng):
    layer = make_layer(rng, go_backwards=True)
    sequences, mask = rng.normal(size=(2, T, D)), np.arange(T) >= [[0], [2]]
    trajectory = layer.trajectory(sequences, mask=mask)
    assert_close(trajectory.outputs, layer(sequences, mask=mask).numpy(), 1e-12)


def test_builds_what_is_not_built_and_names_wrong_shapes(rng):
    layer = DNC(Y, U, N, W, R, jit=False)
    assert layer.trajectory(np.ones((2, 3, D))).usage.shape == (2, 3, N)
    with pytest.raises(ValueError, match=r"mask must have shape .*\(2, 3\)"):
        layer.trajectory(np.ones((2, 3, D)), mask=np.ones((2, 4), bool))
    with pytest.raises(ValueError, match=r"batch, time, features"):
        layer.trajectory(np.ones((2, 3)))
    with pytest.raises(ValueError, match="state of a DNC"):
        layer.trajectory(np.ones((2, 3, D)), initial_state=[np.ones((2, 3))])


def test_cell_of_another_rnn(rng):
    """A cell used with keras.layers.RNN has a trajectory too."""
    cell = DNCCell(Y, U, N, W, R)
    rnn = keras.layers.RNN(cell, return_sequences=True)
    sequences = rng.normal(size=(2, 4, D)).astype(np.float32)
    expected = rnn(sequences).numpy()
    assert_close(Recorder(cell)(sequences).outputs, expected, 1e-6)


def written(write_weighting, erase_vectors):
    """The part of a sample that provenance reads."""
    nothing = dict.fromkeys(Trajectory._fields)
    interface = Interface(*[None] * len(Interface._fields))
    return Trajectory(**nothing | {
        "write_weighting": write_weighting,
        "resets": np.zeros(len(write_weighting), bool),
        "interface": interface._replace(
            erase_vectors=erase_vectors,
            write_gates=np.ones(write_weighting.shape[:2]))})


@pytest.mark.parametrize("H", [1, 2])
def test_provenance_says_what_the_memory_is_made_of(H, rng):
    """With equal erasure of all components, it decomposes the memory exactly."""
    erase = rng.uniform(size=(T, H, 1))
    sample = written(weightings(rng, T, H, N), np.repeat(erase, W, axis=2))
    marks = np.eye(T)  # each step writes a word of its own
    memory = tf.zeros((1, N, T), tf.float64)
    for step in range(T):
        memory = addressing.erase_and_write(
            memory, tf.constant(sample.write_weighting[step:step + 1]),
            tf.constant(np.repeat(erase[step:step + 1], T, axis=2)),
            tf.constant(np.tile(marks[step], (1, H, 1))))
        for slot in range(N):
            assert_close(provenance(sample, step, slot),
                         memory[0, slot, :step + 1].numpy(), 1e-12)


def test_provenance_forgets_what_is_erased():
    weighting = np.zeros((3, 1, N))
    weighting[0, 0, 2], weighting[1, 0, 2], weighting[2, 0, 4] = 1.0, 0.5, 1.0
    erase = np.zeros((3, 1, 2))
    erase[1, 0] = [1.0, 0.0]  # half the word is erased, at half the slot
    sample = written(weighting, erase)
    assert_close(provenance(sample, 2, 2), [0.75, 0.5, 0.0], 0)
    assert_close(provenance(sample, 0, 2), [1.0], 0)
    assert_close(provenance(sample, 2, 4), [0.0, 0.0, 1.0], 0)


@pytest.mark.parametrize("variants", [{}, {"deallocation": True}])
def test_a_masked_step_writes_nothing_and_a_reset_forgets(variants, rng):
    """With gaps memory holds what it holds without the masked steps."""
    layer = make_layer(rng, 2, **variants)
    sequences = rng.normal(size=(1, 8, D))
    mask = np.array([[1, 1, 0, 1, 1, 1, 0, 1]], bool)
    real = np.flatnonzero(mask)
    for begin in (2, 4):  # a reset at a masked step is none
        resets = np.arange(8)[np.newaxis] == begin
        sample = layer.trajectory(sequences, mask=mask, resets=resets).sample(0)
        whole = layer.trajectory(
            sequences[:, real], resets=resets[:, real]).sample(0)
        for slot in range(N):
            shares = provenance(sample, 7, slot)
            assert_close(shares[real], provenance(whole, 5, slot), 1e-12)
            assert not shares[~mask[0]].any() and shares[real[-3:]].all()
            assert shares[:4].any() == (begin == 2)
        *_, (slots, steps, found) = origins(sample, 1e-9)
        assert_close(found, [provenance(sample, 7, slot)[step]
                             for slot, step in zip(slots, steps)], 1e-12)


@pytest.mark.parametrize("H, deallocation, least", [
    (1, False, 0.05), (2, True, 0.05), (2, False, 0.3), (1, True, 1e-9)])
def test_origins_are_the_provenance_of_every_step_and_slot(H, deallocation, least, rng):
    steps = 40
    sample = written(weightings(rng, steps, H, N), rng.uniform(0, 0.5, (steps, H, W)))
    if deallocation:
        sample = sample._replace(retention=rng.uniform(0.8, 1, (steps, N)))
    found = 0
    for step, (slots, origin, shares) in enumerate(origins(sample, least)):
        held = {(slot, place): share for slot, place, share
                in zip(slots.tolist(), origin.tolist(), shares)}
        expected = {(slot, place): share for slot in range(N) for place, share
                    in enumerate(provenance(sample, step, slot)) if share >= least}
        assert held.keys() == expected.keys()
        assert all(held[key] == pytest.approx(expected[key], rel=1e-9)
                   for key in held)
        found += len(held)
    assert found > steps
