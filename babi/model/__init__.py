"""The question answerer, and what a run's directory keeps of it.

In: settings and the words. Out: logits for each step of a row (`answerer`), their
`loss`, answers to a text's questions (`answers`), and again from a checkpoint all that
belongs to it (`trained`, or by a name `published`). On disk a run is `record`
(config.json), `checkpoints` (complete or absent) and, in each of these, `run_state`
(where the data stood, what was counted). `registration` lets Keras load a `.keras`
file, `serving` writes a SavedModel that takes text.
"""
