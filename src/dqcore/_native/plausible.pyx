"""Plausible: values against the limits of their analytes. See plausible.h."""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t

from .buffers cimport readable, writable


cdef extern from "plausible.h" nogil:
    enum:
        DQ_NO_BOUND
        DQ_LESS
        DQ_LESS_EQUAL
        DQ_GREATER
        DQ_GREATER_EQUAL
        DQ_NO_COMPARATOR

    ctypedef struct dq_limit_set:
        int32_t edges
        int32_t n_edges
        int64_t cells

    ctypedef struct dq_cell:
        double fail_low

    ctypedef struct dq_plausible:
        const dq_limit_set* sets
        const double* edges
        const dq_cell* cells
        int64_t n
        const double* values
        const int32_t* of_rows
        const int32_t* sexes
        const double* ages
        const uint8_t* comparators
        int32_t unknown_sex
        uint8_t low
        uint8_t high
        uint8_t not_a_number

    void dq_judge_limits(const dq_plausible* p, uint8_t* codes)


COMPARATORS = {"": DQ_NO_BOUND, "=": DQ_NO_BOUND, "<": DQ_LESS, "<=": DQ_LESS_EQUAL, "\u2264": DQ_LESS_EQUAL,
               ">": DQ_GREATER, ">=": DQ_GREATER_EQUAL, "\u2265": DQ_GREATER_EQUAL}
NO_COMPARATOR = DQ_NO_COMPARATOR

SET = np.dtype([("edges", np.int32), ("n_edges", np.int32), ("cells", np.int64)])


cdef class Sets:
    """The limits of analytes, by number: of each where its ages stand among `edges` and its cells among `cells`, shape
    (cells, 4), one a sex and band; `sexes` is how many sexes they tell apart, of which the last is the one that is not
    known. `codes` are those of too low, too high and no number."""

    cdef object sets
    cdef object edges
    cdef object cells
    cdef dq_plausible p

    def __cinit__(self, sets, edges, cells, int32_t sexes, codes):
        sets, edges = np.ascontiguousarray(sets, SET), np.ascontiguousarray(edges, np.float64)
        cells = np.ascontiguousarray(cells, np.float64)
        for edge, n_edges, cell in sets.tolist():
            if edge < 0 or n_edges < 0 or cell < 0 or edge + n_edges > len(edges):
                raise ValueError("a set's ages are not among the edges")
            if cell + sexes * (n_edges + 2) > len(cells):
                raise ValueError("a set's cells are not among the cells")
        if sexes < 1 or cells.shape[1:] != (4,):
            raise ValueError("limits without cells")
        self.sets, self.edges, self.cells = sets, edges, cells
        self.p.sets = <const dq_limit_set*>readable(sets, 16 * len(sets))
        self.p.edges = <const double*>readable(edges, 8 * len(edges))
        self.p.cells = <const dq_cell*>readable(cells, 32 * len(cells))
        self.p.unknown_sex = sexes - 1
        self.p.low, self.p.high, self.p.not_a_number = codes

    def judge(self, values, of_rows, sexes, ages, comparators, codes):
        """Over the codes of rows that passed: too low, too high, no number, or a skip where it cannot be told. `of_rows`
        has the number of each row's set (int32); sexes (int32), ages (float64, NaN: not known) and comparators (uint8) may
        be None."""
        cdef dq_plausible p = self.p
        p.n = len(codes)
        p.values = <const double*>readable(values, 8 * p.n)
        p.of_rows = <const int32_t*>readable(of_rows, 4 * p.n)
        p.sexes = NULL if sexes is None else <const int32_t*>readable(sexes, 4 * p.n)
        p.ages = NULL if ages is None else <const double*>readable(ages, 8 * p.n)
        p.comparators = NULL if comparators is None else <const uint8_t*>readable(comparators, p.n)
        cdef uint8_t* c = <uint8_t*>writable(codes, p.n)
        with nogil:
            dq_judge_limits(&p, c)
