"""A talk about a story that is typed line by line, and the replies."""

from babi.data.typed import check_words, line_tokens
from babi.data.vocabulary import ANSWER_MARK
from babi.stories.story import DataError


def converse(reader, vocabulary, lines, patient):
    """Reads a story line by line and prints answers to its questions as they come.

    Args:
      reader: `reading.Reader`.
      vocabulary: its `vocabulary.Vocabulary`.
      lines: the typed lines.
      patient: True asks for a line that can't be read once more.

    Returns:
      The `reading.Reading` up to the last question, or None without a question.

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
                    print("\n".join(describe(found, question)))
    return found


def describe(reading, question):
    """Lines of text on a `reading.Question`: question, answer, likely words."""
    answer = " ".join(question.given)
    if question.is_right:
        answer += "  (right)"
    elif question.right is not None:
        answer += f"  (wrong, it is: {' '.join(question.right)})"
    yield f"{question.text} {answer}"
    for step in question.steps:
        yield "    " + "  ".join(f"{word} {probability:.3f}"
                                 for word, probability in reading.top[step])
