"""What experiments share that are learnt lesson by lesson: graphs and block puzzle.

Read `network.py` (a model that knows where its training stands), `epochs.py` (batches
from lessons) and `curriculum.py` (training through them, resumable at any moment); then
`program.py`, which puts an experiment behind a script's options, and `pictures.py`.

A lesson can `draw(rng)` an episode, and says what its memory and rows are like. A plan
is a named tuple of the settings of a network and its training, with

  lessons, updates            the lessons, updates between two evaluations
  build(slots)                the network with its first weights, a `network.Standing`
  compile(model, lesson)      optimizer and loss
  shape(lesson)               what wants another model when it changes
  epoch(lesson, seed)         an `epochs.Epoch`
  examine(model, lesson, rng, count)    {name: share} of new episodes
  is_complete(lesson, shares) whether the lesson is

as `examples.graphs.training.Plan` and `examples.shrdlu.course.BlockPlan` have them.
"""
