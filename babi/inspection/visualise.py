"""What TensorBoard shows of a run besides its curves.

Pictures of the memory while fixed validation stories are read, questions with their
answers, which words are taken for which, and histograms of weights and gradients. It
runs between training steps and has no part in the compiled step.
"""

import tensorflow as tf

from babi.data.batches import Batch, assemble
from babi.inspection import confusion, pictures
from babi.inspection.confusion import Confusion
from babi.inspection.reading import Reader, example_tokens
from babi.model.answerer import path_below_root
from babi.stories.story import DataError
from babi.stories.tasks import TASK_TITLES

STORIES_SHOWN = 4
_PREFERRED_LENGTH = 150  # words: its picture can be taken in at a glance


def choose_examples(stream, count=STORIES_SHOWN):
    """`encoding.Example`s to show: of tasks spread evenly, always the same.

    Of each task it is the first story that is not too long, or the shortest.

    Args:
      stream: `streams.ExampleStream` with a `count`.
      count: how many at most.
    """
    positions = {}
    for position in range(stream.count):
        positions.setdefault(stream.task(position), []).append(position)
    tasks = sorted(positions)
    chosen = tasks[::-(-len(tasks) // count)]

    def shown(task):
        return min(positions[task], key=lambda position: max(
            stream.length(position), _PREFERRED_LENGTH))

    return [stream.example(shown(task)) for task in chosen]


class Visualiser:
    """Writes what can be seen of a model for TensorBoard.

    Args:
      trainer: `trainer.Trainer`.
      vocabulary: `vocabulary.Vocabulary`.
      examples: `encoding.Example`s to show, the same each time.
      events: `events.Events`.
      titles: {task: title}.
    """

    def __init__(self, trainer, vocabulary, examples, events, titles=TASK_TITLES):
        self._trainer = trainer
        self._vocabulary = vocabulary
        self._events = events
        self._titles = titles
        self._reader = Reader(trainer.model, vocabulary)
        self._stories = {
            f"task {example.task:02d} {titles[example.task]}, "
            f"story {example.index}": example_tokens(example, vocabulary)
            for example in examples}
        length = max(len(tokens) for tokens in self._stories.values())
        self._batch = Batch(*map(tf.constant, assemble(
            [[example] for example in examples], length).arrays))
        self._gradients = tf.function(
            lambda batch: trainer.gradients(batch)[2], autograph=False,
            jit_compile=(trainer.config.jit and trainer.model.dnc.jit) or None)
        self._confusion = Confusion()

    def observer(self):
        """A function that takes note of a validation's answers, batch by batch.

        It takes a `batches.Batch` and the words given `[B, T]`. The next `write`
        shows what the last one has seen.
        """
        self._confusion = Confusion()
        return self._confusion.update

    def write(self, iteration):
        """Writes everything; a validation's answers once."""
        try:
            readings = self._reader.read(self._stories)
        except DataError:  # a model without finite answers has nothing to show
            readings = []
        images = {f"memory/{reading.title}": pictures.pixels(pictures.draw(reading))
                  for reading in readings}
        if self._confusion:
            images["confusion"] = pictures.pixels(
                confusion.draw(self._confusion, self._vocabulary, self._titles))
            self._confusion = Confusion()
        gradients = self._gradients(self._batch)

        def record():
            for name, image in images.items():
                tf.summary.image(name, image[tf.newaxis])
            if readings:
                tf.summary.text("questions and answers", as_table(readings))
            for variable, gradient in zip(
                    self._trainer.model.trainable_variables, gradients, strict=True):
                name = path_below_root(variable)
                tf.summary.histogram(f"weights/{name}", variable)
                tf.summary.histogram(f"gradients/{name}", gradient)

        self._events.record(iteration, record)


def as_table(readings):
    """Questions, right answers and the model's, as a table in Markdown."""
    lines = ["| story | question | right answer | model's answer | probability |",
             "|---|---|---|---|---|"]
    for reading in readings:
        for answer in reading.answers():
            mark = pictures.RIGHT if answer.is_right else pictures.WRONG
            lines.append(f"| {reading.title} | {answer.question} | {answer.right} "
                         f"| {answer.answer} {mark} | {answer.probability:.3f} |")
    return "\n".join(lines)
