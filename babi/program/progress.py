"""What a run says of itself: a line that moves on a terminal, and a log."""

import datetime
import os
import shutil
import sys
import time

_BAR_WIDTH = 20
_REDRAW_SECONDS = 0.2
_LONGEST = 1e13  # seconds, of what can be written as days


def duration(seconds):
    """Seconds as `1:02:03`."""
    return str(datetime.timedelta(seconds=round(min(max(0, seconds), _LONGEST))))


class Progress:
    """Writes lines to the screen and to a log file, and draws a bar.

    The bar is drawn on a terminal only; without one, there are lines alone.

    Args:
      total: what stands for a full bar.
      log: path of a log file to write on with, or None.
      stream: where the screen is; None: standard output.
    """

    def __init__(self, total, log=None, stream=None):
        self._total = total
        self.log = log
        self._log_fault = None
        self._stream = stream or sys.stdout
        self._terminal = self._stream.isatty()
        self._drawn = 0.0  # when the bar was last drawn
        self._bar = ""
        self._start = None  # (count, time) from which the speed is measured
        self._text = ""

    def line(self, text):
        """Writes a line to the screen, and with its time to the log."""
        self.close()
        self._write(f"{text}\n")
        if self.log is None:
            return
        now = datetime.datetime.now().isoformat(" ", "seconds")
        try:
            with open(self.log, "a", encoding="utf-8",
                      errors="backslashreplace") as file:
                file.write(f"{now}  {text}\n")
            self._log_fault = None
        except OSError as error:
            if str(error) != self._log_fault:
                self._log_fault = str(error)
                self._write(f"{self.log}: not written: {error.strerror}; going on "
                            f"without the log\n")

    def count(self, done, text=None, anew=False):
        """Moves the bar.

        Args:
          done: how much of the total is done.
          text: what stands beside the bar from now on.
          anew: whether the speed is measured from here on; else from the last time.
        """
        now = time.monotonic()
        if anew or not self._start:
            self._start = (done, now)
        self._text = self._text if text is None else text
        if self._terminal and now - self._drawn >= _REDRAW_SECONDS:
            self.close()
            filled = round(_BAR_WIDTH * done / max(self._total, 1))
            bar = (f"{done:,}/{self._total:,} "
                   f"[{'=' * filled}{'.' * (_BAR_WIDTH - filled)}] "
                   f"left {self.time_left(done)}  {self._text}")
            # A line that the terminal breaks can't be taken back.
            self._bar = bar[:max(shutil.get_terminal_size().columns - 1, 1)]
            self._write(self._bar)
            self._drawn = now

    def time_left(self, done):
        """The time until the total at the speed so far, as text."""
        start, since = self._start or (done, time.monotonic())
        if done <= start:
            return "?"
        rate = (time.monotonic() - since) / (done - start)
        return duration(rate * (self._total - done))

    def close(self):
        """Removes the bar."""
        if self._bar:
            self._write("\r" + " " * len(self._bar) + "\r")
            self._bar = ""

    def _write(self, text):
        """Writes to the screen; one that is gone does not end the work."""
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            # What is left in the stream must go somewhere at the program's end.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
