"""What a checkpoint keeps of a run besides its weights."""

import dataclasses
import json

from babi.model.checkpoints import CheckpointError


@dataclasses.dataclass
class RunState:
    """What a checkpoint keeps of a run besides the trainer's variables.

    Attributes:
      data: where the training data stand.
      best: lowest mean validation error so far, in %; None before the first.
      stories, tokens: read since the weights were random: in a run that starts from
        another's weights, those of that one too.
      skipped: steps without a finite loss and gradient, since the start.
      skipped_in_row: how many of these just before.
      seconds: time spent in training, counted likewise.
    """

    data: dict = dataclasses.field(default_factory=dict)
    best: float | None = None
    stories: int = 0
    tokens: int = 0
    skipped: int = 0
    skipped_in_row: int = 0
    seconds: float = 0.0

    def to_json(self):
        """The state as bytes."""
        return json.dumps(dataclasses.asdict(self)).encode()

    @classmethod
    def from_json(cls, text):
        """Reads `to_json`'s bytes.

        Raises:
          CheckpointError: they are something else.
        """
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError, RecursionError) as error:
            raise CheckpointError(
                f"the checkpoint's run state can't be read ({error}); remove the "
                f"checkpoint, to use the one before it") from None
