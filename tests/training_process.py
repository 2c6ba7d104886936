"""Training in processes of its own that can be killed, without waiting for imports.

A server imports TensorFlow once and then forks a child for each run of a script; the
child starts TensorFlow's runtime and may be killed at any moment. `python
tests/training_process.py --kills=20` runs the test of resuming for longer.
"""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
_SCRIPTS = ("train", "test", "export", "training.replay", "train_eager", "ask",
            "inspection.board")


class ScriptServer:
    """Runs scripts of `babi/` in forked processes; use it in a `with`.

    Args:
      folder: where the scripts run and their output goes.
    """

    def __init__(self, folder):
        self._folder = pathlib.Path(folder)
        self._count = 0
        self._last = None  # the process started last, of which it waits for the end

    def __enter__(self):
        self._server = subprocess.Popen(
            [sys.executable, __file__, "--serve"], cwd=self._folder, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1",
                              "TF_CPP_MIN_LOG_LEVEL": "3"})
        return self

    def __exit__(self, *exception):
        if self._last:
            self._last.end()
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()

    def start(self, script, *arguments, limits=None):
        """Starts `python babi/<script>.py <arguments>` as a `Process`.

        Args:
          script: name of the script.
          *arguments: its flags.
          limits: {name in `resource`: bytes}, limits on the process.
        """
        self._count += 1
        output = self._folder / f"output-{self._count}.txt"
        request = {"script": script, "output": str(output), "limits": limits or {},
                   "arguments": [str(argument) for argument in arguments]}
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        self._last = Process(int(self._server.stdout.readline()), output,
                             self._server.stdout)
        return self._last

    def run(self, script, *arguments, **options):
        """Runs a script to its end; returns (exit code, output)."""
        process = self.start(script, *arguments, **options)
        return process.wait(), process.output()


class Process:
    """One run of a script."""

    def __init__(self, pid, output, exits):
        self._pid = pid
        self._output = output
        self._exits = exits
        self._code = None

    def send(self, number):
        """Sends a signal."""
        os.kill(self._pid, number)

    def end(self):
        """Kills it if nobody has waited for its end, as after a failed test."""
        if self._code is None:
            with contextlib.suppress(ProcessLookupError):
                self.send(signal.SIGKILL)

    def wait(self):
        """Waits for the end; returns the exit code, negative for a signal."""
        self._code = int(self._exits.readline())
        return self._code

    def output(self):
        """What it has written to the screen so far."""
        return self._output.read_text() if self._output.exists() else ""


def _serve():
    """Forks a child for each request; prints its number, then its exit code."""
    sys.path[:0] = [str(ROOT)]
    from babi.program import scripts
    scripts.start_tensorflow()
    import keras  # noqa: F401
    import babi.training.start  # noqa: F401

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if not pid:
            _run_script(request)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def _run_script(request):
    """Becomes the script of a request; does not return."""
    import importlib
    import resource

    signal.signal(signal.SIGINT, signal.default_int_handler)
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for name, limit in request["limits"].items():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(getattr(resource, name), (limit, limit))
    sys.argv = [request["script"], *request["arguments"]]
    assert request["script"] in _SCRIPTS
    module = importlib.import_module(f"babi.{request['script']}")
    from babi.program import scripts
    try:
        scripts.run(module.main)
        code = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        import traceback
        traceback.print_exc()
        code = 99
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__" and sys.argv[1:] == ["--serve"]:
    _serve()
