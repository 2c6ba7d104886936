"""Stories -> batches of numbers.

In: stories, official or simulated. Out: `batches.StoryBatch`, rows of word numbers with
their targets. Read `vocabulary` and `encoding` (words to numbers), `typed` (what people
type), `streams` (the order of training), `simulated` (streams of generated stories),
`exchange`, `retelling` and `thinning` (what may be done to stories on the way),
`batches`, and `run_data`, which puts them together as a run's settings say.
"""
