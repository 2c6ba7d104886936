"""TensorBoard events of a run: curves of training and validation."""

import pathlib

import tensorflow as tf
from tensorflow.core.util import event_pb2

from babi.stories.tasks import TASK_TITLES

FOLDER = "events"


class Events:
    """Writes scalars for TensorBoard into a run directory.

    Args:
      directory: the run directory; None: nothing is written.
      iteration: where training starts; what an interrupted run wrote beyond it is
        taken back.
      report: called with one line when writing fails; training goes on.
      titles: {task: title}.
    """

    def __init__(self, directory, iteration, report, titles=TASK_TITLES):
        self._titles = titles
        self._report = report
        self._failed = False
        self._writer = None
        if directory is None:
            return
        path = pathlib.Path(directory) / FOLDER
        self._writer = self._guarded(lambda: tf.summary.create_file_writer(str(path)))
        if self._writer:
            # After a kill before the first checkpoint, all is taken back.
            start = event_pb2.Event(step=iteration + 1 if iteration else 0)
            start.session_log.status = event_pb2.SessionLog.START
            self._guarded(lambda: tf.raw_ops.ImportEvent(
                writer=self._writer._resource, event=start.SerializeToString()))

    def write(self, iteration, scalars):
        """Writes numbers, {name: value}."""
        def write():
            for name, value in scalars.items():
                tf.summary.scalar(name, value)

        self.record(iteration, write)

    def record(self, iteration, action):
        """Runs a function without arguments that writes with `tf.summary`."""
        if not self._writer:
            return

        def write():
            with self._writer.as_default(step=iteration):
                action()
            self._writer.flush()

        self._guarded(write)

    def write_task_errors(self, iteration, part, errors):
        """Writes question errors in %, {task: error}, of "training" or so."""
        self.write(iteration, {
            f"{part} question error by task/{task:02d} {self._titles[task]}": error
            for task, error in errors.items()})

    def close(self):
        """Writes what is left."""
        if self._writer:
            self._guarded(self._writer.close)

    def _guarded(self, action):
        """The result of an action; None, and one line, if the disk refuses it."""
        try:
            result = action()
        except (OSError, tf.errors.OpError) as error:
            if not self._failed:
                self._report(f"{FOLDER}: not written: {str(error).splitlines()[0]}; "
                             f"going on without")
            self._failed = True
            return None
        self._failed = False
        return result
