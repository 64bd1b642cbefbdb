/* What holds among the rows of one key: runs of repeats and of near repeats, corrections, conflicts.
 *
 * The rows of group g are rows[starts[g]] to rows[starts[g + 1] - 1], in their order. Every loop is linear in the rows,
 * and what is known of a row stands where the row does, or where `places` says. */
#ifndef DQ_RUNS_H
#define DQ_RUNS_H
#include "dq.h"
#include "keys.h"
#include "tolerance.h"

typedef struct {
  uint64_t time;
  uint64_t row;
} dq_timed_row;
enum { DQ_FEW_ROWS = 64 };

/* Rows and their times into the order of the times, stable and linear: byte by byte of what the times are later than
 * the first, lowest byte first. */
static void dq_sort_many(uint32_t *rows, int64_t *times, int64_t n, dq_timed_row *room) {
  dq_timed_row *from = room, *to = room + n;
  int64_t first = times[0], last = times[0];
  for (int64_t i = 1; i < n; i++) {
    if (times[i] < first) first = times[i];
    if (times[i] > last) last = times[i];
  }
  for (int64_t i = 0; i < n; i++) from[i] = (dq_timed_row){(uint64_t)times[i] - (uint64_t)first, rows[i]};
  uint64_t span = (uint64_t)last - (uint64_t)first;
  for (int shift = 0; shift < 64 && span >> shift; shift += 8) {
    int64_t at[257] = {0};
    for (int64_t i = 0; i < n; i++) at[((from[i].time >> shift) & 255) + 1]++;
    for (int k = 0; k < 256; k++) at[k + 1] += at[k];
    for (int64_t i = 0; i < n; i++) to[at[(from[i].time >> shift) & 255]++] = from[i];
    dq_timed_row *swap = from;
    from = to;
    to = swap;
  }
  for (int64_t i = 0; i < n; i++) {
    times[i] = (int64_t)(from[i].time + (uint64_t)first);
    rows[i] = (uint32_t)from[i].row;
  }
}
/* The same for few; whether any row moved. */
static int dq_sort_times(uint32_t *rows, int64_t *times, int64_t n, dq_timed_row *room) {
  int64_t sorted = 1;
  while (sorted < n && times[sorted] >= times[sorted - 1]) sorted++;
  if (sorted >= n) return 0;
  if (n > DQ_FEW_ROWS) dq_sort_many(rows, times, n, room);
  else
    for (int64_t i = sorted; i < n; i++) {
      int64_t time = times[i], k = i;
      uint32_t row = rows[i];
      for (; k > 0 && times[k - 1] > time; k--) {
        times[k] = times[k - 1];
        rows[k] = rows[k - 1];
      }
      times[k] = time;
      rows[k] = row;
    }
  return 1;
}
/* Each group's rows, ascending, into the order of their times, equal times in that of rows; whether any row moved.
 * `room` is for twice the rows of the largest group, where that has more than DQ_FEW_ROWS. */
static int dq_order_by_time(uint32_t *rows, int64_t *times, const int64_t *starts, int64_t n_groups,
                            dq_timed_row *room) {
  int moved = 0;
  for (int64_t g = 0; g < n_groups; g++)
    moved |= dq_sort_times(rows + starts[g], times + starts[g], starts[g + 1] - starts[g], room);
  return moved;
}

/* A text of one ASCII character as that character, also where more components follow it, as in a coded element (HL7 v2, CWE);
 * anything else as 0. */
static void dq_letters(const dq_column *c, uint8_t *letters) {
  DQ_EACH_STRING(c, i, t, { letters[i] = 0; }, { letters[i] = (t.n == 1 || (t.n > 1 && t.s[1] == '^')) && t.s[0] < 0x80 ? t.s[0] : 0; })
}

enum { DQ_RETRANSMISSION = 1, DQ_CONFLICT = 2 };
typedef struct {
  const uint32_t *rows;
  const int64_t *starts;
  int64_t n_groups;
  const int64_t *times; /* beside `rows`, in order within a group; NULL: a group is one run */
  uint64_t within;
  const uint32_t *places; /* beside `rows`: where the row's status and value are */
  const uint8_t *status; /* NULL: nothing is a correction */
  uint8_t *codes;
  int64_t *retransmissions, *corrections, *conflicts; /* a group each, zeroed; a row is counted once */
} dq_runs;

DQ_INLINE int dq_corrects(uint8_t in_force, uint8_t status) {
  return (status == 'C' && in_force != 'C') || (status == 'F' && in_force == 'P');
}
/* Groups come as their keys were found, all over the table: what will be read and written next is sent for. */
enum { DQ_ROWS_AHEAD = 24 };
DQ_INLINE void dq_send_for(const dq_runs *r, const char *values, size_t width, int64_t at) {
  if ((at += DQ_ROWS_AHEAD) >= r->starts[r->n_groups]) return;
  __builtin_prefetch(r->codes + r->rows[at], 1);
  if (r->places == NULL) return;
  if (r->status) __builtin_prefetch(r->status + r->places[at]);
  if (values) __builtin_prefetch(values + r->places[at] * width);
}
/* Only the value in force stands: a retransmission does not move it, so small differences cannot add up. */
#define DQ_RUNS(NAME, VALUES, SAME)                                                                   \
  static void NAME(const dq_runs *r, const VALUES *v, const dq_tolerance *tolerance) {                \
    (void)v;                                                                                          \
    (void)tolerance;                                                                                  \
    for (int64_t g = 0; g < r->n_groups; g++) {                                                       \
      int64_t end = r->starts[g + 1], stop;                                                           \
      for (int64_t begin = r->starts[g]; begin < end; begin = stop) {                                 \
        int64_t repeats = 0, corrections = 0, conflict = 0;                                           \
        uint32_t force = r->places ? r->places[begin] : 0;                                            \
        r->codes[r->rows[begin]] = DQ_PASS;                                                           \
        dq_send_for(r, (const char *)v, sizeof *v, begin);                                            \
        for (stop = begin + 1; stop < end; stop++) {                                                  \
          if (r->times && (uint64_t)r->times[stop] - (uint64_t)r->times[stop - 1] > r->within) break; \
          uint32_t row = r->places ? r->places[stop] : 0;                                             \
          dq_send_for(r, (const char *)v, sizeof *v, stop);                                           \
          if (r->status && dq_corrects(r->status[force], r->status[row])) {                           \
            force = row;                                                                              \
            r->codes[r->rows[stop]] = DQ_PASS;                                                        \
            corrections++;                                                                            \
          } else if (SAME) {                                                                          \
            r->codes[r->rows[stop]] = DQ_RETRANSMISSION;                                              \
            repeats++;                                                                                \
          } else {                                                                                    \
            conflict = 1;                                                                             \
          }                                                                                           \
        }                                                                                             \
        if (conflict) {                                                                               \
          for (int64_t k = begin; k < stop; k++) r->codes[r->rows[k]] = DQ_CONFLICT;                  \
          r->conflicts[g] += stop - begin;                                                            \
        } else {                                                                                      \
          r->retransmissions[g] += repeats;                                                           \
          r->corrections[g] += corrections;                                                           \
        }                                                                                             \
      }                                                                                               \
    }                                                                                                 \
  }
DQ_RUNS(dq_runs_equal, char, 1)
DQ_RUNS(dq_runs_hash, dq_hash, v[row].a == v[force].a && v[row].b == v[force].b)
DQ_RUNS(dq_runs_i64, int64_t, dq_near_i64(v[row], v[force], tolerance))
DQ_RUNS(dq_runs_u64, uint64_t, dq_near_u64(v[row], v[force], tolerance))
DQ_RUNS(dq_runs_f64, double, dq_near_f64(v[row], v[force], tolerance))
DQ_RUNS(dq_runs_wide, dq_wide, dq_near_wide(&v[row], &v[force], tolerance))
#endif
