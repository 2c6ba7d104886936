"""A network that moves blocks, what it learns from, and one that moves at random."""

import keras
import numpy as np
import tensorflow as tf

from dnc import DNC
from examples.lessons.network import Standing, widen
from examples.shrdlu.boards import (ACTIONS, BLOCKS, CONSTRAINTS, PASS, SQUARES,
                                    boards)
from examples.shrdlu.puzzles import (BOARD, FEATURES, GO, INVALID, LETTERS,
                                     UNDONE, board_features)

OUTPUTS = ACTIONS + 1 + len(CONSTRAINTS)  # scores, value, and what is recalled
SITUATION = SQUARES + 2 * SQUARES ** 2  # of `between_squares`


def play(step, states, inputs):
    """Moves blocks: an action a step, whose board is the next input.

    The most likely action is taken, with noise a random one as likely as it is, and
    the planner's where the inputs say so: one of those that lead nearer to the goal,
    or to pass where it is reached.

    Args:
      step: function of features `[B, FEATURES]` and states that gives outputs
        `[B, OUTPUTS]` and the next states.
      states: those before the first move.
      inputs: of `tried`; B counts the tries.

    Returns:
      {"boards": `[B, M + 1]` the board before each action and after the last;
      "actions": `[B, M]`, -1 where none is allowed any more; "logits":
      `[B, M, ACTIONS]`; "value": `[B, M]`; "recalled": `[B, M, CONSTRAINTS]`; "good":
      `[B, M, ACTIONS]` booleans, the planner's actions}.
    """
    moved = tf.constant(boards().moved, tf.int32)
    squares = tf.constant(board_features(np.arange(moved.shape[0])))
    start, most = inputs["start"], tf.shape(inputs["noise"])[1]
    shown = tf.one_hot(tf.fill(tf.shape(start), GO), BOARD)
    passing = tf.one_hot(tf.fill(tf.shape(start), PASS), ACTIONS, True, False)

    def move(number, here, states, stores):
        outputs, states = step(
            tf.concat([shown, tf.gather(squares, here)], axis=1), states)
        after = tf.gather(moved, here)
        left = _at(inputs["away"], here[:, tf.newaxis])
        good = tf.where(left > 0, _at(inputs["away"], after) < left, passing)
        scores = tf.where(inputs["planner"][:, number, tf.newaxis],
                          tf.where(good, 0.0, -1e9), outputs[:, :ACTIONS])
        action = tf.argmax(scores + inputs["noise"][:, number], axis=1,
                           output_type=tf.int32)
        active = number < inputs["limit"]
        there = tf.where(active, tf.gather(after, action, batch_dims=1), here)
        record = (here, tf.where(active, action, -1), good, outputs)
        return number + 1, there, states, [
            store.write(number, each) for store, each in zip(stores, record)]

    stores = [tf.TensorArray(dtype, most)
              for dtype in (tf.int32, tf.int32, tf.bool, tf.float32)]
    _, last, _, stores = tf.while_loop(
        lambda number, *_: number < most, move, (0, start, states, stores),
        maximum_iterations=most)
    passed, actions, good, outputs = (
        tf.experimental.numpy.swapaxes(store.stack(), 0, 1) for store in stores)
    return {"boards": tf.concat([passed, last[:, tf.newaxis]], axis=1),
            "actions": actions, "good": good, **parts_of(outputs)}


def parts_of(outputs):
    """{"logits": `[..., ACTIONS]`, "value": `[...]`, "recalled":
    `[..., CONSTRAINTS]`} of outputs `[..., OUTPUTS]`."""
    return {"logits": outputs[..., :ACTIONS], "value": outputs[..., ACTIONS],
            "recalled": outputs[..., ACTIONS + 1:]}


def tries_of(inputs):
    """How often each row's moves are made in inputs of `puzzles.make_batch`."""
    return inputs["noise"].shape[0] // inputs["start"].shape[0]


def tried(inputs):
    """What the moves want of inputs of `puzzles.make_batch`, a row for each try."""
    return {"noise": inputs["noise"], "planner": inputs["planner"],
            **{name: tf.repeat(inputs[name], tries_of(inputs), axis=0)
               for name in ("start", "away", "limit", "goal", "taught")}}


def between_squares(board, recalled):
    """What is to hold between what lies on two squares, whatever blocks these are.

    No move asks for the name of a block: with the names left out, each of a goal's 720
    namings is the same.

    Args:
      board: `[B, SQUARES * BLOCKS]`, as `puzzles.board_features` has it.
      recalled: `[B, CONSTRAINTS]`, how surely each is to hold.

    Returns:
      `[B, SITUATION]`: whether a block lies on each square, then for both relations
      and each two squares how surely it is to hold between their blocks.
    """
    lies = tf.reshape(board, (-1, SQUARES, BLOCKS))
    pairs = np.zeros((len(CONSTRAINTS), 2, BLOCKS, BLOCKS), np.float32)
    for row, (first, relation, second) in zip(pairs, CONSTRAINTS):
        row[("above", "left of").index(relation), first - 1, second - 1] = 1
    wanted = tf.tensordot(recalled, pairs, 1)
    between = tf.einsum("bpi,brij,bqj->brpq", lies, wanted, lies)
    return tf.concat([tf.reduce_sum(lies, axis=2),
                      tf.reshape(between, (-1, 2 * SQUARES ** 2))], axis=1)


def _at(table, numbers):
    """What tables `[B, S]` have, int32, at `[B, K]` boards."""
    return tf.cast(tf.gather(table, numbers, batch_dims=1), tf.int32)


def rewards(inputs, played, counted=False):
    """`[B, M]`: what each action earned.

    That is the share of the goal's constraints that hold after it, less INVALID for a
    move that changes nothing, less UNDONE for leaving a board where they all held; 0
    where no action was allowed.

    Args:
      inputs: of `tried`.
      played: of `play`.
      counted: the number of the constraints in the place of their share, as in the
        paper.
    """
    holds = tf.constant(boards().holds, tf.float32)
    before, after = played["boards"][:, :-1], played["boards"][:, 1:]
    goal = inputs["goal"][:, tf.newaxis]
    earned = tf.reduce_sum(tf.gather(holds, after) * goal, axis=2)
    if not counted:
        earned /= tf.reduce_sum(goal, axis=2)
    actions, away = played["actions"], inputs["away"]
    invalid = (actions != PASS) & (before == after)
    undone = (_at(away, before) == 0) & (_at(away, after) > 0)
    earned -= INVALID * tf.cast(invalid, tf.float32)
    earned -= UNDONE * tf.cast(undone, tf.float32)
    return tf.where(actions >= 0, earned, 0.0)


def advantages(earned, value, decay):
    """`[B, M]`: sum over k >= t of decay^(k - t) delta_k, with
    delta_t = r_t + V_(t+1) - V_t (paper's Methods); all 0 after the end.

    Args:
      earned: `[B, M]` rewards r.
      value: `[B, M]` V, 0 after the end.
      decay: lambda.
    """
    later = tf.concat([value[:, 1:], tf.zeros_like(value[:, :1])], axis=1)
    delta = earned + later - value
    steps = tf.range(tf.shape(delta)[1])
    after = steps[:, tf.newaxis] - steps  # [k, t]
    weights = tf.where(after >= 0, decay ** tf.cast(tf.maximum(after, 0), tf.float32),
                       0.0)
    return tf.matmul(delta, weights)


def gains(earned, tries):
    """`[B, M]`: how much more each action and those after it earned than other tries.

    That is r_t + r_(t+1) + ..., less the mean of it in the other tries of the row (Kool
    et al. 2019, "Buy 4 REINFORCE samples, get a baseline for free!"), over the root of
    the mean square of that in the batch, steps after an episode's end, where it is 0,
    among them. It hangs on no critic.

    Args:
      earned: `[B, M]` rewards r, the tries of each row together.
      tries: of a row, at least two.
    """
    returns = tf.cumsum(earned, axis=1, reverse=True)
    by_row = tf.reshape(returns, (-1, tries, tf.shape(returns)[1]))
    others = (tf.reduce_sum(by_row, axis=1, keepdims=True) - by_row) / (tries - 1)
    gain = returns - tf.reshape(others, tf.shape(returns))
    return tf.math.divide_no_nan(gain, tf.sqrt(tf.reduce_mean(tf.square(gain))))


class BlockPlayer(Standing):
    """A DNC, or an LSTM alone, that is told goals and then moves blocks.

    Args:
      plan: `course.BlockPlan`, which says what the network is like, and its loss.
      slots: of the memory.

    Attributes:
      slots: 0 for an LSTM alone.
      layer: the `DNC`, or a Keras `LSTM`, whose outputs are `head`'s.
      mover: that network, a `keras.Sequential`; None for none.
    """

    def __init__(self, plan, slots):
        super().__init__(name="block_player")
        self.slots = slots if plan.read_heads else 0
        self.decay, self.entropy = plan.decay, plan.entropy
        self.recall, self.counted = plan.recall, plan.counted
        if self.slots:
            self.layer = DNC(
                OUTPUTS, return_sequences=True, return_state=True, name="core",
                controller=["lstm"] * plan.layers if plan.layers > 1 else "lstm",
                controller_units=plan.units, memory_size=slots,
                word_size=plan.word_size, num_read_heads=plan.read_heads,
                layer_norm=True)
        else:
            self.layer = keras.layers.LSTM(
                plan.units, return_sequences=True, return_state=True, name="core")
            self.head = keras.layers.Dense(OUTPUTS, name="head")
        self.mover = keras.Sequential(
            [keras.layers.Dense(count, "relu") for count in plan.mover]
            + [keras.layers.Dense(ACTIONS)], name="mover") if plan.mover else None
        self.add_standing()

    def build(self, input_shape=None):
        self.layer.build((None, None, FEATURES))
        if self.slots:
            # The letters' are the largest, as what is told is looked up by them.
            widen(self.layer.cell, {(0, LETTERS): 0.6, (LETTERS, FEATURES): 0.2})
        else:
            self.head.build((None, self.layer.units))
        if self.mover is not None:
            self.mover.build((None, SITUATION))
        self.built = True

    def call(self, inputs, training=None):
        """What `play` returns of the batch, and "earned": see `rewards`.

        And "named", what is recalled at the steps before: `[B, T, CONSTRAINTS]`.

        Args:
          inputs: of `puzzles.make_batch`.
          training: passed to the layer.
        """
        outputs, *states = self.layer(
            inputs["steps"], mask=inputs["mask"], training=training)
        moves = tried(inputs)
        states = tf.nest.map_structure(
            lambda state: tf.repeat(state, tries_of(inputs), axis=0), states)
        played = play(self._step, states, moves)
        return {**played, "earned": rewards(moves, played, self.counted),
                "named": parts_of(self._outputs(outputs))["recalled"]}

    def _step(self, features, states):
        outputs, states = self.layer.cell(features, states)
        outputs = self._outputs(outputs)
        if self.mover is not None:
            recalled = tf.sigmoid(parts_of(outputs)["recalled"])
            scores = self.mover(between_squares(features[:, BOARD:], recalled))
            outputs += tf.pad(scores, [[0, 0], [0, OUTPUTS - ACTIONS]])
        return outputs, states

    def _outputs(self, outputs):
        return outputs if self.slots else self.head(outputs)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None,
                     training=True):
        """A mean over actions: of the taught rows minus the log-likelihood of all the
        planner's actions together, of the others the actor's loss, whose gain is that
        over other tries; with one try it is what the critic says, whose loss counts
        too. And what is recalled."""
        allowed = y_pred["actions"] >= 0
        weights = tf.cast(allowed, tf.float32)
        weights = tf.math.divide_no_nan(weights, tf.reduce_sum(weights))  # [B, M]
        moves, tries = tried(x), tries_of(x)
        taught = moves["taught"][:, tf.newaxis]
        likelihood = tf.nn.log_softmax(y_pred["logits"])
        value = tf.where(allowed, y_pred["value"], 0.0)
        fixed = tf.stop_gradient(value)
        gain = (advantages(y_pred["earned"], fixed, self.decay)
                if tries == 1 else gains(y_pred["earned"], tries))
        returns = tf.cumsum(y_pred["earned"], axis=1, reverse=True)
        chosen = tf.gather(likelihood, tf.maximum(y_pred["actions"], 0), batch_dims=2)
        entropy = -tf.reduce_sum(tf.exp(likelihood) * likelihood, axis=2)
        followed = tf.reduce_logsumexp(
            tf.where(y_pred["good"], likelihood, -1e9), axis=2)
        acted = chosen * gain + self.entropy * entropy
        loss = -tf.reduce_sum(weights * (
            taught * followed + (1 - taught) * acted))
        if tries == 1:
            loss += VALUE * tf.reduce_sum(weights * tf.square(returns - value)) / 2
        asked = x["asked"] / tf.reduce_sum(x["asked"])
        goal = tf.repeat(moves["goal"][:, tf.newaxis], tf.shape(weights)[1], axis=1)
        return loss + self.recall * (
            _surprise(x["named"], y_pred["named"], asked)
            + _surprise(goal, y_pred["recalled"], weights)) / 2


def _surprise(there, scores, weights):
    """The mean cross-entropy of naming what is there, of constraints all together.

    Args:
      there: `[B, T, CONSTRAINTS]` 0 or 1.
      scores: `[B, T, CONSTRAINTS]`.
      weights: `[B, T]`, with sum 1.
    """
    return tf.reduce_sum(weights * tf.reduce_sum(
        tf.nn.sigmoid_cross_entropy_with_logits(there, scores), axis=2))


VALUE = 0.1  # how much the error of the value counts


class Guess:
    """Random actions, to compare with.

    Args:
      rng: `numpy.random.Generator`.
    """

    def __init__(self, rng):
        self.rng = rng

    def predict_on_batch(self, inputs):
        """What `play` returns of the batch."""
        def step(features, states):
            return tf.constant(self.rng.normal(size=(len(features), OUTPUTS)),
                               tf.float32), states

        return {name: value.numpy() for name, value in play(step, (), inputs).items()}
