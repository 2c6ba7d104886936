"""Stories of few words, and small models that read them."""

from babi.data.vocabulary import Vocabulary
from babi.model.answerer import QuestionAnswerer
from helpers import randomize

N, W, R = 6, 3, 2
VOCABULARY = Vocabulary.from_words(
    ["mary", "john", "went", "to", "the", "kitchen", "garden", "where", "is"])


def sentence(*words):
    return [(word, None) for word in words]


def question(name, *answer):
    return [*sentence("where", "is", name, "?"), *(("-", word) for word in answer)]


SHORT = [*sentence("mary", "went", "to", "the", "kitchen", "."),
         *question("mary", "kitchen"),
         *sentence("john", "went", "to", "the", "garden", "."),
         *question("john", "the", "garden")]
UNANSWERED = [*SHORT[:6], *question("mary", None)]


def make_model(rng, H=1, **variants):
    model = QuestionAnswerer(
        len(VOCABULARY), controller_units=5, memory_size=N, word_size=W,
        num_read_heads=R, num_write_heads=H, jit=False, **variants)
    model.build()
    randomize(model, rng, 1.5)
    return model
