"""The process that runs one contestant at one size, and does steps when told to.

    python worker.py KIND

It reads lines of JSON from its standard input and answers each with a line on what
was its standard output; what libraries print goes to the standard error:

    {"batch": 1, ...}               -> {"idle_bytes": ..., "versions": {...}}
    {"do": "train", "count": 3}     -> {"seconds": ..., "steps": ..., "value": ...,
                                        "peak_bytes": ..., "step_bytes": ...}
    {"do": "infer", "count": 3}     -> the same

and ends with its input. In the peer's environment there are NumPy and PyTorch alone,
and `dnc` is the peer: nothing of this repository is imported before it is known who
runs here.
"""

import dataclasses
import importlib.metadata
import json
import os
import resource
import sys
import time

import numpy as np

_SEED = 1


def layer(spec):
    """A layer in TensorFlow: see `serve`; the same weights in each.

    Args:
      spec: dict of the contestant's name and arguments, of `contestants.Point`, and
        of what stays the same over all points.
    """
    from babi.program import allocator, scripts

    scripts.start_tensorflow()
    import keras
    import tensorflow as tf

    from babi.config import Config
    from babi.training.optimizer import build_optimizer

    # As PyTorch has it; TensorFlow would round what a GPU multiplies.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    keras.utils.set_random_seed(_SEED)
    name, model = spec["contestant"], _recurrent(spec)
    inputs, targets = map(tf.constant, _random_sequences(spec))
    model.build(inputs.shape)
    optimizer = build_optimizer(Config(), model.trainable_variables)

    def train(inputs, targets):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels=targets, logits=model(inputs, training=True)))
        optimizer.apply(tape.gradient(loss, model.trainable_variables),
                        model.trainable_variables)
        return loss

    def infer(inputs, targets):
        del targets
        return model(inputs)[0, -1, 0]

    def repeated(step):
        if name != "eager":
            step = tf.function(step, autograph=False, jit_compile=name != "plain")
        step = allocator.sparing(step)  # as in training

        def run(count):
            for _ in range(count):
                value = step(inputs, targets)
            return float(value)
        return run

    return {"train": repeated(train), "infer": repeated(infer)}, (
        "tensorflow", "keras", "numpy")


def _recurrent(spec):
    """The layer that a contestant in TensorFlow is, not built yet."""
    import keras

    from babi.config import Config
    from dnc import DNC, DNCCell

    normal = keras.initializers.RandomNormal(stddev=Config().weight_stddev)
    arguments = dict(
        controller_units=spec["units"], memory_size=spec["slots"],
        word_size=spec["words"], num_read_heads=spec["heads"],
        kernel_initializer=normal, recurrent_initializer=normal, **spec["arguments"])
    if spec["contestant"] == "plain":
        return keras.layers.RNN(DNCCell(spec["vocabulary"], **arguments),
                                return_sequences=True)
    return DNC(spec["vocabulary"], return_sequences=True,
               jit=spec["contestant"] != "eager", **arguments)


def peer(spec):
    """The package `dnc` for PyTorch: see `serve`."""
    import torch
    from dnc import DNC

    torch.manual_seed(_SEED)
    torch.set_num_threads(spec["threads"])
    gpu = bool(spec.get("gpu"))
    if gpu and not torch.cuda.is_available():
        raise RuntimeError("this PyTorch has no GPU: install it with CUDA, or give "
                           "--device=cpu")
    model = DNC(
        input_size=spec["vocabulary"], hidden_size=spec["units"], num_layers=1,
        num_hidden_layers=1, nr_cells=spec["slots"], cell_size=spec["words"],
        read_heads=spec["heads"], batch_first=True, gpu_id=0 if gpu else -1,
        **spec["arguments"])
    optimizer = torch.optim.RMSprop(
        model.parameters(), lr=spec["learning_rate"], alpha=spec["rho"],
        momentum=spec["momentum"], eps=spec["epsilon"])
    inputs, targets = (torch.from_numpy(values).to("cuda:0" if gpu else "cpu")
                       for values in _random_sequences(spec))

    def outputs():
        return model(inputs, (None, None, None), reset_experience=True)[0]

    def train(count):
        for _ in range(count):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(
                outputs().flatten(0, 1), targets.flatten())
            loss.backward()
            optimizer.step()
        return loss.item()

    def infer(count):
        with torch.no_grad():
            for _ in range(count):
                value = outputs()[0, -1, 0]
        return value.item()

    return {"train": train, "infer": infer}, ("dnc", "torch", "numpy")


def _random_sequences(spec):
    """(one-hot words `[B, T, V]` float32, target words `[B, T]` int64), random."""
    size = spec["vocabulary"]
    words, targets = np.random.default_rng(_SEED).integers(
        size, size=(2, spec["batch"], spec["steps"]))
    return np.eye(size, dtype=np.float32)[words], targets


def training(spec):
    """Training as in babi/train.py, with stories made on the way: see `serve`."""
    from babi.program import scripts

    scripts.start_tensorflow()
    import keras

    from babi.data.batches import assemble
    from babi.training.feeding import Feeder
    from babi.training.replicas import Replicas, prepare
    from babi.training.trainer import Trainer

    settings, data = _recipe(spec)
    prepare(settings.strategy, settings.packed_rows, settings.memory_size)
    keras.utils.set_random_seed(settings.seed)
    trainer = Trainer(settings, len(data.vocabulary),
                      replicas=Replicas(settings.strategy))
    batches = data.training(settings)
    feeder = Feeder(batches)

    def train(count):
        if not trainer.iteration.numpy():  # compiles for every shape, on empty rows
            for rows, steps in batches.shapes:
                trainer.step(assemble([[]] * rows, steps).arrays)
        tokens = 0
        for _ in range(count):
            batch = feeder.next().arrays
            outcome = trainer.step(batch)
            tokens += int(batch.mask.sum())
            outcome.finite.numpy()  # training looks at it after each step
        return float(outcome.loss), tokens

    return {"train": train}, ("tensorflow", "keras", "numpy")


def stories(spec):
    """The batches of `training` without training: see `serve`."""
    settings, data = _recipe(spec)
    batches = data.training(settings)

    def train(count):
        return 0.0, sum(int(next(batches).arrays.mask.sum()) for _ in range(count))

    return {"train": train}, ("numpy",)


def _recipe(spec):
    """Settings and data: the preset's at as many slots, with simulated stories."""
    from babi.config import Config
    from babi.data import run_data
    from babi.phases import phases_of
    from babi.presets import PRESETS

    phases = phases_of(Config(**PRESETS["joint"]))
    phase = next((phase for phase in phases
                  if phase.settings.memory_size == spec["slots"]), phases[0])
    settings = dataclasses.replace(
        phase.settings.on_simulated_stories(),
        packed_rows=spec["batch"], row_length=spec["steps"],
        memory_size=spec["slots"], controller_units=spec["units"],
        word_size=spec["words"], num_read_heads=spec["heads"], **spec["arguments"])
    return settings, run_data.load(settings)


def serve(build):
    """Runs a worker until its input ends.

    Args:
      build: function of the first line as a dict that returns ({"train", "infer":
        function of a number of steps that makes them and returns a float, or that
        and how many tokens were read where rows are not full}, names of the packages
        whose versions matter).
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    spec = json.loads(sys.stdin.readline())
    if hasattr(os, "sched_setaffinity"):  # and the thread pools that it will make
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:spec["threads"]])
    functions, packages = build(spec)
    forget_peak, peak_bytes = _memory(spec.get("gpu"))
    peak = peak_bytes()
    print(json.dumps({"idle_bytes": peak, "versions": {
        name: importlib.metadata.version(name) for name in packages}}), file=answers)
    for line in sys.stdin:
        request = json.loads(line)
        forgotten = forget_peak()
        started = time.perf_counter()
        value = functions[request["do"]](request["count"])
        seconds = time.perf_counter() - started
        steps = request["count"]
        if isinstance(value, tuple):  # as many tokens as so many full steps have
            value, steps = value[0], value[1] / (spec["batch"] * spec["steps"])
        latest = peak_bytes()
        peak = max(peak, latest)
        print(json.dumps({
            "seconds": seconds, "steps": steps,
            "value": value if np.isfinite(value) else None,
            "peak_bytes": peak, "step_bytes": latest if forgotten else None}),
            file=answers)


def _memory(gpu):
    """What measures memory: that of the process, or what it has taken of a GPU's.

    Returns:
      (function that lets the peak begin anew, and says whether it could; function that
      gives the peak in bytes).
    """
    if not gpu:
        return _forget_peak, _peak_bytes
    if "torch" in sys.modules:
        from torch import cuda

        return (lambda: cuda.reset_peak_memory_stats() is None,
                cuda.max_memory_allocated)
    from tensorflow import config

    return (lambda: config.experimental.reset_memory_stats("GPU:0") is None,
            lambda: config.experimental.get_memory_info("GPU:0")["peak"])


def _forget_peak():
    """Lets `_peak_bytes` begin anew from what is resident now; whether it could."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        return True
    except OSError:
        return False


def _peak_bytes():
    """The most resident memory that this process had so far."""
    # getrusage would count the memory of the parent at the time of the fork.
    unit = 1 if sys.platform == "darwin" else 1024
    return bytes_in_proc("self/status", "VmHWM") or (
        unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def bytes_in_proc(path, field):
    """A memory field of a file in /proc; None where there is none."""
    try:
        with open(f"/proc/{path}") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines
                        if line.startswith(f"{field}:"))
    except (OSError, StopIteration):
        return None


if __name__ == "__main__":
    if sys.argv[1] != "peer":
        sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    serve(globals()[sys.argv[1]])
