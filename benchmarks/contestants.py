"""Who is measured."""

import pathlib
import sys
from typing import NamedTuple

_FOLDER = pathlib.Path(__file__).parent.resolve()
DEFAULT_PEER = _FOLDER.parent / ".venv-peer" / "bin" / "python"


class Contestant(NamedTuple):
    """One way to run a DNC.

    Attributes:
      title: what it is.
      script: its worker, a file beside this one.
    """

    title: str
    script: str


CONTESTANTS = {
    "ours": Contestant("dnc.DNC, compiled", "tensorflow_worker.py"),
    "plain": Contestant("keras.layers.RNN(dnc.DNCCell) in a tf.function",
                        "tensorflow_worker.py"),
    "eager": Contestant("the plain loop without compilation, as train_eager.py",
                        "tensorflow_worker.py"),
    "peer": Contestant("the PyPI package dnc on PyTorch", "torch_worker.py"),
}


def commands(names, peer_python):
    """{contestant: command of its worker}.

    Args:
      names: contestants.
      peer_python: the Python that has the peer.
    """
    pythons = {name: peer_python if name == "peer" else sys.executable
               for name in names}
    return {name: [str(pythons[name]), str(_FOLDER / CONTESTANTS[name].script)]
            for name in names}
