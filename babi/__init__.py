"""The bAbI question-answering experiment of the DNC paper."""
