"""What a user can mend: told in one line, with the way out."""


class UsageError(ValueError):
    """A wrong use of a script, or something wrong with what it was given.

    Its text is one line that says what, where and how to mend it. Each package has a
    kind of its own; scripts report all of them alike, with exit code 1.
    """
