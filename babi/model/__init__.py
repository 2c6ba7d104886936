"""The question answerer, and what a run's directory keeps of it.

In: settings and the size of the vocabulary. Out: logits for each step of a row
(`answerer`), and again from a checkpoint all that belongs to it (`trained`). On disk a
run is `record` (config.json), `checkpoints` (complete or absent) and, in each of these,
`run_state` (where the data stood, what was counted).
"""
