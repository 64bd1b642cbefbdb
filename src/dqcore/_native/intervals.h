/* Whether any of a key's intervals holds a time. Both ends of an interval are included. */
#ifndef DQ_INTERVALS_H
#define DQ_INTERVALS_H
#include "dq.h"

enum { DQ_NOT_FOUND = 1, DQ_BEFORE = 2, DQ_AFTER = 3 };

/* Key k has the intervals starts[k] to starts[k + 1] - 1, in the order of their lows. Each high becomes the greatest
 * of its key so far: then some interval up to there holds a time exactly if the last such high is not before it. */
static void dq_reach(const int64_t *starts, int64_t n_keys, int64_t *highs) {
  for (int64_t k = 0; k < n_keys; k++)
    for (int64_t e = starts[k] + 1; e < starts[k + 1]; e++)
      if (highs[e] < highs[e - 1]) highs[e] = highs[e - 1];
}

/* keys[i] is -1 where the key is not known; rows that are not valid are skips. */
static void dq_hold(const int64_t *keys, const uint8_t *valid, const int64_t *times, int64_t n, const int64_t *starts,
                    const int64_t *lows, const int64_t *reach, uint8_t *codes) {
  for (int64_t i = 0; i < n; i++) {
    if (!valid[i]) { codes[i] = DQ_SKIP; continue; }
    if (keys[i] < 0) { codes[i] = DQ_NOT_FOUND; continue; }
    int64_t first = starts[keys[i]], from = first, to = starts[keys[i] + 1];
    while (from < to) {
      int64_t middle = from + (to - from) / 2;
      if (lows[middle] <= times[i]) from = middle + 1;
      else to = middle;
    }
    codes[i] = (uint8_t)(from == first ? DQ_BEFORE : reach[from - 1] < times[i] ? DQ_AFTER : DQ_PASS);
  }
}
#endif
