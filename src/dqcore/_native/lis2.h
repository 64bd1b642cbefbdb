/* LIS2-A2 (ASTM E1394) messages as rows: a result record (R) a row, with the order (O), patient (P) and header (H) that
 * it stands under. Frames have been taken away and records found by the caller. */
#ifndef DQ_LIS2_H
#define DQ_LIS2_H
#include "messages.h"

enum dq_lis2_reason { DQ_LIS2_SOUND = 0, DQ_LIS2_SEPARATORS, DQ_LIS2_RECORD_TYPE, DQ_LIS2_TOO_LONG, DQ_LIS2_MEMORY };
enum dq_lis2_slot { DQ_RECORD_H = 0, DQ_RECORD_P, DQ_RECORD_O, DQ_RECORD_R };

/* H-2: the marks between repetitions and components, and of escapes; what stands before them parts fields. The first of
 * them may stand twice, as software writes it that takes it for an escape of its own (`H|\\^&`). */
static int dq_lis2_marks(const uint8_t *s, int64_t n, dq_marks *m) {
  memset(m, 0, sizeof *m);
  int twice = n > 5 && s[2] == s[3];
  if (n < 5 + twice || (n > 5 + twice && s[5 + twice] != s[1])) return 0;
  uint8_t each[4] = {s[1], s[2], s[3 + twice], s[4 + twice]};
  for (int i = 0; i < 4; i++) {
    uint8_t c = each[i];
    if (c <= 0x20 || c >= 0x7F || c == '"') return 0;
    if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')) return 0;
    for (int k = 0; k < i; k++)
      if (each[k] == c) return 0;
  }
  m->field = each[0];
  m->repetition = each[1];
  m->component = each[2];
  m->escape = each[3];
  m->hex_utf8 = 1;
  return 1;
}

/* The records of one message, each from at[k] to at[k + 1] - 1 (a line end stands before the next), and where each is in
 * its source. All of them are looked at before one becomes a row; *bad is the first that cannot be. */
static int dq_lis2_message(dq_context *x, const dq_paths *paths, dq_text source, const uint8_t *s, const int64_t *at,
                           const int64_t *starts, int64_t records, int64_t most_bytes, dq_table *t, int64_t *bad) {
  int64_t results = 0, largest[3] = {0};
  *bad = 0;
  if (!dq_lis2_marks(s, at[1] - 1 - at[0], &x->marks)) return DQ_LIS2_SEPARATORS;
  for (*bad = 0; *bad < records; ++*bad) {
    int64_t n = at[*bad + 1] - 1 - at[*bad];
    const uint8_t *r = s + at[*bad];
    if (n == 0 || memchr("HPOCRMSQL", r[0], 9) == NULL || (n > 1 && r[1] != x->marks.field)) return DQ_LIS2_RECORD_TYPE;
    results += r[0] == 'R';
    int slot = r[0] == 'H' ? 0 : r[0] == 'P' ? 1 : r[0] == 'O' ? 2 : -1;
    if (slot >= 0 && n > largest[slot]) largest[slot] = n;
  }
  *bad = 0;
  x->has_escapes = memchr(s + 5, x->marks.escape, (size_t)(at[records] - 6)) != NULL;
  int64_t shared = (source.n + 64 + largest[0] + largest[1] + largest[2]) * (x->has_escapes ? DQ_MOST_GROWTH : 1);
  if (results && shared > most_bytes / results) return DQ_LIS2_TOO_LONG;
  for (int k = 0; k < DQ_SLOTS; k++) x->slot[k].count = 0;
  x->known = 0;
  for (int64_t k = 0; k < records && !t->failed; k++) {
    const uint8_t *r = s + at[k];
    int slot = r[0] == 'H' ? DQ_RECORD_H : r[0] == 'P' ? DQ_RECORD_P : r[0] == 'O' ? DQ_RECORD_O : r[0] == 'R' ? DQ_RECORD_R : -1;
    if (slot < 0) continue;
    if (slot == DQ_RECORD_P) x->slot[DQ_RECORD_O].count = 0;
    if (slot != DQ_RECORD_R) x->known = 0;
    dq_cut(r, (int32_t)(at[k + 1] - 1 - at[k]), x->marks.field, &x->slot[slot]);
    if (slot == DQ_RECORD_R) dq_row(x, paths, source, starts[k], t);
  }
  return t->failed ? DQ_LIS2_MEMORY : DQ_LIS2_SOUND;
}
#endif
