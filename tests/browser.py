"""Drives a headless Chromium through its DevTools, for tests of pages."""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

CHROMIUM = next((name for name in ("chromium", "chromium-browser") if shutil.which(name)
                 and not subprocess.run([name, "--version"], capture_output=True
                                        ).returncode), None)  # it may be a stub
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
_SECONDS = 90
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
          "--no-first-run", "--disable-background-networking",
          "--disable-component-update", "--disable-sync", "--hide-scrollbars",
          "--disable-dev-shm-usage", "--remote-debugging-pipe")


class Page:
    """One tab.

    Attributes:
      faults: messages of exceptions in the page and of errors on its console.
      requests: addresses that the page asked for.
    """

    def __init__(self, to_browser, from_browser):
        self._to, self._from = to_browser, from_browser
        self._rest, self._number, self._session = b"", 0, None
        self.faults, self.requests = [], []
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.command("Target.attachToTarget", targetId=target,
                                     flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.command(f"{domain}.enable")

    def command(self, method, **params):
        """Sends a command and returns its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]

    def _receive(self):
        """The next message; takes note of what events say."""
        deadline = time.monotonic() + _SECONDS
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._from], [], [],
                                        deadline - time.monotonic())
            assert ready, "Chromium does not answer"
            data = os.read(self._from, 1 << 20)
            assert data, "Chromium has ended"
            self._rest += data
        text, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(text)
        params = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.faults.append(json.dumps(params["exceptionDetails"]))
        elif message.get("method") == "Log.entryAdded":
            self.faults.append(params["entry"]["text"])
        elif message.get("method") == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        return message

    def open(self, address, width=1400, height=900):
        """Loads a page and waits until it is complete."""
        self.command("Emulation.setDeviceMetricsOverride", width=width,
                     height=height, deviceScaleFactor=1, mobile=False)
        self.command("Page.navigate", url=address)
        self.wait_for("document.readyState === 'complete' && "
                      "location.href !== 'about:blank'")

    def wait_for(self, condition):
        """Waits until an expression of JavaScript is true."""
        deadline = time.monotonic() + _SECONDS
        while not self.evaluate(condition):
            assert time.monotonic() < deadline, f"never true: {condition}"
            time.sleep(0.1)

    def evaluate(self, expression):
        """The value of an expression of JavaScript."""
        result = self.command("Runtime.evaluate", expression=expression,
                              returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def text(self, selector):
        """The visible text of an element."""
        return self.evaluate(
            f"document.querySelector({json.dumps(selector)}).innerText")

    def box(self, selector):
        """(left, top, width, height) of an element in the window."""
        return self.evaluate(
            "(() => { const box = document.querySelector("
            f"{json.dumps(selector)}).getBoundingClientRect(); "
            "return [box.left, box.top, box.width, box.height]; })()")

    def mouse(self, left, top, kind="mouseMoved"):
        """Moves the mouse, as a hand would."""
        self.command("Input.dispatchMouseEvent", type=kind, x=left, y=top)

    def click(self, left, top):
        """Presses and lets go of the left button."""
        for kind in ("mousePressed", "mouseReleased"):
            self.command("Input.dispatchMouseEvent", type=kind, x=left, y=top,
                         button="left", clickCount=1)

    def press(self, key):
        """Presses a key, such as ArrowRight."""
        for kind in ("keyDown", "keyUp"):
            self.command("Input.dispatchKeyEvent", type=kind, key=key, code=key)


@contextlib.contextmanager
def chromium():
    """A `Page` of a Chromium that ends with the `with`."""
    commands, to_browser = os.pipe()
    from_browser, answers = os.pipe()

    def hand_over():
        # Chromium reads commands from descriptor 3 and answers on 4.
        os.dup2(commands, 13)
        os.dup2(answers, 14)
        os.dup2(13, 3)
        os.dup2(14, 4)

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [CHROMIUM, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
            close_fds=False, preexec_fn=hand_over, start_new_session=True,
            env=os.environ | {"TMPDIR": profile},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(commands)
        os.close(answers)
        try:
            yield Page(to_browser, from_browser)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            os.close(to_browser)
            os.close(from_browser)
