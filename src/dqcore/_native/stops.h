/* Where a clock stood still: readings that are all the same while time goes by.
 *
 * To the envelope a stop between right times looks like rows that were held back, each as late as it is old. But rows that
 * are held back were read at different times and come together, and those of a stopped clock show one time and come one
 * after another. So a stop is told by the readings themselves: one reading in at least eight bursts in a row, for longer
 * than the clock's readings may be rounded. */
#ifndef DQ_STOPS_H
#define DQ_STOPS_H
#include "segments.h"

DQ_INLINE void dq_any_repeat_body(const dq_stamp *stamps, int64_t n, int *any) {
  int64_t same = 0;
  for (int64_t i = DQ_LEAST_LATE; i < n; i++) same += stamps[i].observed == stamps[i - DQ_LEAST_LATE + 1].observed;
  *any = same > 0;
}
/* Whether a reading is that of seven rows before: where none is, there is no stop. */
DQ_LEVELS(dq_any_repeat, (const dq_stamp *stamps, int64_t n, int *any), (stamps, n, any))

/* For how long a clock that shows this reading may show it though it runs: what it seems to be rounded to. Midnight is a
 * whole quarter of an hour in any zone's time, so a reading that is one may be a date. */
static double dq_rounded_to(int64_t observed) {
  static const int64_t second = 1000000;
  if (observed % (900 * second) == 0) return 86400e6;
  if (observed % (300 * second) == 0) return 300e6;
  return observed % (60 * second) == 0 ? 60e6 : 1e6;
}

/* The first and the end of each stop, in `stops`; how many there are. None where they have most of the rows: then it is how
 * this clock reads. Rows of one reference time are not parted. The rows of a stop, and the entries that have no others, say
 * nothing about the clock's other pieces: they are marked to stand alone. */
static int64_t dq_find_stops(dq_clock *c, int64_t n, int64_t m, uint32_t *stops) {
  const dq_stamp *stamps = c->stamps;
  int64_t found = 0, rows = 0;
  int any;
  DQ_CALL(dq_clock_level, dq_any_repeat, (stamps, n, &any));
  if (!any || n > INT32_MAX) return 0;
  for (int64_t low = 0, high; low < n; low = high) {
    int64_t bursts = 0, first = low, end;
    for (high = low + 1; high < n && stamps[high].observed == stamps[low].observed; high++)
      bursts += (c->marks[high] & DQ_STARTS) != 0;
    if (high - low < DQ_LEAST_LATE || bursts < DQ_LEAST_LATE) continue;
    if (!(c->t[high - 1] - c->t[low] > c->tolerance + dq_rounded_to(stamps[low].observed))) continue;
    end = high;
    while (first > 0 && first < end && c->t[first] == c->t[first - 1]) first++;
    while (end < n && end > first && c->t[end] == c->t[end - 1]) end--;
    if (end - first < DQ_LEAST_LATE) continue;
    stops[2 * found] = (uint32_t)first;
    stops[2 * found + 1] = (uint32_t)end;
    found++;
    rows += end - first;
  }
  if (2 * rows > n) return 0;
  for (int64_t k = 0, entry = 0; k < found; k++) {
    int64_t first = stops[2 * k], end = stops[2 * k + 1];
    for (int64_t i = first; i < end; i++) c->marks[i] |= DQ_ALONE;
    while (entry < m && c->entry_row[entry] < first) entry++;
    for (; entry < m && c->entry_row[entry + 1] <= end; entry++) c->entry_alone[entry] = 1;
  }
  return found;
}

/* Makes a stop a piece by itself: cuts inside it are taken out. How many pieces there are then. */
static int64_t dq_cut_out(int64_t *starts, int64_t count, int64_t low, int64_t high) {
  int64_t before = 0, after;
  while (before <= count && starts[before] < low) before++;
  for (after = before; after <= count && starts[after] <= high; after++) {}
  int64_t left = count + 1 - after;
  memmove(starts + before + 2, starts + after, sizeof *starts * (size_t)left);
  starts[before] = low;
  starts[before + 1] = high;
  return before + 1 + left;
}
#endif
