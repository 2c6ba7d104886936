"""The data of a run, from its settings: what is trained on, what is held out."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from babi.data import thinning
from babi.data.batches import PackedBatches, PaddedBatches
from babi.data.encoding import Encoder
from babi.data.exchange import exchanged
from babi.data.retelling import retold
from babi.data.simulated import SimulatedSource, fill
from babi.data.streams import VALIDATION_SHARE, StoryStream, hold_out
from babi.data.vocabulary import ENGLISH_WORDS, Vocabulary
from babi.simulator import OFFICIAL_STORIES
from babi.stories.download import open_source
from babi.stories.own import open_own
from babi.stories.own_split import same_texts
from babi.stories.source import OWN, SIMULATED
from babi.stories.story import DataError

VOCABULARY_FILE = "vocabulary.json"
_MAX_OWN_WORDS = 50_000


class RunData(NamedTuple):
    """The data of a training run.

    Attributes:
      identity: what a run's record says of them: where they came from, their hash,
        "differences" from the official ones and other remarks, "vocabulary_size", and
        "filled" if simulated stories were added.
      vocabulary: the words that the network reads and writes: those of the stories; in
        English of all tasks, of stories of one's own those of the tests too.
      training: a function of a `config.Config`, that of the run or of one of its
        phases, and of that one's number (0), that makes the endless iterator of
        `batches.StoryBatch`.
      validation: the stream of the held-out stories; None if there are none, as of a
        single story.
    """

    identity: dict
    vocabulary: Vocabulary
    training: Callable
    validation: StoryStream | None


def load(config, data_dir=None):
    """Makes the `RunData` of a run: reads the official ones, or starts the simulator.

    Args:
      config: `config.Config`.
      data_dir: folder or archive; None: a cached copy, else a download. Of stories of
        one's own their `own.OwnSource`.

    Raises:
      DataError: no data, or data that can't be used.
      NoDataError: neither a cached copy nor a download.
    """
    if config.data == SIMULATED:
        return _simulated(config)
    own = config.data == OWN
    source = data_dir if own else open_source(data_dir, config.variant)
    stories = source.stories("train", config.tasks)
    kept, held = _hold_out(stories, config)
    identity = source.identity() | {"differences": (
        own_remarks(source, config.tasks, kept, held) if own
        else source.differences(config.tasks))}
    if config.fill_tasks == SIMULATED:
        # Only official stories are held out: they are what is to be learned.
        added, filled = fill(stories, config.simulator_seed)
        kept |= {task: np.concatenate([kept[task], numbers])
                 for task, numbers in added.items()}
        identity |= {"filled": filled}
    vocabulary = _own_vocabulary(source) if own else Vocabulary.from_stories(
        _all(stories), ENGLISH_WORDS if config.variant.startswith("en") else ())
    encoder = Encoder(vocabulary)

    def training(settings, phase):
        del phase
        chosen = dict(kept)
        if settings.thin_task_16 and thinning.TASK in chosen:
            chosen[thinning.TASK] = np.array(
                [number for number in chosen[thinning.TASK]
                 if thinning.keeps(stories[thinning.TASK][number], int(number))], int)
        return StoryStream(stories, encoder, config.seed, chosen, settings.sampling,
                           weights=settings.weights(),
                           change=_change(settings))

    if config.validation_stories:
        held = {task: of_task[:config.validation_stories]
                for task, of_task in held.items()}
    validation = None
    if any(of_task.size for of_task in held.values()):
        validation = StoryStream(stories, encoder, config.seed, held, epochs=1)
    return _run_data(config, identity, vocabulary, training, validation)


def _change(settings):
    """How stories are told anew each time they are read: `StoryStream`'s `change`."""
    kept = settings.tasks_of("keep_names")

    def change(story, *key):
        if settings.retell_task_16:
            story = retold(story, *key, apart=settings.retold_apart)
        if settings.exchange_names and story.task not in kept:
            story = exchanged(story, *key)
        return story

    return change if settings.retell_task_16 or settings.exchange_names else None


def _all(*stories):
    """The stories of all tasks of several `{task: stories}`."""
    return (story for by_task in stories for of_task in by_task.values()
            for story in of_task)


def _own_vocabulary(source):
    """The words of all tasks of an `own.OwnSource`, those of its tests too.

    So none is unknown there.
    """
    vocabulary = Vocabulary.from_stories(_all(source.train, source.test), ())
    if len(vocabulary) > _MAX_OWN_WORDS:
        raise DataError(f"{source.path}: {len(vocabulary):,} different words, and each "
                        f"is an input of the network; give stories with at most "
                        f"{_MAX_OWN_WORDS:,}")
    return vocabulary


def remarks_for(source, record, tested):
    """`own_remarks` where a run is tested on other stories than those of its start.

    Args:
      source: `own.OwnSource` at hand.
      record: `record.RunRecord` of the run, on stories of one's own.
      tested: tasks to test.
    """
    trained = source
    if trained.identity()["sha256"] != record.data["sha256"]:
        # Test stories may be given where the run kept some that it did not train on.
        trained = open_own(source.path)
    if trained.identity()["sha256"] != record.data["sha256"]:
        return ["other stories than those trained on are at hand, so that it can't be "
                "told which test stories are among these"]
    numbers = _hold_out(trained.stories("train", record.config.tasks), record.config)
    return own_remarks(trained._replace(test=source.test, kept=source.kept), tested,
                       *numbers)


def own_remarks(source, tested, kept, held):
    """Lines on what a test or validation on stories of one's own can't tell.

    Args:
      source: `own.OwnSource` of the run.
      tested: tasks to test.
      kept, held: `{task: numbers}` of the run's stories to train on and held out.
    """
    lines = source.differences(kept, tested)
    kept, held = ({task: [source.train[task][number] for number in of_task]
                   for task, of_task in split.items()} for split in (kept, held))
    copies, texts = source.counts_of_seen(
        {task: held[task] for task in tested if task in held}, kept)
    lines += [f"held-out stories {text}: {', '.join(counts)}" for text, counts in (
        ("that are among those trained on, word for word", copies),
        ("whose text is among those trained on, with other questions", texts))
        if counts]
    tests = {task: source.test[task] for task in tested if task in source.test}
    unseen = sorted(set(Vocabulary.from_stories(_all(tests), ()).words)
                    - set(Vocabulary.from_stories(_all(kept), ()).words))
    if unseen:
        more = f" and {len(unseen) - 5:,} more" if len(unseen) > 5 else ""
        lines.append(f"words of test stories that no story to train on has, so that "
                     f"they can't be learned: {', '.join(unseen[:5])}{more}")
    return lines


def _hold_out(stories, config):
    """Numbers of the stories to train on and of those held out, by task."""
    return hold_out({task: len(of_task) for task, of_task in stories.items()},
                    config.seed, {task: same_texts(of_task) for task, of_task
                                  in stories.items() if config.data == OWN})


def _simulated(config):
    """The data of a run on simulated stories, new ones for ever."""
    source = SimulatedSource(config.tasks, config.simulator_seed,
                             config.simulator_options())
    vocabulary = Vocabulary.english()
    encoder = Encoder(vocabulary)
    held = {task: config.validation_stories
            or round(VALIDATION_SHARE * OFFICIAL_STORIES[task])
            for task in config.tasks}
    validation = StoryStream(source.first_stories("valid", held), encoder,
                             config.seed, epochs=1)

    def training(settings, phase):
        return source.training_stream(
            encoder, settings.sampling, settings.weights(), _change(settings),
            settings.tasks_of("repeat_stories"), phase)

    return _run_data(config, source.identity() | {"differences": []}, vocabulary,
                     training, validation)


def _run_data(config, identity, vocabulary, stream, validation):
    """A `RunData`; `stream` makes the training stories that settings ask for."""
    def training(settings, phase=0):
        if settings.packed_rows:
            return PackedBatches(stream(settings, phase), settings.packed_rows,
                                 settings.row_length)
        return PaddedBatches(stream(settings, phase), settings.batch_size, config.seed)

    return RunData(identity | {"vocabulary_size": len(vocabulary)}, vocabulary,
                   training, validation)


def stream_of_held_out(source, tasks, vocabulary, config):
    """All stories that a run on files held out, as a stream that ends.

    Args:
      source: the data it was trained on.
      tasks: tasks to take.
      vocabulary: its words.
      config: its `config.Config`.

    Raises:
      DataError: a file that is missing or can't be used.
    """
    stories = source.stories("train", tasks)
    _, held = _hold_out(stories, config)
    if not any(of_task.size for of_task in held.values()):
        raise DataError("nothing was held out of so few stories; ask about others")
    return StoryStream(stories, Encoder(vocabulary), 0, held, epochs=1)


def stream_of_tests(source, tasks, vocabulary):
    """The test stories of tasks, as a stream that ends.

    Raises:
      DataError: a file that is missing or can't be used; a word that the vocabulary
        lacks shows when its story is reached.
    """
    return StoryStream(source.stories("test", tasks), Encoder(vocabulary), 0, epochs=1)
