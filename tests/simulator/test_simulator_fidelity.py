"""Generated stories beside the official ones; the solver on the official ones.

What reads the official files skips where ../shared/babi is not there.
"""

import pathlib
import re
import subprocess
import sys

import pytest

from babi.simulator import TASKS, Options, fidelity, generate_story
from babi.stories.download import open_source
from babi.stories.story import Line, Story, parse_stories
from solver import check_text

DATA = pathlib.Path(__file__).parents[3] / "shared" / "babi"

# A distance may exceed what chance gives in 99 % of cases by so much. The rules of
# the official generator were worked out from its stories, and not all to the last
# per cent: the gifts of task 5 (shares of sentence kinds, 0.002 above the noise), and a
# second block of facts in 1.7 % of the stories of task 18 (0.01 above).
TOLERANCE = 0.015

# Questions whose official answer is not the only one: "What did Bill give to Mary?"
# is answered with an earlier gift than the last.
AMBIGUOUS = {
    (5, "test"): {"story 63 line 27", "story 186 line 22"},
    (5, "train"): {
        "story 8 line 14", "story 209 line 17", "story 345 line 23",
        "story 386 line 43", "story 529 line 36", "story 534 line 29",
        "story 561 line 29", "story 607 line 37", "story 694 line 24",
        "story 1031 line 26", "story 1079 line 27", "story 1196 line 43",
        "story 1325 line 23", "story 1423 line 35", "story 1446 line 31",
        "story 1509 line 15", "story 1909 line 13", "story 1986 line 28"},
}


@pytest.fixture(scope="module")
def official():
    """The official files: a babi.stories.source.DataSource."""
    if not DATA.exists():
        pytest.skip(f"no official stories in {DATA}")
    return open_source(DATA)


def generated(task, count, **arguments):
    return [generate_story(task, 1, index, **arguments) for index in range(count)]


# ------------------------------------------------------- the solver on real stories

def check_file(official, task, split, max_lines=None):
    text = official.files[task, split].data.decode()
    if max_lines is not None:
        text = "".join(text.splitlines(keepends=True)[:max_lines])
    verdicts = list(check_text(task, text))
    wrong = {verdict.place for verdict in verdicts
             if not (verdict.answer_agrees and verdict.support_agrees)}
    known = AMBIGUOUS.get((task, split), set())
    solved = {verdict.place for verdict in verdicts}
    assert wrong == known & solved
    return len(verdicts)


@pytest.mark.parametrize("task", TASKS)
def test_solver_agrees_with_official_answers_and_support(official, task):
    assert check_file(official, task, "test") == 1000
    assert check_file(official, task, "train", max_lines=2000) > 60


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_solver_agrees_with_all_official_training_answers(official, task):
    whole = not any(f"qa{task}_" in line for line in official.differences())
    assert check_file(official, task, "train") == 10_000 or not whole


# ------------------------------------------------------------------- the real words

@pytest.fixture(scope="module")
def samples(official):
    """{task: (official stories, as many generated stories)}, 400 stories at most."""
    def head(task, num_bytes=400_000):
        data = official.files[task, "train"].data[:num_bytes]
        return parse_stories(data[:data.rfind(b"\n1 ") + 1], "official", task)[:400]
    real = {task: head(task) for task in TASKS}
    return {task: (stories, generated(task, len(stories)))
            for task, stories in real.items()}


@pytest.mark.parametrize("task", TASKS)
def test_vocabulary_is_the_official_one(samples, task):
    real, simulated = (set(re.findall(r"\w+", " ".join(
        f"{line.text} {line.answer or ''}" for story in stories
        for line in story.lines))) for stories in samples[task])
    assert real == simulated


@pytest.mark.parametrize("task", TASKS)
def test_templates_are_the_official_ones(samples, task):
    real, simulated = ({fidelity.template(line.text) for story in stories
                        for line in story.lines} for stories in samples[task])
    assert real == simulated


# --------------------------------------------------------------------- distributions

def check_distances(comparisons):
    assert len(comparisons) == len(fidelity.FEATURES)
    far = [row for row in comparisons if row.distance > row.noise + TOLERANCE]
    assert not far


@pytest.mark.parametrize("task", TASKS)
def test_distributions_are_close_to_the_official_ones(samples, task):
    check_distances(fidelity.compare(*samples[task]))


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_distributions_are_close_in_many_stories(official, task):
    check_distances(fidelity.compare(
        *fidelity.real_and_simulated(official, task, num_stories=2000, seed=0)))


@pytest.mark.parametrize("task,options,feature", [
    (2, dict(length_factor=2), "sentences"),
    (5, dict(num_objects=1), "answers"),
    (9, dict(num_actors=2), "support distance"),
    (15, dict(questions_per_story=5), "questions"),
    (8, dict(num_actors=2), "support lines"),
])
def test_other_distributions_are_found(task, options, feature):
    """So closeness means something; both sides are generated here."""
    rows = {row.feature: row for row in fidelity.compare(
        generated(task, 300), generated(task, 300, options=Options(**options)))}
    assert rows[feature].distance > rows[feature].noise + TOLERANCE


def test_two_samples_of_one_generator_are_within_the_noise():
    for task in (1, 6, 20):
        one, two = ([generate_story(task, seed, index) for index in range(300)]
                    for seed in (1, 2))
        for row in fidelity.compare(one, two):
            assert row.distance <= row.noise + 0.01


def story(answers, statements=1):
    return Story(1, (Line("Mary got the milk."),) * statements + tuple(
        Line("Who?", answer, (1,)) for answer in answers))


def test_distances_of_known_distributions():
    # Answers a 3/4, b 1/4 against a 1/4, b 1/4, c 1/2: half of |1/2| + 0 + |1/2|.
    rows = {row.feature: row for row in fidelity.compare(
        [story("aab"), story("a", 5)], [story("abcc"), story("abcc", 3)])}
    assert rows["answers"].distance == pytest.approx(0.5)
    # Sentences 1, 5 against 1, 3: shares up to 3 are 1/2 and 1.
    assert rows["sentences"].distance == pytest.approx(0.5)
    assert rows["sentences"].real_mean == 3
    assert rows["sentences"].simulated_mean == 2
    assert rows["support lines"].distance == 0
    assert rows["answers"].real_mean is None


def test_template_replaces_names_by_kinds():
    for sentence, template in {
        "Mary and John went back to the office.":
            "PERSON and PERSON went back to the PLACE.",
        "What is gertrude afraid of?": "What is PERSON afraid of?",
        "Wolves are afraid of mice.": "ANIMALS are afraid of ANIMALS.",
        "The red square is above the pink rectangle.": "The SHAPE is above the SHAPE.",
        "Does the box fit in the box of chocolates?":
            "Does the SIZED fit in the SIZED?",
        "Sumit got the pajamas there.": "PERSON got the THING there.",
    }.items():
        assert fidelity.template(sentence) == template


def test_table_marks_what_is_above_the_noise():
    row = fidelity.Comparison(3, "answers", None, None, 0.05, 0.02)
    assert re.fullmatch(r" +3  answers +0\.0500 +0\.0200 \*", fidelity.table_row(row))
    close = fidelity.table_row(row._replace(distance=0.01, real_mean=2.0))
    assert close.endswith("0.0200") and "2.00" in close


# --------------------------------------------------------------------------- command

def run(*arguments):
    return subprocess.run([sys.executable, "-m", "babi.simulator.fidelity", *arguments],
                          cwd=pathlib.Path(__file__).parents[2],
                          capture_output=True, text=True, timeout=300)


def test_the_command_prints_the_table(official):
    done = run(f"--data_dir={DATA}", "--tasks=4,20", "--num_stories=50")
    assert done.returncode == 0, done.stderr
    header, *rows = done.stdout.splitlines()
    assert header == fidelity.HEADER
    real, simulated = fidelity.real_and_simulated(official, 20, 50, seed=0)
    assert len(real) == len(simulated) == 50
    assert rows[len(fidelity.FEATURES):] == [
        fidelity.table_row(row) for row in fidelity.compare(real, simulated)]


@pytest.mark.parametrize("flags,words", [
    (["--data_dir=/nowhere"], "/nowhere: no such folder"),
    (["--tasks=0"], "tasks: '0' is outside 1 to 20"),
    (["--num_stories=1"], "--num_stories"),
])
def test_wrong_flags_are_one_line(flags, words):
    done = run(*flags)
    assert done.returncode == 1
    assert words in done.stderr and len(done.stderr.strip().splitlines()) == 1
