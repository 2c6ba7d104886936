"""Walks on the London Underground, answered by a DNC that has learnt to read graphs.

    python3 examples/underground.py --show           # the network that is shipped
    python3 examples/underground.py                  # train one; again to go on
    python3 examples/underground.py --walk="Victoria: Victoria N, Piccadilly E"

After the paper's Figures 2 and 3. A network reads a graph edge by edge, then a start
and the labels of a walk, and names every edge of the walk with both its ends. It is
trained on random graphs, in lessons; the Underground comes in the test alone, with
numbers drawn anew for its stations and lines in each question.

This is also an example of `dnc.DNC` with `model.fit` and Keras's callbacks: short
episodes packed into rows (`resets`), a curriculum, a memory that grows while the
weights stay, and a run that goes on where it was stopped.
"""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if not __package__:  # run as a file: the folder above is the root of imports
    sys.path[0] = str(ROOT)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402

from examples.graphs import asking, london, page, pictures, training  # noqa: E402
from examples.graphs.traversal import (PAPER_AFTER_LESSON_10,  # noqa: E402
                                       PAPER_AT_THE_END)

SHIPPED = ROOT / "results" / "underground"
WEIGHTS, LSTM_WEIGHTS, LOG = "dnc.weights.h5", "lstm.weights.h5", "log.csv"
WALK = "Victoria: Victoria N, Victoria N, Central E, Northern (Charing Cross) S"
# No memory, as many weights, and an update that costs far less: see --lstm.
LSTM = training.Plan(units=(256,), read_heads=0)


def parse_walk(text):
    """The rides of "station: direction, direction, ...".

    Raises:
      ValueError: not of that form, or such a walk can't be made.
    """
    start, colon, directions = text.partition(":")
    if not colon:
        raise ValueError("give a walk as \"Victoria: Victoria N, Piccadilly E\"")
    names = [name.strip() for name in directions.split(",") if name.strip()]
    return london.follow(start.strip(), names)


def load_network(path, plan=training.Plan()):
    """The network of a plan with the weights of a file, ready for the Underground.

    Raises:
      ValueError: the file is not there, damaged, or of another network.
    """
    if not path.exists():
        raise ValueError(f"{path}: not there")
    model = plan.build(asking.SLOTS)
    training.load(model, path)
    return model


def train(args, plan, folder):
    """Trains a plan in a folder, and writes the weights alone beside."""
    folder.mkdir(parents=True, exist_ok=True)
    callbacks = [keras.callbacks.CSVLogger(folder / LOG, append=True),
                 keras.callbacks.TensorBoard(folder / "tensorboard",
                                             write_graph=False)]
    model = training.train(plan, folder, args.seed, args.minutes, callbacks)
    bare = plan.build(asking.SLOTS)
    bare.set_weights(model.get_weights())
    training.save(bare, folder / (WEIGHTS if plan.read_heads else LSTM_WEIGHTS))
    lesson = int(bare.lesson)
    print(f"{float(bare.seconds) / 60:.0f} minutes of training "
          f"({float(bare.processor) / 60:.0f} of a processor): at lesson {lesson} of "
          f"{len(plan.lessons) - 1}, {plan.lessons[lesson]}")
    return bare


def print_table(networks, count):
    """Accuracy by length of the walk.

    Args:
      networks: {name: `GraphReader` with SLOTS slots}.
      count: walks of each length.
    """
    print(f"Random walks on the Underground without a mistake, in %, of {count} each:")
    print("steps    " + "".join(f"{steps:>7}" for steps in asking.LENGTHS))
    for name, model in networks.items():
        right = asking.right_by_length(model, np.random.default_rng(5), count)
        print(f"{name:9}" + "".join(f"{100 * share:7.1f}" for share in right.values()))
    print(f"paper, seven steps: {PAPER_AFTER_LESSON_10} after its lesson 10, "
          f"{PAPER_AT_THE_END} at the end; its LSTM never completed lesson 1 (37)")


def draw(model, walk, args, log):
    """Writes the pictures and the page of a walk; prints the answer."""
    rng = np.random.default_rng(args.seed)
    look = asking.look(model, walk, rng)
    for ride, answered, right in zip(look.walk, look.answer, look.right):
        print(f"  {pictures.RIGHT if right else pictures.WRONG} "
              f"{asking.ride_text(answered if not right else ride)}")
    count = len(look.walk)
    mark = "right" if all(look.right) else "not all right"
    title = f"From {walk[0][0]}, {count} ride{'s' * (count > 1)}: {mark}"
    decoder = asking.Decoder(model, rng)
    args.output.mkdir(parents=True, exist_ok=True)
    files = {"walk.png": pictures.draw_walk(look, title),
             "memory.png": pictures.draw_strip(look, decoder, title)}
    if log.exists():
        files["learning.png"] = pictures.draw_learning(
            log, training.Plan().updates, "Learning to walk, lesson by lesson")
    for name, figure in files.items():
        figure.savefig(args.output / name)
    (args.output / "walk.html").write_text(
        page.render(look, decoder, title), encoding="utf-8")
    print(f"Written to {args.output}: {', '.join([*files, 'walk.html'])}")


def parse_arguments(arguments=None):
    """The arguments of the command line; leaves with a line if they can't be used."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true",
                        help="no training: the network that is shipped")
    parser.add_argument("--walk", help="ask this walk, of the trained network if there "
                        f"is one; default: \"{WALK}\"")
    parser.add_argument("--minutes", type=float, default=60.0,
                        help="of training in all; a later run goes on")
    parser.add_argument("--lstm", action="store_true",
                        help="train the LSTM without memory, as long")
    parser.add_argument("--paper", action="store_true",
                        help="the paper's network, rate and whole curriculum")
    parser.add_argument("--folder", type=Path, default=Path("runs/underground"),
                        help="of the training")
    parser.add_argument("--output", type=Path, default=Path("runs/underground"),
                        help="folder of the pictures")
    parser.add_argument("--walks", type=int, default=100,
                        help="asked of each length; 0: none")
    parser.add_argument("--seed", type=int, default=1, help="of weights and data")
    args = parser.parse_args(arguments)
    if not args.minutes >= 0 or args.seed < 0 or args.walks < 0:
        parser.error("--minutes, --seed and --walks must be 0 or more")
    if args.paper and (args.lstm or args.show or args.walk):
        parser.error("--paper trains the paper's network; leave out --lstm, --show "
                     "and --walk")
    for name in ("folder", "output"):
        path = getattr(args, name)
        if path.exists() and not path.is_dir():
            parser.error(f"--{name}={path}: not a folder")
    try:
        args.rides = parse_walk(args.walk or WALK)
    except ValueError as error:
        parser.error(f"--walk={args.walk}: {error}")
    return args


def networks_to_ask(args):
    """{name: network}, trained as the arguments say, and the folder of their log.

    Raises:
      ValueError: a file of weights can't be used.
    """
    if args.paper:
        folder = args.folder / "paper"
        return {"DNC": train(args, training.PAPER_PLAN, folder)}, folder
    trained = args.folder / "dnc" / WEIGHTS
    folder = SHIPPED
    if not (args.show or args.walk or args.lstm):
        folder = args.folder / "dnc"
        dnc = train(args, training.Plan(), folder)
    else:
        if trained.exists() and not args.show:
            folder = trained.parent
        dnc = load_network(folder / WEIGHTS)
    if args.lstm:
        return {"DNC": dnc, "LSTM": train(args, LSTM, args.folder / "lstm")}, folder
    beside = args.folder / "lstm" / LSTM_WEIGHTS
    if args.show or not beside.exists():
        beside = SHIPPED / LSTM_WEIGHTS
    return {"DNC": dnc, "LSTM": load_network(beside, LSTM)}, folder


def main():
    """Trains, asks and draws as the arguments say."""
    args = parse_arguments()
    try:
        networks, folder = networks_to_ask(args)
        if args.walks and not args.walk:
            print_table(networks, args.walks)
        draw(networks["DNC"], args.rides, args, folder / LOG)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {str(error).splitlines()[0]}")
    except KeyboardInterrupt:
        sys.exit("Stopped. The same command goes on from the last evaluation.")


if __name__ == "__main__":
    main()
