"""Tables of question errors beside the published ones: text, Markdown, JSON."""

import statistics
from typing import NamedTuple

from babi.data.simulated import data_name
from babi.evaluation.published import FAILURE_THRESHOLD, PUBLISHED_RESULTS
from babi.evaluation.scoring import failed_tasks, mean_error
from babi.program.progress import duration
from babi.stories.tasks import TASK_TITLES, task_titles

TABLE_START, TABLE_END = "<!-- results -->", "<!-- end of results -->"


_HEADING = "Question error in % (of words, where it says so)"


class Result(NamedTuple):
    """One checkpoint's result on the test questions.

    Attributes:
      checkpoint: its folder and name, such as model/model.ckpt-100.
      iteration: iterations it was trained for.
      stories: stories it was trained on.
      seconds: time spent in its training.
      data: identity of its training data, as in `config.json`.
      test_data: identity of the data of the test.
      questions: {task: number of questions}.
      errors: {task: question error in %}.
      held_out: whether the questions are those held out of training, not the test's.
    """

    checkpoint: str
    iteration: int
    stories: int
    seconds: float
    data: dict
    test_data: dict
    questions: dict[int, int]
    errors: dict[int, float]
    held_out: bool = False


class _Column(NamedTuple):
    """A column of the table: texts by row."""

    title: str
    errors: dict[int, str]
    mean: str
    failed: str


def table_rows(results, separate=False):
    """The table of results as rows of texts, the first one the heading.

    Args:
      results: list of `Result`; of several, the mean and standard deviation.
      separate: a column for each instead, under the name of its folder.
    """
    columns = ([_own_column([result], result.checkpoint.split("/")[0])
                for result in results]
               if separate else [_own_column(results)])
    titles = task_titles(results[0].test_data)
    published = [_published_column(column) for column in PUBLISHED_RESULTS.values()
                 if titles is TASK_TITLES]
    columns += published
    tasks = sorted(results[0].errors)
    rows = [["task", *(column.title for column in columns)]]
    rows += [[f"{task} {titles[task]}",
              *(column.errors.get(task, "") for column in columns)] for task in tasks]
    if len(tasks) == len(titles):
        rows.append(["mean error", *(column.mean for column in columns)])
        rows.append([f"failed tasks (> {FAILURE_THRESHOLD:g}%)",
                     *(column.failed for column in columns)])
    else:  # the published means are those of all tasks
        ours = columns[:len(columns) - len(published)]
        blanks = [""] * len(published)
        rows.append([f"mean error of {len(tasks)} tasks",
                     *(column.mean for column in ours), *blanks])
        rows.append([f"failed of {len(tasks)} tasks (> {FAILURE_THRESHOLD:g}%)",
                     *(column.failed for column in ours), *blanks])
    return rows


def as_text(results, separate=False):
    """The table for a screen, with what the results are of; see `table_rows`."""
    rows = table_rows(results, separate)
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  ".join([row[0].ljust(widths[0]),
                        *(cell.rjust(width) for cell, width
                          in zip(row[1:], widths[1:]))]).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    lines.insert(-2, lines[1])
    return "\n".join([_HEADING, *remarks(results), "", *lines]) + "\n"


def as_markdown(results, separate=False):
    """The table in Markdown, with what the results are of; see `table_rows`."""
    table = table_rows(results, separate)
    heading, *rows = ("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
                      for row in table)
    rule = "|---|" + "---:|" * (len(table[0]) - 1)
    return "\n".join([_HEADING, "",
                      *(f"- {line}" for line in remarks(results)), "",
                      heading, rule, *rows]) + "\n"


def insert(text, table):
    """A text with a table in the place between `TABLE_START` and `TABLE_END`.

    Raises:
      ValueError: there is no such place in it, or more than one.
    """
    before, start, rest = text.partition(TABLE_START)
    _, end, after = rest.partition(TABLE_END)
    if not (start and end) or TABLE_START in after:
        raise ValueError(f"it must have one line {TABLE_START!r} and, below it, "
                         f"{TABLE_END!r}")
    return f"{before}{start}\n\n{table}\n{end}{after}"


def as_dict(results):
    """The results for JSON."""
    return {"results": [
        result._asdict() | {
            "mean_error": mean_error(result.errors),
            "failed_tasks": list(failed_tasks(result.errors))}
        for result in results]} | {"summary": _summary(results)}


def remarks(results):
    """Lines that say what a table's numbers are of."""
    lines = []
    for result in results:
        lines.append(
            f"{result.checkpoint}: {result.iteration:,} iterations, "
            f"{result.stories:,} stories, {duration(result.seconds)} of training; "
            f"trained on {data_name(result.data)}")
        lines += [f"training data: {text}"
                  for text in result.data.get("differences", [])]
    test = results[0].test_data
    same = all(result.data.get("sha256") == test["sha256"] for result in results)
    part = "held-out training questions" if results[0].held_out else "questions"
    lines.append(f"tested on {sum(results[0].questions.values()):,} {part} of "
                 f"{data_name(test)}"
                 + ("" if same else ", which are not the data trained on"))
    return list(dict.fromkeys(lines))


def _summary(results):
    """Mean and standard deviation over the results, as in the table."""
    means = [mean_error(result.errors) for result in results]
    failed = [len(failed_tasks(result.errors)) for result in results]
    return {"runs": len(results),
            "errors": {task: _mean_and_deviation(
                [result.errors[task] for result in results])
                for task in results[0].errors},
            "mean_error": _mean_and_deviation(means),
            "failed_tasks": _mean_and_deviation(failed)}


def _mean_and_deviation(values):
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.fmean(values), "deviation": deviation}


def _own_column(results, title=None):
    """The column of the results at hand; by default under the checkpoint's name."""
    summary = _summary(results)
    many = len(results) > 1

    def text(value, digits=1):
        if many:
            return f"{value['mean']:.1f} +- {value['deviation']:.1f}"
        return f"{value['mean']:.{digits}f}"

    title = title or (f"{len(results)} checkpoints" if many
                      else results[0].checkpoint.split("/")[-1])
    return _Column(title,
                   {task: text(value) for task, value in summary["errors"].items()},
                   text(summary["mean_error"]), text(summary["failed_tasks"], 0))


def _published_column(column):
    """A published column."""
    def text(error, digits=1):
        if error is None:
            return ""
        if error.deviation is None:
            return max(f"{error.mean:.{digits}f}", f"{error.mean:g}", key=len)
        return f"{error.mean:.1f} +- {error.deviation:.1f}"

    return _Column(column.title,
                   {task: text(error) for task, error in column.errors.items()},
                   text(column.mean_error), text(column.failed_tasks, 0))
