"""Relations in a family, found by a DNC that has learnt what they mean by heart.

    python3 examples/family_tree.py --show           # the network that is shipped
    python3 examples/family_tree.py                  # train one; again to go on
    python3 examples/family_tree.py --relation="Rosa: mother, mother"

After the paper's inference task. A network reads a graph edge by edge, then a node and
the number of a relation, and names the node that stands in that relation to the first.
What a relation is, which labels one after the other, it is never given: it has to find
out from its errors, in four lessons from errors of each step. It is trained on random
graphs, in lessons; the family comes in the test alone, with numbers drawn anew for its
persons in each question.
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
from examples.graphs import asking, family_picture, inference  # noqa: E402
from examples.graphs import kinship, pictures, training  # noqa: E402
from examples.lessons import program  # noqa: E402
from examples.lessons.pictures import draw_learning  # noqa: E402

SHIPPED = ROOT / "results" / "family_tree"
# Free gates that are open free a little of every slot at each step, by faint reads, so
# that edges are overwritten: they begin closed.
DNC = training.Plan(inference.HOUR, 128, 48, 3, updates=500, falling=48_000,
                    lowest=0.03, layer_norm=True, enough=0.98, free_gates=-4.0)
# Extended Data Table 2, with RMSProp's place taken by Adam.
PAPERS = training.Plan(inference.PAPER, 256, 50, 5, layers=3, rows=32, updates=100,
                       rate=1e-5, falling=10_000_000)


def parse_relation(text):
    """The chain of "person: label, label, ...".

    Raises:
      ValueError: not of that form, or there is no such person or relation.
    """
    start, labels = program.split(text, RELATION.default)
    return kinship.follow(start, labels)


RELATION = program.Asked(
    "relation", "Sven: sister 1, mother, mother, brother 1", parse_relation)


def plan_of(args):
    """The `training.Plan` of the network."""
    return PAPERS if args.paper else DNC


def draw(model, chain, args, log):
    """Writes the pictures of a relation; prints the answer."""
    rng = np.random.default_rng(args.seed)
    look = kinship.look(model, chain, rng)
    asking.print_answers(look)
    title = (f"{chain[0][0]}'s {kinship.relation_name(chain)}: "
             f"{'right' if look.right[0] else 'not right'}")
    decoder = asking.Decoder(model, [kinship.draw_episode(2, rng) for _ in range(40)])
    figures = {"relation.png": family_picture.draw_relation(look, title),
               "memory.png": pictures.draw_strip(look, decoder, title)}
    plan = plan_of(args)
    figures |= common.drawn([log], lambda: draw_learning(
        log, plan.updates, "Learning relations, lesson by lesson",
        (training.COMPLETE, plan.enough)))
    common.write(args.output, figures, {})


def parse_arguments(arguments=None):
    """The arguments of the command line; leaves with a line if they can't be used."""
    parser = program.make_parser(__doc__.splitlines()[0], "runs/family_tree", RELATION)
    return program.parse(parser, arguments, RELATION)


def main():
    """Trains, asks and draws as the arguments say."""
    args = parse_arguments()
    model, folder = program.network_to_ask(
        args, plan_of(args), kinship.SLOTS, SHIPPED)
    if args.count and not args.given:
        print("Relations in the family tree answered rightly, in %, of "
              f"{args.count} or more of each number of labels:")
        program.print_table({"DNC": model}, lambda network, rng: asking.right_by_length(
            network, kinship.draw_episode, kinship.LENGTHS, rng, args.count))
        print("paper, four labels, its own tree: "
              f"{inference.PAPER_AFTER_LESSON_13} after its lesson 13, "
              f"{inference.PAPER_AT_THE_END} at the end")
    draw(model, args.asked, args, folder / program.LOG)


if __name__ == "__main__":
    common.run(main)
