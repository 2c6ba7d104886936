"""One model on several cores, devices or machines, on TensorFlow's own strategies.

Every replica reads its share of the rows of the same batch; losses, gradients and
counts are added over all of them, and each makes the same update. So a run is the same
run, to rounding, on however many replicas, and may go on with another number; but with
`--bypass_dropout` each replica drops out for itself.

  none          one device
  mirrored      all GPUs of this machine; without one, all its cores, each of which
                runs a replica of its own: faster than all cores on one replica
  multi_worker  several processes, on one machine or on many, named by TF_CONFIG
"""

import contextlib
import json
import math
import os

import numpy as np

from babi.checks import MIRRORED, MULTI_WORKER, NONE
from babi.program.errors import UsageError


# Numbers in the link matrices of a batch that several threads share with profit: more
# than 8 rows of 64 slots, less than one of 256.
_MUCH = 40_000


class ClusterError(UsageError):
    """A cluster that can't be used, or that lost a worker: one line."""


def prepare(name, rows, slots):
    """Sets up devices and threads; must come before TensorFlow makes them.

    Args:
      name: one of `STRATEGIES`.
      rows: rows of a batch, which the cores of a machine share evenly.
      slots: of the memory.

    Raises:
      ClusterError: TF_CONFIG is needed and missing or malformed.
    """
    if name == MULTI_WORKER:
        _check_cluster(os.environ.get("TF_CONFIG"))
    if name == NONE:
        _use_one_thread_for_little(rows * slots ** 2)
    if name != MIRRORED:
        return
    # Read when devices are made: each then has threads of its own.
    os.environ.setdefault("TF_OVERRIDE_GLOBAL_THREADPOOL", "1")
    import tensorflow as tf

    cores = len(os.sched_getaffinity(0)) if hasattr(
        os, "sched_getaffinity") else os.cpu_count()
    # No more than have rows to read: 4 cores for 8 rows if there are 6.
    cores = math.ceil(rows / math.ceil(rows / cores))
    if tf.config.list_physical_devices("GPU") or cores == 1:
        return
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(2 * cores)
    cpu, = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * cores)


def _use_one_thread_for_little(numbers):
    """Leaves a small link matrix, of so many numbers in a batch, to one thread.

    To hand over parts of so little costs more than the other threads bring, and with
    one the numbers do not hang on how many cores there are.
    """
    import tensorflow as tf

    if numbers < _MUCH and "TF_NUM_INTRAOP_THREADS" not in os.environ:
        tf.config.threading.set_intra_op_parallelism_threads(1)


def _check_cluster(text):
    """Raises ClusterError unless TF_CONFIG names a cluster and a task in it."""
    example = ('TF_CONFIG=\'{"cluster": {"worker": ["host0:12345", "host1:12345"]}, '
               '"task": {"type": "worker", "index": 0}}\'')
    try:
        settings = json.loads(text or "null")
        cluster, task = settings["cluster"], settings["task"]
        address = cluster[task["type"]][task["index"]]
        if not (isinstance(address, str) and set(cluster) <= {"chief", "worker"}
                and type(task["index"]) is int and task["index"] >= 0):
            raise ValueError
    except (ValueError, TypeError, LookupError, RecursionError):
        state = "is not set" if text is None else "names no cluster and task"
        raise ClusterError(f"--strategy={MULTI_WORKER}: TF_CONFIG {state}; set it for "
                           f"each worker, such as {example}") from None


class Replicas:
    """The replicas of a run. Without a strategy it is one.

    Args:
      name: one of `STRATEGIES`.

    Attributes:
      strategy: the `tf.distribute.Strategy`; in its `scope()` variables are made.
      count: replicas in all.
      workers: processes.
      worker: number of this process, from 0.
      is_chief: whether this process writes files.
    """

    def __init__(self, name=NONE):
        import tensorflow as tf

        self.name = name
        self.workers, self.worker = 1, 0
        if name == MULTI_WORKER:
            self.strategy = tf.distribute.MultiWorkerMirroredStrategy()
            resolver = self.strategy.cluster_resolver
            cluster = resolver.cluster_spec().as_dict()
            chiefs = len(cluster.get("chief", []))
            self.workers = chiefs + len(cluster.get("worker", []))
            self.worker = resolver.task_id + (
                chiefs if resolver.task_type == "worker" else 0)
        elif name == MIRRORED:
            devices = (tf.config.list_logical_devices("GPU")
                       or tf.config.list_logical_devices("CPU"))
            self.strategy = tf.distribute.MirroredStrategy(
                [device.name for device in devices])
        else:
            self.strategy = tf.distribute.get_strategy()
        self.count = self.strategy.num_replicas_in_sync
        self.is_chief = self.worker == 0

    @contextlib.contextmanager
    def together(self):
        """For work that needs all workers: a lost one ends the others clearly.

        Raises:
          ClusterError: another worker is gone.
        """
        import tensorflow as tf

        try:
            yield
        except tf.errors.OpError as error:
            if self.workers == 1:
                raise
            raise ClusterError(
                f"worker {self.worker} of {self.workers}: another worker does not "
                f"answer ({type(error).__name__}); start all of them again with the "
                f"same command, to go on from the last checkpoint") from None

    def split(self, batch):
        """Rows of a batch for each replica of this process, for `strategy.run`.

        Args:
          batch: `batches.Batch` of arrays, the same in every process. If its rows
            can't be shared evenly, empty ones are added.
        """
        import tensorflow as tf

        def rows_of(context):
            return type(batch)(*map(tf.constant, share_of_rows(
                batch, context.replica_id_in_sync_group, self.count)))

        return self.strategy.experimental_distribute_values_from_function(rows_of)

    def from_chief(self, array):
        """The chief's array of numbers, of the same shape and type in all workers."""
        if self.workers == 1:
            return array
        import tensorflow as tf

        wide = array.astype(np.int32 if array.dtype.kind in "biu"
                            and array.dtype.itemsize < 4 else array.dtype)
        sent = wide if self.is_chief else np.zeros_like(wide)
        values = self.strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(
                sent if context.replica_id_in_sync_group == 0
                else np.zeros_like(sent)))
        total = self.strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None)
        return total.numpy().astype(array.dtype)

    def bytes_from_chief(self, text):
        """The chief's bytes, in every worker."""
        if self.workers == 1:
            return text
        length = int(self.from_chief(np.array(len(text), np.int64)))
        padded = np.zeros(length, np.uint8)
        if self.is_chief:
            padded[:] = np.frombuffer(text, np.uint8)
        return self.from_chief(padded).tobytes()


def share_of_rows(batch, replica, count):
    """The rows of one replica, as a `batches.Batch`; its questions start from 0.

    Args:
      batch: `batches.Batch` of arrays `[B, T]`.
      replica: number of the replica, from 0.
      count: replicas in all.
    """
    missing = -len(batch.mask) % count
    rows = (len(batch.mask) + missing) // count

    def share(name, array):
        if missing:
            empty = np.full((missing, *array.shape[1:]),
                            -1 if name == "questions" else 0, array.dtype)
            array = np.concatenate([array, empty])
        return array[replica * rows:(replica + 1) * rows]

    part = type(batch)(**{name: share(name, array)
                          for name, array in batch._asdict().items()})
    asked = part.questions >= 0
    first = part.questions[asked].min() if asked.any() else 0
    return part._replace(questions=np.where(
        asked, part.questions - first, -1).astype(part.questions.dtype))
