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

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if not __package__:  # run as a file: the folder above is the root of imports
    sys.path[0] = str(ROOT)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402

from examples import common  # noqa: E402
from examples.graphs import asking, london, london_page  # noqa: E402
from examples.graphs import london_picture, pictures, training  # noqa: E402
from examples.graphs.traversal import (HOUR, PAPER,  # noqa: E402
                                       PAPER_AFTER_LESSON_10, PAPER_AT_THE_END)
from examples.lessons import program  # noqa: E402
from examples.lessons.pictures import draw_learning  # noqa: E402

SHIPPED = ROOT / "results" / "underground"
LSTM_WEIGHTS = "lstm.weights.h5"
DNC = training.Plan(HOUR, falling=25_000, layer_norm=True)
# No memory, as many weights, and an update that costs far less: see --lstm.
LSTM = training.Plan(HOUR, 256, read_heads=0, falling=60_000)
# Extended Data Table 2; a batch of two, and RMSProp's place taken by Adam.
PAPERS = training.Plan(PAPER, 256, 50, 5, layers=3, rows=2, updates=100, rate=1e-5,
                       falling=10_000_000)


def parse_walk(text):
    """The rides of "station: direction, direction, ...".

    Raises:
      ValueError: not of that form, or such a walk can't be made.
    """
    start, names = program.split(text, WALK.default)
    return london.follow(start, names)


WALK = program.Asked(
    "walk", "Victoria: Victoria N, Victoria N, Central E, Northern (Charing Cross) S",
    parse_walk)


def plan_of(args):
    """The `training.Plan` of the DNC."""
    return PAPERS if args.paper else DNC


def draw(model, walk, args, log):
    """Writes the pictures and the page of a walk; prints the answer."""
    rng = np.random.default_rng(args.seed)
    look = london.look(model, walk, rng)
    asking.print_answers(look)
    count = len(walk)
    mark = "right" if all(look.right) else "not all right"
    title = f"From {walk[0][0]}, {count} ride{'s' * (count > 1)}: {mark}"
    decoder = asking.Decoder(model, [london.draw_episode(1, rng) for _ in range(24)])
    figures = {"walk.png": london_picture.draw_walk(look, title),
               "memory.png": pictures.draw_strip(look, decoder, title)}
    figures |= common.drawn([log], lambda: draw_learning(
        log, plan_of(args).updates, "The DNC, learning to walk, lesson by lesson"))
    common.write(args.output, figures,
                 {"walk.html": london_page.render(look, decoder, title)})


def parse_arguments(arguments=None):
    """The arguments of the command line; leaves with a line if they can't be used."""
    parser = program.make_parser(__doc__.splitlines()[0], "runs/underground", WALK,
                                 lstm=True)
    return program.parse(parser, arguments, WALK)


def networks_to_ask(args):
    """{name: network}, trained as the arguments say, and the folder of the DNC's log.

    Raises:
      ValueError: a file of weights can't be used.
    """
    lstm = {}
    if not (args.paper or args.given):  # before a DNC that is trained meanwhile
        lstm["LSTM"] = program.lstm_to_ask(
            args, LSTM, london.SLOTS, SHIPPED / LSTM_WEIGHTS)
    dnc, folder = program.network_to_ask(args, plan_of(args), london.SLOTS, SHIPPED)
    return {"DNC": dnc, **lstm}, folder


def main():
    """Trains, asks and draws as the arguments say."""
    args = parse_arguments()
    networks, folder = networks_to_ask(args)
    if args.count and not args.given:
        print("Random walks on the Underground without a mistake, in %, of "
              f"{args.count} or more each:")
        program.print_table(networks, lambda model, rng: asking.right_by_length(
            model, london.draw_episode, london.LENGTHS, rng, args.count))
        print(f"paper, seven steps: {PAPER_AFTER_LESSON_10} after its lesson 10, "
              f"{PAPER_AT_THE_END} at the end; its LSTM never completed lesson 1 (37)")
    draw(networks["DNC"], args.asked, args, folder / program.LOG)


if __name__ == "__main__":
    common.run(main)
