"""Shortest paths on the London Underground, planned by a DNC that reads graphs.

    python3 examples/shortest_path.py --show         # the network that is shipped
    python3 examples/shortest_path.py                # train one; again to go on
    python3 examples/shortest_path.py --path="Victoria: Bank"

After the paper's Figure 2. A network reads a graph edge by edge, then start and goal.
It has ten steps without input to plan, and then goes from node to node: at each step
it chooses one of the edges that lead on, and the choice is its next input. It learns
from a planner, which says at every step which edge begins a shortest path from there.
It is trained on random graphs, in lessons; the Underground comes in the test alone,
with numbers drawn anew for its stations and lines in each question.
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
from examples.graphs import london_paths, london_picture, pictures  # noqa: E402
from examples.graphs import shortest  # noqa: E402
from examples.graphs.finder import Guess, PathPlan, evaluate  # noqa: E402
from examples.lessons import program  # noqa: E402
from examples.lessons.pictures import draw_learning  # noqa: E402

SHIPPED = ROOT / "results" / "shortest_path"
# Long words: a look-up of a whole frontier at once is the sharper the longer they are.
DNC = PathPlan(shortest.HOUR, 128, 128, 5, falling=24_000, voices=3, layer_norm=True,
               free_gates=-4.0)
# What is shipped was learnt otherwise: docs/experiments-training.md.
SHIPPED_DNC = PathPlan(shortest.HOUR, read_heads=8, voices=4)
# Extended Data Table 2, with RMSProp's place taken by Adam.
PAPERS = PathPlan(shortest.PAPER, 256, 50, 5, layers=2, rows=1, updates=2000, rate=3e-6,
                  falling=10_000_000)


def parse_path(text):
    """Start and goal of "station: station".

    Raises:
      ValueError: not of that form, or no such stations.
    """
    return london_paths.ends(*program.split(text, PATH.default))


PATH = program.Asked("path", "Liverpool Street: Warren Street", parse_path,
                     each="distance")


def plan_of(args):
    """The `PathPlan` of the network, with the planning that the arguments say."""
    return planned(PAPERS if args.paper else DNC, args)


def draw(model, path, args, log):
    """Writes the pictures and the page of a path; prints the answer."""
    rng = np.random.default_rng(args.seed)
    look = london_paths.look(model, *path, args.steps, rng)
    asking.print_answers(look)
    found = (f"found one of {len(look.answer)} rides"
             if look.answer[-1][2] == path[1] else "not found")
    title = f"{path[0]} to {path[1]}, shortest path {len(look.asked)} rides: {found}"
    decoder = asking.Decoder(model, [
        london_paths.route(london.number(rng), *path, args.steps).episode
        for _ in range(24)])
    figures = {"path.png": london_picture.draw_path(look, title),
               "memory.png": pictures.draw_strip(look, decoder, title)}
    field, share = plan_of(args).lessons[-1].complete
    figures |= common.drawn([log], lambda: draw_learning(
        log, plan_of(args).updates, "Learning to find paths, lesson by lesson",
        (share,), (field,), {"near": "one edge too long at most"}.get(field, field)))
    common.write(args.output, figures,
                 {"path.html": london_page.render(
                     look, decoder, title, "a shortest path")})


def parse_arguments(arguments=None):
    """The arguments of the command line; leaves with a line if they can't be used."""
    parser = program.make_parser(__doc__.splitlines()[0], "runs/shortest_path", PATH)
    parser.add_argument("--planning", choices=(str(shortest.PLANNING), "triples"),
                        default=str(shortest.PLANNING), help="steps of it: ten, or as "
                        "many as the graph has triples")
    parser.add_argument("--lessons", action="store_true",
                        help="ask on random graphs too, those of the paper's lessons")
    args = program.parse(parser, arguments, PATH, lambda args: (
        "triples" if args.planning == "triples" else ""))
    if args.lessons and (args.given or not args.count):
        parser.error("--lessons asks so many --paths of each; leave out --path, and "
                     "--paths=0")
    args.steps = None if args.planning == "triples" else shortest.PLANNING
    return args


def planned(plan, args):
    """A plan with the steps of planning that the arguments say."""
    if args.steps is None:
        return plan._replace(lessons=shortest.planned_by_triples(plan.lessons))
    return plan


def print_underground(model, args):
    """Prints how many paths are shortest on the Underground, by distance."""
    print("Shortest paths found on the Underground, in %, of all pairs of stations at "
          f"each distance,\n{args.count} or more, each with new numbers:")
    program.print_table({"DNC": model}, lambda network, rng: (
        london_paths.right_by_distance(network, args.steps, rng, args.count)))
    for name, looks_ahead in (("look-ahead", True), ("any edge", False)):
        program.print_row(name, london_paths.chance_by_distance(looks_ahead))
    print(f"paper, distance {london_paths.PAPER_DISTANCE}: "
          f"{shortest.PAPERS_UNDERGROUND[8]} after its lesson 9, "
          f"{shortest.PAPERS_UNDERGROUND[-1]} at the end")


def print_lessons(networks, args):
    """Prints the same of random graphs as large as the paper's lessons have them."""
    print("Shortest paths found in random graphs of the paper's lessons, in %, of "
          f"{args.count} each;\nthe paper's networks after that lesson, in graphs of "
          "the last and on its Underground:")
    print("lesson  nodes  edges  path" + "".join(f"{name:>12}" for name in networks)
          + "    paper: last  Underground")
    for number, (lesson, last, underground) in enumerate(zip(
            planned(PAPERS, args).lessons, shortest.PAPERS_FINAL,
            shortest.PAPERS_UNDERGROUND), 1):
        rng = np.random.default_rng([5, number])
        routes = [lesson.draw(rng) for _ in range(args.count)]
        ranges = (f"{low}-{high}" for low, high in lesson[:3])
        print("{:6} {:>6} {:>6} {:>5}".format(number, *ranges), end="")
        for network in networks.values():
            shares = evaluate(network, routes, asking.ROWS, lesson.length,
                              london_paths.MOST)
            print(f"{100 * shares['right']:12.1f}", end="")
        print(f"{last:16} {underground:12}")


def main():
    """Trains, asks and draws as the arguments say."""
    args = parse_arguments()
    model, folder = program.network_to_ask(
        args, plan_of(args), london_paths.slots(args.steps), SHIPPED, SHIPPED_DNC)
    if args.count and not args.given:
        print_underground(model, args)
        if args.lessons:
            print_lessons({
                "DNC": model, "look-ahead": Guess(np.random.default_rng(5), True),
                "any edge": Guess(np.random.default_rng(5))}, args)
    draw(model, args.asked, args, folder / program.LOG)


if __name__ == "__main__":
    common.run(main)
