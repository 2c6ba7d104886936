"""bAbI data for tests: the real files where they are, small made-up ones elsewhere."""

import functools
import io
import random
import tarfile
from pathlib import Path

import pytest

from babi.simulator.output import file_name
from babi.stories.download import open_source
from babi.stories.source import DataSource
from babi.stories.story import Line, Story, format_stories

SHARED = Path(__file__).resolve().parents[2] / "shared" / "babi"
ARCHIVE = SHARED / "tasks_1-20_v1-2.tar.gz"

needs_real_data = pytest.mark.skipif(
    not ARCHIVE.exists(), reason=f"the real bAbI files are not at {ARCHIVE}")


@functools.cache
def real_source() -> DataSource:
    """The real en-10k files."""
    return open_source(ARCHIVE)


@functools.cache
def real_stories(split: str) -> dict[int, list[Story]]:
    """The real stories of all tasks."""
    return real_source().stories(split)


def make_story(task: int, rng: random.Random, questions: int | None = None) -> Story:
    """A story of random facts, with answers of one to three words."""
    people, places = ["Mary", "John", "Fred"], ["kitchen", "garden", "office"]
    lines = []
    for _ in range(questions or rng.randint(1, 5)):
        for _ in range(rng.randint(1, 3)):
            lines.append(Line(f"{rng.choice(people)} went to the "
                              f"{rng.choice(places)}."))
        answer = ",".join(rng.choices(places, k=rng.choice([1, 1, 1, 2, 3])))
        lines.append(Line(f"Where is {rng.choice(people)}?", answer, (1,)))
    return Story(task, tuple(lines))


def make_stories(counts: dict[int, int], seed: int = 0) -> dict[int, list[Story]]:
    """`{task: number of stories}` -> `{task: stories}`."""
    rng = random.Random(seed)
    return {task: [make_story(task, rng) for _ in range(count)]
            for task, count in counts.items()}


def write_stories(folder: Path, variant: str, stories: dict[int, list[Story]],
                  *splits: str) -> Path:
    """Writes stories, the same for each split, in the official layout; the folder."""
    (folder / variant).mkdir(parents=True, exist_ok=True)
    for task, of_task in stories.items():
        for split in splits:
            (folder / variant / file_name(task, split)).write_text(
                format_stories(of_task))
    return folder


def pack(members: dict[str, bytes | tarfile.TarInfo]) -> bytes:
    """A `.tar` of files by name, and of ready-made members."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
            else:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Data with a few bytes changed, cut, doubled or inserted."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(data) + 1)
        length = rng.choice([1, 1, 2, 8, 200])
        piece = data[place:place + length]
        kind = rng.randrange(5)
        if kind == 0:
            del data[place:place + length]
        elif kind == 1:
            data[place:place] = piece
        elif kind == 2:
            data[place:place + length] = bytes(
                rng.choice(b"\t\n .?,-019aZ\x00\xff\r") for _ in piece)
        elif kind == 3:
            data[place:place + 1] = bytes([rng.randrange(256)])
        else:
            del data[place:]
    return bytes(data)
