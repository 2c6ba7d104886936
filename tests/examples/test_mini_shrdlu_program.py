"""The block puzzle's program: typed goals, looks inside, the plan, options."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from blocks_oracle import scores_of
from dnc.controllers import layers_of
from examples import mini_shrdlu
from examples.lessons import program
from examples.shrdlu import asking, course, pictures, planning, tables
from examples.shrdlu.boards import BLOCKS, CONSTRAINTS, PASS, boards
from examples.shrdlu.player import Guess
from examples.shrdlu.puzzles import (BOARD, FEATURES, HOUR, PAPER, SPARE,
                                     board_features, to_features)


def test_typed_goals_are_read():
    goal = asking.parse_goal(" 3 above 1,2  left of 4, 5 below 6 ,1 right of 5")
    assert [CONSTRAINTS[number] for number in goal] == [
        (3, "above", 1), (2, "left of", 4), (6, "above", 5), (5, "left of", 1)]
    assert asking.parse_goal("1 above 2, 2 below 1") == asking.parse_goal("1 above 2")


def test_a_typed_goal_becomes_a_puzzle(rng):
    for text in (asking.EXAMPLE, "1 above 2",
                 "1 above 2, 2 above 3, 4 above 5, 5 above 6, 2 left of 5"):
        goal = asking.parse_goal(text)
        puzzle = asking.puzzle_with(goal, PAPER[7], rng, 60)
        assert puzzle.goal == goal and boards().blocks[puzzle.start] == BLOCKS
        assert not boards().holds[puzzle.start][list(goal)].any()
        assert len(puzzle.goals) >= PAPER[7].goals[0]
        told = [asking.in_words(*row[1:]) for row in puzzle.told.tolist()
                if row[0] == puzzle.asked]
        assert asking.parse_goal(", ".join(told)) == goal


@pytest.fixture(scope="module")
def asked():
    """A network without training, and its look at an episode."""
    keras.utils.set_random_seed(2)
    model = course.BlockPlan(HOUR, 12, 6, 2, mover=(10,)).build(16)
    puzzle = PAPER[3].draw(np.random.default_rng(4))
    return model, asking.look(model, puzzle)


def test_a_look_is_at_the_moves_that_were_made(asked):
    model, look = asked
    count = len(look.puzzle.told)
    steps = count + 1 + look.puzzle.least + SPARE
    assert len(look.names) == len(look.trajectory.usage) == steps
    assert look.names[count] == f"{asking.letter(look.puzzle.asked)}, go!"
    assert look.names[0].startswith(f"{asking.letter(next(iter(look.puzzle.goals)))}: ")
    moves = np.zeros((len(look.actions), FEATURES), np.float32)
    moves[:, BOARD:] = board_features(look.passed[:-1])
    scores = scores_of(model, moves, look.trajectory.outputs[count + 1:])
    assert look.actions.tolist() == scores.argmax(axis=1).tolist()
    for here, action, there in zip(look.passed, look.actions, look.passed[1:]):
        assert boards().moved[here, action] == there
    assert look.held.shape == (look.puzzle.least + SPARE + 1, len(look.puzzle.goal))
    assert asking.outcome(look) in pictures.OUTCOMES


def test_lessons_have_the_papers_numbers():
    for plan, first in ((mini_shrdlu.DNC, "r r 1 2"), (mini_shrdlu.PAPERS, "1 2 3 4")):
        names = [mini_shrdlu.papers_number(plan, number)
                 for number in range(len(plan.lessons))]
        assert " ".join(names[:4]) == first and names[-1] == "26"
    assert program.in_words(PAPER[2]) == (
        "goals 3-3, blocks 4-4, constraints 1-2, depth 1-2")


def test_what_was_in_memory_before_the_question(asked):
    model, _ = asked
    rng = np.random.default_rng(3)
    puzzles = [PAPER[3].draw(rng) for _ in range(4)]
    vectors, letters, actions = planning.record(model, puzzles, 2, 9, 8)
    assert letters.tolist() == [puzzle.asked for puzzle in puzzles]
    for vector, taken, puzzle in zip(vectors, actions, puzzles):
        seen = model.layer.trajectory(to_features(puzzle)[np.newaxis],
                                      memory=True).sample(0)
        read = (seen.read_weighting[-1] > 0.01).any(axis=0)
        assert read.any()
        assert vector == pytest.approx(seen.memory[-2][read].mean(axis=0), abs=1e-4)
        alone = asking.look(model, puzzle).actions
        assert taken[:len(alone)].tolist() == alone.tolist()


@pytest.mark.parametrize("scale", [1, 5])
def test_the_regression_is_at_its_least(rng, scale):
    """Its slope is 0, and a step in any direction makes the sum larger.

    With the larger features full steps of Newton's method go astray: nearly all
    labels are the same, and the others follow from one feature.
    """
    features, labels = scale * rng.normal(size=(60, 4)), rng.integers(0, 5, size=60)
    if scale > 1:
        labels[features[:, 1] < np.quantile(features[:, 1], 0.95)] = 0
        features[:, 0] += 3 * scale
        features[:, -1] = 1
    weights = planning.fit(features, labels)

    def total(weights):
        scores = features @ weights
        chosen = scores[np.arange(60), labels]
        return (np.log(np.exp(scores).sum(axis=1)) - chosen).sum() + (
            weights ** 2).sum() / 2

    for _ in range(20):
        aside = rng.normal(size=weights.shape)
        slope = (total(weights + 1e-4 * aside) - total(weights - 1e-4 * aside)) / 2e-4
        assert slope == pytest.approx(0, abs=1e-4 * scale)
        assert total(weights + 0.01 * aside) > total(weights)


def test_a_plan_that_is_there_is_decoded_and_none_where_there_is_none(rng):
    labels = rng.integers(0, 6, size=400)
    vectors = rng.normal(size=(400, 8))
    right, frequent = planning.decode(vectors, labels, rng, 5)
    assert right < 0.3 and frequent < 0.3
    vectors[:, :6] += 6 * np.eye(6)[labels]
    right, _ = planning.decode(vectors, labels, rng, 5)
    assert right > 0.95


def test_pictures(asked, tmp_path):
    _, look = asked
    shares = {"perfect": 0.5, "success": 0.3, "incomplete": 0.2, "satisfied": 0.9}
    for number, figure in enumerate((
            pictures.draw_episode(look, "an episode"),
            pictures.draw_lessons({"DNC": [shares] * 26, "LSTM": [shares] * 26}, "all"),
            pictures.draw_plan([(0.8, 0.2), (0.6, 0.2)], "a plan"),
            pictures.draw_shares(np.array([[0.5, np.nan], [0.1, 1]]), "moves"),
            pictures.draw_letters(np.eye(4), np.array([0, 3, 25, 3]), "letters"))):
        path = tmp_path / f"{number}.png"
        figure.savefig(path)
        assert min(Image.open(path).size) > 200
    figure = pictures.draw_episode(look, "an episode")
    said = [text.get_text() for text in figure.axes[1].texts]
    assert [text[2:] for text in said[-len(look.puzzle.goal):]] == [
        "{} {} {}".format(*CONSTRAINTS[number]) for number in look.puzzle.goal]


def test_the_table_asks_every_lesson(capsys, rng):
    shares = tables.print_lessons({"random": Guess(rng)}, 20)
    lines = capsys.readouterr().out.splitlines()
    assert len(shares["random"]) == 26 and len(lines) == 3 + 26
    assert lines[3].split()[:5] == ["1", "2", "3", "1", "1"]
    assert lines[10].split()[:5] == ["8", "5-6", "6", "3", "2-3"]
    assert lines[28].split()[:5] == ["26", "10", "6", "1-6", "1-7"]


class Planner:
    """Makes the best move as the tables have it, but for goals of two constraints."""

    def predict_on_batch(self, inputs):
        wrong = inputs["goal"].sum(axis=1) == 2
        rows, moved = np.arange(len(wrong)), boards().moved
        passed = [inputs["start"]]
        for _ in range(inputs["noise"].shape[1]):
            after = moved[passed[-1]]  # [B, actions]
            away = inputs["away"][rows[:, np.newaxis], after]
            action = np.where(wrong, PASS, away.argmin(axis=1))
            passed.append(after[rows, action])
        return {"boards": np.stack(passed, 1), "actions": np.stack(passed[1:], 1),
                "named": np.zeros((*inputs["steps"].shape[:2], len(CONSTRAINTS)))}


def test_the_table_of_moves_asks_what_it_says(capsys, monkeypatch):
    drawn = []
    draw = tables.draw_exactly
    monkeypatch.setattr(tables, "draw_exactly", lambda *args: (
        drawn.append((args[:2], draw(*args))), drawn[-1][1])[1])
    shares = tables.print_moves(Planner(), 2)
    assert np.isnan(shares[0, 3]) and np.isnan(shares).sum() == 1
    assert np.nanmin(np.delete(shares, 1, axis=1)) == 1 and not shares[:, 1].any()
    for (constraints, least), puzzle in drawn:
        assert len(puzzle.goal) == constraints and puzzle.least == least
        assert boards().blocks[puzzle.start] == BLOCKS
        assert len(puzzle.goals) == tables.GOALS
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["1", "100.0", "0.0", "100.0", "-"]
    assert [line.split()[0] for line in lines[2:]] == ["1", "2", "3", "4", "5"]


def test_principal_components(rng):
    directions = np.linalg.qr(rng.normal(size=(6, 6)))[0][:2]
    places = rng.normal(size=(300, 2)) * (5, 2)
    vectors = places @ directions + 0.01 * rng.normal(size=(300, 6)) + 3
    found = planning.principal(vectors)
    assert found.mean(axis=0) == pytest.approx(0, abs=1e-9)
    assert np.cov(found.T)[0, 1] == pytest.approx(0, abs=1e-9)
    gaps = [np.linalg.norm(each[:, np.newaxis] - each, axis=2)
            for each in (found, places)]
    assert np.allclose(*gaps, atol=0.1)


def test_the_papers_network():
    model = mini_shrdlu.PAPERS.build(32)
    cell = model.layer.cell
    assert (cell.memory_size, cell.word_size, cell.num_read_heads) == (32, 100, 3)
    assert [unit.units for unit in layers_of(cell.controller)] == [250, 250]
    assert (model.decay, model.entropy, model.counted) == (0.75, 0.5, True)
    assert mini_shrdlu.PAPERS.lessons is PAPER and mini_shrdlu.PAPERS.rows == 32
    assert mini_shrdlu.PAPERS.updates == 400
    assert all(lesson.tries == 1 for lesson in PAPER)
    assert mini_shrdlu.PAPERS.recall == 0
    assert mini_shrdlu.PAPERS.acting_rate == 3e-5 and model.mover is None


def test_reward_alone_trains_in_a_folder_of_its_own(tmp_path):
    taught, alone = (mini_shrdlu.parse_arguments([f"--folder={tmp_path}", *options])
                     for options in ([], ["--reward"]))
    assert (taught.folder, alone.folder) == (tmp_path, tmp_path / "reward")
    for args, tries in ((taught, 1), (alone, 4)):
        epoch = mini_shrdlu.plan_of(args).epoch(3, 1)
        epoch.lesson = 3
        batch, = epoch.batch(np.random.default_rng(2))
        assert batch["taught"].all() == (tries == 1)
        assert len(batch["noise"]) == tries * len(batch["steps"]) == tries * 32


def test_the_lstm_has_no_fewer_weights():
    counts = [plan.build(32).count_params() for plan in (
        mini_shrdlu.DNC, mini_shrdlu.LSTM)]
    assert counts[0] <= counts[1] < 1.2 * counts[0]


@pytest.mark.parametrize("arguments, said", [
    (["--goal=3 on 1"], "give it as"), (["--goal=7 above 1"], "blocks are 1 to 6"),
    (["--goal=1 above 1"], "two blocks"),
    (["--goal=1 above 2, 2 above 1"], "no board has all"),
    (["--minutes=nan"], "--minutes"), (["--goals=-1"], "--goals"),
    (["--paper", "--show"], "--paper"), (["--lstm", "--show"], "--lstm"),
    (["--lstm", "--paper"], "--lstm"), (["on"], "on"),
    *((["--reward", other], "--reward trains") for other in (
        "--paper", "--lstm", "--show", "--goal=3 above 1")),
    (["--folder=setup.py"], "--folder=setup.py: not a folder")])
def test_bad_options_are_told_in_a_line(arguments, said, capsys, monkeypatch):
    monkeypatch.chdir(mini_shrdlu.ROOT)
    with pytest.raises(SystemExit) as left:
        mini_shrdlu.parse_arguments(arguments)
    assert left.value.code == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.slow
def test_the_shipped_network_completes_lessons_of_the_paper(rng):
    model = program.load_network(
        mini_shrdlu.SHIPPED / program.WEIGHTS, mini_shrdlu.DNC, HOUR[-1].slots)
    for lesson in (*PAPER[:2], PAPER[7], PAPER[19]):
        asked = [lesson.draw(rng) for _ in range(200)]
        shares = course.evaluate(model, asked, 50, lesson.length, lesson.most)
        assert shares["satisfied"] >= course.COMPLETE
        assert shares["named"] >= 0.95


@pytest.mark.slow
def test_show_draws_without_training(tmp_path):
    script = mini_shrdlu.ROOT / "examples" / "mini_shrdlu.py"
    run = subprocess.run(
        [sys.executable, script, "--show", "--goals=50", f"--output={tmp_path}"],
        capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    assert "DNC " in run.stdout and "action 1" in run.stdout
    assert {path.name for path in tmp_path.iterdir()} == {
        "episode.png", "learning.png", "lessons.png", "letters.png", "perfect.png",
        "plan.png"}
