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
      best_of: number of the held-out stories that it is of; None in older checkpoints.
      stories, tokens: read since the weights were random: in a run that starts from
        another's weights, those of that one too.
      skipped: steps without a finite loss and gradient, since the start.
      skipped_in_row: how many of these just before.
      seconds: time spent in training, counted likewise.
      slots: of the memory in the last step; None in older checkpoints.
      told: how stories were told anew up to there, as `note` makes it; empty in older
        checkpoints.
    """

    data: dict = dataclasses.field(default_factory=dict)
    best: float | None = None
    best_of: int | None = None
    stories: int = 0
    tokens: int = 0
    skipped: int = 0
    skipped_in_row: int = 0
    seconds: float = 0.0
    slots: int | None = None
    told: dict = dataclasses.field(default_factory=dict)

    def note(self, phases):
        """Notes what the `phases.Phase`s of a run up to the present one do."""
        told, found = self.told, [phase.settings for phase in phases]
        self.slots = found[-1].memory_size
        self.told = {
            "exchanged": told.get("exchanged", False) or any(
                settings.exchange_names for settings in found),
            "retold": told.get("retold", False) or any(
                settings.retell_task_16 for settings in found),
            "repeated": sorted(set(told.get("repeated", ())).union(
                *(settings.tasks_of("repeat_stories") for settings in found)))}

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
