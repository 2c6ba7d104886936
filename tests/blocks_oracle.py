"""The block puzzle a second time, from stacks of blocks: an oracle for its tests."""

from collections import deque

import numpy as np
import tensorflow as tf

from examples.shrdlu import player
from examples.shrdlu.boards import (ACTIONS, BLOCKS, CONSTRAINTS, MOVES, PASS,
                                    RELATIONS, SQUARES)
from examples.shrdlu.puzzles import BOARD, FIRST, GO, RELATION, SECOND


def columns_of(squares):
    """Squares as three tuples of blocks, the lowest first."""
    return tuple(tuple(block for block in squares[column::3] if block)
                 for column in range(3))


def after(columns, action):
    """The columns after an action; the same if it is impossible."""
    if action == PASS:
        return columns
    source, target = MOVES[action]
    stacks = [list(stack) for stack in columns]
    if stacks[source] and len(stacks[target]) < 3:
        stacks[target].append(stacks[source].pop())
    return tuple(map(tuple, stacks))


def is_so(columns, first, relation, second):
    """Whether a constraint holds, from where the blocks are."""
    places = {block: (column, row) for column, stack in enumerate(columns)
              for row, block in enumerate(stack)}
    if first not in places or second not in places:
        return False
    (x, y), (u, v) = places[first], places[second]
    return {"above": (x, y) == (u, v + 1), "below": (x, y) == (u, v - 1),
            "left of": (x, y) == (u - 1, v), "right of": (x, y) == (u + 1, v)}[relation]


def search(columns, is_goal):
    """The actions of a shortest way to a goal; None if no way leads there."""
    ways, waiting = {columns: []}, deque([columns])
    while waiting:
        here = waiting.popleft()
        if is_goal(here):
            return ways[here]
        for action in range(PASS):
            there = after(here, action)
            if there not in ways:
                ways[there] = [*ways[here], action]
                waiting.append(there)
    return None


def read(features):
    """Constraints by letter, the letter asked for, the columns now: from the inputs."""
    goals, asked = {}, None
    for row in features:
        letter = row[:FIRST].argmax()
        if row[FIRST:RELATION].any():
            goals.setdefault(letter, []).append(
                (1 + row[FIRST:RELATION].argmax(),
                 RELATIONS[row[RELATION:SECOND].argmax()], 1 + row[SECOND:GO].argmax()))
        elif row[:FIRST].any() and row[GO]:
            asked = letter
    squares = features[-1, BOARD:].reshape(SQUARES, BLOCKS)
    shown = np.where(squares.any(axis=1), 1 + squares.argmax(axis=1), 0)
    return goals, asked, columns_of(shown.tolist())


class Oracle:
    """Moves from nothing but its inputs, as a network would."""

    def predict_on_batch(self, inputs):
        def step(features, rows):
            rows = [np.vstack([row, now]) for row, now in zip(rows, features.numpy())]
            outputs = np.zeros((len(rows), player.OUTPUTS), np.float32)
            for output, row in zip(outputs, rows):
                goals, asked, columns = read(row)
                way = search(columns, lambda here: all(
                    is_so(here, *constraint) for constraint in goals[asked]))
                output[way[0] if way else PASS] = 1
            return tf.constant(outputs), rows

        rows = [steps[mask] for steps, mask in zip(inputs["steps"], inputs["mask"])]
        return {name: value.numpy()
                for name, value in player.play(step, rows, inputs).items()}


def situation_of(board, recalled):
    """What the mover sees of a board and of what is recalled, square by square."""
    squares = board.reshape(SQUARES, BLOCKS)
    blocks = [1 + square.argmax() if square.any() else None for square in squares]
    return [float(block is not None) for block in blocks] + [
        recalled[CONSTRAINTS.index((first, relation, second))]
        if first and second and first != second else 0.0
        for relation in ("above", "left of") for first in blocks for second in blocks]


def scores_of(network, shown, outputs):
    """Scores of actions: the layer's, and the mover's for board and what is recalled.

    Args:
      network: `BlockPlayer`.
      shown: `[T, FEATURES]`.
      outputs: `[T, OUTPUTS]` of the layer.
    """
    scores = outputs[:, :ACTIONS]
    if network.mover is not None:
        *hidden, kernel, bias = network.mover.get_weights()
        recalled = 1 / (1 + np.exp(-outputs[:, ACTIONS + 1:]))
        seen = np.array([situation_of(*each)
                         for each in zip(shown[:, BOARD:], recalled)])
        for weights, shift in zip(hidden[::2], hidden[1::2]):
            seen = np.maximum(seen @ weights + shift, 0)
        scores = scores + seen @ kernel + bias
    return scores
