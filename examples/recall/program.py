"""The options of the recall tasks, and what a script does as they say."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from examples.common import (LogError, check_folders, drawn, leave, load, make_parser,
                             read_log, write)
from examples.recall import training
from examples.recall.pictures import draw_episode, draw_learning, draw_lengths

RESULTS = Path(__file__).resolve().parents[2] / "results"
KINDS = {"dnc": "DNC", "lstm": "LSTM"}


class Experiment(NamedTuple):
    """A task and how it is learnt.

    Attributes:
      name: of its folders, such as "repeat_copy".
      task: see `examples.recall.episodes`.
      plan: `training.Plan`.
      paper: (task, plan) of what was published.
    """

    name: str
    task: object
    plan: training.Plan
    paper: tuple

    @property
    def shipped(self):
        """The folder of the networks that are shipped."""
        return RESULTS / self.name


def parse(experiment, description, arguments=None):
    """The arguments of the command line; leaves with a line if they can't be used."""
    parser = make_parser(description, Path("runs") / experiment.name)
    parser.add_argument("--updates", type=int,
                        help=f"of the whole training, a multiple of {training.EPOCH}; "
                        "0: none, what is in --folder is asked and drawn")
    parser.add_argument("--episodes", type=int, default=500,
                        help="asked of each length; 0: none")
    args = parser.parse_args(arguments)
    if args.show and (args.paper or args.lstm or args.updates is not None):
        parser.error("--show trains nothing; leave out --paper, --lstm and --updates")
    if args.updates is not None and (
            args.updates < 0 or args.updates % training.EPOCH):
        parser.error(f"--updates={args.updates}: give a multiple of {training.EPOCH}")
    if args.episodes < 0:
        parser.error("--episodes must be 0 or more")
    trains = not args.show and args.updates != 0
    check_folders(parser, args, trains, ships=args.show or not trains and not any(
        weights_of(_folder(args), kind).exists() for kind in KINDS))
    return args


def _folder(args):
    """The folder of the trainings that the arguments are about."""
    return args.folder / ("paper" if args.paper else "minutes")


def main(experiment, description):
    """Trains, asks and draws as the arguments say."""
    args = parse(experiment, description)
    task, plan = experiment.paper if args.paper else experiment[1:3]
    folder = _folder(args)
    trains = not (args.show or args.updates == 0)
    if trains:
        kind = "lstm" if args.lstm else "dnc"
        plan = plan._replace(updates=args.updates or plan.updates)
        training.train(experiment.name, task, plan, plan.slots * (kind == "dnc"),
                       weights_of(folder, kind), args.seed)
    try:
        show(experiment, args, task, plan, folder)
    except KeyboardInterrupt:
        leave("Stopped. It is trained: --updates=0 asks and draws it."
              if trains else "Stopped.")


def show(experiment, args, task, plan, folder):
    """Asks and draws the networks of a folder, or those that are shipped.

    Args:
      experiment, args: see `parse`.
      task, plan: of the experiment, or of what was published.
      folder: of a training.
    """
    folders = {kind: folder if weights_of(folder, kind).exists() and not args.show
               else experiment.shipped for kind in KINDS}
    if args.paper:
        folders = {kind: path for kind, path in folders.items() if path == folder}
    if not folders:
        raise ValueError(f"{folder}: nothing was trained there; leave out --updates=0")
    logs = {KINDS[kind]: path / f"{kind}.csv" for kind, path in folders.items()}
    figures = drawn(logs.values(), lambda: draw_learning(
        logs, training.EPOCH, f"Learning to recall {task.longest} {task.unit}"))
    if args.episodes:
        print_table(task, plan, folders, args.episodes)
        figures["lengths.png"] = draw_lengths(
            {KINDS[kind]: scores_by_length(task, plan, kind, path, args.episodes)
             for kind, path in folders.items()}, task)
    if "dnc" in folders:
        model = load_network(task, plan, plan.slots, weights_of(folders["dnc"], "dnc"))
        figures["memory.png"] = draw_episode(
            model.get_layer("memory"), task, np.random.default_rng(args.seed + 2))
    write(args.output, figures, {})


def weights_of(folder, kind):
    """The path of the weights of a network in a folder."""
    return folder / f"{kind}.weights.h5"


def load_network(task, plan, slots, path):
    """The network with so many slots, 0 for the LSTM, and the weights of a file.

    Raises:
      ValueError: the file is not there, damaged, or of another network.
    """
    model = training.build(task, plan, slots)
    load(model, path)
    return model


def network_for(task, plan, kind, folder, steps):
    """The network to ask episodes of so many steps: if there are more than in
    training, its memory is twice as large.

    Args:
      task, plan: see `Experiment`.
      kind: of the network, of KINDS.
      folder: of its weights.
      steps: see above.
    """
    slots = plan.slots * (1 + (steps > task.steps(task.longest)))
    return load_network(task, plan, slots * (kind == "dnc"), weights_of(folder, kind))


def scores_by_length(task, plan, kind, folder, count):
    """{length: what `training.score` gives} from the shortest to twice the longest.

    Args:
      task, plan, kind, folder: see `network_for`.
      count: episodes of each length.
    """
    scores = {}
    for lengths in (range(task.shortest, task.longest + 1),
                    range(task.longest + 1, 2 * task.longest + 1)):
        steps = task.steps(lengths[-1])  # one shape for all, so that one is compiled
        model = network_for(task, plan, kind, folder, steps)
        for length in lengths:
            scores[length] = training.score(
                model, task, length, np.random.default_rng(5), count, steps)
    return scores


def print_table(task, plan, folders, count):
    """Prints how much is right of what was trained, and of twice as much.

    Args:
      task, plan: see `Experiment`.
      folders: {kind of network: folder of its weights}.
      count: episodes of each length.
    """
    trials = task.trials()
    print(f"Right of {count} new episodes each, in %, bits / whole episodes:")
    print(" " * 14 + "".join(f"{name:>24}" for name in trials))
    for kind, folder in folders.items():
        cells = []
        for trial, length in trials.values():
            model = network_for(task, plan, kind, folder, trial.steps(length))
            bits, episodes = training.score(model, trial, length,
                                            np.random.default_rng(5), count)
            cells.append(f"{100 * bits:.1f} / {100 * episodes:.1f}")
        print(f"{KINDS[kind]:14}" + "".join(f"{cell:>24}" for cell in cells))
        print(f"  {model.count_params():,} weights{_trained(folder / f'{kind}.csv')}")


def _trained(log):
    """What a training took, in words; none if its log is damaged, which was told."""
    try:
        (seconds,) = read_log(log, ("processor_seconds",)).values()
    except LogError:
        return ""
    return (f", {training.EPOCH * len(seconds):,} updates, "
            f"{sum(seconds) / 60:.1f} minutes of a processor")
