"""The page's server: what it takes and refuses, and what it answers."""

import contextlib
import http.client
import json
import math
import shutil
import socket
import threading

import pytest

from babi.data.typed import line_tokens
from babi.inspection import page
from babi.inspection import server as page_server
from babi.inspection.minds import Minds
from babi.inspection.reading import Reader
from babi.inspection.server import MAX_BYTES, MAX_CONNECTIONS, MAX_REQUESTS, Server
from babi.inspection.service import MAX_WORDS, Service
from babi.model import checkpoints, trained
from babi.program.errors import UsageError
from babi.stories.story import DataError, Line, Story, format_stories
from babi_data import make_stories
from small_runs import small_checkpoint, wait_for

STORY = Story(8, (Line("Mary got the milk."),
                  Line("What is Mary carrying?", "milk,apple", (1,))))


class Echo:
    """A service without a network; an `answer` waits for `gate`."""

    def __init__(self):
        self.asked = []
        self.gate = threading.Event()
        self.gate.set()

    def choices(self):
        return {"minds": [], "tasks": [], "mind": "", "beside": ""}

    def answer(self, request):
        self.asked.append(request)
        self.gate.wait(30)
        if "fault" in request:
            raise UsageError("no such thing; give another")
        return {"echo": request}


@pytest.fixture(scope="module")
def server():
    with Server(Echo(), 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


def send(server, method="POST", path="/ask", body=b"{}", **headers):
    """(status, headers, text) of a request; `headers` with `_` for `-`."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    connection.putrequest(method, path, skip_host="Host" in headers)
    given = {"Content_Type": "application/json", "Content_Length": len(body)} | headers
    for name, value in given.items():
        if value is not None:
            connection.putheader(name.replace("_", "-"), str(value))
    connection.endheaders(body)
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read().decode()
    connection.close()
    return found


def test_it_listens_on_the_loopback_address_alone(server):
    assert server.server_address[0] == "127.0.0.1"
    with pytest.raises(OSError):  # another server on its port
        Server(Echo(), server.server_port)


def test_the_page_and_a_question(server):
    status, headers, text = send(server, "GET", "/")
    assert status == 200 and headers["Content-Type"] == "text/html; charset=utf-8"
    assert '<form id="ask"' in text and '"choices": {' in text
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    status, headers, text = send(server, body=b'{"a": 1}')
    assert status == 200 and json.loads(text) == {"echo": {"a": 1}}
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("headers", [
    {"Host": "localhost"}, {"Host": "127.0.0.1:9"}, {"Host": "[::1]:8020"},
    {"Host": "localhost:7", "Origin": "http://localhost:7"}])
def test_names_of_this_machine_are_welcome(server, headers):
    assert send(server, **headers)[0] == 200


@pytest.mark.parametrize("status, sentence, request_", [
    (403, "this machine alone", {"Host": "evil.example"}),
    (403, "this machine alone", {"Host": "localhost.evil.example"}),
    (403, "this machine alone", {"Host": "[::1"}),
    (403, "this machine alone", {"Host": "", "method": "GET", "path": "/"}),
    (403, "page itself", {"Origin": "http://evil.example"}),
    (403, "page itself", {"Origin": "null"}),
    (403, "page itself", {"Host": "localhost:7", "Origin": "http://localhost:8"}),
    (415, "is JSON", {"Content_Type": "text/plain"}),
    (415, "is JSON", {"Content_Type": None}),
    (400, "not JSON", {"body": b"{"}),
    (400, "not JSON", {"body": b"\xff\xfe"}),
    (400, "not JSON", {"body": b"[" * 50_000}),
    (400, "no such thing; give another.", {"body": b'{"fault": 1}'}),
    (411, "length", {"Content_Length": None}),
    (411, "length", {"Content_Length": "-1"}),
    (411, "length", {"Content_Length": "1e3"}),
    (413, "too many", {"body": b"x" * (MAX_BYTES + 1)}),
    (404, "nothing here", {"method": "GET", "path": "/etc/passwd"}),
    (404, "/ask", {"path": "/"}),
    (501, "can't be answered", {"method": "PUT"})])
def test_what_is_refused_gets_a_sentence(server, status, sentence, request_):
    found, _, text = send(server, **request_)
    assert found == status
    error = (json.loads(text)["error"] if "method" not in request_
             else text.removesuffix("\n"))  # to people, not to the page
    assert sentence in error and error.endswith(".") and "\n" not in error


def test_a_fault_of_the_program_is_told_and_ends_nothing(server, monkeypatch, capsys):
    monkeypatch.setattr(server.service, "answer", lambda request: {"a": float("nan")})
    status, _, text = send(server)
    assert status == 500 and "failed at this" in text
    assert "ValueError" in capsys.readouterr().err
    monkeypatch.undo()
    assert send(server)[0] == 200


def test_requests_at_once_are_bounded(server):
    server.service.gate.clear()
    found = []
    threads = [threading.Thread(target=lambda: found.append(send(server)[0]))
               for _ in range(MAX_REQUESTS)]
    try:
        for thread in threads:
            thread.start()
        wait_for(lambda: not server.places._value)  # all of them are inside
        status, _, text = send(server)
        assert status == 503 and "busy" in text
        assert send(server, "GET", "/")[0] == 200  # the page itself wants no place
    finally:
        server.service.gate.set()
        for thread in threads:
            thread.join()
    assert found == [200] * MAX_REQUESTS
    assert send(server)[0] == 200


def test_a_question_whose_browser_has_gone_is_not_read(server):
    server.service.gate.clear()
    server.service.asked.clear()
    first = threading.Thread(target=send, args=(server,), kwargs={"body": b"[1]"})
    first.start()
    wait_for(lambda: server.service.asked)
    with socket.create_connection(("127.0.0.1", server.server_port), 10) as gone:
        gone.sendall(b"POST /ask HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"
                     b"Content-Type: application/json\r\n\r\n[2]")
        wait_for(lambda: list(server._open.values()).count(math.inf) == 2)
        wait_for(lambda: server.places._value == MAX_REQUESTS - 2)
    wait_for(lambda: server.places._value == MAX_REQUESTS - 1)  # it keeps no place
    server.service.gate.set()
    first.join()
    assert send(server, body=b"[3]")[0] == 200
    assert server.service.asked == [[1], [3]]


def test_who_sends_nothing_is_dropped(server, monkeypatch):
    monkeypatch.setattr(page_server._Handler, "timeout", 0.3)
    with socket.create_connection(("127.0.0.1", server.server_port), 10) as silent:
        silent.sendall(b"POST /ask HTTP/1.1\r\nHost: localhost\r\n")
        assert silent.recv(100) == b""
    with socket.create_connection(("127.0.0.1", server.server_port), 10) as short:
        short.sendall(b"POST /ask HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
                      b"Content-Type: application/json\r\n\r\n{")
        assert b"200" not in short.recv(100)
    monkeypatch.undo()
    assert send(server)[0] == 200


@pytest.mark.parametrize("start", [
    b"POST /ask HTTP/1.1\r\nX: ", b"POST /ask HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n"])
def test_who_sends_drop_by_drop_is_dropped(server, monkeypatch, start):
    monkeypatch.setattr(page_server, "_SECONDS", 0.3)
    with socket.create_connection(("127.0.0.1", server.server_port), 0.05) as slow:
        slow.sendall(start)
        for _ in range(200):
            with contextlib.suppress(TimeoutError):
                assert slow.recv(100).startswith(b"HTTP/1.0 4")
                break
            with contextlib.suppress(ConnectionError):  # it may be closed already
                slow.sendall(b" ")
        else:
            pytest.fail("it was still listened to")


def test_connections_are_bounded(server):
    with contextlib.ExitStack() as stack:
        open_ones = [stack.enter_context(socket.create_connection(
            ("127.0.0.1", server.server_port), 10)) for _ in range(MAX_CONNECTIONS)]
        with socket.create_connection(("127.0.0.1", server.server_port), 10) as other:
            assert other.recv(100) == b""
        open_ones[0].sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert open_ones[0].recv(100).startswith(b"HTTP/1.0 200")
    wait_for(lambda: not server._open)
    assert send(server)[0] == 200


# ------------------------------------------------- minds, and what they are asked

@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs: one with three checkpoints and a best, one with a single one."""
    folder = tmp_path_factory.mktemp("runs")
    for name, iterations in (("one", (5, 10, 1200)), ("other", (7,))):
        (folder / name).mkdir()
        for iteration in iterations:
            small_checkpoint(folder / name, iteration, seed=iteration)
    for iteration in (10, 11):
        best = folder / "one" / f"{checkpoints.BEST_PREFIX}-{iteration}"
        checkpoints.write(best, checkpoints.read(folder / "one" / "model.ckpt-10"))
    return folder


@pytest.fixture(scope="module")
def service(runs):
    return Service(Minds([runs / "one", runs / "other"]), lambda task: [
        STORY, *make_stories({task: 2})[task]])


def test_a_run_stands_for_all_its_checkpoints(runs, service):
    choices = service.choices()
    assert [mind["id"] for mind in choices["minds"]] == [
        "one/model.ckpt-5", "one/model.ckpt-10", "one/best.ckpt-11",
        "one/model.ckpt-1200", "other/model.ckpt-7"]
    assert choices["minds"][2]["name"] == "one, best, after 11 updates"
    assert choices["mind"] == "one/model.ckpt-1200" and len(choices["tasks"]) == 20
    assert choices["beside"] == "other/model.ckpt-7"
    assert Service(Minds([runs / "one"]), {}.get).choices()["beside"] == ""
    single = Minds([runs / "one" / "model.ckpt-5", runs / "one" / "best"])
    assert [mind.id for mind in single.listing()] == [
        "one/model.ckpt-5", "one/best.ckpt-11"]
    twice = Minds([runs / "one" / "best", runs / "one", runs / "one" / "best.ckpt-11"])
    assert [mind.id for mind in twice.listing()] == [
        "one/best.ckpt-11", *(mind["id"] for mind in choices["minds"]
                              if mind["id"] != "one/best.ckpt-11"
                              and mind["id"].startswith("one"))]
    with pytest.raises(DataError, match="no such checkpoint"):
        Minds([runs / "one", runs / "none"])


def test_a_best_checkpoint_is_called_so_also_where_it_is_an_ordinary_one(tmp_path):
    for iteration in (5, 6):
        small_checkpoint(tmp_path, iteration)
    checkpoints.write(tmp_path / "best.ckpt-5",
                      checkpoints.read(tmp_path / "model.ckpt-5"))
    first, second = Minds([tmp_path]).listing()
    assert first.id.endswith("/model.ckpt-5") and first.name.endswith(
        ", best, after 5 updates")
    assert second.name == f"{tmp_path.name}, after 6 updates"


def test_a_run_made_anew_in_its_folder_is_read_anew(tmp_path):
    """Its checkpoint has the path of the one read before."""
    minds = Minds([small_checkpoint(tmp_path, 7, seed=1)])
    service = Service(minds, {}.get)
    asked = {"minds": [minds.listing()[0].id],
             "text": "Mary went to the kitchen. Where is Mary?"}
    before, = service.answer(asked)["readings"]
    assert service.answer(asked)["readings"] == [before]
    small_checkpoint(tmp_path, 7, seed=2)
    after, = service.answer(asked)["readings"]
    assert after["top"] != before["top"]
    assert Service(Minds([tmp_path]), {}.get).answer(asked)["readings"] == [after]


def test_checkpoints_that_have_gone_leave_the_others(tmp_path):
    for name in ("here", "gone"):
        (tmp_path / name).mkdir()
        small_checkpoint(tmp_path / name, 7)
    minds = Minds([tmp_path / "gone", tmp_path / "gone" / "model.ckpt-7",
                   tmp_path / "here" / "model.ckpt-7"])
    shutil.rmtree(tmp_path / "gone")
    assert [mind.id for mind in minds.listing()] == ["here/model.ckpt-7"]
    assert Service(minds, {}.get).choices()["mind"] == "here/model.ckpt-7"


def test_files_of_a_checkpoint_may_have_another_name(runs, tmp_path):
    for path in (runs / "one").glob("model.ckpt-5.*"):
        shutil.copy(path, tmp_path / path.name.replace("model.ckpt-5", "final"))
    mind, = Minds([tmp_path / "final"]).listing()
    assert mind.name == f"{tmp_path.name}, final" and mind.id.endswith("/final")


def test_checkpoints_in_turn_read_as_each_alone(runs, service):
    """The network takes the weights of one after the other."""
    text = "Mary went to the kitchen. Where is Mary?"
    found = {}
    for name in ("one/model.ckpt-5", "one/model.ckpt-1200", "one/model.ckpt-5"):
        ids = [name, "one/model.ckpt-10"]
        answer = service.answer({"minds": ids, "text": text})
        assert answer["text"] == text and len(answer["readings"]) == 2
        for mind, reading in zip(ids, answer["readings"]):
            assert found.setdefault(mind, reading) == reading
    for name, reading in found.items():
        alone = trained.load(runs / name, jit=False)
        expected, = Reader(alone.model, alone.vocabulary).read(
            {"A typed story": line_tokens(text)})
        assert json.loads(json.dumps(reading)) == json.loads(json.dumps(
            page.content(expected, reading["name"])))
    assert len({json.dumps(reading["top"]) for reading in found.values()}) == 3


def test_a_page_says_when_its_stories_are_simulated(runs):
    service = Service(Minds([runs / "other"]), lambda task: [STORY], {8: "lists"},
                      lambda: "simulated test")
    reading, = service.answer({"minds": ["other/model.ckpt-7"], "task": 8, "index": 0}
                              )["readings"]
    assert reading["title"] == "Task 8 (lists), simulated test story 0"


def test_stories_of_a_task_come_with_answers_and_can_be_typed(service):
    asked = {"minds": ["other/model.ckpt-7"]}
    answer = service.answer(asked | {"task": 8, "index": 0})
    reading, = answer["readings"]
    assert answer["stories"] == 3 and reading["title"].endswith("test story 0")
    assert answer["text"] == "Mary got the milk.\nWhat is Mary carrying? - -"
    assert reading["right"][-2:] == ("milk", "apple")
    typed = service.answer(asked | {"text": answer["text"]})["readings"][0]
    assert typed["words"] == reading["words"] and typed["right"][-1] is None
    pasted = service.answer(asked | {"text": format_stories([STORY])})["readings"][0]
    assert pasted["words"] == reading["words"] and pasted["right"] == reading["right"]
    for text in ("\ufeff1 Mary got the milk\r\n2 What is Mary carrying?\tmilk apple",
                 '{"story": "Mary got the milk", "question": "What is Mary carrying", '
                 '"answer": ["milk", "apple"]}'):
        pasted = service.answer(asked | {"text": text})["readings"][0]
        assert (pasted["words"], pasted["right"]) == (reading["words"],
                                                      reading["right"])


MIND = {"minds": ["one/model.ckpt-5"]}


@pytest.mark.parametrize("request_, sentence", [
    ([], "'minds', of type list"), ({}, "'minds'"), ({"minds": []}, "or 2"),
    ({"minds": ["a"] * 3}, "or 2"), ({"minds": [["a"]]}, "or 2"),
    ({"minds": ["one/model.ckpt-6"], "text": "Who?"}, "no such checkpoint"),
    ({"minds": ["../one/model.ckpt-5"], "text": "Who?"}, "no such checkpoint"),
    (MIND, "'task', of type int"), (MIND | {"text": 1}, "'text', of type str"),
    (MIND | {"task": True, "index": 0}, "'task', of type int"),
    (MIND | {"task": 21, "index": 0}, "no task 21"),
    (MIND | {"task": 1, "index": 3}, "give 0 to 2, not 3"),
    (MIND | {"task": 1, "index": -1}, "give 0 to 2"),
    (MIND | {"text": ""}, "no question in it"),
    (MIND | {"text": "Where is the kitchin?"}, "kitchin' (nearest: kitchen"),
    (MIND | {"text": "1 who\t?"}, "story:1: the answer '?' is not words"),
    (MIND | {"text": "1 who\ud800?\tmary"}, "story:1: byte 0xed is not UTF-8"),
    (MIND | {"text": "1 who?\t" + "milk " * MAX_WORDS}, "too many for a story"),
    (MIND | {"text": "Who? " * MAX_WORDS}, "too many for a story")])
def test_requests_that_cannot_be_answered(service, request_, sentence):
    with pytest.raises(UsageError) as fault:
        service.answer(request_)
    assert sentence in str(fault.value)
