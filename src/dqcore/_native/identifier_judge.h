/* One identifier judged exactly: separators out, then characters, length, format, check digit, reserved values.
 *
 * All work on canonical text: ASCII unless the scheme itself lets other bytes through, case folded, at most DQ_ID_MOST
 * bytes. Reasons come from here alone. */
#ifndef DQ_IDENTIFIER_JUDGE_H
#define DQ_IDENTIFIER_JUDGE_H
#include "identifier_structures.h"

/* Writes the canonical text and gives its length (which may exceed what was written: DQ_ID_MOST), -1 for a character
 * that the scheme does not know. */
DQ_INLINE int64_t dq_id_canonical(const dq_id_scheme *p, dq_text t, uint8_t *out) {
  int64_t n = 0, end = t.n;
  if (p->nul_pad && end > 0 && t.s[end - 1] == 0) end--;
  for (int64_t i = 0; i < end; i++) {
    uint8_t kept = p->keep[t.s[i]];
    if (kept == DQ_ID_UNKNOWN) return -1;
    if (kept == DQ_ID_SEPARATOR) continue;
    if (n < DQ_ID_MOST) out[n] = kept;
    n++;
  }
  return n;
}

DQ_INLINE int dq_id_shaped(const dq_id_scheme *p, const uint8_t *s, int64_t n) {
  uint32_t seen = 1;
  int64_t tail = n - p->n_after;
  for (int64_t i = 0; i < p->n_before; i++) seen &= p->classes[s[i]] >> p->before[i];
  for (int64_t i = p->n_before; i < tail; i++) seen &= p->classes[s[i]] >> p->repeated;
  for (int64_t i = tail; i < n; i++) seen &= p->classes[s[i]] >> p->after[i - tail];
  return (int)(seen & 1);
}

static int dq_id_is_listed(const dq_id_list *list, const uint8_t *s, int64_t n) {
  for (int64_t i = 0; i < list->n; i++) {
    const dq_id_listed *item = &list->items[i];
    if (item->open ? n < item->n : n != item->n) continue;
    int held = 1;
    if (item->ranged) {
      held = memcmp(s, item->low, item->n) >= 0 && memcmp(s, item->high, item->n) <= 0;
    } else {
      for (int64_t k = 0; held && k < item->n; k++) held = s[k] >= item->low[k] && s[k] <= item->high[k];
    }
    if (held) return 1;
  }
  return 0;
}

DQ_INLINE int dq_is_constant(const uint8_t *s, int64_t n) {
  for (int64_t i = 1; i < n; i++)
    if (s[i] != s[0]) return 0;
  return n > 1;
}

/* The code of one value; `s` (room for DQ_ID_MOST bytes) holds its canonical text of *length bytes if it passes.
 * `form` is what the caller found about its format, or -1: with `early` the judgement ends before the format. */
DQ_INLINE int dq_id_judge(const dq_id_scheme *p, dq_text t, int form, int early, uint8_t *s, int64_t *length) {
  int64_t n = dq_id_canonical(p, t, s);
  *length = n;
  if (n < 0) return DQ_ID_CHARACTER;
  if (n == 0 || n > DQ_ID_MOST || !p->lengths[n]) return DQ_ID_LENGTH;
  if (early) return DQ_PASS;
  if (form == 0 || (p->shaped && !dq_id_shaped(p, s, n))) return DQ_ID_FORMAT;
  if (!dq_id_structured(p->structure, s, n) || dq_id_is_listed(&p->impossible, s, n)) return DQ_ID_FORMAT;
  int constant = p->constants && dq_is_constant(s, n), accepted = dq_id_is_listed(&p->accepted, s, n);
  if (n < p->pad) {
    memmove(s + (p->pad - n), s, (size_t)n);
    memset(s, '0', (size_t)(p->pad - n));
    *length = n = p->pad;
  }
  if (!accepted && !dq_id_checked(p, s, n)) return DQ_ID_CHECK;
  return constant || dq_id_is_listed(&p->reserved, s, n) ? DQ_ID_RESERVED : DQ_PASS;
}
#endif
