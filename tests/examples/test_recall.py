"""The recall tasks: episodes, score, training that resumes, pictures."""

import csv
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image

from examples import associative_recall, key_value, repeat_copy
from examples.associative_recall import AssociativeRecall
from examples.common import locked
from examples.key_value import KeyValue
from examples.recall import pictures, program, training
from examples.recall.episodes import Batches, pad
from examples.repeat_copy import RepeatCopy

MODULES = (repeat_copy, associative_recall, key_value)
EXPERIMENTS = [module.EXPERIMENT for module in MODULES]
each = pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda one: one.name)


def solve_repeat_copy(inputs, bits):
    """{step: what has to go out}, from the inputs of an episode."""
    start, = np.flatnonzero(inputs[:, bits])
    told, = np.flatnonzero(inputs[:, bits + 1])
    words = inputs[start + 1:told, :bits]
    copies = round(10 * inputs[told, bits + 1])
    lines = [[*word, 0] for _ in range(copies) for word in words]
    return dict(enumerate([*lines, [0] * bits + [1]], told + 1))


def solve_associative_recall(inputs, bits):
    """Likewise."""
    first, last = np.flatnonzero(inputs[:, bits + 1])
    starts = [*np.flatnonzero(inputs[:, bits]), first]
    items = [inputs[start + 1:end, :bits] for start, end in zip(starts, starts[1:])]
    query = inputs[first + 1:last, :bits]
    place, = [number for number, item in enumerate(items)
              if np.array_equal(item, query)]
    return dict(enumerate(items[place + 1], last + 1))


def solve_key_value(inputs, bits):
    """Likewise."""
    mark, = np.flatnonzero(inputs[:, -1])
    table = {tuple(row[:bits]): row[bits:-1] for row in inputs[:mark]}
    return {step: table[tuple(row[:bits])]
            for step, row in enumerate(inputs[mark + 1:], mark + 1)
            if tuple(row[:bits]) in table}


SOLVERS = {"repeat_copy": solve_repeat_copy, "key_value": solve_key_value,
           "associative_recall": solve_associative_recall}


class Oracle:
    """Answers from nothing but its inputs, as a network would; errs where told.

    Args:
      experiment: of the task.
      task: whose `bits` a word has.
      wrong: list of (episode, how many of its steps get a wrong bit).
    """

    def __init__(self, experiment, task, wrong=()):
        self.solve, self.task, self.wrong = SOLVERS[experiment.name], task, dict(wrong)

    def __call__(self, inputs):
        logits = np.zeros((*inputs.shape[:2], self.task.outputs)) - 1
        for row, steps in enumerate(inputs):
            answers = self.solve(steps, self.task.bits)
            for number, (step, bits) in enumerate(answers.items()):
                logits[row, step] = 2 * np.asarray(bits) - 1
                if number < self.wrong.get(row, 0):
                    logits[row, step, 0] *= -1
        return logits


@each
def test_a_solver_that_reads_the_inputs_scores_everything(experiment, rng):
    task, _ = experiment.paper
    trials = [*experiment.task.trials().values(), *task.trials().values()]
    trials += [(task, length) for length in range(task.shortest, task.longest)]
    for task, length in trials:
        assert training.score(Oracle(experiment, task), task, length, rng, 30) == (
            1.0, 1.0)


@each
def test_the_score_counts_bits_and_episodes(experiment):
    task = experiment.task
    wrong = [(1, 1), (4, 2)]
    due = pad([task.draw(rng, 3) for rng in [np.random.default_rng(2)]
               for _ in range(10)], task.steps(3))[2].sum() * task.outputs
    bits, episodes = training.score(Oracle(experiment, task, wrong), task, 3,
                                    np.random.default_rng(2), 10)
    assert episodes == pytest.approx(0.8) and bits == pytest.approx(1 - 3 / due)


@each
def test_random_answers_score_half_of_the_bits(experiment, rng):
    task = experiment.task

    def guess(inputs):
        return rng.normal(size=(*inputs.shape[:2], task.outputs))

    bits, episodes = training.score(guess, task, task.longest, rng, 400)
    assert bits == pytest.approx(0.5, abs=0.02) and episodes < 0.01


def test_words_are_copied_as_often_as_told(rng):
    task, seen, bits = RepeatCopy(), set(), []
    for _ in range(200):
        length = int(rng.integers(1, 7))
        inputs, targets, due, phases = task.draw(rng, length)
        assert inputs[0].tolist() == [0] * 6 + [1, 0]
        words = inputs[1:length + 1]
        assert not words[:, 6:].any()
        assert not inputs[length + 1, :7].any()
        copies = round(float(10 * inputs[length + 1, 7]))
        assert inputs[length + 1, 7] == np.float32(copies / 10)
        assert not inputs[length + 2:].any()  # nothing is shown while it answers
        assert due.tolist() == [0] * (length + 2) + [1] * (length * copies + 1)
        assert np.array_equal(targets[length + 2:-1, :6],
                              np.tile(words[:, :6], (copies, 1)))
        assert targets[:, 6].tolist() == [0] * (len(due) - 1) + [1]
        assert [name for _, name in phases] == [
            "words", *(f"copy {copy}" for copy in range(1, copies + 1))]
        seen.add(copies)
        bits.append(words[:, :6].mean())
    assert seen == {1, 2, 3, 4} and np.mean(bits) == pytest.approx(0.5, abs=0.05)
    lengths = {len(task.draw(rng, 5).due) for _ in range(60)}
    assert max(lengths) == task.steps(5) == 28


def test_the_item_after_any_but_the_last_is_asked_for(rng):
    task, asked = AssociativeRecall(), []
    for _ in range(200):
        inputs, targets, due, phases = task.draw(rng, 5)
        assert inputs.shape == (task.steps(5), 8) == (28, 8)
        assert np.flatnonzero(inputs[:, 6]).tolist() == [0, 4, 8, 12, 16]
        assert np.flatnonzero(inputs[:, 7]).tolist() == [20, 24]
        assert not inputs[[0, 4, 8, 12, 16, 20, 24], :6].any()
        assert not inputs[25:].any() and due.tolist() == [0] * 25 + [1] * 3
        items = inputs[:20].reshape(5, 4, 8)[:, 1:, :6]
        assert len({item.tobytes() for item in items}) == 5
        place, = [number for number, item in enumerate(items)
                  if np.array_equal(item, inputs[21:24, :6])]
        assert np.array_equal(targets[25:], items[place + 1])
        assert phases[5] == (20, f"item {place + 1}?") and phases[6] == (25, "answer")
        asked.append(place)
    assert set(asked) == {0, 1, 2, 3}
    few = AssociativeRecall(bits=1, words=2)  # only four items there are
    assert len(few.draw(rng, 4).due) == few.steps(4)


def test_each_key_is_asked_for_its_value_once(rng):
    task, orders = KeyValue(), set()
    for _ in range(100):
        inputs, targets, due, _ = task.draw(rng, 8)
        assert inputs.shape == (task.steps(8), 13) == (17, 13)
        assert np.flatnonzero(inputs[:, 12]).tolist() == [8]
        assert not inputs[8, :12].any() and not inputs[9:, 6:].any()
        assert due.tolist() == [0] * 9 + [1] * 8
        table = {tuple(row[:6]): row[6:12].tolist() for row in inputs[:8]}
        assert len(table) == 8
        asked = [tuple(row[:6]) for row in inputs[9:]]
        assert sorted(asked) == sorted(table)
        assert [table[key] for key in asked] == targets[9:].tolist()
        orders.add(tuple(list(table).index(key) for key in asked))
    assert len(orders) > 90
    assert len(task.draw(rng, 64).due) == 129  # as many as there are


@each
def test_lengths_grow_and_a_batch_is_always_the_same(experiment):
    task = experiment.task
    batches = Batches(task, size=64, updates=10, growing=30, seed=3)
    seen = []
    for batches.epoch in range(5):
        for index in range(10):
            seen.append(batches.longest(index))
    assert seen[0] == task.shortest and seen[29] == seen[-1] == task.longest
    assert sorted(seen) == seen and set(seen) == set(
        range(task.shortest, task.longest + 1))
    inputs, targets, due = batches[4]
    assert inputs.shape == (64, task.steps(task.longest), task.features)
    assert targets.shape[2] == task.outputs and due.shape == inputs.shape[:2]
    assert all(np.array_equal(*pair) for pair in zip(batches[4], (
        inputs, targets, due)))
    batches.epoch = 1
    assert not np.array_equal(batches[4][0][:, :3], inputs[:, :3])
    whole = Batches(task, size=8, updates=10, growing=0, seed=3)
    assert whole.longest(0) == task.longest


def numbers(folder, kind):
    """The arrays of the weights that a training has written."""
    model = program.load_network(
        *SMALL, 4 * (kind == "dnc"), program.weights_of(folder, kind))
    return [keras.ops.convert_to_numpy(weight) for weight in model.weights]


SMALL = (KeyValue(bits=2, longest=3), training.Plan(
    6, 4, 4, lstm_units=6, batch=2, updates=9))


@pytest.mark.parametrize("kind", [
    "lstm", pytest.param("dnc", marks=pytest.mark.slow)])
def test_a_run_that_was_stopped_goes_on_the_same(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "EPOCH", 3)
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()

    def train(folder):
        training.train("small", *SMALL, 4 * (kind == "dnc"),
                       program.weights_of(tmp_path / folder, kind), seed=2)

    train("whole")
    log_epoch = training.Course.on_epoch_end

    def stop(self, epoch, logs=None):
        log_epoch(self, epoch, logs)
        if epoch == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(training.Course, "on_epoch_end", stop)
    with pytest.raises(KeyboardInterrupt):
        train("parts")
    assert not program.weights_of(tmp_path / "parts", kind).exists()
    monkeypatch.setattr(training.Course, "on_epoch_end", log_epoch)

    def refuse(model, path):
        raise OSError("no room")

    write = training.save
    monkeypatch.setattr(training, "save", refuse)
    with pytest.raises(OSError):  # when all is learnt, and not yet written
        train("parts")
    assert not (tmp_path / "parts" / f"{kind}.csv").exists()
    log, = (tmp_path / "parts").glob("*-unfinished-*.csv")
    log.write_text(log.read_text() + "3,0.")  # half a row: there was no room
    monkeypatch.setattr(training, "save", write)
    train("parts")
    whole, parts = (numbers(tmp_path / name, kind) for name in ("whole", "parts"))
    assert all(map(np.array_equal, whole, parts))
    rows = list(csv.DictReader((tmp_path / "parts" / f"{kind}.csv").open()))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert {path.name for path in (tmp_path / "parts").iterdir()} == {
        f"{kind}.csv", f"{kind}.weights.h5", "tensorboard", "experiment"}
    with pytest.raises(ValueError, match="whose experiment is small, not another"):
        training.train("another", *SMALL, 0, tmp_path / "parts" / "x.h5", seed=2)
    board = tmp_path / "parts" / "tensorboard" / kind
    with locked(board), pytest.raises(ValueError, match="another process"):
        train("parts")


@each
def test_plans_have_the_sizes_they_promise(experiment):
    for task, plan in (experiment[1:3], experiment.paper):
        few, many, lstm = (training.build(task, plan, slots)
                           for slots in (plan.slots, 2 * plan.slots, 0))
        assert [w.shape for w in few.weights] == [w.shape for w in many.weights]
        assert few.count_params() <= lstm.count_params()
        assert plan.updates % training.EPOCH == 0
    sizes = {"repeat_copy": (64, 16, 16, 4), "key_value": (32, 16, 32, 1),
             "associative_recall": (128, 64, 32, 1)}[experiment.name]
    cell = few.get_layer("memory").cell
    assert (cell.controller.units, cell.memory_size, cell.word_size,
            cell.num_read_heads) == sizes
    optimizer = plan.optimizer(plan.updates)
    assert float(optimizer.learning_rate) == pytest.approx(1e-4)


def test_what_is_read_is_traced_to_the_step_that_wrote_it():
    """Two slots; the first is overwritten at step 2, half of it."""
    write = np.array([[1, 0], [0, 1], [0.5, 0]])
    read = np.array([[1, 0], [0.5, 0.5], [0.8, 0.2]])
    look = SimpleNamespace(
        usage=write, write_weighting=write[:, np.newaxis], retention=None,
        read_weighting=read[:, np.newaxis],
        resets=np.zeros(3, bool), interface=SimpleNamespace(
            erase_vectors=np.ones((3, 1, 4)), write_gates=np.ones((3, 1))))
    assert np.allclose(pictures.read_steps(look, 0), [
        [1, 0, 0], [0.5, 0.5, 0], [0.4, 0.2, 0.4]])


@each
def test_an_episode_is_drawn(experiment, rng, tmp_path):
    keras.utils.set_random_seed(1)
    task, plan = experiment.task, experiment.plan
    layer = training.build(task, plan, plan.slots).get_layer("memory")
    figure = pictures.draw_episode(layer, task, rng)
    assert "bits wrong" in figure.get_suptitle()
    names = [axes.get_title(loc="left") for axes in figure.axes]
    assert "goes out" in names and any("read modes" in name for name in names)
    figure.savefig(tmp_path / "memory.png")
    assert Image.open(tmp_path / "memory.png").size[0] == 1000


def test_the_learning_curves_read_the_logs(tmp_path):
    for kind, shares in (("dnc", (0.2, 0.9)), ("lstm", (0.1, 0.3))):
        with open(tmp_path / f"{kind}.csv", "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("epoch", "bits_right", "episodes_right")] + [
                (number, 0.5, share) for number, share in enumerate(shares)])
    figure = pictures.draw_learning(
        {kind: tmp_path / f"{kind}.csv" for kind in ("dnc", "lstm")}, 200, "title")
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert len(lines) == 4
    assert np.allclose(lines["lstm, episodes right"].get_xydata(),
                       [(200, 10), (400, 30)])
    assert np.allclose(lines["dnc, bits right"].get_ydata(), 50)


def test_the_scores_are_drawn_by_length():
    task = KeyValue(longest=4)
    figure = pictures.draw_lengths(
        {"DNC": {length: (1 / length, 0.5 / length) for length in range(2, 9)}}, task)
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert np.allclose(lines["DNC, bits right"].get_xydata(),
                       [(length, 100 / length) for length in range(2, 9)])
    assert np.allclose(lines["DNC, episodes right"].get_ydata()[:2], (25, 50 / 3))
