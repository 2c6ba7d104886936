"""What the training loop waits for: the next batch, a request to stop."""

import concurrent.futures
import signal


class Feeder:
    """Builds the next batch while the step at hand runs.

    Args:
      batches: an iterator with `state()`, as in `babi.data.batches`.

    Attributes:
      state: where the iterator stood after the batch that was last handed out.
    """

    def __init__(self, batches):
        self._batches = batches
        self._thread = concurrent.futures.ThreadPoolExecutor(1)
        self.state = batches.state()
        self._next = self._thread.submit(self._build)

    def _build(self):
        batch = next(self._batches)
        return batch, self._batches.state()

    def next(self):
        """The next `batches.StoryBatch`."""
        batch, self.state = self._next.result()
        self._next = self._thread.submit(self._build)
        return batch

    def close(self):
        """Ends the thread."""
        self._thread.shutdown()


class StopRequest:
    """Remembers SIGINT, SIGTERM and SIGHUP, while it is in a `with`.

    One that was ignored before still is, as a hang-up by nohup.

    Attributes:
      name: the signal's name once it has come, else None.
    """

    def __init__(self):
        self.name = None
        self._previous = {}

    def __enter__(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) == signal.SIG_IGN:
                continue
            self._previous[number] = signal.signal(number, self._remember)
        return self

    def __exit__(self, *exception):
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _remember(self, number, frame):
        self.name = signal.Signals(number).name
        # A second one ends the program at once.
        signal.signal(number, self._previous[number])
