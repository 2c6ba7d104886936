"""The worker of the peers, the package `dnc` for PyTorch, in its own environment.

Run as a file only: the root of this repository must not be on the path, where another
package has the same name.
"""

import importlib.metadata

import task
import torch
import worker
from contestants import ALL
from dnc import DNC


def build(spec):
    """The functions of the peer: see `worker.serve`."""
    torch.manual_seed(spec["seed"])
    torch.set_num_threads(spec["threads"])
    arguments = {"rnn_type": "lstm"} | ALL[spec["contestant"]].arguments
    model = DNC(
        input_size=spec["vocabulary_size"], hidden_size=spec["controller_units"],
        **arguments, num_layers=1, num_hidden_layers=spec["peer_lstm_layers"],
        nr_cells=spec["slots"], cell_size=spec["word_size"],
        read_heads=spec["num_read_heads"], batch_first=True, gpu_id=-1)
    optimizer = torch.optim.RMSprop(
        model.parameters(), lr=spec["learning_rate"], alpha=spec["rho"],
        momentum=spec["momentum"], eps=spec["epsilon"])
    inputs, targets = map(torch.from_numpy, task.random_sequences(spec))

    def outputs():
        return model(inputs, (None, None, None), reset_experience=True)[0]

    def train(count):
        for _ in range(count):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(
                outputs().flatten(0, 1), targets.flatten())
            loss.backward()
            optimizer.step()
        return loss.item()

    def infer(count):
        with torch.no_grad():
            for _ in range(count):
                value = outputs()[0, -1, 0]
        return value.item()

    versions = {name: importlib.metadata.version(name)
                for name in ("dnc", "torch", "numpy")}
    return {"train": train, "infer": infer}, versions


if __name__ == "__main__":
    worker.serve(build)
