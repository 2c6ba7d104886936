"""Mini-SHRDLU, the block puzzle: a DNC is told goals, then moves blocks to reach one.

    python3 examples/mini_shrdlu.py --show         # the network that is shipped
    python3 examples/mini_shrdlu.py                # train one; again to go on
    python3 examples/mini_shrdlu.py --goal="3 above 1, 2 left of 4"

After the paper's Figures 4 and 5. A network is told some goals, each a letter and what
has to hold of the blocks ("3 above 1"), one constraint a step. Then it is shown one of
the letters, and moves block by block until that goal holds. First it learns to name
goals, then to reach them, from a planner, which says at every step which moves are
best; with --reward after the first lesson from reward alone, the moves of each goal
tried several times; with --paper from the start, as actor and critic.
"""

import os
import sys
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if not __package__:  # run as a file: the folder above is the root of imports
    sys.path[0] = str(ROOT)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402

from examples import common  # noqa: E402
from examples.lessons import program  # noqa: E402
from examples.lessons.pictures import draw_learning  # noqa: E402
from examples.shrdlu import asking, pictures, puzzles, tables  # noqa: E402
from examples.shrdlu.course import COMPLETE, BlockPlan  # noqa: E402
from examples.shrdlu.player import Guess  # noqa: E402

SHIPPED = ROOT / "results" / "mini_shrdlu"
LSTM_WEIGHTS = "lstm.weights.h5"
SHOWN = tables.LESSONS[5]  # of such puzzles one is drawn, and memories are decoded
DNC = BlockPlan(puzzles.HOUR, falling=16_000)
# No memory, and no fewer weights.
LSTM = DNC._replace(units=200, read_heads=0)
REWARDED = BlockPlan(puzzles.REWARDED, updates=200, falling=40_000, acting_rate=1e-3,
                     entropy=0.03)
# Extended Data Table 2, the network of Figure 4, with RMSProp's place taken by Adam.
PAPERS = BlockPlan(puzzles.PAPER, 250, 100, 3, layers=2, falling=10_000_000,
                   acting_rate=3e-5, entropy=0.5, recall=0.0, counted=True, mover=())
GOAL = program.Asked("goal", asking.EXAMPLE, asking.parse_goal, "lesson")


def parse_arguments(arguments=None):
    """The arguments of the command line; leaves with a line if they can't be used."""
    parser = program.make_parser(__doc__.splitlines()[0], "runs/mini_shrdlu", GOAL,
                                 lstm=True)
    parser.add_argument("--reward", action="store_true",
                        help="learn the moves from reward alone, in FOLDER/reward")
    args = program.parse(parser, arguments, GOAL,
                         lambda args: "reward" if args.reward else "")
    if args.reward and (args.paper or args.lstm or args.show or args.given):
        parser.error("--reward trains the DNC; leave out --paper, --lstm, --show and "
                     "--goal")
    return args


def plan_of(args):
    """The `BlockPlan` of the DNC."""
    return PAPERS if args.paper else REWARDED if args.reward else DNC


def papers_number(plan, lesson):
    """The number of a lesson of a plan in the paper; "r" for recitals, not there."""
    recitals = sum(lesson.recital for lesson in plan.lessons)
    return "r" if lesson < recitals else str(lesson + 1 - recitals)


def networks_to_ask(args):
    """{name: network}, trained as the arguments say, and the folder of the DNC's log.

    Raises:
      ValueError: a file of weights can't be used.
    """
    slots = plan_of(args).lessons[-1].slots
    lstm = None if args.paper or args.given else program.lstm_to_ask(
        args, LSTM, slots, SHIPPED / LSTM_WEIGHTS)  # before a DNC trained meanwhile
    dnc, folder = program.network_to_ask(args, plan_of(args), slots, SHIPPED)
    networks = {"DNC": dnc, "LSTM": lstm, "random": Guess(np.random.default_rng(5))}
    return {name: network for name, network in networks.items()
            if network is not None}, folder


def draw(networks, args, log):
    """Asks as the arguments say; prints and draws the answers."""
    model, figures = networks["DNC"], {}
    if args.count and not args.given:
        figures["lessons.png"] = pictures.draw_lessons(
            tables.print_lessons(networks, args.count),
            "Perfect: least moves; success: more; by lesson")
        figures["perfect.png"] = pictures.draw_shares(
            tables.print_moves(model, args.count),
            "Solved with the least moves, %")
        seen = tables.look_into_memory(model, SHOWN)
        figures["plan.png"] = pictures.draw_plan(
            tables.print_decoded(*seen), "What follows, decoded from memory before "
            "the question")
        figures["letters.png"] = pictures.draw_letters(
            *seen[:2], "What is read at the question, by its letter")
    puzzle = asking.puzzle_with(args.asked, SHOWN, np.random.default_rng(args.seed))
    look = asking.look(model, puzzle)
    title = (f"{args.text}: {asking.outcome(look)}, least "
             f"{puzzle.least} moves")
    print(title)
    figures["episode.png"] = pictures.draw_episode(look, title)
    plan = plan_of(args)
    figures |= common.drawn([log], lambda: draw_learning(
        log, plan.updates,
        "The DNC, learning to move blocks, lesson by lesson, r: recitals", (COMPLETE,),
        ("satisfied", "named"), label=partial(papers_number, plan)))
    common.write(args.output, figures, {})


def main():
    """Trains, asks and draws as the arguments say."""
    args = parse_arguments()
    networks, folder = networks_to_ask(args)
    draw(networks, args, folder / program.LOG)


if __name__ == "__main__":
    common.run(main)
