"""The scripts with --show: the shipped networks are asked, told of and drawn."""

import re

import pytest

from examples import family_tree, mini_shrdlu, shortest_path, underground


@pytest.mark.slow
@pytest.mark.parametrize("script, options, row, least, pictures", [
    (underground, ["--walks=20"], "DNC", [90] * 6, {"walk.png", "walk.html"}),
    (family_tree, ["--relations=20"], "DNC", [30, 80, 75, 50, 35], {"relation.png"}),
    (shortest_path, ["--paths=20", "--lessons"], "DNC", [90, 60, 30, 10],
     {"path.png", "path.html"}),
    (mini_shrdlu, ["--goals=4"], None, [], {
        "lessons.png", "perfect.png", "plan.png", "letters.png", "episode.png"}),
], ids=lambda value: getattr(value, "__name__", None))
def test_show(script, options, row, least, pictures, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", [
        "script", "--show", *options, f"--folder={tmp_path / 'no'}",
        f"--output={tmp_path}"])
    script.main()
    said = capsys.readouterr().out
    if row:
        shares = next(line for line in said.splitlines() if line.startswith(row))
        shares = [float(share) for share in re.findall(r"[\d.]+", shares)]
        assert all(share >= floor for share, floor in zip(shares, least))
        assert len(shares) >= len(least)
    assert {path.name for path in tmp_path.iterdir()} >= {*pictures, "learning.png"}
    assert all(path.stat().st_size > 5000 for path in tmp_path.iterdir())
