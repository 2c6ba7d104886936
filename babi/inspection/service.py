"""What a page asks of the program: requests in, readings out, both objects of JSON."""

from babi.data.encoding import story_tokens
from babi.data.typed import check_words, given_tokens
from babi.inspection import page
from babi.program.errors import UsageError
from babi.stories.tasks import TASK_TITLES, story_title

MAX_WORDS = 2_500  # of a story: more than the longest of the tasks has
MAX_MINDS = 2


class Service:
    """Answers requests about stories.

    Args:
      minds: `minds.Minds`.
      stories: a function of a task's number that gives its `story.Story`s.
      titles: {task: title}.
      kind: a function without arguments that says which stories they are.
    """

    def __init__(self, minds, stories, titles=TASK_TITLES, kind=lambda: "test"):
        self._minds = minds
        self._titles = titles
        self._stories = stories
        self._kind = kind

    def choices(self):
        """What can be asked: the tasks, the minds, and which one or two at first."""
        minds = self._minds.listing()
        ids = {mind.prefix: mind.id for mind in minds}
        first = ids.get(self._minds.default, minds[-1].id if minds else "")
        return {"tasks": list(self._titles.items()), "mind": first,
                "beside": ids.get(self._minds.beside, ""),
                "minds": [{"id": mind.id, "name": mind.name} for mind in minds]}

    def answer(self, request):
        """Lets minds read a story.

        Args:
          request: {"minds": [id, ...]} and either "text", the story as typed, or "task"
            and "index", which story of the tests.

        Returns:
          {"readings": [`page.content`, one of each mind], "text": the story as it would
          be typed}, and with a task "stories", how many it has.

        Raises:
          UsageError: one sentence on what is wrong with the request.
        """
        ids = _given(request, "minds", list)
        if not 1 <= len(ids) <= MAX_MINDS or not all(type(one) is str for one in ids):
            raise UsageError(f"\"minds\" names one checkpoint or {MAX_MINDS}")
        title, tokens, about = self._story(request)
        readings = []
        for side, mind in enumerate(map(self._minds.find, ids)):
            reader, vocabulary = self._minds.reader(mind, side)
            check_words(tokens, vocabulary, mind.name if len(ids) > 1 else "The story")
            reading, = reader.read({title: tokens})
            readings.append(page.content(reading, mind.name))
        return about | {"readings": readings}

    def _story(self, request):
        """(title, tokens, what is told of it) of the story in a request."""
        if "text" in request:
            text = _given(request, "text", str)
            return ("A typed story", given_tokens(text, "story", None, MAX_WORDS),
                    {"text": text})
        task, index = (_given(request, name, int) for name in ("task", "index"))
        if task not in self._titles:
            raise UsageError(f"there is no task {task}; tasks are 1 to "
                             f"{len(self._titles)}")
        stories = self._stories(task)
        if not 0 <= index < len(stories):
            raise UsageError(f"task {task} has {len(stories)} stories, so give 0 to "
                             f"{len(stories) - 1}, not {index}")
        story = stories[index]
        return (story_title(task, self._titles[task], self._kind(), index),
                story_tokens(story),
                {"text": "\n".join(_as_typed(number, line) for number, line
                                   in enumerate(story.lines, start=1)),
                 "stories": len(stories)})


def _as_typed(number, line):
    """A `story.Line` as one types it, with a `-` for each word of a longer answer.

    Its own number stands before it only where another would be taken for that.
    """
    words = 0 if line.answer is None else line.answer.count(",") + 1
    text = line.text + " -" * (words if words > 1 else 0)
    return f"{number} {text}" if text[:1].isdigit() else text


def _given(request, name, kind):
    """The value of a request's key, which must be of a type.

    Raises:
      UsageError: it is not there, or something else.
    """
    value = request.get(name) if isinstance(request, dict) else None
    if type(value) is not kind:
        raise UsageError(f"a request is an object with {name!r}, of type "
                         f"{kind.__name__}")
    return value
