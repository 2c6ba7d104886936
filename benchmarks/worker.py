"""The process that runs one contestant at one size, and does steps when told to.

It reads lines of JSON from its standard input and answers each with a line on what
was its standard output; what libraries print goes to the standard error:

    {"batch": 1, ...}               -> {"idle_bytes": ..., "versions": {...}}
    {"do": "train", "count": 3}     -> {"seconds": ..., "value": ..., "peak_bytes": ...,
                                        "step_bytes": ...}
    {"do": "infer", "count": 3}     -> the same

and ends with its input. Only the standard library here: the peer's environment has
no other of ours.
"""

import json
import os
import resource
import sys
import time


def serve(build):
    """Runs a worker until its input ends.

    Args:
      build: function of the first line as a dict that returns ({"train", "infer":
        function of a number of steps that makes them and returns a float},
        {package: version}).
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    spec = json.loads(sys.stdin.readline())
    _use_cores(spec["threads"])
    functions, versions = build(spec)
    peak = peak_bytes()
    _say(answers, idle_bytes=peak, versions=versions)
    for line in sys.stdin:
        request = json.loads(line)
        forgotten = _forget_peak()
        started = time.perf_counter()
        value = functions[request["do"]](request["count"])
        seconds = time.perf_counter() - started
        # NaN is no JSON.
        value = value if abs(value) < float("inf") else None
        latest = peak_bytes()
        peak = max(peak, latest)
        _say(answers, seconds=seconds, value=value, peak_bytes=peak,
             step_bytes=latest if forgotten else None)


def _say(answers, **values):
    answers.write(json.dumps(values) + "\n")


def _use_cores(count):
    """Keeps the process, and the thread pools it will make, on `count` cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def _forget_peak():
    """Lets `peak_bytes` begin anew from what is resident now; whether it could."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        return False
    return True


def peak_bytes():
    """The most resident memory that this process had so far."""
    # getrusage would count the memory of the parent at the time of the fork.
    peak = proc_bytes("self", "VmHWM")
    if peak is not None:
        return peak
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def proc_bytes(process, field):
    """A memory field of a process in /proc; None where there is none.

    Args:
      process: its number, or "self".
      field: such as "VmRSS".
    """
    return _kilobytes(f"/proc/{process}/status", field)


def available_bytes():
    """Memory that can be had without swapping; None where it can't be known."""
    return _kilobytes("/proc/meminfo", "MemAvailable")


def _kilobytes(path, field):
    try:
        with open(path) as lines:
            for line in lines:
                name, _, value = line.partition(":")
                if name == field:
                    return int(value.split()[0]) * 1024
    except OSError:
        pass
    return None
