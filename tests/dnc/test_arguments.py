"""What `dnc.DNCCell` refuses, and how it says so."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from dnc import DNC, DNCCell

D = 3


def make_cell():
    return DNCCell(2, controller_units=4, memory_size=5, word_size=4, num_read_heads=2)


@pytest.mark.parametrize("name", [
    "output_size", "controller_units", "memory_size", "word_size", "num_read_heads",
    "num_write_heads"])
@pytest.mark.parametrize("value", [0, -2, 1.5, "many", None])
def test_sizes_must_be_positive_integers(name, value):
    with pytest.raises(ValueError, match=name) as error:
        DNCCell(**{"output_size": 2, name: value})
    assert repr(value) in str(error.value) and "positive" in str(error.value)


@pytest.mark.parametrize("arguments", [
    {"clip_value": 0.0}, {"clip_value": -1.0}, {"clip_value": "high"},
    {"clip_value": float("nan")}, {"strength_activation": "relu"},
    {"strength_activation": ["softplus"]}], ids=str)
def test_other_arguments_are_checked(arguments):
    (name, value), = arguments.items()
    with pytest.raises(ValueError, match=name) as error:
        DNCCell(2, **arguments)
    assert repr(value) in str(error.value)


@pytest.mark.parametrize("argument, hint", [
    ("units", "; is it controller_units?"), ("read_heads", "; is it num_read_heads?"),
    ("return_sequence", "; is it return_sequences?"), ("xyz", "")])
def test_an_argument_that_the_layer_has_not_is_told(argument, hint):
    with pytest.raises(ValueError, match="^DNC has no argument") as error:
        DNC(2, **{argument: 3})
    assert str(error.value) == f"DNC has no argument {argument!r}{hint}"


def test_a_controller_over_sequences_is_told():
    with pytest.raises(ValueError, match="'lstm_of_mine' goes over whole sequences"):
        DNCCell(2, controller=keras.layers.LSTM(4, name="lstm_of_mine"))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_too_few_bits_for_the_memory_are_told(dtype):
    with pytest.raises(ValueError, match=f"got the dtype '{dtype}'; give 'mixed_"):
        DNCCell(2, dtype=dtype)


def test_numbers_of_numpy_are_numbers():
    cell = DNCCell(2, memory_size=np.int32(4), clip_value=np.int64(20),
                   bypass_dropout=np.float32(0.25))
    config = cell.get_config()
    assert json.dumps([config[name] for name in (
        "memory_size", "clip_value", "bypass_dropout")]) == "[4, 20.0, 0.25]"
    with pytest.raises(ValueError, match="memory_size must be a positive integer"):
        DNCCell(2, memory_size=float("inf"))


@pytest.mark.parametrize("shape", [(2,), (2, 7, D)])
def test_inputs_must_be_one_time_step(shape):
    cell = make_cell()
    with pytest.raises(ValueError) as error:
        cell(tf.zeros(shape), cell.get_initial_state(2))
    assert str(shape) in str(error.value) and "[batch, features]" in str(error.value)


@pytest.mark.parametrize("damage", [
    lambda states: states[:-1], lambda states: states + states[:1],
    lambda states: states[1:] + states[:1],
    lambda states: [states[0][:, :-1]] + states[1:],
    lambda states: [states[0][0]] + states[1:]],
    ids=["missing", "one more", "order", "narrow", "rank"])
def test_states_must_have_the_right_structure(damage):
    cell = make_cell()
    states = damage(cell.get_initial_state(2))
    with pytest.raises(ValueError) as error:
        cell(tf.zeros([2, D]), states)
    expected = [(2, size) for size in cell.state_size]
    assert str(expected) in str(error.value)
    assert str(tuple(states[0].shape)) in str(error.value)
