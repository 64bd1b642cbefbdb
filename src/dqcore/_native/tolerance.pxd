"""How near two values must be to be the same. See tolerance.h."""

from libc.stdint cimport uint64_t


cdef extern from "tolerance.h" nogil:
    ctypedef struct dq_wide:
        uint64_t limb[4]

    ctypedef struct dq_tolerance:
        int relative
        uint64_t whole
        uint64_t num
        uint64_t den
        double most
        double roundoff
        dq_wide wide


cdef inline dq_tolerance make_tolerance(object given) except *:
    """From (whether it is a share of the value that stands, a Fraction, half a unit in the last place as a share)."""
    cdef dq_tolerance tolerance
    relative, exact, roundoff = given
    whole = exact.numerator // exact.denominator
    tolerance.relative = relative
    tolerance.whole = min(whole, 2**64 - 1)
    tolerance.num = exact.numerator if relative else 0
    tolerance.den = exact.denominator if relative else 1
    tolerance.most = float(exact) if exact < 2**1023 else float("inf")
    tolerance.roundoff = roundoff
    held = min(whole, 2**256 - 1)
    for k in range(4):
        tolerance.wide.limb[k] = (held >> (64 * k)) & (2**64 - 1)
    return tolerance
