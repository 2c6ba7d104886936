"""What a DNC may do otherwise than the paper: an entry for each variant.

See the docstring of the package for how another one is added.
"""

from typing import NamedTuple


class Variants(NamedTuple):
    """The variants of the memory, each an argument of `dnc.DNCCell`.

    Attributes:
      temporal_links: False leaves out link matrix L, precedence p and read modes pi:
        each read is a content look-up alone, w^r_t = C(M_t, k^r, beta^r), and nothing
        is of size N x N (Franke et al. 2018).
    """

    temporal_links: bool = True


# None of them: the DNC of Graves et al. (2016).
PAPER = Variants()


def present(fields):
    """{name: value} of the fields of a named tuple that are not None."""
    return {name: value for name, value in fields._asdict().items()
            if value is not None}
