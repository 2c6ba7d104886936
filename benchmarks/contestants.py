"""Who is measured."""

import pathlib
import sys
from typing import Any, Mapping, NamedTuple

_FOLDER = pathlib.Path(__file__).parent.resolve()
DEFAULT_PEER = _FOLDER.parent / ".venv-peer" / "bin" / "python"


class Contestant(NamedTuple):
    """One way to run a DNC.

    Attributes:
      title: what it is.
      script: its worker, a file beside this one.
      arguments: of its layer, besides the sizes.
    """

    title: str
    script: str
    arguments: Mapping[str, Any] = {}


CONTESTANTS = {
    "ours": Contestant("dnc.DNC, compiled", "tensorflow_worker.py"),
    "plain": Contestant("keras.layers.RNN(dnc.DNCCell) in a tf.function",
                        "tensorflow_worker.py"),
    "eager": Contestant("the plain loop without compilation, as train_eager.py",
                        "tensorflow_worker.py"),
    "peer": Contestant("the PyPI package dnc on PyTorch", "torch_worker.py"),
}


def _variant(**arguments):
    given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return Contestant(f"dnc.DNC({given})", "tensorflow_worker.py", arguments)


# With --variants, beside "ours", which is the paper's DNC, and "peer".
VARIANTS = {
    "layer_norm": _variant(layer_norm=True),
    "interface_norm": _variant(interface_norm=True),
    "bypass_dropout": _variant(bypass_dropout=0.1),
    "masked_content": _variant(masked_content=True),
    "deallocation": _variant(deallocation=True),
    "sharpened_links": _variant(sharpened_links=True),
    "no_links": _variant(temporal_links=False),
    "gru": _variant(controller="gru"),
    "feedforward": _variant(controller="feedforward"),
    "stack": _variant(controller=["lstm", "lstm"]),
    "all": _variant(layer_norm=True, interface_norm=True, bypass_dropout=0.1,
                    masked_content=True, deallocation=True, sharpened_links=True),
    "peer_gru": Contestant("the PyPI package dnc on PyTorch with a GRU",
                           "torch_worker.py", {"rnn_type": "gru"}),
}
ALL = CONTESTANTS | VARIANTS


def is_peer(name):
    """Whether a contestant runs in the peer's environment."""
    return ALL[name].script == "torch_worker.py"


def commands(names, peer_python):
    """{contestant: command of its worker}.

    Args:
      names: contestants.
      peer_python: the Python that has the peer.
    """
    pythons = {name: peer_python if is_peer(name) else sys.executable
               for name in names}
    return {name: [str(pythons[name]), str(_FOLDER / ALL[name].script)]
            for name in names}
