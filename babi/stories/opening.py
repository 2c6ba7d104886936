"""Where the stories come from: a folder, an archive, a cached copy or a download."""

from collections.abc import Iterable
from pathlib import Path

from babi.stories.download import find_or_download
from babi.stories.source import DEFAULT_VARIANT, DataSource, open_path
from babi.stories.story import Story
from babi.stories.tasks import TASK_NAMES


def load_stories(data_dir: str | Path | None = None, variant: str = DEFAULT_VARIANT,
                 tasks: Iterable[int] = tuple(TASK_NAMES),
                 split: str = "train") -> dict[int, list[Story]]:
    """The stories of tasks: `open_source` and `DataSource.stories` in one."""
    return open_source(data_dir, variant).stories(split, tasks)


def open_source(data_dir: str | Path | None = None,
                variant: str = DEFAULT_VARIANT) -> DataSource:
    """Reads all files of a variant.

    Args:
      data_dir: as for `source.open_path`; None: a cached copy, else a download.
      variant: name of the folder with the wanted files.

    Raises:
      DataError: nothing there, or nothing that can be read.
    """
    if data_dir is None:
        return find_or_download(variant)
    return open_path(data_dir, variant)
