"""A training run: steps, reports, validation and checkpoints, in one directory."""

import dataclasses
import pathlib
import signal
import time

import numpy as np

from babi.checks import NONE
from babi.config import differences
from babi.evaluation.evaluator import Evaluator
from babi.inspection.events import Events
from babi.model.answerer import named_weights
from babi.model.checkpoints import CheckpointError, RunCheckpoints
from babi.model.run_state import RunState
from babi.phases import phase_at, phases_of
from babi.stories.story import DataError
from babi.stories.tasks import task_titles
from babi.training import failures
from babi.training.feeding import Feeder, StopRequest


class TooManyBadSteps(DataError):
    """Training stopped because loss or gradient was not finite again and again."""


class Run:
    """Trains until the last iteration, and leaves nothing to be lost.

    Args:
      directory: the run directory.
      record: `record.RunRecord` of the run.
      trainer_of: a function of a `phases.Phase` that makes its `trainer.Trainer`.
      data: `run_data.RunData`.
      progress: `progress.Progress`.
    """

    def __init__(self, directory, record, trainer_of, data, progress):
        self._directory = pathlib.Path(directory)
        self._record = record
        self._config = record.config
        self._phases = phases_of(self._config)
        self._trainer_of = trainer_of
        self._data = data
        self._titles = task_titles(data.identity)
        self._progress = progress
        self._checkpoints = RunCheckpoints(directory, self._config.max_checkpoints)
        self._state = RunState()
        self._save_failed = self._stopping = False
        self._begin_report()
        self._feeder = self._events = self._visualiser = None
        self._phase = None
        self._prepare(0)
        self._replicas = self._trainer.replicas

    def _prepare(self, number):
        phase, before = self._phases[number], self._phase
        if number == before:
            return
        self._phase = number
        if before is None or not phase.has_step_of(self._phases[before]):
            self._trainer = self._trainer_of(phase)
            self._evaluator = Evaluator(self._trainer.model, self._config.jit)
        self._batches = self._data.training(phase.settings, number)
        self._compiled = set()  # shapes of batches that a step was compiled for

    @property
    def num_weights(self):
        """Weights of the model."""
        return self._trainer.model.count_params()

    @property
    def shapes(self):
        """Shapes `(B, T)` of the batches of the phase at hand."""
        return self._batches.shapes

    def resume(self, start=None):
        """Goes on from the newest checkpoint that can be used, if there is one.

        Args:
          start: `trained.Trained`, whose weights a run without a checkpoint takes.

        Raises:
          DataError: there are checkpoints, but none can be used.
        """
        arrays = self._trainer.arrays()
        found = self._newest(arrays) if self._replicas.is_chief else None
        share = self._replicas.from_chief
        if not share(np.array(found is not None, np.int32)):
            if self._config.initial_weights != NONE:
                self._begin(arrays, start)
            return
        found = found or arrays | {"run_state": b""}
        state = self._replicas.bytes_from_chief(found["run_state"])
        self._state = RunState.from_json(state)
        arrays = {name: share(found[name]) for name in arrays}
        iteration = int(arrays["iteration"])
        self._prepare(phase_at(self._phases, iteration))
        self._trainer.restore(arrays)
        self._place_batches()
        self._progress.line(f"Going on from iteration {iteration:,}, after "
                            f"{self._state.stories:,} stories.")

    def _newest(self, arrays):
        """Arrays of the newest checkpoint that is like `arrays`, or None."""
        self._checkpoints.remove_drafts()
        expected = {name: (array.shape, array.dtype)
                    for name, array in arrays.items()}
        expected["run_state"] = ((), np.bytes_)
        found = self._checkpoints.newest(expected, self._progress.line)
        return None if found is None else found[1]

    def _begin(self, arrays, start):
        """Takes the weights of `start`; of several workers the chief alone has it."""
        if start:
            arrays |= {name: weight.numpy()
                       for name, weight in named_weights(start.model).items()}
            self._state = RunState(stories=start.state.stories,
                                   tokens=start.state.tokens,
                                   seconds=start.state.seconds)
        self._trainer.restore({name: self._replicas.from_chief(array)
                               for name, array in arrays.items()})
        self._progress.line(f"Starting from the weights of "
                            f"{self._config.initial_weights}.")

    def _place_batches(self, anew=False):
        """Goes on with the data after the batch that was last trained on.

        If there are held-out errors, the tasks are drawn by them.

        Args:
          anew: whether stories that waited for a row are let go: in other shares of
            the tasks, or rows of another shape, they are not the same.
        """
        place = self._state.data
        errors = {int(task): error
                  for task, error in place.get("task_errors", {}).items()}
        if errors:
            self._batches = self._data.training(
                self._phases[self._phase].settings.weighted_by(errors), self._phase)
        if anew or place.get("phase", 0) != self._phase:
            place = {"position": place["position"], "pool": [], "long": []}
        self._batches.restore(place)

    def train(self):
        """Trains until `num_training_iterations`, or until asked to stop.

        Returns:
          A script's exit code: 0, or after a signal what shells have for it.

        Raises:
          TooManyBadSteps: see there.
        """
        iteration = int(self._trainer.iteration.numpy())
        self._events = Events(self._directory if self._replicas.is_chief else None,
                              iteration, self._progress.line, self._titles)
        self._begin_report()
        self._start_phase()
        try:
            with StopRequest() as stop:
                while (iteration < self._config.num_training_iterations
                       and not self._stopping):
                    if phase_at(self._phases, iteration) != self._phase:
                        self._feeder.close()
                        self._save(iteration)  # it may have no room for more slots
                        self._go_to_phase(phase_at(self._phases, iteration))
                        self._start_phase()
                    iteration = self._step(iteration + 1, stop)
                self._save(iteration)
        finally:
            self._feeder.close()
            self._progress.close()
            self._events.close()
        if self._save_failed:
            raise CheckpointError(
                f"{self._directory}: training stopped after iteration {iteration:,} "
                f"without room for its checkpoint; make room or mend the permissions, "
                f"and start again to go on from the last one that was written")
        if self._stopping and iteration < self._config.num_training_iterations:
            self._progress.line(
                f"{stop.name or 'Another worker'}: stopped after iteration "
                f"{iteration:,}. The same command goes on from there.")
            return 128 + signal.Signals[stop.name or "SIGTERM"]
        self._progress.line(f"Finished: {iteration:,} iterations.")
        return 0

    def _begin_report(self):
        """Remembers what was counted before the next report."""
        self._reported = dataclasses.replace(self._state)
        self._steps_of_rows = 0  # those without a token too

    def _start_phase(self):
        """Starts what the phase at hand needs while it trains."""
        self._visualiser = None
        self._feeder = Feeder(self._batches)
        self._remember_place()

    def _remember_place(self):
        """Keeps where the data stand after the batch that was last handed out."""
        kept = self._state.data.get("task_errors")
        self._state.data = (self._feeder.state | {"phase": self._phase}
                            | ({"task_errors": kept} if kept else {}))

    def _go_to_phase(self, number):
        """Goes on with all that was learnt in the settings of another phase."""
        arrays = self._trainer.arrays()
        self._prepare(number)
        self._trainer.restore(arrays)
        self._place_batches()
        shapes = ", ".join(f"{rows}x{steps}" for rows, steps in self.shapes)
        changes = differences(*(phase.settings for phase in
                                self._phases[number - 1:number + 1]))
        self._progress.line(
            f"{int(arrays['iteration']):,}  phase {number + 1} of "
            f"{len(self._phases)}: {'; '.join(changes)}; batches {shapes}")

    def _step(self, iteration, stop):
        """Makes one step and what is due after it; returns the iteration."""
        started = time.monotonic()
        batch = self._feeder.next()
        outcome = self._trainer.step(batch.arrays, bool(stop.name))
        finite = bool(outcome.finite)  # waits for a step on a GPU
        self._state.stories += len(batch.stories)
        self._state.tokens += int(batch.arrays.mask.sum())
        self._state.seconds += time.monotonic() - started
        self._steps_of_rows += batch.arrays.mask.size
        self._remember_place()
        if not self._compiled:  # the first step in this phase
            self._state.note(self._phases[:self._phase + 1])
        if finite:
            self._state.skipped_in_row = 0
        else:
            self._skipped(iteration, batch, outcome)
        # A step that was compiled says nothing about the time of the next ones.
        shape = batch.arrays.mask.shape
        self._progress.count(iteration, anew=shape not in self._compiled)
        self._compiled.add(shape)

        def due(interval):
            return interval and iteration % interval == 0

        if due(self._config.report_interval):
            self._report(iteration)
        if self._data.validation and due(self._config.validation_interval):
            self._validate(iteration)
        if self._is_shown and due(self._config.visualise_interval):
            self._visualise(iteration)
        if due(self._config.checkpoint_interval) or (
                self._save_failed and due(self._config.report_interval)):
            self._save(iteration)
        # Several workers stop after the same step.
        self._stopping = (bool(stop.name) if self._replicas.workers == 1
                          else outcome.stops > 0)
        return iteration

    def _skipped(self, iteration, batch, outcome):
        """Reports a step without finite numbers; stops after too many in a row."""
        state = self._state
        state.skipped += 1
        state.skipped_in_row += 1
        names = [f"task {story.task} story {story.index + 1}"
                 for story in batch.stories]
        self._progress.line(
            f"{iteration:,}  skipped: loss {float(outcome.loss)}, gradient norm "
            f"{float(outcome.gradient_norm)}; {', '.join(names)}")
        if state.skipped_in_row < self._config.max_bad_steps:
            return
        kept = (self._keep_failed_step(iteration, batch, names)
                if self._replicas.is_chief else "the chief keeps the step")
        raise TooManyBadSteps(
            f"no finite loss and gradient in {state.skipped_in_row} steps in a row, "
            f"so training stopped at iteration {iteration:,}; no weight was touched "
            f"by them, and the last checkpoint stands; {kept}; {failures.LOWER}")

    def _keep_failed_step(self, iteration, batch, names):
        """Writes a step that can be run again; a text that says where to."""
        path = self._directory / f"failed-step-{iteration}.npz"
        record = dataclasses.replace(
            self._record, config=self._phases[self._phase].settings)
        arrays = self._trainer.arrays()
        arrays["iteration"] -= 1  # the step counted itself; its dropout hangs on it
        step = failures.FailedStep(record, batch.arrays, arrays,
                                   names, len(self._data.vocabulary))
        try:
            failures.write(path, step)
        except OSError as error:
            return f"{path} could not be written ({error.strerror})"
        return f"the step is kept in {path}: " \
               f"python3 -m babi.training.replay --step={path}"

    def _report(self, iteration):
        """Writes a line and the training curves, and starts the totals anew."""
        totals = self._trainer.metrics.read()
        self._trainer.metrics.reset()
        tokens = self._state.tokens - self._reported.tokens
        seconds = max(self._state.seconds - self._reported.seconds, 1e-9)
        speed = {
            "speed/stories per second": (
                self._state.stories - self._reported.stories) / seconds,
            "speed/tokens per second": tokens / seconds}
        means, text = totals.means(), "no update"
        if means:
            loss, norm, right, error = means.values()
            text = (f"loss {loss:.4f}  questions right {100.0 - error:.1f}%  "
                    f"words right {right:.1f}%  gradient {norm:.2f}")
        stories_per_second, tokens_per_second = speed.values()
        text += (f"  {stories_per_second:,.1f} stories/s  "
                 f"{tokens_per_second:,.0f} tokens/s")
        self._progress.line(
            f"{iteration:,}/{self._config.num_training_iterations:,}  {text}  "
            f"{tokens / max(self._steps_of_rows, 1):.0%} real tokens  "
            f"left {self._progress.time_left(iteration)}")
        self._progress.count(iteration, text)
        self._events.write(iteration, means | speed | {
            "training/learning rate": self._trainer.learning_rate(),
            "training/stories": self._state.stories,
            "training/skipped steps": self._state.skipped})
        self._events.write_task_errors(iteration, "training", totals.task_errors())
        self._begin_report()

    def _validate(self, iteration):
        """Evaluates on the held-out stories; keeps the weights if they are the best.
        """
        with self._trainer.averaged():
            scores, loss = self._evaluator.evaluate(
                self._data.validation, self._config.row_length,
                observe=self._is_shown and self._pictures().observer())
        errors, mean = scores.question_errors(), scores.mean_question_error()
        stories = self._data.validation.count
        best = (self._state.best is None or mean < self._state.best
                or self._state.best_of not in (None, stories))
        by_task = " ".join(f"{task}:{error:.1f}" for task, error in errors.items())
        self._progress.line(
            f"{iteration:,}  validation  mean question error {mean:.2f}%"
            f"{' (best so far)' if best else ''}  loss {loss:.4f}  after "
            f"{self._state.stories:,} stories  by task {by_task}")
        self._events.write(iteration, {
            "validation/question error": mean, "validation/loss": loss})
        self._events.write_task_errors(iteration, "validation", errors)
        led = [phase.settings.error_weights for phase in self._phases]
        if any(led):
            self._state.data = self._state.data | {
                "task_errors": {str(task): error for task, error in errors.items()}}
        if led[self._phase]:
            self._feeder.close()
            self._place_batches(anew=True)
            self._feeder = Feeder(self._batches)
            self._remember_place()
        if best:  # with the place of the data: it can be gone on from
            before = self._state.best, self._state.best_of
            self._state.best, self._state.best_of = mean, stories
            if not self._guarded_save(self._checkpoints.save_best, iteration):
                self._state.best, self._state.best_of = before

    @property
    def _is_shown(self):
        """Whether this process writes pictures."""
        return bool(self._data.validation and self._config.visualise_interval
                    and self._replicas.is_chief)

    def _pictures(self):
        """What draws the phase at hand; made late, as matplotlib takes its time."""
        if self._visualiser is None:
            from babi.inspection.visualise import Visualiser, choose_examples

            self._visualiser = Visualiser(
                self._trainer, self._data.vocabulary,
                choose_examples(self._data.validation), self._events, self._titles)
        return self._visualiser

    def _visualise(self, iteration):
        started = time.monotonic()
        self._pictures().write(iteration)
        self._progress.line(f"{iteration:,}  pictures for TensorBoard in "
                            f"{time.monotonic() - started:.1f} s")

    def _save(self, iteration):
        """Writes a checkpoint; a disk that refuses is tried again later."""
        self._save_failed = not self._guarded_save(self._checkpoints.save, iteration)

    def _guarded_save(self, save, iteration):
        """Whether a checkpoint could be written, by the chief; if not, says why."""
        if not self._replicas.is_chief:
            return True
        arrays = self._trainer.checkpoint() | {"run_state": self._state.to_json()}
        failures.check_finite(arrays)
        try:
            save(iteration, arrays)
            return True
        except CheckpointError as fault:
            self._progress.line(f"{fault}. Training goes on and will try again; make "
                                f"room or mend the permissions.")
            return False
