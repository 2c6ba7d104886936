"""The worker of the contestants in TensorFlow: ours, plain, eager, the variants."""

import os
import sys

if not __package__:  # run as a file: the folder above is the root of imports
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

import numpy as np  # noqa: E402

from babi.program import scripts  # noqa: E402
from babi.program.allocator import restart_with_huge_pages, sparing  # noqa: E402
from benchmarks import worker  # noqa: E402
from benchmarks.contestants import ALL  # noqa: E402
from benchmarks.task import random_sequences  # noqa: E402


def build(spec):
    """The functions of one contestant: see `worker.serve`.

    Args:
      spec: dict of the contestant's name ("contestant"), of `Point` and of
        `task.Task`.
    """
    scripts.start_tensorflow()
    import keras
    import tensorflow as tf

    from babi.config import Config
    from babi.training.optimizer import build_optimizer

    keras.utils.set_random_seed(spec["seed"])
    layer = _layer(spec)
    inputs, targets = map(tf.constant, random_sequences(spec))
    layer.build(inputs.shape)
    optimizer = build_optimizer(Config(), layer.trainable_variables)

    def train(inputs, targets):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels=targets, logits=layer(inputs, training=True)))
        optimizer.apply(tape.gradient(loss, layer.trainable_variables),
                        layer.trainable_variables)
        return loss

    def infer(inputs, targets):
        del targets
        return layer(inputs)[0, -1, 0]

    def repeated(step):
        if spec["contestant"] != "eager":
            step = tf.function(step, autograph=False,
                               jit_compile=spec["contestant"] != "plain")
        step = sparing(step)  # as in training

        def run(count):
            for _ in range(count):
                value = step(inputs, targets)
            return float(value)
        return run

    versions = {"tensorflow": tf.__version__, "keras": keras.__version__,
                "numpy": np.__version__}
    return {"train": repeated(train), "infer": repeated(infer)}, versions


def _layer(spec):
    """The layer of a contestant; the same weights in each."""
    import keras

    from babi.config import Config
    from dnc import DNC
    from dnc.cell import DNCCell

    initializer = keras.initializers.RandomNormal(stddev=Config().weight_stddev)
    arguments = dict(
        controller_units=spec["controller_units"], memory_size=spec["slots"],
        word_size=spec["word_size"], num_read_heads=spec["num_read_heads"],
        kernel_initializer=initializer, recurrent_initializer=initializer,
        **ALL[spec["contestant"]].arguments)
    if spec["contestant"] == "plain":
        cell = DNCCell(spec["vocabulary_size"], **arguments)
        return keras.layers.RNN(cell, return_sequences=True)
    return DNC(spec["vocabulary_size"], return_sequences=True,
               jit=spec["contestant"] != "eager", **arguments)


if __name__ == "__main__":
    restart_with_huge_pages()  # as babi/train.py does
    worker.serve(build)
