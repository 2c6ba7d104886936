"""Tables of question errors beside the published ones: text, Markdown, JSON."""

import statistics
from pathlib import PurePath
from typing import NamedTuple

from babi.data.simulated import data_name
from babi.evaluation.published import (FAILURE_THRESHOLD, PUBLISHED_RESULTS, Column,
                                       MeanError)
from babi.evaluation.scoring import failed_tasks, mean_error
from babi.program.progress import duration
from babi.stories.tasks import TASK_TITLES, task_titles

TABLE_START, TABLE_END = "<!-- results -->", "<!-- end of results -->"
_HEADING = "Question error in % (of words, where it says so)"


class Result(NamedTuple):
    """One checkpoint's result on the test questions.

    Attributes:
      checkpoint: its folder, by a name that no other has, and its own, such as
        model/model.ckpt-100.
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


def table_rows(results, separate=False):
    """The table of results as rows of texts, the first one the heading.

    Args:
      results: list of `Result`; of several, the mean and standard deviation.
      separate: a column for each instead, under the name of its folder, or of the
        checkpoint where a folder has several.
    """
    titles = task_titles(results[0].test_data)
    tasks = sorted(results[0].errors)
    whole = len(tasks) == len(titles)
    part = "" if whole else f" of {len(tasks)} tasks"
    published = PUBLISHED_RESULTS.values() if titles is TASK_TITLES else ()
    if not whole:  # the published means are those of all tasks
        published = [column._replace(mean_error=None, failed_tasks=None)
                     for column in published]
    columns = [*(map(_column, zip(results), _names(results)) if separate
                 else [_column(results)]), *published]
    return [
        ["task", *(column.title for column in columns)],
        *([f"{task} {titles[task]}",
           *(_text(column.errors.get(task)) for column in columns)] for task in tasks),
        [f"mean error{part}", *(_text(column.mean_error) for column in columns)],
        [f"failed{part or ' tasks'} (> {FAILURE_THRESHOLD:g}%)",
         *(_text(column.failed_tasks, 0) for column in columns)]]


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
    errors, mean, failed = _summary(results)
    return {
        "results": [
            result._asdict() | {
                "mean_error": mean_error(result.errors),
                "failed_tasks": list(failed_tasks(result.errors))}
            for result in results],
        "summary": {
            "runs": len(results),
            "errors": {task: error._asdict() for task, error in errors.items()},
            "mean_error": mean._asdict(), "failed_tasks": failed._asdict()}}


def remarks(results):
    """Lines that say what a table's numbers are of."""
    lines, differences = [], {}
    for result, name in zip(results, _names(results)):
        lines.append(
            f"{result.checkpoint}: {result.iteration:,} iterations, "
            f"{result.stories:,} stories, {duration(result.seconds)} of training; "
            f"trained on {data_name(result.data)}")
        for text in result.data.get("differences", []):
            differences.setdefault(text, []).append(name)
    lines += [f"training data of {', '.join(names)}: {text}"
              for text, names in differences.items()]
    test = results[0].test_data
    others = [result.checkpoint for result in results
              if test["sha256"] not in {data.get("sha256") for data in (
                  result.data, *result.data.get("starts", ()))}]
    part = "held-out training questions" if results[0].held_out else "questions"
    lines.append(f"tested on {sum(results[0].questions.values()):,} {part} of "
                 + _tested_on(test, others, results[0].held_out))
    return lines


def _names(results):
    """The folder of each checkpoint, or of those with one folder all of the name."""
    folders = [result.checkpoint.rpartition("/")[0] or result.checkpoint
               for result in results]
    return [folder if folders.count(folder) == 1 else result.checkpoint
            for folder, result in zip(folders, results)]


def _tested_on(test, others, held_out):
    """Names the data of a test, and the models in `others`, trained on other data."""
    if test.get("test_stories") and not held_out:
        return f"{PurePath(test['test_stories']).name}, test stories of one's own"
    return data_name(test) + "".join(
        f", other data than {name} was trained on" for name in others)


def _summary(results):
    """({task: error}, mean error, failed tasks) over the results, each `MeanError`."""
    def over_results(values):
        values = list(values)
        return MeanError(statistics.fmean(values),
                         statistics.stdev(values) if len(values) > 1 else None)

    return ({task: over_results(result.errors[task] for result in results)
             for task in results[0].errors},
            over_results(mean_error(result.errors) for result in results),
            over_results(len(failed_tasks(result.errors)) for result in results))


def _column(results, title=None):
    """The `Column` of the results at hand; by default under the checkpoint's name."""
    def rounded(error):
        return error._replace(mean=round(error.mean, 1))

    errors, mean, failed = _summary(results)
    name = (f"{len(results)} checkpoints" if len(results) > 1
            else results[0].checkpoint.split("/")[-1])
    return Column(title or name,
                  {task: rounded(error) for task, error in errors.items()},
                  rounded(mean), rounded(failed))


def _text(error, digits=1):
    """A `MeanError` as it stands in the table; of a published one all its digits."""
    if error is None:
        return ""
    if error.deviation is None:
        return max(f"{error.mean:.{digits}f}", f"{error.mean:g}", key=len)
    return f"{error.mean:.1f} +- {error.deviation:.1f}"
