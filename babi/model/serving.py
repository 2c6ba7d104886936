"""The question answerer as a SavedModel that takes text, for TensorFlow Serving.

    tf.saved_model.load("saved_model").serve(tf.constant(["... Where is John?"]))

The graph reads text as `babi.data.typed.line_tokens` does, without its complaints; but
a letter that Unicode can write in two ways is two. It needs nothing of this repository,
and no XLA. Shapes: B texts, A words of the answers
of the text that has most of them, K likely words, V words of the vocabulary.
"""

import tensorflow as tf

from babi.model.answers import TOP_WORDS
from babi.data.vocabulary import ANSWER_MARK, QUESTION_MARK
from babi.stories.words import SIGNS

_LOCAL = "İÌÍĨĮ"  # letters whose small form hangs on the language
# (pattern, replacement), applied in turn. `(?m)` takes each line for itself.
_ASIDE = "\x01"
_SPACING = (
    (_ASIDE, "\N{REPLACEMENT CHARACTER}"),  # it is no word, and needed below
    ("\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]", "\n"),  # as `str.splitlines` has them
    *((f"[{signs}]", one) for one, signs in SIGNS.items()),
    (r"\p{Zs}", " "),
    (r"(?m)^[ \t]*\p{Nd}+[ \t]+", ""),  # the number of a line
    (r"([.?])", r" \1 "),
    (r"([\s-])-([\s-]|$)", r"\1 - \2"),  # "--" becomes "- -"; twice, as matches touch
    (r"([\s-])-([\s-]|$)", r"\1 - \2"),
    (r"(?m)([^\s.?-]-*)[ \t]*$", r"\1 ."),  # a line without a mark is a statement
    (r"\?\s+-(\s|$)", _ASIDE + r" -\1"),  # a question with its "-" is put aside ...
    (r"\?", "? -"),  # ... while the others get one
    (_ASIDE, "?"))


def save(model, folder):
    """Writes a SavedModel with one signature, `serving_default`, also called `serve`.

    Its argument is `texts`, `[B]` strings; it returns a dict of

      answers: `[B, A]`, the words of the answers, "" beyond a text's last one.
      probabilities: `[B, A]`, theirs; 0 beyond.
      questions: `[B, A]`, the number of the question that a word answers, from 0; -1
        beyond.
      likely, likely_probabilities: `[B, A, K]`, the likely words, best first.
      unknown: `[B]`, the words that the model does not know, with spaces between; such
        a text gets no answers.

    Args:
      model: `answerer.QuestionAnswerer` with words, made with `jit=False`.
      folder: the folder to write.
    """
    module = tf.Module()
    module.serve = tf.function(
        lambda texts: answer(model, texts), autograph=False,
        input_signature=[tf.TensorSpec([None], tf.string, name="texts")])
    # TensorFlow's variables, not Keras's around them, whose archive keeps both.
    module.weights = [weight.value for weight in model.weights]
    # Nobody asks a served model for gradients; saved ones bury its loading in remarks.
    tf.saved_model.save(
        module, str(folder), dict.fromkeys(("serving_default", "serve"), module.serve),
        tf.saved_model.SaveOptions(experimental_custom_gradients=False))


def answer(model, texts):
    """What the signature computes: see `save`."""
    words = tf.constant(model.words)
    tokens = tokenize(texts)
    padded = tokens.to_tensor("")
    mask = tf.sequence_mask(tokens.row_lengths(), tf.shape(padded)[1])
    matches = padded[:, :, tf.newaxis] == words
    known = tf.reduce_any(matches, axis=-1)
    strange = tf.ragged.boolean_mask(padded, mask & ~known)
    good = strange.row_lengths() == 0
    ids = tf.argmax(matches, axis=-1, output_type=tf.int32)
    # One step at least: a network takes no sequence of length 0.
    ids, steps = tf.pad(ids, [[0, 0], [0, 1]]), tf.pad(mask, [[0, 0], [0, 1]])
    probabilities = tf.nn.softmax(model(ids, mask=steps, training=False))[:, :-1]
    best, order = tf.math.top_k(probabilities, min(TOP_WORDS, len(model.words)))
    due = (padded == ANSWER_MARK) & mask & good[:, tf.newaxis]
    number = tf.cumsum(tf.cast(padded == QUESTION_MARK, tf.int32), axis=1) - 1

    def chosen(tensor, beyond):
        return tf.ragged.boolean_mask(tensor, due).to_tensor(beyond)

    likely = chosen(tf.gather(words, order), "")
    shares = chosen(best, 0.0)
    return {"answers": likely[:, :, 0], "probabilities": shares[:, :, 0],
            "questions": chosen(number, -1), "likely": likely,
            "likely_probabilities": shares,
            "unknown": tf.strings.reduce_join(strange, axis=-1, separator=" ")}


def tokenize(texts):
    """Texts `[B]` -> their input words, ragged `[B, None]`.

    The second lowering is that of the machine's language, to which a Turkish one has an
    I without a dot; so nothing that languages differ in is left to it.
    """
    texts = tf.strings.lower(texts)  # the 26 letters
    for letter in _LOCAL:
        texts = tf.strings.regex_replace(texts, letter, letter.lower())
    texts = tf.strings.lower(texts, encoding="utf-8")
    for pattern, replacement in _SPACING:
        texts = tf.strings.regex_replace(texts, pattern, replacement)
    return tf.strings.split(texts)
