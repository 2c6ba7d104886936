"""Question errors of a model on stories."""

import tensorflow as tf

from babi.data.batches import Batch, PackedBatches
from babi.evaluation.scoring import Scores
from babi.model.loss import mean_cross_entropy
from babi.program.allocator import sparing

EVALUATION_ROWS = 16


class Evaluator:
    """Evaluates a model, many stories at once.

    Args:
      model: `answerer.QuestionAnswerer`.
      jit: whether to compile with XLA.
    """

    def __init__(self, model, jit=True):
        self._model = model
        self._run = sparing(tf.function(self._answer, autograph=False,
                                        jit_compile=jit or None))

    def evaluate(self, stream, row_length, progress=None, observe=None):
        """Answers all questions of a stream of stories that ends.

        Args:
          stream: `streams.ExampleStream` with a `count`.
          row_length: steps of the rows that the stories are packed into.
          progress: called with the number of stories read so far.
          observe: called with each `batches.Batch` and the words given, `[B, T]`.

        Returns:
          (`scoring.Scores`, mean cross-entropy of the answer words).
        """
        scores, loss, words, stories = Scores(), 0.0, 0, 0
        for batch in PackedBatches(stream, EVALUATION_ROWS, row_length):
            batch_loss, predictions = self._run(Batch(*map(tf.constant, batch.arrays)))
            predictions = predictions.numpy()
            scores.update(batch.arrays, predictions)
            if observe:
                observe(batch.arrays, predictions)
            answers = int(batch.arrays.answers.sum())
            loss += float(batch_loss) * answers
            words += answers
            stories += len(batch.stories)
            if progress:
                progress(stories)
        return scores, loss / max(words, 1)

    def _answer(self, batch):
        """(loss, the word given at each step `[B, T]`) of a batch."""
        logits = self._model(batch.inputs, mask=batch.mask, resets=batch.resets,
                             training=False)
        return (mean_cross_entropy(logits, batch.targets, batch.answers),
                tf.argmax(logits, axis=-1, output_type=tf.int32))
