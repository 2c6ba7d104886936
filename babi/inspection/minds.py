"""The checkpoints that a page can ask: which there are, and how each reads a story."""

import pathlib
from typing import NamedTuple

from babi.inspection.reading import Reader
from babi.model import checkpoints, trained
from babi.program.files import short_names
from babi.stories.story import DataError


class Mind(NamedTuple):
    """A checkpoint that can be asked.

    Attributes:
      id: tells it from the others.
      name: what people are shown.
      prefix: its path.
    """

    id: str
    name: str
    prefix: pathlib.Path


class Minds:
    """The checkpoints of some runs.

    Args:
      paths: as for `checkpoints.resolve`; a run directory stands for all checkpoints in
        it, those too that are written later.

    Attributes:
      default, beside: paths of the checkpoints that the first two stand for; None for
        the second of one.
    """

    def __init__(self, paths):
        self._paths = list(map(pathlib.Path, paths))
        folders = list(map(_folder, self._paths))
        names = short_names(folders)
        self._labels = [names[folder] for folder in folders]
        self._kept = {}  # {(folder, side): (its mark, Trained, Reader)}, the last ones
        self.default, *others = map(checkpoints.resolve, self._paths)
        self.beside = others[0] if others else None

    def listing(self):
        """All `Mind`s that are there now, each once, those of a run by iteration."""
        return list({mind.id: mind for path, label in zip(self._paths, self._labels)
                     for mind in _minds_of(path, label)}.values())

    def find(self, mind_id):
        """The `Mind` of an id.

        Raises:
          DataError: there is none.
        """
        for mind in self.listing():
            if mind.id == mind_id:
                return mind
        raise DataError(f"{mind_id[:80]!r}: no such checkpoint (any more); load the "
                        f"page anew for those that are there")

    def reader(self, mind, side=0):
        """The `reading.Reader` of a `Mind`, and its vocabulary.

        The network of the checkpoint asked before on that side takes the new weights,
        if it may: so stepping through a run traces no new graph.

        Raises:
          DataError, ConfigError: the checkpoint can't be used.
        """
        key = mind.prefix.parent, side
        mark, model, reader = self._kept.get(key, (None, None, None))
        at_hand = mind.prefix, checkpoints.time_written(mind.prefix)
        if mark != at_hand:
            before = model
            self._kept.pop(key, None)  # a load that fails leaves nothing half-done
            model = trained.load(mind.prefix, jit=False, reuse=before)
            if before is None or model.model is not before.model:
                reader = Reader(model.model, model.vocabulary)
            self._kept[key] = at_hand, model, reader
        return reader, model.vocabulary


def _minds_of(path, label):
    """The `Mind`s that a path stands for, in a folder of some name."""
    try:
        prefixes = _checkpoints_in(path) if path.is_dir() else [
            checkpoints.resolve(path)]
    except checkpoints.CheckpointError:
        return  # it was there at first
    best = checkpoints.iterations(_folder(path), checkpoints.BEST_PREFIX)[-1:]
    for prefix in prefixes:
        number = prefix.name.rpartition("-")[2]
        kind = "best, " if number in map(str, best) else ""
        said = (f"{kind}after {int(number):,} updates" if number.isdecimal()
                else prefix.name)  # of a file that was renamed
        yield Mind(f"{label}/{prefix.name}", f"{label}, {said}", prefix)


def _folder(path):
    return path if path.is_dir() else path.parent


def _checkpoints_in(folder):
    """The prefixes of a run's checkpoints, by iteration."""
    found = {iteration: name  # the best is listed once, if it is kept twice
             for name in (checkpoints.BEST_PREFIX, checkpoints.PREFIX)
             for iteration in checkpoints.iterations(folder, name)}
    return [folder / f"{name}-{number}" for number, name in sorted(found.items())]
