"""The data of a run, from its settings: what is trained on, what is held out."""

from typing import NamedTuple

from babi.batches import PackedBatches, PaddedBatches
from babi.encoding import Encoder
from babi.source import DataSource, open_source
from babi.streams import StoryStream, hold_out
from babi.vocabulary import ENGLISH_WORDS, Vocabulary

VOCABULARY_FILE = "vocabulary.json"


class RunData(NamedTuple):
    """The data of a training run.

    Attributes:
      source: the files.
      vocabulary: all words of the training stories.
      training: the endless iterator of `batches.StoryBatch`.
      validation: the stream of the held-out stories.
    """

    source: DataSource
    vocabulary: Vocabulary
    training: PackedBatches | PaddedBatches
    validation: StoryStream


def load(config, data_dir=None):
    """Reads the training data of a run.

    Args:
      config: `config.Config`.
      data_dir: folder or archive; None: a cached copy, else a download.

    Returns:
      A `RunData`.

    Raises:
      DataError: no data, or data that can't be used.
    """
    source = open_source(data_dir, config.variant)
    stories = source.stories("train", config.tasks)
    vocabulary = Vocabulary.from_stories(
        (story for of_task in stories.values() for story in of_task),
        ENGLISH_WORDS if config.variant.startswith("en") else ())
    encoder = Encoder(vocabulary)
    counts = {task: len(of_task) for task, of_task in stories.items()}
    kept, held = hold_out(counts, config.seed)
    training = StoryStream(stories, encoder, config.seed, kept, config.sampling)
    if config.packed_rows:
        batches = PackedBatches(training, config.packed_rows, config.row_length)
    else:
        batches = PaddedBatches(training, config.batch_size, config.seed)
    if config.validation_stories:
        held = {task: of_task[:config.validation_stories]
                for task, of_task in held.items()}
    validation = StoryStream(stories, encoder, config.seed, held, epochs=1)
    return RunData(source, vocabulary, batches, validation)


def stream_of_tests(source, tasks, vocabulary):
    """The test stories of tasks, as a stream that ends.

    Raises:
      DataError: a file that is missing or can't be used; a word that the vocabulary
        lacks shows when its story is reached.
    """
    return StoryStream(source.stories("test", tasks), Encoder(vocabulary), 0, epochs=1)
