"""What a DNC may do otherwise than the paper: an entry for each variant.

Symbols: M memory `[N, W]`, k key, beta strength, w^w and w^r write and read weighting,
psi retention, e erase vector, v write vector, L link matrix, p precedence, b and f
backward and forward weighting. See the docstring of the package for how another one is
added.
"""

from typing import NamedTuple


class Variants(NamedTuple):
    """The variants of the memory, each an argument of `dnc.DNCCell`.

    Attributes:
      masked_content: each look-up has a mask m = sigmoid(m^), a number for each word
        position, and compares k * m with M[i] * m:
        C(M, k, beta, m)[i] = softmax_i(beta cos(k * m, M[i] * m)); (R + H) W more
        interface entries (Csordas and Schmidhuber 2019).
      deallocation: what is freed is also forgotten:
        M_t = M_{t-1} * psi_t 1^T * (1 - w e^T) + w v^T (Csordas and Schmidhuber 2019).
      sharpened_links: forward and backward weightings d become (d / max d)^s / sum,
        with s = oneplus of 2 R H more interface entries, one for each: see
        `dnc.addressing.sharpened` (Csordas and Schmidhuber 2019).
      temporal_links: False leaves out link matrix L, precedence p and read modes pi:
        each read is a content look-up alone, w^r_t = C(M_t, k^r, beta^r), and no state
        is of size N x N (Franke et al. 2018).
    """

    masked_content: bool = False
    deallocation: bool = False
    sharpened_links: bool = False
    temporal_links: bool = True

    def check(self):
        """Returns these variants; ValueError if they do not go together."""
        if self.sharpened_links and not self.temporal_links:
            raise ValueError(
                "sharpened_links sharpens the weightings along the temporal links, and "
                "with temporal_links=False there are none; leave out one of the two")
        return self


# None of them: the DNC of Graves et al. (2016).
PAPER = Variants()


def present(fields):
    """{name: value} of the fields of a named tuple that are not None."""
    return {name: value for name, value in fields._asdict().items()
            if value is not None}
