"""What all the experiments share: files of weights, pictures, errors of a user's."""

import os
import sys

HEADS = ("#d55e00", "#0072b2", "#cc79a7", "#009e73", "#e69f00")  # colours


def save(model, path):
    """Saves a model's weights so that the file is there whole or not at all."""
    aside = path.with_name(f"aside-{os.getpid()}.weights.h5")
    try:
        model.save_weights(aside)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def load(model, path):
    """Loads a training's weights, if there are any yet.

    Raises:
      ValueError: the file is damaged, or of another network.
    """
    if not path.exists():
        return
    try:
        model.load_weights(path)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path}: damaged, or of another network ({reason}); choose "
                         f"another folder") from None


def write(folder, figures, pages):
    """Writes {name: matplotlib Figure} and {name: text} into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        figure.savefig(folder / name)
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    print(f"Written to {folder}: {', '.join([*figures, *pages])}")


def run(main):
    """Calls a script's main function; errors of its input are told in a line."""
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f"error: {str(error).splitlines()[0]}")
    except KeyboardInterrupt:
        sys.exit("Stopped. The same command goes on from the last evaluation.")
