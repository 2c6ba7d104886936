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
      tell: called with the `answers.Reading` and each new `answers.Answer`.

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
            for answer in found.answers():
                if answer.steps[0] >= start:
                    tell(found, answer)
    return found


def describe(answer, paint=lambda text, *styles: text):
    """Text on a question: the question, the answer, likely words.

    Args:
      answer: `answers.Answer`.
      paint: see `terminal.painter`.
    """
    if answer.right is None:
        given = paint(answer.answer, "bold")
    elif answer.is_right:
        given = paint(f"{answer.answer}  (right)", "bold", "green")
    else:
        given = paint(f"{answer.answer}  (wrong, it is: {answer.right})", "bold", "red")
    likely = ("    " + "  ".join(f"{word} {share:.3f}" for word, share in words)
              for words in answer.likely)
    return "\n".join([f"{answer.question} {given}",
                      *(paint(line, "faint") for line in likely)])


def as_json(title, answer):
    """An `answers.Answer` as a line of JSON, {its field: value} with "story", a title.

    "likely" has for each word of the answer the likely ones, [[word, probability],
    ...].
    """
    return json.dumps({"story": title, **answer._asdict()}, ensure_ascii=False)
