"""Question answering on the 20 bAbI tasks with a DNC.

    import babi
    model = babi.load()
    model.answer("John moved to the hallway. Where is John?")

A person runs `train.py`, `train_eager.py`, `test.py`, `ask.py` and `export.py`; what
can be set stands in `config.py`, `presets.py` and `phases.py`, `checks.py` says what
goes together, and `command_line.py` makes flags of it; `asking.py` has the flags of
`test.py` and `ask.py` about whose stories to ask. The rest follows a story through
its life, and each package imports only those before it:

  program     how a script starts, fails, writes files and shows its progress
  stories     files of the bAbI tasks -> stories
  simulator   stories of all 20 tasks, generated
  data        stories -> batches of numbers
  model       the question answerer, and what a run's directory keeps of it
  evaluation  answers -> question errors -> tables
  inspection  what the memory did: pictures, pages, TensorBoard
  training    batches -> trained weights
"""

from babi.model import registration

registration.register()


def load(model=None):
    """A trained question answerer, a `babi.model.answerer.QuestionAnswerer`.

    Args:
      model: a published one (a folder of `results/`), or the path of a checkpoint, a
        run directory or a `.keras` file; None: `results/best`.

    Raises:
      DataError, ConfigError: there is none, or it can't be used; one line that says
        why, and the way out.
    """
    from babi.model import published  # not before it is asked for: TensorFlow is slow

    return published.load(model)
