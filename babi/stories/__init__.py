"""Files of the bAbI tasks -> stories.

In: a folder, an archive or a download. Out: `story.Story`, lines of words, some with a
question and its answer. Read `story` (the text format), `tasks` (the 20 tasks),
`archive` and `source` (the files of a variant, out of an archive or a folder),
`download` (from where they are), and for stories of one's own `words`, `own_format` and
`own`.
"""
