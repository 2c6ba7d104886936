"""Writes generated stories as files in the official layout of the bAbI tasks.

    python3 -m babi.simulator --output_dir=simulated --seed=0

gives simulated/tasks_1-20_v1-2/en-10k/qa1_single-supporting-fact_train.txt and so on.
No story occurs in both the training and the test files, with whatever seeds.
"""

import dataclasses
import functools

from absl import flags

from babi.program import scripts
from babi.program.errors import UsageError
from babi.simulator.options import Options
from babi.simulator.output import write_files
from babi.stories.source import DEFAULT_VARIANT, FULL_VARIANTS
from babi.stories.tasks import TEST_QUESTIONS, parse_tasks

FLAGS = flags.FLAGS


def _define_flags():
    flags.DEFINE_string("output_dir", None, "directory to write to", required=True)
    flags.DEFINE_string("tasks", "all", "which tasks, such as 1,2,19 or 1-5 or all")
    flags.DEFINE_integer("num_questions", 10_000, "questions in each training file",
                         lower_bound=1)
    flags.DEFINE_integer("num_test_questions", TEST_QUESTIONS,
                         "questions in each test file", lower_bound=1)
    flags.DEFINE_integer("seed", 0, "seed of the stories", lower_bound=0)
    flags.DEFINE_string("variant", DEFAULT_VARIANT, "name of the folder with the files")
    for field in dataclasses.fields(Options):
        flags.DEFINE_integer(field.name, None, Options.description(field.name))


def main():
    """Writes the files that the flags ask for."""
    try:
        tasks = parse_tasks(FLAGS.tasks)
        tested, variant = FLAGS.num_test_questions, FLAGS.variant
        if tested != TEST_QUESTIONS and variant in FULL_VARIANTS:
            raise UsageError(f"--num_test_questions={tested}: {variant} has "
                             f"{TEST_QUESTIONS:,}; give the folder another name with "
                             f"--variant, or leave it out")
        options = Options(**{field.name: FLAGS[field.name].value
                             for field in dataclasses.fields(Options)})
        num_questions = {"train": FLAGS.num_questions, "test": tested}
        total = len(tasks) * sum(num_questions.values())
        folder = write_files(FLAGS.output_dir, tasks, num_questions, FLAGS.seed,
                             options, variant,
                             lambda questions: _progress_bar(total).add(questions))
    except ValueError as fault:
        raise UsageError(fault) from None
    except OSError as fault:
        raise UsageError(f"{fault.filename or FLAGS.output_dir}: {fault.strerror}; "
                         f"give another --output_dir") from None
    print(f"{len(tasks)} tasks written to {folder}")


@functools.cache
def _progress_bar(num_questions):
    """A keras.utils.Progbar over all questions, made when there is progress."""
    scripts.start_tensorflow()  # here, since it takes seconds
    from keras.utils import Progbar
    return Progbar(num_questions, unit_name="question", interval=0.5)


if __name__ == "__main__":
    _define_flags()
    scripts.run(main)
