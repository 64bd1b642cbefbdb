/* Units: a line a kind of row, applied to the rows. */
#ifndef DQ_UNITS_H
#define DQ_UNITS_H
#include "dq.h"

/* out = value * scale + offset, rounded after each step: an offset of 0 is left out, so that -0.0 stays -0.0.
 * The build says -ffp-contract=off, or a machine with fused multiply-add would round once and answer otherwise. */
DQ_INLINE double dq_line(double value, double scale, double offset) {
  double scaled = value * scale;
  return offset != 0 ? scaled + offset : scaled;
}

/* Rows name their line by `pair`; a pair outside 0..n_pairs-1 is a missing unit. A row without a value or an analyte
 * (`present` 0) is skipped. `codes` of the lines are 0 or a reason; out is 0 where a row has none. */
static void dq_convert(const int64_t *pair, const uint8_t *present, const double *value, int64_t n, const double *scale,
                       const double *offset, const uint8_t *reason, int64_t n_pairs, uint8_t missing, uint8_t *codes,
                       double *out) {
  for (int64_t i = 0; i < n; i++) {
    int64_t p = pair[i];
    int known = p >= 0 && p < n_pairs;
    uint8_t code = (uint8_t)(!present[i] ? DQ_SKIP : known ? reason[p] : missing);
    codes[i] = code;
    out[i] = code == DQ_PASS ? dq_line(value[i], scale[p], offset[p]) : 0;
  }
}
#endif
