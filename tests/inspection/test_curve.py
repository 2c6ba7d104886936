"""Learning curves from events: right numbers, also after a restart; the pictures."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from babi.evaluation import results
from babi.inspection import curve
from babi.inspection.events import FOLDER, Events
from babi.program.errors import UsageError
from babi.stories.tasks import TASK_TITLES
from small_runs import next_events


def write(folder, start, stop, loss):
    """Events of a run that reads 10 stories an iteration and validates every 20."""
    with next_events(folder / FOLDER):
        events = Events(folder, start, pytest.fail)
        for iteration in range(start + 10, stop + 1, 10):
            events.write(iteration, {"training/stories": 10 * iteration,
                                     "training/loss": loss / iteration})
            if iteration % 20 == 0:
                events.write(iteration, {"validation/question error": 100 - iteration})
                events.write_task_errors(iteration, "validation", {1: 90 - iteration,
                                                                   19: 50})
        events.close()


@pytest.fixture
def run(tmp_path):
    """A run that was interrupted after iteration 60 and went on from 40."""
    write(tmp_path, 0, 60, 5.0)
    write(tmp_path, 40, 80, 7.0)
    return tmp_path


def test_the_curves_are_what_was_written_last(run):
    found = curve.read(run)
    stories, errors = found["validation/question error"]
    np.testing.assert_allclose(stories, [200, 400, 600, 800])
    np.testing.assert_allclose(errors, [80, 60, 40, 20])
    stories, losses = found["training/loss"]
    np.testing.assert_allclose(stories, range(100, 801, 100))
    np.testing.assert_allclose(
        losses, [5 / i if i <= 40 else 7 / i for i in range(10, 81, 10)], rtol=1e-6)
    by_task = [name for name in found if name.startswith("validation question error")]
    assert len(by_task) == 2
    np.testing.assert_allclose(found[by_task[0]][1], [70, 50, 30, 10])


def test_stories_before_the_first_report_of_a_run_that_went_on(tmp_path):
    events = Events(tmp_path, 0, pytest.fail)
    events.write(5, {"validation/question error": 50})
    for step in (10, 20, 30):
        events.write(step, {"training/stories": 7000 + 12 * step,
                            "training/loss": 1.0})
    events.close()
    stories, _ = curve.read(tmp_path)["validation/question error"]
    np.testing.assert_allclose(stories, [7060])


def test_one_run_and_several_are_drawn(run, tmp_path):
    curves = curve.read(run)
    for name, runs in (("one", {"a": curves}), ("two", {"a": curves, "b": curves})):
        path = tmp_path / f"{name}.png"
        curve.draw(runs, path)
        colours = Image.open(path).convert("RGB").getcolors(1 << 20)
        assert len(colours) > 50
    curve.draw({"no validation": {"training/loss": curves["training/loss"]}}, path)
    with pytest.raises(UsageError, match="--output.*give another"):
        curve.draw({"a": curves}, tmp_path / "nowhere" / "one.png")


def test_runs_of_one_name_are_told_apart(run, tmp_path):
    curves = curve.read(run)
    plot = Figure().subplots()
    runs = ["one/model", "two/model", "three", "_four", "$x$"]
    curve._draw_runs(plot, {name: curves for name in runs})
    texts = plot.get_legend().get_texts()[:len(runs)]
    assert [text.get_text().partition(", ")[2] for text in texts] == runs
    assert not any(text.get_parse_math() for text in texts)


def test_the_picture_begins_where_its_runs_begin(run):
    plots = Figure().subplots(2)
    first = curve.read(run)
    later = {name: (stories + 5000, values)
             for name, (stories, values) in first.items()}
    for run, begin in ((first, 100), (later, 5100)):
        for plot in plots:
            plot.clear()
        curve._draw_runs(plots[0], {"a": run})
        curve._draw_tasks(plots[1], run)
        for plot in plots:
            assert plot.get_xlim()[0] == pytest.approx(begin)
        assert plots[0].get_ylim() == (0, 100)
    curve._draw_runs(plots[0], {"a": first, "b": later})
    assert plots[0].get_xlim()[0] == pytest.approx(0)


def test_tasks_of_ones_own_have_their_names_and_not_the_papers_result(tmp_path):
    events = Events(tmp_path, 0, pytest.fail, {1: "places", 10: "去 $x$"})
    for step in (10, 20):
        events.write(step, {"training/stories": step, "training/loss": 1.0})
        events.write_task_errors(step, "validation", {1: 5.0, 10: 7.0})
    events.close()
    curves = {"own": curve.read(tmp_path)}
    plots = Figure().subplots(2)
    curve._draw_runs(plots[0], curves)
    curve._draw_tasks(plots[1], curves["own"])
    assert [label.get_text() for label in plots[1].get_yticklabels()] == [
        "1 places", "10 去 $x$"]
    assert plots[0].get_legend() is None


def test_the_papers_mean_is_drawn_beside_runs_of_all_its_tasks_alone(run):
    few = curve.read(run)
    whole = few | {f"{curve._BY_TASK}{task:02d} {title}": few["training/loss"]
                   for task, title in TASK_TITLES.items()}
    for curves, drawn in (([few], False), ([whole], True), ([whole, few], False)):
        plot = Figure().subplots()
        curve._draw_runs(plot, {str(number): curves[number]
                                for number in range(len(curves))})
        texts = [text.get_text() for text in plot.get_legend().get_texts()]
        assert any("DNC1" in text for text in texts) == drawn


def test_a_folder_without_events_is_refused(tmp_path):
    with pytest.raises(UsageError, match="events is not there"):
        curve.read(tmp_path)
    Events(tmp_path, 0, pytest.fail).close()
    with pytest.raises(UsageError, match="no TensorBoard events of training"):
        curve.read(tmp_path)


def test_a_table_goes_into_its_place_and_nothing_else_changes():
    text = f"Before\n{results.TABLE_START}\nold\n{results.TABLE_END}\nafter\n"
    once = results.insert(text, "| new |")
    assert once == (f"Before\n{results.TABLE_START}\n\n| new |\n\n"
                    f"{results.TABLE_END}\nafter\n").replace("|\n\n<", "|\n<")
    assert results.insert(once, "| new |") == once
    for bad in ("", results.TABLE_START, text + text,
                f"{results.TABLE_END}{results.TABLE_START}"):
        with pytest.raises(ValueError, match="one line"):
            results.insert(bad, "| new |")
