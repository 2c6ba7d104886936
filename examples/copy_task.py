"""Copying sequences with ten memory slots, used again and again.

    python3 examples/copy_task.py --output=copy.png

After the paper's Extended Data Figure 1. A DNC reads a sequence of random words, then
recalls it twice, then gets the next one. All sequences together need more than the
ten slots there are, and the first recall must leave in place what the second needs:
the network has to learn when to allocate, when to keep and when to free. The picture
shows whether it did.

This is also an example of `dnc.DNC` in a Keras model of one's own: data as arrays, a
mask for padding, `model.fit`, and `DNC.trajectory` to look inside afterwards.
"""

import argparse
import os
import sys

if not __package__:  # run as a file: the folder above is the root of imports
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Before Keras: it keeps TensorFlow's remarks away.
from examples.common import VERBOSE, check_seed, leave  # noqa: E402

import keras  # noqa: E402
import numpy as np  # noqa: E402

from dnc import DNC  # noqa: E402
from examples.recall.pictures import draw_panels  # noqa: E402

SLOTS = 10
BITS = 6  # of a word
SEQUENCES = 3  # one after the other in an episode
SHORTEST, LONGEST = 4, 6  # words in a sequence
TIME = SEQUENCES * 3 * LONGEST  # steps of an episode: write, recall, recall again
# Input features: the word's bits, and what to do.
WRITE, RECALL, RECALL_AGAIN = BITS, BITS + 1, BITS + 2
BATCH = 32


def make_episodes(count, rng):
    """Random episodes, padded with zeros to the same length.

    Args:
      count: B.
      rng: `numpy.random.Generator`.

    Returns:
      (inputs `[B, TIME, BITS + 3]`, targets `[B, TIME, BITS]`, and `[B, TIME]`: 1 at
      the steps of recall, the only ones that count).
    """
    inputs = np.zeros((count, TIME, BITS + 3), np.float32)
    targets = np.zeros((count, TIME, BITS), np.float32)
    for row in range(count):
        start = 0
        for length in rng.integers(SHORTEST, LONGEST + 1, size=SEQUENCES):
            written, recalled, again = (
                slice(start + part * length, start + (part + 1) * length)
                for part in range(3))
            words = rng.integers(0, 2, size=(length, BITS))
            inputs[row, written, :BITS] = words
            inputs[row, written, WRITE] = 1
            inputs[row, recalled, RECALL] = 1
            inputs[row, again, RECALL_AGAIN] = 1
            targets[row, recalled] = targets[row, again] = words
            start += 3 * length
    weights = inputs[:, :, RECALL] + inputs[:, :, RECALL_AGAIN]
    return inputs, targets, weights


def batches(rng):
    """Training batches without end."""
    while True:
        yield make_episodes(BATCH, rng)


def build_model(steps):
    """A compiled Keras model around a DNC, and the DNC layer.

    The controller is small, so that a sequence has to go through the memory.
    """
    layer = DNC(BITS, controller_units=32, memory_size=SLOTS, word_size=16,
                num_read_heads=1, return_sequences=True, jit=True)
    inputs = keras.Input((TIME, BITS + 3))
    # Steps of zeros are padding: the mask makes the DNC pass over them.
    model = keras.Model(inputs, layer(keras.layers.Masking()(inputs)))
    rate = keras.optimizers.schedules.CosineDecay(6e-3, decay_steps=steps)
    model.compile(
        keras.optimizers.Adam(rate, clipnorm=1.0),
        keras.losses.BinaryCrossentropy(from_logits=True),
        weighted_metrics=[keras.metrics.BinaryAccuracy("bits_right", threshold=0.0)])
    return model, layer


def share_right(model, rng, count=500):
    """The share of sequences recalled without a wrong bit, both times."""
    inputs, targets, weights = make_episodes(count, rng)
    logits = model.predict(inputs, batch_size=BATCH, verbose=0)
    wrong = ((logits > 0) != (targets > 0.5)).any(axis=2) * weights
    # A sequence starts where writing starts.
    writes = inputs[:, :, WRITE]
    starts = np.diff(writes, axis=1, prepend=0) > 0
    number = np.cumsum(starts, axis=1) - 1 + SEQUENCES * np.arange(count)[:, None]
    failed = np.bincount(number.ravel(), wrong.ravel(), SEQUENCES * count) > 0
    return 1.0 - failed.mean()


def draw(layer, rng, title):
    """The picture of one episode.

    Args:
      layer: the trained `DNC`.
      rng: gives the episode.
      title: what stands above it.

    Returns:
      A matplotlib Figure.
    """
    inputs, targets, weights = make_episodes(1, rng)
    steps = int(inputs.any(axis=2).sum())
    look = layer.trajectory(inputs[:, :steps]).sample(0)
    bits = np.where(weights[0, :steps, None] > 0, targets[0, :steps],
                    inputs[0, :steps, :BITS])
    answers = 1 / (1 + np.exp(-look.outputs)) * weights[0, :steps, None]
    gates = look.interface
    phase = inputs[0, :steps, BITS:].argmax(axis=1)
    return draw_panels(
        title,
        [("words to write and to recall", "bit", bits),
         ("words recalled", "bit", answers),
         ("write weighting", "slot", look.write_weighting[:, 0]),
         ("read weighting", "slot", look.read_weighting[:, 0]),
         ("usage", "slot", look.usage)],
        [("gates", {"free gate": gates.free_gates[:, 0],
                    "allocation gate": gates.allocation_gates[:, 0],
                    "write gate": gates.write_gates[:, 0]})],
        [(step, ("write", "recall", "recall, free")[phase[step]])
         for step in np.flatnonzero(np.diff(phase, prepend=-1))], height=9.5)


def main():
    """Trains, tests and draws as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=4000, help="training steps")
    parser.add_argument("--seed", type=int, default=1, help="of weights and data")
    parser.add_argument("--output", default="copy.png", help="file of the picture")
    args = parser.parse_args()
    if args.steps < 1 or args.steps > 200 and args.steps % 200:
        parser.error(f"--steps={args.steps}: give at most 200, or a multiple of 200")
    check_seed(parser, args)
    args.output = os.path.expanduser(args.output)
    folder = os.path.dirname(os.path.abspath(args.output))
    if (not args.output.endswith((".png", ".svg", ".pdf"))
            or os.path.isdir(args.output) or not os.access(folder, os.W_OK)):
        parser.error(f"--output={args.output}: give a .png, .svg or .pdf file in a "
                     f"folder that exists and can be written to")
    keras.utils.set_random_seed(args.seed)
    model, layer = build_model(args.steps)
    model.fit(batches(np.random.default_rng(args.seed)),
              steps_per_epoch=min(200, args.steps),
              epochs=max(1, args.steps // 200), shuffle=False, verbose=VERBOSE)
    right = share_right(model, np.random.default_rng(args.seed + 1))
    print(f"Of 1,500 new sequences, {right:.1%} were recalled without a wrong bit.")
    figure = draw(layer, np.random.default_rng(args.seed + 2),
                  f"{SEQUENCES} sequences through {SLOTS} slots, after "
                  f"{args.steps:,} training steps: {right:.1%} of new sequences "
                  f"recalled exactly")
    try:
        figure.savefig(args.output)
    except OSError as error:
        sys.exit(f"error: --output={args.output}: {error.strerror}")
    print(f"Written: {args.output}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        leave("Stopped; nothing was kept.")
