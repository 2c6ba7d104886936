"""What the memory did: pictures, pages, TensorBoard.

In: a trained model and a story. Out: what each head wrote and read, step by step. Read
`reading` (one story through the network), `conversation` (typed stories), `pictures`,
`page` and `confusion` (how it is drawn, with letters of `fonts`); what serves the page
(`minds`: the checkpoints it can ask, `service`: requests to answers, `server`: HTTP);
then what training writes for TensorBoard (`events`, `visualise`), and the programs
`python3 -m babi.inspection.board` (`make viz`), `graph` and `curve`.
"""
