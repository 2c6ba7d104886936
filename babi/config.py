"""Every setting of the experiment: its default, its range, its flag, its record.

A setting stands here once. `babi.command_line` makes a flag of each, `babi.checks` says
what goes with what, and a run directory keeps them as readable JSON
(`babi.model.record`), so that a checkpoint can be used without any flag.

No TensorFlow here: a wrong flag is reported at once.
"""

import dataclasses

from babi.checks import NONE, OF_OFFICIAL, SHOWN, STRATEGIES, check, shown_apart
from babi.phases import without
from babi.simulator import Options
from babi.stories.source import DEFAULT_VARIANT, OFFICIAL, OWN, SIMULATED
from babi.stories.tasks import OWN_TASKS, TASK_NAMES, parse_tasks, parse_weights

# What a continued run may do with a setting.
FIXED = "fixed"  # the meaning of the weights or of the data order hangs on it
ADJUSTABLE = "adjustable"  # may change, when asked for with --change_settings
FREE = "free"  # may change at any time: the weights do not depend on it


def _setting(default, description, change=FIXED, **limits):
    """A field with a flag.

    Args:
      default: the value without a flag.
      description: text for --help.
      change: FIXED, ADJUSTABLE or FREE.
      **limits: `minimum`, `maximum`, `above` (numbers), `choices` (texts).
    """
    metadata = {"description": description, "change": change, "limits": limits}
    return dataclasses.field(default=default, metadata=metadata)


def _simulator_setting(option):
    """A field for one of the simulator's options; its limits are checked there."""
    return _setting(0, f"simulated stories: {Options.description(option)} (0)",
                    minimum=0)


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of one run; the defaults are those of the paper's DNC1."""

    # Data.
    tasks: tuple[int, ...] = _setting(
        tuple(TASK_NAMES), "tasks to train on jointly, such as 1,2,19 or 1-5 or "
        "all, or names")
    data: str = _setting(
        OFFICIAL, "the official stories, or new simulated ones for ever, or with "
        "--stories one's own; when none is asked for and no official ones are to be "
        "had, a new run takes simulated ones and says so",
        choices=(OFFICIAL, SIMULATED, OWN))
    variant: str = _setting(
        DEFAULT_VARIANT, "the folder of the bAbI archive to train on")
    fill_tasks: str = _setting(
        "none", "what fills the tasks whose official training file is not whole: "
        "nothing, or simulated stories", choices=("none", SIMULATED))
    simulator_seed: int = _setting(
        0, "seed of the simulated stories: runs with the same one read the same "
        "stories", minimum=0)
    num_actors: int = _simulator_setting("num_actors")
    num_places: int = _simulator_setting("num_places")
    num_objects: int = _simulator_setting("num_objects")
    questions_per_story: int = _simulator_setting("questions_per_story")
    length_factor: int = _simulator_setting("length_factor")
    question_window: int = _simulator_setting("question_window")
    batch_size: int = _setting(
        1, "stories in a padded batch; without effect when --packed_rows is given",
        minimum=1, maximum=65536)
    packed_rows: int = _setting(
        0, "rows in a packed batch, each of several stories one after the other; "
        "0: padded batches of --batch_size stories", minimum=0, maximum=65536)
    row_length: int = _setting(
        480, "steps in a packed row; longer stories come in batches of longer rows",
        minimum=8, maximum=65536)
    sampling: str = _setting(
        "stories", "what is drawn evenly: stories, or tasks and then a story of the "
        "task", choices=("stories", "tasks"))
    task_weights: str = _setting(
        NONE, "how often tasks are drawn compared with --sampling alone, such as "
        "15:4,17:2.5,3:0; once for tasks that are not named; none: once for all",
        ADJUSTABLE)
    error_weights: float = _setting(
        0.0, "how far tasks are drawn by their error on the held-out stories: after "
        "each validation a task's weight is multiplied by 1 - this + this * its error "
        "/ the mean error", ADJUSTABLE, minimum=0.0, maximum=1.0)
    exchange_names: bool = _setting(
        False, "exchange people, places and things of an official story with each "
        "other, anew each time it is read", ADJUSTABLE)
    keep_names: str = _setting(
        NONE, "tasks whose names are not exchanged, such as 17 or 1-5,17; none: "
        "exchanged in all", ADJUSTABLE)
    retell_task_16: bool = _setting(
        False, "train on the stories of task 16 without short cuts: no color comes "
        "twice, and it is said sooner after the kind of its animal", ADJUSTABLE)
    retold_apart: float = _setting(
        1.0, "share of the stories of --retell_task_16 in which a color may come later "
        "than right after the kind", ADJUSTABLE, minimum=0.0, maximum=1.0)
    thin_task_16: bool = _setting(
        False, "train only on such stories of task 16 that the color said last or most "
        "often is right no more often than others: many are left out", ADJUSTABLE)

    repeat_stories: str = _setting(
        NONE, "tasks that have no more simulated training stories than the official "
        "file, told again and again, such as 17 or 1-5,17; none: new ones for ever in "
        "all", ADJUSTABLE)

    # Model.
    controller: str = _setting(
        "lstm", "the controller: lstm, gru or feedforward; several, such as lstm,gru, "
        "for a stack, the first one taking the words")
    controller_units: int = _setting(
        256, "units of the controller, of each layer of a stack", minimum=1,
        maximum=65536)
    memory_size: int = _setting(
        256, "slots of the memory (N); no weight depends on it, so that a run may go "
        "on with more", ADJUSTABLE, minimum=1, maximum=65536)
    word_size: int = _setting(
        64, "numbers in a memory slot (W)", minimum=1, maximum=65536)
    num_read_heads: int = _setting(4, "read heads (R)", minimum=1, maximum=1024)
    num_write_heads: int = _setting(1, "write heads (H)", minimum=1, maximum=1024)
    clip_value: float = _setting(
        20.0, "bound on the controller's output and on the model's output; "
        "0: no bound", minimum=0.0)
    use_bias: bool = _setting(
        False, "biases in the interface and output maps, as in the authors' code; "
        "the paper has none")
    bypass_dropout: float = _setting(
        0.0, "in training, the share of the controller's output that is dropped where "
        "it enters the output map, each unit and step anew", ADJUSTABLE,
        minimum=0.0, maximum=0.99)
    layer_norm: bool = _setting(
        False, "the LSTM's gates are normalised, each over its units")
    interface_norm: bool = _setting(
        False, "the interface vector is normalised over its entries")
    masked_content: bool = _setting(
        False, "each look-up masks word positions that it does not ask for")
    deallocation: bool = _setting(
        False, "what is freed is also forgotten")
    sharpened_links: bool = _setting(
        False, "forward and backward weightings are sharpened")
    temporal_links: bool = _setting(
        True, "the memory keeps the order of writing; --notemporal_links: reads are "
        "content look-ups alone")
    weight_stddev: float = _setting(
        0.1, "standard deviation of the initial weights, drawn from a normal "
        "distribution; 0: Keras's own initial weights", minimum=0.0, maximum=100.0)
    input_stddev: float = _setting(
        0.0, "the same of the controller's weights for the input words alone; 0: as "
        "the other weights", minimum=0.0, maximum=100.0)
    read_stddev: float = _setting(
        0.0, "the same of the weights for the read vectors, of the controller and of "
        "the output; 0: as the other weights", minimum=0.0, maximum=100.0)

    initial_weights: str = _setting(
        NONE, "a checkpoint, as for babi/test.py, whose weights a new run starts from; "
        "none: random ones")

    # Loss and optimizer.
    word_loss: float = _setting(
        0.0, "weight of a second target beside the answers: each word that is read, at "
        "the step that reads it (mean cross-entropy)", ADJUSTABLE, minimum=0.0)
    # What one of them keeps beside the weights means something else to another.
    optimizer: str = _setting(
        "rmsprop", "the optimizer", choices=("rmsprop", "adam"))
    learning_rate: float = _setting(1e-4, "learning rate", ADJUSTABLE, above=0.0)
    momentum: float = _setting(
        0.9, "momentum of RMSProp; beta_1 of Adam", ADJUSTABLE,
        minimum=0.0, maximum=0.9999999)
    rho: float = _setting(
        0.9, "decay of RMSProp's mean of squared gradients; beta_2 of Adam",
        ADJUSTABLE, minimum=0.0, maximum=0.9999999)
    epsilon: float = _setting(
        1e-10, "the optimizer's term against division by zero", ADJUSTABLE,
        above=0.0)
    weight_decay: float = _setting(
        0.0, "decoupled weight decay: each update takes this times the learning rate "
        "of each weight", ADJUSTABLE, minimum=0.0, maximum=1.0)
    ema_momentum: float = _setting(
        0.0, "how much of the running average of the weights each update keeps; it is "
        "what is validated and tested; 0: no average", minimum=0.0, maximum=0.9999999)
    learning_rate_schedule: str = _setting(
        "constant", "how the learning rate falls after warm-up: not at all; cosine, "
        "to --decay_rate times its value over --decay_steps; exponential, by "
        "--decay_rate every --decay_steps", ADJUSTABLE,
        choices=("constant", "cosine", "exponential"))
    warmup_steps: int = _setting(
        0, "updates over which the learning rate rises from 0", ADJUSTABLE, minimum=0)
    decay_steps: int = _setting(
        0, "updates of the decay; needed by the cosine and exponential schedules",
        ADJUSTABLE, minimum=0)
    decay_rate: float = _setting(
        0.1, "factor of the decay", ADJUSTABLE, minimum=0.0, maximum=1.0)
    max_grad_norm: float = _setting(
        10.0, "gradients are scaled down to this global norm; 0: never", ADJUSTABLE,
        minimum=0.0)

    # The run.
    phases: str = _setting(
        NONE, "settings that change at given updates, such as \"24000 memory_size=64 "
        "row_length=320; 60000 learning_rate=1e-4\"; the other flags are those of "
        "the start", ADJUSTABLE)
    seed: int = _setting(
        1, "seed of the initial weights, of the validation split and of the order "
        "of the stories", minimum=0, maximum=2**31 - 1)
    num_training_iterations: int = _setting(
        590_000, "iterations to train for, counted from the start of the run", FREE,
        minimum=0)
    report_interval: int = _setting(
        100, "iterations between reports (screen, log, TensorBoard)", FREE, minimum=1)
    checkpoint_interval: int = _setting(
        5_000, "iterations between checkpoints", FREE, minimum=1)
    max_checkpoints: int = _setting(
        5, "newest checkpoints to keep; the best one is kept besides", FREE,
        minimum=1)
    validation_interval: int = _setting(
        10_000, "iterations between validations; 0: never", FREE, minimum=0)
    validation_stories: int = _setting(
        60, "held-out stories of each task to validate on; 0: all of them",
        ADJUSTABLE, minimum=0)
    visualise_interval: int = _setting(
        10_000, "iterations between pictures of the memory, histograms and sample "
        "answers for TensorBoard; 0: never", FREE, minimum=0)
    max_bad_steps: int = _setting(
        20, "steps in a row without a finite loss and gradient after which "
        "training stops", FREE, minimum=1)
    strategy: str = _setting(
        NONE, "who shares the work of a step: nobody; mirrored, all GPUs of this "
        "machine or without one all its cores; multi_worker, the processes that "
        "TF_CONFIG names", FREE, choices=STRATEGIES)
    jit: bool = _setting(
        True, "compile the training step with XLA; --nojit: a plain graph", FREE)
    deterministic: bool = _setting(
        False, "choose deterministic operations wherever there is a choice", FREE)
    mixed_precision: bool = _setting(
        False, "bfloat16 controller and output; addressing stays in float32",
        ADJUSTABLE)

    def __post_init__(self):
        check(self)

    def weights(self) -> dict[int, float]:
        """`{task: weight}` of the tasks that `task_weights` names."""
        return {} if self.task_weights == NONE else parse_weights(
            self.task_weights, self.task_numbers)

    def tasks_of(self, setting) -> tuple[int, ...]:
        """The tasks that `keep_names` or `repeat_stories` names."""
        text = getattr(self, setting)
        return () if text == NONE else parse_tasks(text)

    @property
    def task_numbers(self):
        """The numbers that tasks of this kind of data may have."""
        return OWN_TASKS if self.data == OWN else TASK_NAMES

    def on_simulated_stories(self):
        """The settings for simulated stories, without what is about official ones."""
        defaults = {field.name: field.default for field in dataclasses.fields(Config)
                    if field.name in OF_OFFICIAL}
        return dataclasses.replace(self, data=SIMULATED, **defaults, phases=(
            NONE if self.phases == NONE else without(self.phases, OF_OFFICIAL)))

    def weighted_by(self, errors):
        """The settings with tasks drawn by their held-out errors, `{task: error}`."""
        if not (self.error_weights and any(errors.values())):
            return self
        mean, given = sum(errors.values()) / len(errors), self.weights()
        weights = given | {task: given.get(task, 1.0) * (
            1 - self.error_weights + self.error_weights * error / mean)
            for task, error in errors.items()}
        least = {task: min(given.get(task, 1.0), 0.01) for task in weights}
        return dataclasses.replace(self, error_weights=0.0, task_weights=",".join(
            f"{task}:{min(max(weight, least[task]), 99.0):.2f}"
            for task, weight in weights.items()))

    def simulator_options(self):
        """The `simulator.Options` that the settings ask for."""
        return Options(**{
            option.name: getattr(self, option.name) or None
            for option in dataclasses.fields(Options)})


def differences(old, new, kinds=(FIXED, ADJUSTABLE), whole=False):
    """Settings that differ between two Configs, as texts `--name: old -> new`.

    Args:
      old, new: the Configs.
      kinds: the kinds of settings to compare.
      whole: the values however long, not only from where they differ.
    """
    texts = []
    for field in dataclasses.fields(Config):
        values = [getattr(config, field.name) for config in (old, new)]
        if field.metadata["change"] in kinds and values[0] != values[1]:
            before, after = shown_apart(*values, None if whole else SHOWN)
            texts.append(f"--{field.name}: {before} -> {after}")
    return texts
