"""Where data comes from: folders, archives (hostile ones too), cache, download."""

import functools
import gzip
import hashlib
import http.server
import os
import random
import threading

import pytest
from babi_data import (ARCHIVE, SHARED, file_name, make_stories, mutate,
                       needs_real_data, pack, real_source)

from babi.stories import archive as archives
from babi.stories import download, source
from babi.stories.download import open_source
from babi.stories.source import open_archive
from babi.stories.story import DataError, format_stories

STORIES = make_stories({1: 12, 8: 9}, seed=3)
FILES = {file_name(task, split): format_stories(stories).encode()
         for task, stories in STORIES.items() for split in ("train", "test")}
IN_ARCHIVE = {"top/README.txt": b"x", "top/en/qa1_notes.txt": b"y",
              **{f"top/tiny/{name}": data for name, data in FILES.items()},
              **{f"top/other/{name}": b"1 A b.\n" for name in FILES}}


@pytest.fixture
def archive(tmp_path):
    """An archive with the variants `tiny` and (malformed) `other`."""
    path = tmp_path / "babi.tar.gz"
    path.write_bytes(gzip.compress(pack(IN_ARCHIVE)))
    return path


@pytest.fixture
def folder(tmp_path):
    """The same as folders."""
    for name, data in IN_ARCHIVE.items():
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "folder"


def test_folder_and_archive_give_the_same(folder, archive):
    sources = [open_source(path, "tiny") for path in (
        folder, folder / "top", folder / "top" / "tiny", archive, archive.parent)]
    for opened in sources[:4]:
        assert opened.stories("train", [8, 1]) == STORIES
        assert list(opened.stories("test", [8, 1])) == [1, 8]
        assert opened.identity()["sha256"] == sources[0].identity()["sha256"]
        assert opened.identity()["variant"] == "tiny"
    assert [opened.kind for opened in sources[:4]] == ["folder"] * 3 + ["archive"]
    assert sources[3].stories("test", [8]) == {8: STORIES[8]}


def test_a_folder_that_only_holds_the_archive(archive):
    assert open_source(archive.parent, "tiny").kind == "archive"


def test_identity_tells_one_changed_byte(folder):
    before = open_source(folder, "tiny").identity()
    name = file_name(8, "test")
    path = folder / "top" / "tiny" / name
    data = path.read_bytes().replace(b"office", b"Office", 1)
    path.write_bytes(data)
    after = open_source(folder, "tiny").identity()
    assert after["sha256"] != before["sha256"]
    changed = {file for file in FILES if after["files"][file] != before["files"][file]}
    assert changed == {name}
    assert after["files"][name] == hashlib.sha256(data).hexdigest()


def test_short_names_and_a_validation_file(tmp_path):
    text = FILES[file_name(1, "train")]
    for split in ("train", "valid", "test"):
        path = tmp_path / "en-valid-10k" / f"qa1_{split}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text)
    opened = open_source(tmp_path, "en-valid-10k")
    assert opened.stories("valid", [1]) == {1: STORIES[1]}


@pytest.mark.parametrize("path, variant, fault", [
    ("nothing", "tiny", "no such folder or archive"),
    ("empty", "tiny", "no bAbI files"),
    ("folder", "hn", "it holds other, tiny"),
    ("babi.tar.gz", "hn", "it holds other, tiny"),
    ("folder/top/README.txt", "tiny", "not a whole .tar.gz"),
])
def test_what_is_not_there_is_said(folder, archive, tmp_path, path, variant, fault):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=fault) as caught:
        open_source(tmp_path / path, variant)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def test_faults_of_stories_name_file_and_line(archive):
    opened = open_archive(archive, "other")
    with pytest.raises(DataError, match=r"babi.tar.gz/other/qa1_.*_train.txt:1: "):
        opened.stories("train", [1])
    with pytest.raises(DataError, match="no train file for task 2"):
        opened.stories("train", [2])


def test_two_files_or_folders_for_one_purpose_are_refused(folder):
    (folder / "again" / "tiny").mkdir(parents=True)
    for name, data in FILES.items():
        (folder / "again" / "tiny" / name).write_bytes(data)
    with pytest.raises(DataError, match="several folders named tiny"):
        open_source(folder, "tiny")
    (folder / "top" / "tiny" / "qa1_train.txt").write_bytes(b"x")
    with pytest.raises(DataError, match="two train files for task 1"):
        open_source(folder / "top" / "tiny", "tiny")


@pytest.mark.parametrize("variant", ["en", "en-10k"])
def test_official_test_files_must_have_1000_questions(tmp_path, variant):
    questions = [make_stories({1: 1}, seed)[1][0] for seed in range(600)]
    text = format_stories(questions).encode()
    (tmp_path / variant).mkdir()
    path = tmp_path / variant / file_name(1, "test")
    path.write_bytes(text)
    with pytest.raises(DataError, match=r"questions where .* has 1000"):
        open_source(tmp_path, variant).stories("test", [1])
    path.write_bytes(b"1 A.\n2 B?\tc\t1\n" * 1000)
    assert len(open_source(tmp_path, variant).stories("test", [1])[1]) == 1000


def test_a_pipe_or_a_huge_file_in_a_folder_is_refused(folder, monkeypatch):
    path = folder / "top" / "tiny" / file_name(1, "test")
    monkeypatch.setattr(archives, "MAX_FILE_BYTES", path.stat().st_size - 1)
    with pytest.raises(DataError, match="larger than"):
        open_source(folder, "tiny")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DataError, match="not a plain file"):
        open_source(folder, "tiny")


def test_a_bomb_is_refused_before_it_fills_the_memory(tmp_path):
    zeros = gzip.compress(bytes(1 << 24), 9)  # gzip streams may follow each other
    path = tmp_path / "bomb.tar.gz"
    tar = pack({"top/x": b""})
    header = bytearray(tar[:512])
    header[124:136] = b"%011o\0" % (1 << 32)  # the size that the header claims
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    path.write_bytes(gzip.compress(bytes(header)) + zeros * 256)
    assert path.stat().st_size < 5 << 20
    with pytest.raises(DataError, match="unpacks to more than 512 MB"):
        open_archive(path, "tiny")


def test_an_archive_cut_anywhere_is_refused(archive):
    data = archive.read_bytes()
    for end in [0, 1, 5, 20, *range(30, len(data), 37), len(data) - 1]:
        archive.write_bytes(data[:end])
        with pytest.raises(DataError, match="not a whole .tar.gz archive"):
            open_archive(archive, "tiny")


def test_a_flipped_bit_in_an_archive_is_refused(archive):
    data = bytearray(archive.read_bytes())
    refused = 0
    for place in range(12, len(data), 11):
        damaged = bytearray(data)
        damaged[place] ^= 0x10
        archive.write_bytes(damaged)
        with pytest.raises(DataError):
            open_archive(archive, "tiny").stories("train", [1, 8])
        refused += 1
    assert refused > 50


def _fuzz(tmp_path, mutations, seed):
    """Mutated tars, repacked so that the checksum of gzip does not save us."""
    rng = random.Random(seed)
    tar = pack(IN_ARCHIVE)
    path = tmp_path / "fuzz.tar.gz"
    right = refused = 0
    for number in range(mutations):
        mutated = mutate(tar, rng)
        packed = gzip.compress(mutated, 1)
        if number % 4 == 0:
            packed = mutate(packed, rng)
        path.write_bytes(packed)
        try:
            opened = open_archive(path, "tiny")
            for task, split in opened.files:
                opened.stories(split, [task])
        except DataError as error:
            refused += 1
            assert "\n" not in str(error) and len(str(error)) < 1000
        else:
            right += 1
            opened.identity()
        assert os.listdir(tmp_path) == ["fuzz.tar.gz"]
    assert right > 0 and refused > mutations / 10


def test_mutated_archives_are_read_or_refused(tmp_path):
    _fuzz(tmp_path, 300, seed=5)


@pytest.mark.slow
def test_many_mutated_archives_are_read_or_refused(tmp_path):
    _fuzz(tmp_path, 8_000, seed=6)


@pytest.fixture
def server(tmp_path):
    """A web server; gives (its address, the folder that it serves)."""
    served = tmp_path / "served"
    served.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Quiet, directory=served)) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", served
        running.shutdown()
        thread.join()


@pytest.fixture
def official(monkeypatch):
    """Takes the files of these tests as the official ones of en-10k."""
    known = {name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
             for name, data in FILES.items()}
    monkeypatch.setattr(source, "official_files", lambda variant: known)
    return {f"tasks/en-10k/{name}": data for name, data in FILES.items()}


def _serve(monkeypatch, address, names):
    monkeypatch.setattr(download, "DOWNLOAD_URLS",
                        tuple(f"{address}/{name}" for name in names))


def test_downloads_in_turn_and_keeps_what_is_true(server, official, tmp_path,
                                                  monkeypatch):
    address, served = server
    false = {**official, f"tasks/en-10k/{file_name(1, 'train')}": b"1 A.\n2 B?\tc\t1\n"}
    (served / "false.tar.gz").write_bytes(gzip.compress(pack(false)))
    (served / "cut.tar.gz").write_bytes(gzip.compress(pack(official))[:-9])
    (served / "true.tar.gz").write_bytes(gzip.compress(pack(official)))
    _serve(monkeypatch, address,
           ["missing.tar.gz", "false.tar.gz", "cut.tar.gz", "true.tar.gz"])
    cache = tmp_path / "new" / "cache"
    opened = download.find_or_download(cache=cache)
    assert opened.stories("train", [1, 8]) == STORIES
    assert os.listdir(cache) == [download.ARCHIVE_NAME]
    _serve(monkeypatch, address, [])  # now the cached copy serves
    assert download.find_or_download(cache=cache).identity() == opened.identity()


def test_without_any_true_download_one_line_says_what_was_tried(
        server, official, tmp_path, monkeypatch):
    address, served = server
    short = dict(list(official.items())[1:])
    (served / "short.tar.gz").write_bytes(gzip.compress(pack(short)))
    (served / "page.tar.gz").write_bytes(b"<html>Not found</html>")
    _serve(monkeypatch, address, ["missing.tar.gz", "short.tar.gz", "page.tar.gz"])
    cache = tmp_path / "cache"
    with pytest.raises(DataError) as caught:
        download.find_or_download(cache=cache)
    message = str(caught.value)
    assert "\n" not in message and f"no cached copy in {cache}" in message
    for part in (f"{address}/missing.tar.gz: 404", f"{address}/short.tar.gz: not the "
                 f"official data: en-10k/{file_name(1, 'train')} is missing",
                 f"{address}/page.tar.gz: not a whole .tar.gz", "--data_dir"):
        assert part in message
    assert str(cache / ".download") not in message
    assert os.listdir(cache) == []


def test_a_damaged_cached_copy_is_named_and_replaced(server, official, tmp_path,
                                                     monkeypatch):
    address, served = server
    (served / "true.tar.gz").write_bytes(gzip.compress(pack(official)))
    (tmp_path / download.ARCHIVE_NAME).write_bytes(b"damaged")
    _serve(monkeypatch, address, [])
    with pytest.raises(DataError, match=f"{download.ARCHIVE_NAME}: not a whole"):
        download.find_or_download(cache=tmp_path)
    _serve(monkeypatch, address, ["true.tar.gz"])
    assert download.find_or_download(cache=tmp_path).stories("train", [1, 8]) == STORIES


def test_the_cache_is_keras_own(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert download.cache_folder() == tmp_path / "datasets"
    (tmp_path / "datasets").mkdir()
    path = tmp_path / "datasets" / "babi_tasks_1-20_v1-2.tar.gz"
    path.write_bytes(gzip.compress(pack(IN_ARCHIVE)))
    assert open_source(None, "tiny").path == path


def test_the_official_hashes_are_those_of_40_files():
    known = source.official_files("en-10k")
    assert set(known) == {file_name(task, split) for task in range(1, 21)
                          for split in ("train", "test")}
    assert known[file_name(3, "train")]["bytes"] == 5_317_883
    assert source.official_files("hn") == {}


@needs_real_data
def test_the_hashes_agree_with_the_list_beside_the_real_data():
    lines = (SHARED / "en-10k.hashes").read_text().splitlines()
    listed = {name: {"bytes": int(size), "sha256": sha256} for _, size, sha256, name
              in (line.split() for line in lines if not line.startswith("#"))}
    assert source.official_files("en-10k") == listed


@pytest.mark.parametrize("count", [3, 4])
def test_many_files_that_are_not_official_are_one_line(tmp_path, count):
    for task in range(1, count + 1):
        (tmp_path / "en-10k").mkdir(exist_ok=True)
        (tmp_path / "en-10k" / f"qa{task}_own_train.txt").write_text("")
    lines = open_source(tmp_path, "en-10k").differences()
    assert lines == (["4 of 4 files of en-10k are not the official ones; say so with "
                      "any result"] if count == 4 else [
        f"en-10k/qa{task}_own_train.txt is not among the official files"
        for task in (1, 2, 3)])


def test_only_files_of_the_tasks_at_hand_are_compared(tmp_path):
    (tmp_path / "en-10k").mkdir()
    for task in (1, 3):
        (tmp_path / "en-10k" / f"qa{task}_own_train.txt").write_text("")
    found = open_source(tmp_path, "en-10k")
    assert found.differences([3]) == [
        "en-10k/qa3_own_train.txt is not among the official files"]
    assert found.differences([2]) == []


@needs_real_data
def test_the_real_archive_differs_in_one_file_and_says_so():
    (line,) = real_source().differences()
    assert line.startswith("en-10k/qa3_three-supporting-facts_train.txt is not the "
                           "official file: ")
    assert "instead of 5,317,883" in line and "1,925 questions" in line
    assert open_source(ARCHIVE, "en").differences() == []
    english = open_source(ARCHIVE, "en")
    assert {len(s) > 0 for s in english.stories("train").values()} == {True}
    assert english.stories("test", [7]) == real_source().stories("test", [7])
