"""Speed and memory of the DNC beside other ways to run one.

In: contestants and sizes. Out: a table, a plot, and whether something became slower.
`bench` is the program; read on with `contestants` (who, at which sizes), `measure`
(they take turns, each in a process of its own, `worker`), `results` (the file of what
was measured), `report` and `picture`, and `first_call` (a small first script). Two
programs of their own are `variants`, what each variant of the DNC learns, and `models`,
what each further model in a process costs.
"""
