/* Stamps: the two times of a row, brought together by device, within a morsel and then over all of them, and sorted. */
#ifndef DQ_STAMPS_H
#define DQ_STAMPS_H
#include "dq.h"

typedef struct {
  int64_t reference, observed;
} dq_stamp;

/* The stamps of one device within one morsel, in the order of rows. */
typedef struct {
  const dq_stamp *stamps;
  int64_t n;
} dq_run;

/* Brings the rows of a morsel together by device: device g has stamps[starts[g]] to stamps[starts[g + 1]], and its first
 * row is firsts[g]. `starts` is of zeros. Rows whose id is -1 are left out. */
static void dq_group_stamps(const int64_t *ids, int64_t n, int64_t groups, const int64_t *observed,
                            const int64_t *reference, int64_t *starts, int64_t *firsts, int32_t *places,
                            dq_stamp *stamps) {
  for (int64_t i = 0; i < n; i++) {
    places[i] = (int32_t)ids[i];
    if (ids[i] < 0) continue;
    if (starts[ids[i] + 1]++ == 0) firsts[ids[i]] = i;
  }
  for (int64_t g = 0; g < groups; g++) starts[g + 1] += starts[g];
  for (int64_t i = 0; i < n; i++)
    if (ids[i] >= 0) stamps[starts[ids[i]]++] = (dq_stamp){reference[i], observed[i]};
  for (int64_t g = groups; g > 0; g--) starts[g] = starts[g - 1];
  starts[0] = 0;
}

/* Takes codes that are by device back to the rows of a morsel. `starts` is moved. */
static void dq_ungroup_codes(const int32_t *ids, int64_t n, int64_t *starts, const uint8_t *grouped, uint8_t *codes) {
  for (int64_t i = 0; i < n; i++) codes[i] = ids[i] < 0 ? DQ_SKIP : grouped[starts[ids[i]]++];
}

DQ_INLINE int dq_stamp_before(const dq_stamp *a, const dq_stamp *b) {
  return a->reference < b->reference || (a->reference == b->reference && a->observed < b->observed);
}

static void dq_merge_sort(dq_stamp *stamps, dq_stamp *spare, int64_t n) {
  dq_stamp *from = stamps, *to = spare;
  for (int64_t low = 0; low < n; low += 8) /* eights by insertion */
    for (int64_t i = low + 1; i < n && i < low + 8; i++) {
      dq_stamp held = stamps[i];
      int64_t at = i;
      for (; at > low && dq_stamp_before(&held, &stamps[at - 1]); at--) stamps[at] = stamps[at - 1];
      stamps[at] = held;
    }
  for (int64_t width = 8; width < n; width *= 2) {
    for (int64_t low = 0; low < n; low += 2 * width) {
      int64_t middle = low + width < n ? low + width : n, high = low + 2 * width < n ? low + 2 * width : n;
      int64_t i = low, j = middle;
      for (int64_t k = low; k < high; k++)
        to[k] = i < middle && (j >= high || !dq_stamp_before(&from[j], &from[i])) ? from[i++] : from[j++];
    }
    dq_stamp *held = from;
    from = to;
    to = held;
  }
  if (from != stamps) memcpy(stamps, from, sizeof *stamps * (size_t)n);
}

/* Sorted in place, with `spare` of the same size and `ends` of n + 1 counters. Stamps are first dealt into n equal spans
 * of time, which of times that are spread leaves a few to each; those of one span are sorted by merging. */
static void dq_sort_stamps(dq_stamp *stamps, dq_stamp *spare, int64_t *ends, int64_t n) {
  int64_t sorted = 1, first = stamps[0].reference, last = first;
  while (sorted < n && !dq_stamp_before(&stamps[sorted], &stamps[sorted - 1])) sorted++;
  if (sorted >= n) return;
  for (int64_t i = 1; i < n; i++) {
    first = stamps[i].reference < first ? stamps[i].reference : first;
    last = stamps[i].reference > last ? stamps[i].reference : last;
  }
  double span = (double)((uint64_t)last - (uint64_t)first), scale = span > 0 ? (double)(n - 1) / span : 0;
  memset(ends, 0, sizeof *ends * (size_t)(n + 1));
#define DQ_SPAN_OF(s) ((int64_t)((double)((uint64_t)(s).reference - (uint64_t)first) * scale))
  for (int64_t i = 0; i < n; i++) ends[DQ_SPAN_OF(stamps[i]) + 1]++;
  for (int64_t k = 0; k < n; k++) ends[k + 1] += ends[k];
  for (int64_t i = 0; i < n; i++) spare[ends[DQ_SPAN_OF(stamps[i])]++] = stamps[i];
#undef DQ_SPAN_OF
  for (int64_t k = 0, low = 0; k < n; low = ends[k++])
    if (ends[k] - low > 1) dq_merge_sort(spare + low, stamps + low, ends[k] - low);
  memcpy(stamps, spare, sizeof *stamps * (size_t)n);
}
#endif
