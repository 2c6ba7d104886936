"""Serves the page on this machine alone, and answers what it asks.

Only the loopback address is listened on. Other sites that the browser has open are
kept out too: a request must name a loopback host (a name that was bound to this address
does not pass), a question must be JSON and, if the browser tells its origin, of this
page. What is taken is bounded: bytes, words (`service`), connections and requests at
once, and the time that a request may take to arrive.
"""

import contextlib
import http.server
import json
import math
import select
import socket
import sys
import threading
import time
import traceback
import urllib.parse

from babi.inspection import page
from babi.program.errors import UsageError

HOST = "127.0.0.1"
MAX_BYTES = 64 << 10
MAX_REQUESTS = 8  # at once; one of them is read by the network, the others wait
MAX_CONNECTIONS = 100  # that are open, those without a request among them
_SECONDS = 20  # for a request to arrive, and for its turn
_LOOK = 0.2  # seconds after which one that waits is looked for again
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_POLICY = ("default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
           "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
           "frame-ancestors 'none'")


class Refusal(Exception):
    """A request that is not answered: HTTP status and a sentence."""


class Server(http.server.ThreadingHTTPServer):
    """The page's server; `serve_forever` runs it.

    Args:
      service: `service.Service`.
      port: 0 for any that is free; then `server_port` says which.

    Raises:
      OSError: the port is taken.
    """

    daemon_threads = True
    request_queue_size = 2 * MAX_REQUESTS

    def __init__(self, service, port):
        self.service = service
        self.reading = threading.Lock()  # one network, one story at a time
        self.places = threading.BoundedSemaphore(MAX_REQUESTS)
        self._open = {}  # {connection: when its request must have arrived}
        super().__init__((HOST, port), _Handler)

    @property
    def address(self):
        """The page's address."""
        return f"http://localhost:{self.server_port}/"

    def process_request(self, request, client_address):
        """Lets a thread take a connection, if there are not too many."""
        if len(self._open) < MAX_CONNECTIONS:
            self._open[request] = time.monotonic() + _SECONDS
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def has_arrived(self, request):
        """Notes that all of a request is there: no more is waited for."""
        self._open[request] = math.inf

    def shutdown_request(self, request):
        """Ends a connection."""
        self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self):
        """Now and then, takes no more of requests that arrive too slowly."""
        for request, end in list(self._open.items()):
            if time.monotonic() > end:
                with contextlib.suppress(OSError):  # it has ended meanwhile
                    request.shutdown(socket.SHUT_RD)

    def handle_error(self, request, client_address):
        """A browser that has gone away is no fault; what else happens is told."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    timeout = _SECONDS
    server_version, sys_version = "dnc", ""

    def do_GET(self):
        """The page."""
        self._answer(self._page)

    def do_POST(self):
        """A question."""
        self._answer(self._ask)

    def _answer(self, action):
        """Sends what an action returns as (type, text), or why it doesn't."""
        try:
            self._check_host()
            kind, text = action()
            self._send(200, kind, text)
        except Refusal as refusal:
            self._send_fault(*refusal.args)
        except UsageError as fault:
            self._send_fault(400, f"{fault}.")
        except OSError:  # the browser has gone
            raise
        except Exception:
            traceback.print_exc()
            self._send_fault(500, "The program has failed at this; what it says stands "
                                  "where it was started.")

    def _page(self):
        if urllib.parse.urlsplit(self.path).path != "/":
            raise Refusal(404, f"There is nothing here but the page, "
                               f"{self.server.address}.")
        return "text/html", page.render_served(self.server.service.choices())

    def _ask(self):
        if self.path != "/ask":
            raise Refusal(404, "Questions go to /ask.")
        origin = self.headers.get("Origin")
        if origin is not None and origin != f"http://{self.headers['Host']}":
            raise Refusal(403, "Only the page itself may ask.")
        if self.headers.get_content_type() != "application/json":
            raise Refusal(415, "A question is JSON, of type application/json.")
        try:
            request = json.loads(self._body())
        except (ValueError, RecursionError):
            raise Refusal(400, "The question is not JSON.") from None
        with self._turn():
            answer = self.server.service.answer(request)
        return "application/json", json.dumps(answer, allow_nan=False)

    @contextlib.contextmanager
    def _turn(self):
        """Waits among others for the network, while the browser waits for it."""
        if not self.server.places.acquire(blocking=False):
            raise Refusal(503, "The program is busy with other questions; ask again in "
                               "a moment.")
        with contextlib.ExitStack() as stack:
            stack.callback(self.server.places.release)
            end = time.monotonic() + _SECONDS
            while not self.server.reading.acquire(timeout=_LOOK):
                self._check_waits()
                if time.monotonic() > end:
                    raise Refusal(503, "Other stories are being read; ask again in a "
                                       "moment.")
            stack.callback(self.server.reading.release)
            self._check_waits()
            yield

    def _check_waits(self):
        """Raises ConnectionAbortedError if the browser has asked something else since.
        """
        ready, _, _ = select.select([self.connection], [], [], 0)
        if ready and not self.connection.recv(1, socket.MSG_PEEK):
            raise ConnectionAbortedError

    def _body(self):
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and len(length) < 12):
            raise Refusal(411, "A question needs its length.")
        if int(length) > MAX_BYTES:
            raise Refusal(413, f"{int(length):,} bytes are too many for a question; "
                               f"ask with at most {MAX_BYTES:,}.")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise Refusal(400, "The question was cut short.")
        self.server.has_arrived(self.connection)
        return body

    def _check_host(self):
        """Refuses requests that were sent to another name than this machine's own."""
        try:
            host = urllib.parse.urlsplit(f"//{self.headers.get('Host', '')}").hostname
        except ValueError:
            host = None
        if host not in _LOOPBACK:
            raise Refusal(403, f"This page is for this machine alone: "
                               f"{self.server.address}.")

    def _send_fault(self, status, text):
        """Sends a sentence: to the page as it wants it, else to people."""
        if self.command == "POST":
            self._send(status, "application/json", json.dumps({"error": text}))
        else:
            self._send(status, "text/plain", f"{text}\n")
        # What was not read of the request would make the system drop the answer.
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(1)
            for _ in range(2 * MAX_BYTES // 4096):
                if not self.connection.recv(4096):
                    break

    def _send(self, status, kind, text):
        body = text.encode()
        self.send_response(status)
        for name, value in (
                ("Content-Type", f"{kind}; charset=utf-8"),
                ("Content-Length", str(len(body))),
                ("Content-Security-Policy", _POLICY),
                ("X-Content-Type-Options", "nosniff"),
                ("Referrer-Policy", "no-referrer"),
                ("Cache-Control", "no-store")):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def send_error(self, code, message=None, explain=None):
        """What the base class refuses gets a sentence too."""
        self.close_connection = True
        self._send_fault(code, f"The request can't be answered: "
                               f"{message or self.responses[code][0]}.")

    def log_message(self, format, *args):
        """Says nothing: the page does."""
