"""What is measured: who, at which sizes, and who at which of them."""

import itertools
from typing import Any, Mapping, NamedTuple


class Point(NamedTuple):
    """One size of the work.

    Attributes:
      batch: B, rows.
      steps: T, time steps of a row.
      slots: N, slots of the memory.
    """

    batch: int
    steps: int
    slots: int

    def __str__(self):
        return f"batch {self.batch}, steps {self.steps}, slots {self.slots}"


class Contestant(NamedTuple):
    """One way to run a DNC.

    Attributes:
      title: what it is.
      kind: the function of `worker.py` that builds it.
      arguments: of its layer, or settings of its training, besides the sizes.
      threads: cores to use, if not as many as the others.
    """

    title: str
    kind: str = "layer"
    arguments: Mapping[str, Any] = {}
    threads: int | None = None


CONTESTANTS = {
    "ours": Contestant("dnc.DNC, compiled"),
    "plain": Contestant("keras.layers.RNN(dnc.DNCCell) in a tf.function"),
    "eager": Contestant("the plain loop without compilation, as train_eager.py"),
    "peer": Contestant("the PyPI package dnc on PyTorch, with one LSTM layer as the "
                       "others have", "peer", {"rnn_type": "lstm"}),
}
# {name: arguments of `dnc.DNC`}, also settings of the experiment; the next variant
# is added here, for its cost and for its error (`variants.py`).
VARIANTS = {
    "layer_norm": {"layer_norm": True},
    "interface_norm": {"interface_norm": True},
    "bypass_dropout": {"bypass_dropout": 0.1},
    "masked_content": {"masked_content": True},
    "deallocation": {"deallocation": True},
    "sharpened_links": {"sharpened_links": True},
    "no_links": {"temporal_links": False},
    "gru": {"controller": "gru"},
    "feedforward": {"controller": "feedforward"},
    "stack": {"controller": ["lstm", "lstm"]},
    "ADNC": {"layer_norm": True, "interface_norm": True, "bypass_dropout": 0.1,
             "temporal_links": False},
    "DNC-MD": {"masked_content": True, "deallocation": True},
    # Both, with the links that ADNC has not.
    "ADNC-MD": {"layer_norm": True, "interface_norm": True, "bypass_dropout": 0.1,
                "masked_content": True, "deallocation": True},
}
# Training itself, with its batches of simulated stories.
TRAINING = {
    "one_core": Contestant("babi/train.py on one core, with one thread", "training",
                           {"strategy": "none"}, threads=1),
    "all_cores": Contestant("babi/train.py --strategy=none, the default", "training",
                            {"strategy": "none"}),
    "mirrored": Contestant("babi/train.py --strategy=mirrored", "training",
                           {"strategy": "mirrored"}),
    "stories": Contestant("the batches of training alone, made by one thread",
                          "stories"),
}
ALL = CONTESTANTS | TRAINING | {
    name: Contestant("dnc.DNC({})".format(", ".join(
        f"{argument}={value!r}" for argument, value in arguments.items())),
        arguments=arguments) for name, arguments in VARIANTS.items()} | {
    "peer_gru": Contestant("the PyPI package dnc on PyTorch with a GRU", "peer",
                           {"rnn_type": "gru"}),
}

REFERENCE = Point(1, 100, 256)
# The values of each axis that the whole measurement goes through.
AXES = Point((1, 4, 16, 32), (50, 100, 500, 1000), (64, 128, 256, 512, 1024))
QUICK = (REFERENCE, REFERENCE._replace(batch=16))
# Where memory is bounded: against the peer, and for itself.
MEMORY_OF_PEER = Point(4, 1000, 256)
MEMORY_ALONE = Point(16, 1000, 256)

_OF_VARIANTS = ("ours", *VARIANTS, "peer", "peer_gru")
# {flag: [(point, contestants)]}
PLANS = {
    "quick": [(point, tuple(CONTESTANTS)) for point in QUICK],
    "memory": [(MEMORY_OF_PEER, ("ours", "peer")), (MEMORY_ALONE, ("ours",))],
    # The last one to see what links of N x N cost.
    "variants": [(Point(16, 100, 256), _OF_VARIANTS), (Point(6, 480, 32), _OF_VARIANTS),
                 (Point(4, 100, 1024), ("ours", "no_links", "peer"))],
    # The two sizes of the result's recipe.
    "training": [(Point(8, 192, 32), tuple(TRAINING)),
                 (Point(6, 320, 64), tuple(TRAINING))],
}


def around(reference, axes):
    """The points that differ from the reference in one axis at most, each once.

    Args:
      reference: `Point`.
      axes: `Point` of lists of values, gone through from small to large.
    """
    return list(dict.fromkeys([reference, *(
        reference._replace(**{name: value})
        for name, values in axes._asdict().items() for value in sorted(values))]))


def grid(axes):
    """Every combination of the axes' values, from small to large."""
    return [Point(*sizes) for sizes in itertools.product(
        *(sorted(set(values)) for values in axes))]
