/* Stamps: the two times of a row, brought together by device, within a morsel and then over all of them, and sorted. */
#ifndef DQ_STAMPS_H
#define DQ_STAMPS_H
#include "keys.h"
#include "lanes.h"
#include "steps.h"

typedef struct {
  int64_t reference, observed;
} dq_stamp;

/* The stamps of one device within one group of rows, in their order; the row of each, and where the codes of the group
 * are. */
typedef struct {
  const dq_stamp *stamps;
  const uint16_t *rows;
  uint8_t *codes;
  int64_t n;
} dq_run;

/* A device as it was met in a group of rows: the first of its stamps there, how many there are, and its first row. */
typedef struct {
  dq_hash hash;
  int32_t start, n, first_row;
} dq_met;

/* Rows are brought together in groups of so many: a morsel, whose rows sixteen bits can number. */
enum { DQ_GROUP_ROWS = 1 << 16 };

/* The stamps of a group of rows by device, in the order of rows, and the row of each in the group. Behind these are the
 * rows that do not count. */
typedef struct {
  dq_met *met;
  int64_t n, room;
  dq_stamp *stamps;
  uint16_t *rows;
  int64_t counted;
  int failed; /* there was no memory */
} dq_grouped;

/* What is looked at for each row must lie in the nearest cache: these numbers do, and some hundred devices; the table does
 * not. */
enum { DQ_LATELY_BITS = 13, DQ_LATELY = 1 << DQ_LATELY_BITS };

/* As a step: devices are numbered a block of rows at a time; after the last block of a group its stamps are brought
 * together. */
typedef struct {
  const dq_hash *hashes;
  dq_column observed, reference; /* microseconds as 64-bit integers */
  const uint8_t *selected;       /* 1 or 0 a row; NULL: all */
  int64_t rows;
  int32_t *numbers; /* scratch, the number of the device of each row of a group; -1: the row does not count */
  uint16_t *lately; /* scratch, by DQ_LATELY_BITS of the hash the number of the device that last came with them */
  dq_table *table;
  dq_grouped *const *groups;
} dq_group_state;

DQ_INLINE const uint8_t *dq_times_from(const dq_column *c, int64_t from) { return c->values + 8 * (c->offset + from); }

/* Two times held at one end of what 64 bits hold are equal, and nobody knows whether they were. */
DQ_INLINE int dq_is_known(int64_t observed, int64_t reference) {
  return observed != reference || (observed != INT64_MIN && observed != INT64_MAX);
}

/* The number of a device, or -1 where there is no memory for a new one. */
static int32_t dq_number_of(dq_grouped *g, dq_table *table, dq_hash hash, int64_t row) {
  dq_slot16 *slot = dq_slot_of(table, hash.a, hash.b);
  int32_t number = (int32_t)dq_group_of(slot);
  if (number >= 0) return number;
  if (g->n == g->room) {
    int64_t room = g->room ? 2 * g->room : 64;
    dq_met *met = (dq_met *)realloc(g->met, (size_t)room * sizeof *met);
    if (met == NULL) return -1;
    g->met = met;
    g->room = room;
  }
  number = (int32_t)g->n++;
  *slot = (dq_slot16){hash.a, (hash.b & ~DQ_NO_GROUP) | (uint64_t)number};
  g->met[number] = (dq_met){hash, 0, 0, (int32_t)row};
  table->n_groups = g->n;
  return table->n_groups > 3 * (int64_t)table->mask && !dq_grow_table(table) ? -1 : number;
}

/* Writes -1 where a column is null; mostly eight rows at a time have values. */
static void dq_leave_out_nulls(const dq_column *c, int64_t n, int32_t *numbers) {
  for (int64_t i = 0; c->validity != NULL && i < n;) {
    int64_t at = c->offset + i;
    if (!(at & 7) && i + 8 <= n && c->validity[at >> 3] == 0xFF) {
      i += 8;
      continue;
    }
    if (!dq_bit(c->validity, at)) numbers[i] = -1;
    i++;
  }
}

/* The number of each row's device, -1 where the row does not count, in a block of rows; and the rows of each device
 * counted. `first` is the first row of the group. */
static int dq_number_devices(const dq_group_state *s, int64_t first, int64_t from, int64_t n, dq_grouped *g) {
  const dq_hash *h = s->hashes + from;
  const dq_column o = dq_rows_of(&s->observed, from, n), r = dq_rows_of(&s->reference, from, n);
  const uint8_t *observed = dq_times_from(&o, 0), *reference = dq_times_from(&r, 0);
  int32_t *restrict numbers = s->numbers + (from - first);
  uint16_t *restrict lately = s->lately;
  memset(numbers, 0, (size_t)n * sizeof *numbers);
  for (int64_t i = 0; s->selected != NULL && i < n; i++) numbers[i] = s->selected[from + i] - 1;
  dq_leave_out_nulls(&o, n, numbers);
  dq_leave_out_nulls(&r, n, numbers);
  for (int64_t i = 0; i < n; i++) {
    if (numbers[i] < 0) continue;
    if (!dq_is_known(dq_i64(observed, i), dq_i64(reference, i))) {
      numbers[i] = -1;
      continue;
    }
    uint16_t *last = lately + (h[i].a & (DQ_LATELY - 1));
    int32_t number = *last;
    if (DQ_UNLIKELY(number >= g->n || g->met[number].hash.a != h[i].a || g->met[number].hash.b != h[i].b)) {
      number = dq_number_of(g, s->table, h[i], from - first + i);
      if (number < 0) return 0;
      *last = (uint16_t)number;
    }
    g->met[number].n++;
    numbers[i] = number;
  }
  return 1;
}

/* Where the stamps of each device begin, in the order of devices. */
static void dq_lay_out_devices(dq_grouped *g) {
  dq_met *met = g->met;
  int32_t before = 0;
  for (int64_t k = 0; k < g->n; k++) {
    met[k].start = before;
    before += met[k].n;
  }
  g->counted = before;
}

enum { DQ_SOON = 12 }; /* rows */

/* Brings together the stamps of the `n` rows of a group. */
static void dq_bring_together(dq_grouped *g, const int32_t *numbers, const uint8_t *observed, const uint8_t *reference,
                              int64_t n) {
  dq_met *met = g->met;
  dq_stamp *stamps = g->stamps;
  uint16_t *rows = g->rows;
  int64_t left_out = g->counted;
  for (int64_t i = 0; i < n; i++) {
    int32_t number = numbers[i], soon = i + DQ_SOON < n ? numbers[i + DQ_SOON] : -1;
    if (soon >= 0) { /* asked for before it is written: a store holds up those after it */
      __builtin_prefetch(stamps + met[soon].start, 1);
      __builtin_prefetch(rows + met[soon].start, 1);
    }
    int64_t at = number < 0 ? left_out++ : met[number].start++;
    rows[at] = (uint16_t)i;
    stamps[at] = (dq_stamp){dq_i64(reference, i), dq_i64(observed, i)};
  }
  for (int64_t k = 0; k < g->n; k++) met[k].start -= met[k].n;
}

static int dq_run_group(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  const dq_group_state *s = (const dq_group_state *)state;
  dq_grouped *g = s->groups[from / DQ_GROUP_ROWS];
  int64_t first = from / DQ_GROUP_ROWS * DQ_GROUP_ROWS, end = from + n;
  (void)codes;
  if (from == first) {
    memset(s->lately, 0, DQ_LATELY * sizeof *s->lately);
    g->failed = !dq_make_table(s->table, 256);
  }
  if (!g->failed) g->failed = !dq_number_devices(s, first, from, n, g);
  if (end < s->rows && end < first + DQ_GROUP_ROWS) return 0;
  if (!g->failed) {
    dq_lay_out_devices(g);
    dq_bring_together(g, s->numbers, dq_times_from(&s->observed, first), dq_times_from(&s->reference, first),
                      end - first);
  }
  dq_free_table(s->table);
  return 0;
}

/* Skips the rows of a group that do not count; so many rows of it are numbered. */
static void dq_skip_uncounted(const dq_grouped *g, int64_t numbered, uint8_t *codes) {
  for (int64_t i = g->counted; i < numbered; i++) codes[g->rows[i]] = DQ_SKIP;
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

static int dq_runs_in_order(const dq_run *runs, int64_t n_runs) {
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
  if (!dq_runs_in_order(runs, n_runs) && n < INT32_MAX) {
    dq_deal_stamps(runs, n_runs, n, first, last, ends, stamps);
  } else {
    for (int64_t r = 0; r < n_runs; stamps += runs[r++].n)
      memcpy(stamps, runs[r].stamps, sizeof *stamps * (size_t)runs[r].n);
    stamps -= n;
  }
  dq_settle_stamps(stamps, spare, n);
}
#endif
