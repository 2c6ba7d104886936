"""A worker seen from the measuring side: asked with limits on time and memory."""

import json
import os
import selectors
import subprocess
import tempfile
import time

from benchmarks.worker import available_bytes, proc_bytes

# Seconds between two looks at a worker's memory.
_WATCH_INTERVAL = 0.2
# The share of the available memory that a worker may use.
_SHARE_OF_MEMORY = 0.9
_ENDING_SECONDS = 10


class WorkerFailure(Exception):
    """A contestant can't go on: why, in one line.

    Attributes:
      limit: whether it ran into a limit that a larger size would meet too.
    """

    def __init__(self, reason, limit):
        super().__init__(reason)
        self.limit = limit


class Worker:
    """A subprocess of `worker.serve`; to be closed.

    Args:
      command: list of words.
      spec: dict, its first line.
      time_limit: seconds for one answer.
      memory_limit: bytes it may have resident; None: nearly all that is free.
    """

    def __init__(self, command, spec, time_limit, memory_limit=None):
        self.time_limit = time_limit
        if memory_limit is None and available_bytes() is not None:
            memory_limit = int(_SHARE_OF_MEMORY * available_bytes())
        self.memory_limit = memory_limit
        self._received = b""
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._errors, env=_environment(spec["threads"]))
        self._volunteer_for_the_kernel()
        self._spec = spec

    def start(self):
        """The worker's answer to its spec, when it is ready."""
        return self.ask(**self._spec)

    def ask(self, **request):
        """The worker's answer to a request, as a dict.

        Raises:
          WorkerFailure: it broke a limit or ended; it is gone in either case.
        """
        deadline = time.monotonic() + self.time_limit
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._received:
                left = deadline - time.monotonic()
                if selector.select(max(0, min(left, _WATCH_INTERVAL))):
                    self._receive()
                elif left <= 0:
                    self._fail(f"took more than {self.time_limit:g} s", limit=True)
                self._watch_memory()
        line, self._received = self._received.split(b"\n", 1)
        return json.loads(line)

    def _receive(self):
        data = os.read(self._process.stdout.fileno(), 1 << 16)
        if not data:
            raise self._ended()
        self._received += data

    def _watch_memory(self):
        used = proc_bytes(self._process.pid, "VmRSS")
        if used and self.memory_limit and used > self.memory_limit:
            self._fail(f"needs more than {self.memory_limit / 1e9:.1f} GB", limit=True)

    def _fail(self, reason, limit):
        self._process.kill()
        self.close()
        raise WorkerFailure(reason, limit)

    def _ended(self):
        """The failure of a worker that has ended of itself."""
        self._close_process()
        code = self._process.returncode
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        self._errors.close()
        if code == -9:
            return WorkerFailure("was killed, for want of memory it seems", limit=True)
        return WorkerFailure(f"ended with code {code}: {last[:200]}", limit=False)

    def _volunteer_for_the_kernel(self):
        """Makes this process the one that is killed if memory runs out."""
        try:
            with open(f"/proc/{self._process.pid}/oom_score_adj", "w") as file:
                file.write("1000")
        except OSError:
            pass

    def close(self):
        """Ends the process; more than once does no harm."""
        self._close_process()
        self._errors.close()

    def _close_process(self):
        for pipe in (self._process.stdin, self._process.stdout):
            try:
                pipe.close()
            except BrokenPipeError:
                pass
        try:
            self._process.wait(_ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _environment(threads):
    """What workers see: no GPU, no other paths, as many threads as cores."""
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1",
                   "OMP_NUM_THREADS": str(threads)}
    environment.pop("PYTHONPATH", None)
    return environment
