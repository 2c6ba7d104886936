"""A talk about a story that is typed line by line, and the replies."""

import json

from babi.data.typed import check_words, line_tokens
from babi.data.vocabulary import ANSWER_MARK
from babi.stories.story import DataError


def converse(reader, vocabulary, lines, patient, tell):
    """Reads a story line by line and tells answers to its questions as they come.

    Args:
      reader: `reading.Reader`.
      vocabulary: its `vocabulary.Vocabulary`.
      lines: the typed lines.
      patient: True asks for a line that can't be read once more.
      tell: called with the `answers.Reading` and each new `answers.Question`.

    Returns:
      The `answers.Reading` up to the last question, or None without a question.

    Raises:
      DataError: a line that can't be read, unless patient.
    """
    tokens, found = [], None
    for number, text in enumerate(lines, start=1):
        try:
            more = line_tokens(text)
            check_words(more, vocabulary, f"line {number}")
        except DataError as fault:
            if not patient:
                raise
            print(f"{fault}. Type the line again.")
            continue
        start = len(tokens)
        tokens += more
        if any(word == ANSWER_MARK for word, _ in more):
            found, = reader.read({"A typed story": tokens})
            for question in found.questions():
                if question.steps[0] >= start:
                    tell(found, question)
    return found


def describe(reading, question, paint=lambda text, *styles: text):
    """Text on a question: the question, the answer, likely words.

    Args:
      reading: `answers.Reading`.
      question: one of its `answers.Question`s.
      paint: see `terminal.painter`.
    """
    given = reading.answer(question)
    if given.right is None:
        answer = paint(given.answer, "bold")
    elif given.is_right:
        answer = paint(f"{given.answer}  (right)", "bold", "green")
    else:
        answer = paint(f"{given.answer}  (wrong, it is: {given.right})", "bold", "red")
    likely = ("    " + "  ".join(f"{word} {share:.3f}" for word, share in words)
              for words in given.likely)
    return "\n".join([f"{question.text} {answer}",
                      *(paint(line, "faint") for line in likely)])


def as_json(reading, question):
    """A question and its answer as a line of JSON, {name in `answers.Answer`: value}.

    "story" is the story's title; "likely" has for each word of the answer the likely
    ones, [[word, probability], ...].
    """
    return json.dumps({"story": reading.title, **reading.answer(question)._asdict()},
                      ensure_ascii=False)
