/* Keys as symbols: characters as code points, the columns of a key one after the other with a bar between them; and how
 * far two of them are apart. See edits.h. */
#ifndef DQ_SYMBOLS_H
#define DQ_SYMBOLS_H
#include "dq.h"

/* The first number that is no code point; as a byte, the first that is not ASCII, and the symbol of a question that no
 * key of bytes has, so that the one will do for all that are not ASCII: distances only ask which symbols are equal. */
enum { DQ_BAR = 0x110000, DQ_NARROW_BAR = 0x80, DQ_STRANGE = 0xFF };
/* So many bytes behind the last symbol can be read: symbols that are bytes are compared eight at a time. */
enum { DQ_PADDING = 8 };

/* Adds to sizes[k] the characters of row rows[k]. */
#define DQ_STARTS_CHARACTER(BYTE) (((BYTE) & 0xC0) != 0x80)
static void dq_count_symbols(const dq_column *c, const int64_t *rows, int64_t n, int64_t *sizes) {
  for (int64_t k = 0; k < n; k++) {
    dq_text t = dq_text_at(c, rows[k]);
    for (int64_t i = 0; i < t.n; i++) sizes[k] += DQ_STARTS_CHARACTER(t.s[i]);
  }
}
/* Writes the code points of row rows[k] at out[at[k]] and moves at[k] behind them. Writes exactly as many symbols as
 * dq_count_symbols counts, whatever the bytes are. */
static void dq_put_symbols(const dq_column *c, const int64_t *rows, int64_t n, int64_t *at, uint32_t *out) {
  for (int64_t k = 0; k < n; k++) {
    dq_text t = dq_text_at(c, rows[k]);
    int64_t to = at[k] - 1;
    for (int64_t i = 0; i < t.n; i++) {
      uint32_t byte = t.s[i];
      if (DQ_STARTS_CHARACTER(byte))
        out[++to] = byte < 0x80 ? byte : byte < 0xE0 ? byte & 0x1F : byte < 0xF0 ? byte & 0x0F : byte & 0x07;
      else if (to >= at[k])
        out[to] = out[to] << 6 | (byte & 0x3F);
    }
    at[k] = to + 1;
  }
}
static void dq_put_bars(int64_t n, int64_t *at, uint32_t *out) {
  for (int64_t k = 0; k < n; k++) out[at[k]++] = DQ_BAR;
}
/* The same for bytes. */
static void dq_count_bytes(const dq_column *c, const int64_t *rows, int64_t n, int64_t *sizes) {
  for (int64_t k = 0; k < n; k++) sizes[k] += dq_text_at(c, rows[k]).n;
}
DQ_INLINE uint64_t dq_copy_word(const uint8_t *from, uint8_t *to) {
  uint64_t word;
  memcpy(&word, from, 8);
  memcpy(to, &word, 8);
  return word;
}
/* Gives 0 where a byte is not ASCII; what is written then is of no use. */
static int dq_put_bytes(const dq_column *c, const int64_t *rows, int64_t n, int64_t *at, uint8_t *out) {
  uint64_t any = 0;
  for (int64_t k = 0; k < n; k++) {
    dq_text t = dq_text_at(c, rows[k]);
    uint8_t *to = out + at[k];
    at[k] += t.n;
    if (t.n < 8) {
      for (int64_t i = 0; i < t.n; i++) any |= to[i] = t.s[i];
      continue;
    }
    for (int64_t i = 0; i < t.n - 8; i += 8) any |= dq_copy_word(t.s + i, to + i);
    any |= dq_copy_word(t.s + t.n - 8, to + t.n - 8);
  }
  return (any & 0x8080808080808080ULL) == 0;
}
static void dq_put_narrow_bars(int64_t n, int64_t *at, uint8_t *out) {
  for (int64_t k = 0; k < n; k++) out[at[k]++] = DQ_NARROW_BAR;
}
static void dq_widen_symbols(const uint8_t *narrow, int64_t n, uint32_t *out) {
  for (int64_t i = 0; i < n; i++) out[i] = narrow[i] == DQ_NARROW_BAR ? DQ_BAR : narrow[i];
}
static void dq_narrow_symbols(const uint32_t *wide, int64_t n, uint8_t *out) {
  for (int64_t i = 0; i < n; i++) {
    uint32_t strange = wide[i] == DQ_BAR ? DQ_NARROW_BAR : DQ_STRANGE;
    out[i] = (uint8_t)(wide[i] < 0x80 ? wide[i] : strange);
  }
}

/* How many symbols at their beginnings are the same in a and b, of at most n. */
DQ_INLINE int64_t dq_same_wide(const uint32_t *a, const uint32_t *b, int64_t n) {
  int64_t same = 0;
  while (same < n && a[same] == b[same]) same++;
  return same;
}
DQ_INLINE int64_t dq_same_narrow(const uint8_t *a, const uint8_t *b, int64_t n) {
  for (int64_t same = 0; same < n; same += 8) {
    uint64_t x, y;
    memcpy(&x, a + same, 8);
    memcpy(&y, b + same, 8);
    if (x == y) continue;
    same += __builtin_ctzll(x ^ y) / 8;
    return same < n ? same : n;
  }
  return n;
}
/* The distance of a and b, or limit + 1 when it is more. Both hold the same number of bars.
 * Equal beginnings are aligned without loss: an alignment that does otherwise can be changed to one that does at no
 * cost. At the first difference each of the four edits is tried, so the work is at most 4^limit comparisons. */
#define DQ_DISTANCE(NAME, SYMBOL, BAR, SAME)                                                              \
  static int NAME(const SYMBOL *a, int64_t n, const SYMBOL *b, int64_t m, int limit) {                    \
    if (n - m > limit || m - n > limit) return limit + 1;                                                 \
    int64_t same = SAME(a, b, n < m ? n : m);                                                             \
    a += same, n -= same, b += same, m -= same;                                                           \
    if (n == 0 || m == 0) return (int)(n + m);                                                            \
    if (limit == 0) return 1;                                                                             \
    int best = limit + 1, tried, a_free = a[0] != (BAR), b_free = b[0] != (BAR);                          \
    if (a_free && b_free) {                                                                               \
      best = 1 + NAME(a + 1, n - 1, b + 1, m - 1, limit - 1);                                             \
      if (best > 1 && n > 1 && m > 1 && a[0] == b[1] && a[1] == b[0]) {                                   \
        tried = 1 + NAME(a + 2, n - 2, b + 2, m - 2, limit - 1);                                          \
        best = tried < best ? tried : best;                                                               \
      }                                                                                                   \
    }                                                                                                     \
    if (best > 1 && a_free) {                                                                             \
      tried = 1 + NAME(a + 1, n - 1, b, m, limit - 1);                                                    \
      best = tried < best ? tried : best;                                                                 \
    }                                                                                                     \
    if (best > 1 && b_free) {                                                                             \
      tried = 1 + NAME(a, n, b + 1, m - 1, limit - 1);                                                    \
      best = tried < best ? tried : best;                                                                 \
    }                                                                                                     \
    return best;                                                                                          \
  }
DQ_DISTANCE(dq_distance, uint32_t, DQ_BAR, dq_same_wide)
DQ_DISTANCE(dq_narrow_distance, uint8_t, DQ_NARROW_BAR, dq_same_narrow)
#endif
