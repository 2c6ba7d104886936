"""Answers -> question errors -> tables.

In: a model and a stream of stories. Out: how many questions of each task were answered
wrongly. Read `evaluator` (asks all questions), `scoring` (counts), `published` (what
others reached) and `results` (tables beside theirs).
"""
