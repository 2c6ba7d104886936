"""Runs a training step again that had no finite loss or gradient.

    python3 -m babi.training.replay --step=model/failed-step-1234.npz

Training keeps such a step when it stops because of it. Shown are the loss, each
weight's gradient, and where in which story the output first leaves the finite. One
replica takes the step: of several, with --bypass_dropout, each had dropped out
otherwise.
"""

import dataclasses

from absl import flags

from babi.program import scripts
from babi.program.errors import UsageError

_STEP = flags.DEFINE_string("step", None, "the .npz file of the step")


def main():
    """Takes the recorded step again and says what came of it."""
    if not _STEP.value:
        raise UsageError("--step is needed, such as "
                         "--step=model/failed-step-1234.npz")
    scripts.start_tensorflow()
    from babi.training import failures

    print("\n".join(describe(failures.read(_STEP.value), _STEP.value)))


def describe(step, path):
    """Lines that tell how a `failures.FailedStep`, read from a path, goes wrong."""
    import numpy as np
    import tensorflow as tf

    from babi.data.batches import Batch
    from babi.model import checkpoints
    from babi.training.trainer import Trainer

    trainer = Trainer(step.record.config, step.vocabulary_size)
    expected = {name: (array.shape, array.dtype)
                for name, array in trainer.arrays().items()}
    checkpoints.check(step.arrays, expected, path)
    trainer.restore(step.arrays)
    outcome = trainer.step(step.batch)
    lines = [f"Stories: {', '.join(step.stories)}",
             f"As in training: loss {float(outcome.loss)}, gradient norm "
             f"{float(outcome.gradient_norm)}; update "
             f"{'made' if outcome.finite else 'skipped'}"]
    plain = Trainer(dataclasses.replace(step.record.config, jit=False),
                    step.vocabulary_size)
    plain.restore(step.arrays)
    loss, logits, gradients = tf.function(plain.gradients, autograph=False)(
        Batch(*map(tf.constant, step.batch)))
    lines.append(f"Plain graph: loss {float(loss)}")
    for variable, gradient in zip(plain.model.trainable_variables, gradients):
        norm, weights = float(tf.norm(gradient)), float(tf.norm(variable))
        lines.append(f"  {variable.path}: norm of weights {weights:.6g}, of gradient "
                     f"{norm:.6g}")
    bad = np.argwhere(~np.isfinite(logits).all(axis=-1))
    if bad.size:
        row, time = bad[np.argmin(bad[:, 1])]
        lines.append(f"The output is first not finite in row {row} at step {time}, in "
                     f"a story of task {step.batch.tasks[row, time]}")
    else:
        lines.append("The output is finite at every step")
    return lines


if __name__ == "__main__":
    scripts.run(main)
