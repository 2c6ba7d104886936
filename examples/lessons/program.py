"""What the scripts share: options, training, weights, tables."""

from typing import Callable, NamedTuple

import keras
import numpy as np

from examples import common
from examples.common import Log, load, save
from examples.lessons import curriculum

WEIGHTS, LOG = "dnc.weights.h5", "log.csv"


class Asked(NamedTuple):
    """What a script asks its network for.

    Attributes:
      name: such as "walk"; that of an option.
      default: its text, if none is given.
      parse: function of the text; ValueError if it can't be asked for.
      each: what a number of them are asked of, in the end.
    """

    name: str
    default: str
    parse: Callable
    each: str = "length"


def make_parser(description, folder, asked, lstm=False):
    """A parser with the options that all scripts have.

    Args:
      description, folder, lstm: see `common.make_parser`.
      asked: `Asked`.
    """
    parser = common.make_parser(description, folder, lstm)
    parser.add_argument(f"--{asked.name}", dest="text", metavar="TEXT",
                        help=f"ask this {asked.name}, of the trained network if there "
                        f"is one; default: \"{asked.default}\"")
    parser.add_argument(f"--{asked.name}s", dest="count", type=int, default=100,
                        help=f"asked of each {asked.each}; 0: none")
    parser.add_argument("--minutes", type=float, default=60.0,
                        help="of training; a later run goes on for as many more")
    return parser


def parse(parser, arguments, asked, variant=lambda args: ""):
    """The arguments; `asked` is what is asked for, `given` whether `text` was given.

    Leaves with a line if they can't be used.

    Args:
      parser, arguments: of the script.
      asked: `Asked`.
      variant: function of the arguments: the folder in --folder of another way to
        train than the script's own, or "".
    """
    args = parser.parse_args(arguments)
    args.folder /= variant(args)
    args.given = args.text is not None
    if not args.given:
        args.text = asked.default
    if not args.minutes >= 0 or args.count < 0:
        parser.error(f"--minutes and --{asked.name}s must be 0 or more")
    if args.paper and args.show:
        parser.error("--paper is about the paper's network, of which none is shipped; "
                     "leave out --show")
    lstm = getattr(args, "lstm", False)
    if lstm and (args.paper or args.show or args.given):
        parser.error("--lstm trains the LSTM; leave out --paper, --show and "
                     f"--{asked.name}")
    common.check_folders(
        parser, args, trains=not (args.show or args.given),
        ships=args.show or (args.given or lstm) and not _begun(_folder(args) / WEIGHTS))
    try:
        args.asked = asked.parse(args.text)
    except ValueError as error:
        parser.error(f"--{asked.name}={args.text}: {error}")
    return args


def split(text, example):
    """"start: name, name, ..." as start and list of names; ValueError if it is not."""
    start, colon, names = text.partition(":")
    if not colon:
        raise ValueError(f"give it as \"{example}\"")
    return start.strip(), [name.strip() for name in names.split(",") if name.strip()]


def network_to_ask(args, plan, slots, shipped, shipped_plan=None):
    """The DNC that the arguments want, trained, loaded or shipped, and its folder.

    Args:
      args: see `parse`; --lstm, where there is one, trains no DNC.
      plan: see `examples.lessons`.
      slots: of the memory it is asked with.
      shipped: folder of the network that is shipped.
      shipped_plan: its plan, if it has one of its own.

    Raises:
      ValueError: a file of weights can't be used.
    """
    folder = _folder(args)
    if not (args.show or args.given or getattr(args, "lstm", False)):
        return train(args, plan, folder / WEIGHTS, slots), folder
    if args.paper and not _begun(folder / WEIGHTS):
        raise ValueError(f"{folder}: no training was begun there; give --paper without "
                         f"a question")
    if args.show or not _begun(folder / WEIGHTS):
        return _shipped(shipped_plan or plan, slots, shipped / WEIGHTS)
    return _standing(args, plan, folder / WEIGHTS, slots)


def _folder(args):
    """The folder of the training of the DNC that the arguments are about."""
    return args.folder / ("paper" if args.paper else "dnc")


def _begun(path):
    """Whether there is a training, at its end or not, that writes weights to `path`."""
    return path.exists() or path.with_name(curriculum.SAVED).exists()


def lstm_to_ask(args, plan, slots, shipped):
    """The LSTM beside the DNC: trained now, of the folder or shipped; None: of neither.

    Args:
      args, slots: as for `network_to_ask`.
      plan: see `examples.lessons`.
      shipped: its file, if it is shipped.

    Raises:
      ValueError: a file of weights can't be used.
    """
    path = args.folder / "lstm" / shipped.name
    if args.lstm:
        return train(args, plan, path, slots)
    if _begun(path) and not args.show:
        return _standing(args, plan, path, slots)[0]
    return _shipped(plan, slots, shipped)[0] if shipped.exists() else None


def _shipped(plan, slots, path):
    """The network of a file that is shipped, and its folder."""
    print(f"The network of {path}")
    return load_network(path, plan, slots), path.parent


def _standing(args, plan, path, slots):
    """The network of a training as far as it has come, and its folder.

    Args:
      path: of the weights of a training that has come to an end; one that was stopped
        since then has gone further.
    """
    saved = path.with_name(curriculum.SAVED)
    common.check_claim(path.parent, experiment=curriculum.experiment(plan))
    if not path.exists() or (saved.exists()
                             and saved.stat().st_mtime > path.stat().st_mtime):
        print(f"The network of {saved}, whose training was stopped")
        return _bare(plan, curriculum.train(plan, path.parent, minutes=0), slots), (
            path.parent)
    print(f"The network of {path}")
    return load_network(path, plan, slots), path.parent


def _bare(plan, model, slots):
    """A trained network without an optimizer, and with so many slots."""
    bare = plan.build(slots)
    bare.set_weights(model.get_weights())
    return bare


def train(args, plan, path, slots):
    """Trains a plan in the folder of `path`, where the weights alone are written.

    Returns:
      The trained network, with so many slots.

    Raises:
      ValueError: no minutes, where no training was begun.
    """
    begun = (path.parent / curriculum.SAVED).exists()
    if not (begun or args.minutes):
        raise ValueError(f"{path.parent}: no training was begun there; give --minutes, "
                         "or --show for what is shipped")
    callbacks = [Log(path.parent / LOG, begun),
                 keras.callbacks.TensorBoard(path.parent / "tensorboard",
                                             write_graph=False)]
    model = curriculum.train(plan, path.parent, args.seed, args.minutes, callbacks)
    bare = _bare(plan, model, slots)
    save(bare, path)
    lesson = int(bare.lesson)
    stand = "all lessons are complete"
    if lesson < len(plan.lessons):
        stand = (f"at lesson {lesson} of {len(plan.lessons) - 1}, "
                 f"{in_words(plan.lessons[lesson])}")
    print(f"{float(bare.seconds) / 60:.0f} minutes of training "
          f"({float(bare.processor) / 60:.0f} of a processor): {stand}")
    return bare


def in_words(lesson):
    """A lesson's ranges in words: "nodes 3-4, walk 1-8"."""
    return ", ".join(f"{name.replace('_', ' ')} {value[0]}-{value[1]}"
                     for name, value in lesson._asdict().items()
                     if isinstance(value, tuple) and all(
                         isinstance(end, int) for end in value))


def load_network(path, plan, slots):
    """The network of a plan with the weights of a file, and so many slots.

    Raises:
      ValueError: the file is not there, damaged, or of another network.
    """
    model = plan.build(slots)
    load(model, path)
    return model


def print_table(networks, ask):
    """Prints, for each network, the share of right answers by length, in percent.

    Args:
      networks: {name: network}.
      ask: function of a network and a `numpy.random.Generator` that gives
        {length: share}.
    """
    for number, (name, model) in enumerate(networks.items()):
        right = ask(model, np.random.default_rng(5))
        if not number:
            print("length    " + "".join(f"{length:>7}" for length in right))
        print_row(name, right)


def print_row(name, right):
    """Prints a row of such a table, of {length: share}."""
    print(f"{name:10}" + "".join(f"{100 * share:7.1f}" for share in right.values()))
