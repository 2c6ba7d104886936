"""Archives of other shapes and kinds: files at the top, .zip, hostile ones too."""

import gzip
import io
import os
import tarfile
import zipfile

import pytest
from babi_data import file_name, make_stories, pack

from babi.stories import archive as archives
from babi.stories.download import open_source
from babi.stories.source import open_archive
from babi.stories.story import DataError, format_stories

STORIES = make_stories({1: 12, 8: 9}, seed=4)
FILES = {file_name(task, split): format_stories(stories).encode()
         for task, stories in STORIES.items() for split in ("train", "test")}
FILE = f"top/tiny/{file_name(1, 'train')}"


def pack_zip(members):
    """A `.zip` of files by name, and of ready-made members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(*(content if isinstance(content, tuple)
                              else (name, content)))
    return stream.getvalue()


@pytest.mark.parametrize("ending", [".tar.gz", ".tgz", ".zip"])
@pytest.mark.parametrize("top", ["", "./", "tiny/", "a/b/tiny/"])
def test_an_archive_is_read_like_the_folder_it_holds(ending, top, tmp_path):
    """With its files at its top, like a folder of its name."""
    members = {f"{top}{name}": data for name, data in FILES.items()}
    path = tmp_path / f"tiny{ending}"
    path.write_bytes(pack_zip(members) if ending == ".zip"
                     else gzip.compress(pack(members)))
    folder = tmp_path / "unpacked" / "tiny"
    folder.mkdir(parents=True)
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    opened, plain = open_source(path, "tiny"), open_source(folder, "tiny")
    assert opened.kind == "archive"
    assert opened.stories("train", [1, 8]) == STORIES
    assert opened.identity()["sha256"] == plain.identity()["sha256"]


@pytest.mark.parametrize("ending", [".tar.gz", ".zip"])
def test_files_at_the_top_are_the_variant_that_the_name_says(ending, tmp_path):
    path = tmp_path / f"mine{ending}"
    path.write_bytes(pack_zip(FILES) if ending == ".zip"
                     else gzip.compress(pack(FILES)))
    with pytest.raises(DataError, match="no folder 'en' .* it holds mine: choose"):
        open_source(path, "en")
    assert open_source(path, "mine").stories("train", [1, 8]) == STORIES


def test_a_zip_with_what_other_systems_put_in(tmp_path):
    """Windows' separators, folders as members, a Mac's shadows; no ending."""
    members = {"top\\": b"", "top\\tiny\\": b"", "top/more/": b"",
               **{f"top\\tiny\\{name}": data for name, data in FILES.items()},
               **{f"__MACOSX/top/tiny/._{name}": b"x" for name in FILES}}
    path = tmp_path / "data"
    path.write_bytes(pack_zip(members))
    assert open_source(path, "tiny").stories("train", [1, 8]) == STORIES


LINK, PIPE = (tarfile.SYMTYPE, 0o120777), (tarfile.FIFOTYPE, 0o010644)
HARD_LINK = (tarfile.LNKTYPE, None)  # a .zip has none
# {what: ({name: bytes, or what the member is in a .tar and in a .zip}, fault)}
HOSTILE = {
    "path up": ({f"top/../../tiny/{file_name(1, 'train')}": b"x"}, "leads out"),
    "absolute": ({"/etc/passwd": b"x"}, "leads out"),
    "up by backslashes": ({"a\\..\\..\\b": b"x"}, "leads out"),
    "symlink": ({FILE: LINK}, "is a link"),
    "hard link": ({FILE: HARD_LINK}, "is a link"),
    "pipe": ({FILE: PIPE}, "is a link or a device"),
    "twice": ({FILE: b"1 A.\n", FILE.replace("top/", "top//"): b"1 B.\n"},
              "two train files"),
    "large file": ({FILE: bytes(70_000)}, "larger than"),
    "large in all": ({f"top/{i}": bytes(60_000) for i in range(40)}, "unpacks to more"),
    "many files": ({f"top/{i}": b"" for i in range(1100)}, "more than 1000 files"),
    "nested": ({"top/tiny.zip": pack_zip(FILES)}, "it holds no variants"),
    "no archive": (None, "not a whole "),
}
NOT_IN = {".tar.gz": {"up by backslashes"}, ".zip": {"hard link"}}


def _member(name, content, ending):
    """A member of an archive, `(its description, its bytes)`, or its bytes alone."""
    if isinstance(content, bytes):
        return content
    if ending == ".zip":
        member = zipfile.ZipInfo(name)
        member.external_attr = content[1] << 16
        return member, b"/etc/passwd"
    member = tarfile.TarInfo(name)
    member.type, member.linkname = content[0], "/etc/passwd"
    return member


@pytest.mark.parametrize("ending, name", [
    (ending, name) for ending in NOT_IN for name in HOSTILE
    if name not in NOT_IN[ending]])
def test_hostile_archives_are_refused(tmp_path, monkeypatch, ending, name):
    monkeypatch.setattr(archives, "MAX_FILE_BYTES", 1 << 16)
    monkeypatch.setattr(archives, "MAX_UNPACKED_BYTES", 1 << 21)
    monkeypatch.setattr(archives, "MAX_MEMBERS", 1000)
    members, fault = HOSTILE[name]
    packed = b"no archive" * 500
    if members:
        members = {name: _member(name, content, ending)
                   for name, content in members.items()}
        packed = pack_zip(members) if ending == ".zip" else pack(members)
    path = tmp_path / f"evil{ending}"
    path.write_bytes(packed if ending == ".zip" else gzip.compress(packed))
    with pytest.raises(DataError, match=fault) as caught:
        open_archive(path, "tiny")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(path)) or name == "twice"
    assert os.listdir(tmp_path) == [path.name]


def test_a_zip_that_lies_about_a_size_or_is_locked_is_refused(tmp_path):
    path = tmp_path / "evil.zip"
    packed = bytearray(pack_zip({FILE: bytes(1 << 24)}))
    for mark, place in ((b"PK\1\2", 24), (b"PK\3\4", 22)):
        start = packed.index(mark) + place
        packed[start:start + 4] = (100).to_bytes(4, "little")
    path.write_bytes(packed)
    with pytest.raises(DataError, match="not a whole .zip archive .*CRC"):
        open_archive(path, "tiny")
    packed = bytearray(pack_zip({FILE: FILES[file_name(1, "train")]}))
    for mark, place in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        packed[packed.index(mark) + place] |= 1  # encrypted
    path.write_bytes(packed)
    with pytest.raises(DataError, match="not a whole .zip archive .*encrypted"):
        open_archive(path, "tiny")


@pytest.mark.parametrize("method", ["DEFLATED", "BZIP2", "LZMA"])
def test_a_zip_of_any_method_that_is_damaged_is_refused(tmp_path, method):
    path = tmp_path / "tiny.zip"
    with zipfile.ZipFile(path, "w", getattr(zipfile, f"ZIP_{method}")) as archive:
        archive.writestr(FILE, FILES[file_name(1, "train")])
    data = path.read_bytes()
    begin, refused = data.index(FILE.encode()) + len(FILE), 0
    for place in range(begin, data.index(b"PK\1\2")):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0xff]) + data[place + 1:])
        try:
            found = open_archive(path, "tiny").stories("train", [1])
        except DataError as error:
            assert "not a whole .zip archive" in str(error)
            refused += 1
        else:
            assert found == {1: STORIES[1]}
    assert refused > 0.9 * (data.index(b"PK\1\2") - begin)


def test_a_zip_cut_or_flipped_is_refused(tmp_path):
    path, data = tmp_path / "tiny.zip", pack_zip(FILES)
    for end in [0, 1, 5, 20, *range(30, len(data), 37), len(data) - 1]:
        path.write_bytes(data[:end])
        with pytest.raises(DataError, match="not a whole .zip archive"):
            open_archive(path, "tiny")
    for place in range(1, len(data), 11):
        damaged = bytearray(data)
        damaged[place] ^= 0x10
        path.write_bytes(damaged)
        try:  # a time, say, may be damaged without harm
            assert open_archive(path, "tiny").stories("train", [1, 8]) == STORIES
        except DataError as error:
            assert "\n" not in str(error)
