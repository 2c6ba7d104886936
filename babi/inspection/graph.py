"""Draws the graph of one time step of the DNC for TensorBoard.

    python3 -m babi.inspection.graph --output_dir=logs/graph
    tensorboard --logdir logs/graph        (`make viz` does both)

The scopes are those of the paper's Figure 1. It is the plain cell that is drawn, as
a compiled function has no readable graph.
"""

import contextlib

from absl import flags

from babi import command_line
from babi.program import scripts
from babi.program.errors import UsageError

command_line.define_flags()
flags.adopt_module_key_flags(command_line)  # for --help
_OUTPUT_DIR = flags.DEFINE_string("output_dir", "logs/graph", "folder of the events")


def main():
    """Writes the graph for TensorBoard."""
    settings = command_line.from_flags()
    scripts.start_tensorflow()
    try:
        write(settings, _OUTPUT_DIR.value)
    except OSError as error:
        raise UsageError(f"--output_dir: {error}; give another") from None
    print(f"Written: {_OUTPUT_DIR.value}")


def write(settings, directory):
    """Writes the graph of one step, with the sizes of a `config.Config`.

    Raises:
      OSError: the disk refuses it.
    """
    import tensorflow as tf

    from babi.data.vocabulary import Vocabulary
    from babi.model.answerer import build_model

    size = len(Vocabulary.english())
    cell = build_model(settings, size).dnc.cell
    states = [tf.TensorSpec((1, length), tf.float32, name=f"state_{index}")
              for index, length in enumerate(cell.state_size)]

    @tf.function(autograph=False)
    def step(word, states):
        return cell.call(word, states)

    word = tf.TensorSpec((1, size), tf.float32, name="word")
    graph = step.get_concrete_function(word, states).graph
    with summaries_in(directory):
        tf.summary.graph(tidy(graph.as_graph_def(add_shapes=True)))


@contextlib.contextmanager
def summaries_in(directory):
    """Lets summaries be written into a folder.

    Raises:
      OSError: the disk refuses it.
    """
    import tensorflow as tf

    try:
        with tf.summary.create_file_writer(str(directory)).as_default():
            yield
    except tf.errors.OpError as error:
        raise OSError(str(error).splitlines()[0]) from None


def tidy(graph):
    """A step's GraphDef without what `tf.function` adds to it.

    These are the copies of the outputs, and an operation that orders reads of
    variables; at the top level they hide what the step does.
    """
    added = {node.name for node in graph.node if "/" not in node.name
             and node.op in ("Identity", "NoOp")}
    nodes = [node for node in graph.node if node.name not in added]
    del graph.node[:]
    graph.node.extend(nodes)
    for node in graph.node:
        kept = [name for name in node.input if not name.startswith("^")]
        del node.input[:]
        node.input.extend(kept)
    return graph


if __name__ == "__main__":
    scripts.run(main)
