"""Trains a DNC on the bAbI tasks without compilation, for debugging and study.

    python3 babi/train_eager.py --checkpoint_dir=model_eager --tasks=1

The same experiment as `babi/train.py`, with the same flags, data order, losses and
checkpoints; but each operation runs as Python reaches it, so that a debugger can stop
in any line of the model and tensors can be printed. It starts by running some steps
both ways, and says how much slower it is and how close the losses are.
"""

import os
import sys
import time

if not __package__:  # run as a file: the folder above is the root of imports
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from babi.program.allocator import restart_with_huge_pages  # noqa: E402

if __name__ == "__main__":
    restart_with_huge_pages()  # before all that would have to be imported again

from absl import flags  # noqa: E402

from babi import train  # noqa: E402
from babi.program import scripts  # noqa: E402

flags.adopt_module_key_flags(train)  # for --help
_COMPARED_STEPS = flags.DEFINE_integer(
    "compared_steps", 3, "steps to run both eagerly and compiled before training "
    "starts; 0: none", lower_bound=0)


def main():
    """Trains as the flags say."""
    settings, data = train.settings_and_data()
    train.prepare(settings, compiled=False)
    if _COMPARED_STEPS.value:
        print(_comparison(settings, data, _COMPARED_STEPS.value), flush=True)
    return train.train(settings, data, compiled=False)


def _comparison(settings, data_dir, steps):
    """A line that compares eager steps with compiled ones.

    Args:
      settings: `config.Config`.
      data_dir: where its data are, as for `run_data.load`.
      steps: how many of the run's first steps to make.
    """
    import keras

    from babi.training.start import load_data
    from babi.training.trainer import Trainer

    settings, data = load_data(settings, data_dir, train.data_chosen(),
                               lambda line: None)  # it will be said by the training
    stream = data.training(settings)
    batches = [next(stream).arrays for _ in range(steps)]
    losses, seconds = {}, {}
    for compiled in (False, True):
        keras.utils.set_random_seed(settings.seed)
        trainer = Trainer(settings, len(data.vocabulary), compiled)
        if compiled:  # not to be timed: one compilation for each shape
            arrays = trainer.arrays()
            for batch in batches:
                trainer.step(batch)
            trainer.restore(arrays)
        started = time.monotonic()
        losses[compiled] = [float(trainer.step(batch).loss) for batch in batches]
        seconds[compiled] = (time.monotonic() - started) / steps
    furthest = max(abs(eager - graph) / max(1.0, abs(graph))
                   for eager, graph in zip(losses[False], losses[True]))
    return (f"A step takes {seconds[False]:.3f} s eagerly and {seconds[True]:.3f} s "
            f"compiled: {seconds[False] / seconds[True]:.1f} times as long. Over "
            f"{steps} steps the losses differ by {furthest:.1e} at most.")


if __name__ == "__main__":
    scripts.run(main)
