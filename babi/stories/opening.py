"""Where the stories come from: folder, archive, cached copy, download, one's own."""

from pathlib import Path

from babi.stories.download import find_or_download
from babi.stories.own import OwnSource, open_own
from babi.stories.source import DEFAULT_VARIANT, DataSource, open_path
from babi.stories.story import DataError


def open_recorded(identity: dict, path: str | Path | None = None,
                  test_path: str | Path | None = None) -> OwnSource:
    """Reads the stories of one's own that a run was trained on.

    Args:
      identity: what the run's record says of them.
      path, test_path: where they lie; None: where they lay when the run was started.

    Raises:
      DataError: see `own.open_own`; other tasks than the run's, or stories kept for
        the test that the run may have been trained on; a published model, which does
        not say where they lay.
    """
    for flag, given in (("stories", path), ("test_stories", test_path)):
        place = identity[flag]
        if given is None and place and not Path(place).is_absolute():
            raise DataError(f"{place}: a published model does not say where the "
                            f"stories of its run lie; give them with --{flag}")
    source = open_own(path or identity["stories"],
                      test_path or identity["test_stories"])
    if list(source.titles.values()) != identity["tasks"]:
        raise DataError(f"{source.path}: other tasks than those of the run; give the "
                        f"run's with --stories")
    for task in source.kept:
        name, files = source.titles[task], identity["files"]
        if (f"{name} test" in files
                or files.get(f"{name} train") != source.hashes[f"{name} train"]):
            raise DataError(f"{source.path}: other stories of {name} than those of the "
                            f"run, which may have been trained on what is kept for the "
                            f"test here; give the run's with --stories, or test "
                            f"stories with --test_stories")
    return source


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
