"""How a story is written down: its lines, and when questions are asked."""

from babi.simulator.chance import Chance
from babi.simulator.task import Setting
from babi.stories.story import Line


class Script:
    """The lines of a story, as they are written."""

    def __init__(self):
        self.lines: list[Line] = []
        self.num_questions = 0

    @property
    def next_line(self) -> int:
        """Number of the line that is written next, from 1."""
        return len(self.lines) + 1

    def tell(self, sentence: str) -> int:
        """Writes a statement and returns its line number."""
        self.lines.append(Line(sentence))
        return len(self.lines)

    def ask(self, question: str, answer: str, support) -> None:
        """Writes a question; `support` are line numbers."""
        self.lines.append(Line(question, answer, tuple(support)))
        self.num_questions += 1


class PacedStory:
    """A story whose questions follow what was told last.

    Sentences come in pairs. After each pair (or `length_factor` pairs) the latest
    clauses, `question_window` of them, are looked at. One is drawn among those that
    can carry a question, and the question is asked; if none can, the story goes on.

    A task is a subclass that says what a sentence is, which clauses can carry a
    question, and how it is asked. A clause is one person doing one thing: a sentence
    about two people has two.
    """

    def __init__(self, chance: Chance, setting: Setting):
        self.chance = chance
        self.setting = setting
        self.script = Script()
        self.clauses = []

    @classmethod
    def lines(cls, chance: Chance, setting: Setting) -> list[Line]:
        """Writes a story and returns its lines."""
        story = cls(chance, setting)
        while story.script.num_questions < setting.num_questions:
            for _ in range(setting.length_factor):
                story.tell_pair()
            window = story.clauses[-setting.question_window:]
            found = [evidence for evidence in map(story.evidence, window) if evidence]
            if found:
                story.ask(chance.pick(found))
        return story.script.lines

    def tell_pair(self) -> None:
        """Writes two sentences."""
        self.tell_sentence()
        self.tell_sentence()

    def tell_sentence(self) -> None:
        """Lets something happen, writes it down and adds its clauses."""
        raise NotImplementedError

    def evidence(self, clause):
        """What answers the question which this clause can carry.

        Returns:
          What `ask` needs, not empty, or None if the clause can carry no question.
        """
        raise NotImplementedError

    def ask(self, evidence) -> None:
        """Writes a question that the evidence answers."""
        raise NotImplementedError
