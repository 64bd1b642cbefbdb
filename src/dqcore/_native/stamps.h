/* Stamps: the two times of a row, brought together by device, within a morsel and then over all of them, and sorted. */
#ifndef DQ_STAMPS_H
#define DQ_STAMPS_H
#include "lanes.h"

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

DQ_INLINE void dq_widen_range_body(const dq_stamp *stamps, int64_t n, dq_stamp *least, dq_stamp *greatest) {
  /* Four stamps at a time: references in the even lanes, readings in the odd ones. */
  dq_wide_mask low, high, four;
  dq_stamp lows[4] = {*least, *least, *least, *least}, highs[4] = {*greatest, *greatest, *greatest, *greatest};
  memcpy(&low, lows, sizeof low);
  memcpy(&high, highs, sizeof high);
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    memcpy(&four, stamps + i, sizeof four);
    low = (four & (four < low)) | (low & ~(four < low));
    high = (four & (four > high)) | (high & ~(four > high));
  }
  memcpy(lows, &low, sizeof lows);
  memcpy(highs, &high, sizeof highs);
#define DQ_WIDEN_BY(LOW, HIGH)                                                     \
  if ((LOW).reference < least->reference) least->reference = (LOW).reference;      \
  if ((LOW).observed < least->observed) least->observed = (LOW).observed;          \
  if ((HIGH).reference > greatest->reference) greatest->reference = (HIGH).reference; \
  if ((HIGH).observed > greatest->observed) greatest->observed = (HIGH).observed;
  for (int k = 0; k < 4; k++) { DQ_WIDEN_BY(lows[k], highs[k]) }
  for (; i < n; i++) { DQ_WIDEN_BY(stamps[i], stamps[i]) }
#undef DQ_WIDEN_BY
}
DQ_LEVELS(dq_widen_range, (const dq_stamp *stamps, int64_t n, dq_stamp *least, dq_stamp *greatest),
          (stamps, n, least, greatest))

static int dq_in_order(const dq_run *runs, int64_t n_runs) {
  const dq_stamp *before = runs[0].stamps;
  for (int64_t r = 0; r < n_runs; r++)
    for (int64_t i = 0; i < runs[r].n; i++) {
      if (dq_stamp_before(&runs[r].stamps[i], before)) return 0;
      before = &runs[r].stamps[i];
    }
  return 1;
}

/* Deals the stamps into spans of time of equal lengths, more spans than stamps but no more than 2 n, which of times that
 * are spread leaves one or two to each. `ends` has room for the spans and one more. */
static void dq_deal_stamps(const dq_run *runs, int64_t n_runs, int64_t n, int64_t first, int64_t last, uint32_t *ends,
                           dq_stamp *dealt) {
  uint64_t from = (uint64_t)first, span = (uint64_t)last - from;
  int shift = 0;
  while (span >> shift >= (uint64_t)(2 * n)) shift++;
  int64_t spans = (int64_t)(span >> shift) + 1;
  memset(ends, 0, sizeof *ends * (size_t)(spans + 1));
  for (int64_t r = 0; r < n_runs; r++)
    for (int64_t i = 0; i < runs[r].n; i++) ends[(((uint64_t)runs[r].stamps[i].reference - from) >> shift) + 1]++;
  for (int64_t k = 0; k < spans; k++) ends[k + 1] += ends[k];
  for (int64_t r = 0; r < n_runs; r++)
    for (int64_t i = 0; i < runs[r].n; i++)
      dealt[ends[((uint64_t)runs[r].stamps[i].reference - from) >> shift]++] = runs[r].stamps[i];
}

/* Sorts stamps that are all but in order by moving each back to its place; where that takes too long, by merging, for
 * which `spare` has the same size. */
static void dq_settle_stamps(dq_stamp *stamps, dq_stamp *spare, int64_t n) {
  int64_t moves = 0;
  for (int64_t i = 1; i < n; i++) {
    if (!dq_stamp_before(&stamps[i], &stamps[i - 1])) continue;
    dq_stamp held = stamps[i];
    int64_t at = i;
    for (; at > 0 && moves < 8 * n && dq_stamp_before(&held, &stamps[at - 1]); at--, moves++) stamps[at] = stamps[at - 1];
    stamps[at] = held;
    if (moves >= 8 * n) {
      dq_merge_sort(stamps, spare, n);
      return;
    }
  }
}

/* The `n` stamps of some runs, whose references are from `first` to `last`, in order. */
static void dq_sort_stamps(const dq_run *runs, int64_t n_runs, int64_t n, int64_t first, int64_t last, uint32_t *ends,
                           dq_stamp *spare, dq_stamp *stamps) {
  if (!dq_in_order(runs, n_runs) && n < INT32_MAX) {
    dq_deal_stamps(runs, n_runs, n, first, last, ends, stamps);
  } else {
    for (int64_t r = 0; r < n_runs; stamps += runs[r++].n)
      memcpy(stamps, runs[r].stamps, sizeof *stamps * (size_t)runs[r].n);
    stamps -= n;
  }
  dq_settle_stamps(stamps, spare, n);
}
#endif
