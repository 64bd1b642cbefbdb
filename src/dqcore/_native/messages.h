/* Messages of separated text (HL7 v2, LIS2): their segments cut into fields, and fields into the columns of a table.
 *
 * A reader walks the segments of a message and keeps, in a slot a kind, the last one of each kind that holds for the
 * row at hand. A column is filled from paths (slot, field, component, subcomponent): the first that is not empty. What
 * rows of one message share is looked up once. Columns grow in plain memory and are handed over as Arrow buffers. */
#ifndef DQ_MESSAGES_H
#define DQ_MESSAGES_H
#include <stdlib.h>
#include "columns.h"
#include "dq.h"
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { DQ_SLOTS = 10, DQ_MOST_FIELDS = 63, DQ_TEXT_COLUMNS = 29, DQ_MOST_PATHS = 96 };

/* A segment cut at its field separators: field k (0 is its name) is s[at[k]] .. s[at[k + 1] - 2]. */
typedef struct {
  const uint8_t *s;
  int32_t count; /* fields, the name among them; 0: no such segment */
  int32_t at[DQ_MOST_FIELDS + 2];
} dq_segment;

/* Where a segment lies in its message, and what its name makes of it. */
typedef struct {
  int64_t from;
  int32_t n;
  int32_t kind;
} dq_place;

typedef struct {
  uint8_t field, component, repetition, escape, subcomponent, truncation; /* 0: there is none */
  uint8_t formatted; /* escapes of formatted text (\.br\) are read */
  uint8_t hex_utf8;  /* bytes of \X..\ beyond ASCII are UTF-8 */
} dq_marks;

/* component 0: the field whole, as sent; subcomponent 0: the component whole. */
typedef struct {
  uint8_t slot, field, component, subcomponent;
} dq_path;

typedef struct {
  dq_path path[DQ_MOST_PATHS];
  int32_t first[DQ_TEXT_COLUMNS + 1]; /* the paths of column c are first[c] .. first[c + 1] - 1 */
  uint8_t of_row[DQ_TEXT_COLUMNS];    /* whether a path of it is in a slot that changes with every row */
} dq_paths;

typedef struct {
  uint8_t *bytes;
  int64_t used, room;
  int32_t *offsets;
  uint8_t *valid;
} dq_texts;

/* The table that grows: text columns in the order of the paths, and a position a row. */
typedef struct {
  dq_texts text[DQ_TEXT_COLUMNS];
  int64_t *positions;
  int64_t rows, room;
  int64_t used; /* bytes of all texts */
  int failed;   /* no memory */
} dq_table;

/* ---- finding separators ---- */

/* The first byte below 0x20 that ends a segment (CR, LF) or a frame (FS, 0x1C) from i on; n where there is none. */
static int64_t dq_find_break(const uint8_t *s, int64_t i, int64_t n) {
#if defined(__SSE2__)
  const __m128i cr = _mm_set1_epi8('\r'), lf = _mm_set1_epi8('\n'), fs = _mm_set1_epi8(0x1C);
  for (; i + 16 <= n; i += 16) {
    __m128i v = _mm_loadu_si128((const __m128i *)(s + i));
    __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, cr), _mm_cmpeq_epi8(v, lf)), _mm_cmpeq_epi8(v, fs));
    int mask = _mm_movemask_epi8(hit);
    if (mask) return i + __builtin_ctz((unsigned)mask);
  }
#endif
  for (; i < n; i++)
    if (s[i] == '\r' || s[i] == '\n' || s[i] == 0x1C) return i;
  return n;
}

static void dq_cut(const uint8_t *s, int32_t n, uint8_t mark, dq_segment *out) {
  int32_t count = 1, i = 0;
  out->s = s;
  out->at[0] = 0;
#if defined(__SSE2__)
  const __m128i wanted = _mm_set1_epi8((char)mark);
  for (; i + 16 <= n && count <= DQ_MOST_FIELDS; i += 16) {
    unsigned mask = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(s + i)), wanted));
    for (; mask && count <= DQ_MOST_FIELDS; mask &= mask - 1) out->at[count++] = i + __builtin_ctz(mask) + 1;
  }
#endif
  for (; i < n && count <= DQ_MOST_FIELDS; i++)
    if (s[i] == mark) out->at[count++] = i + 1;
  if (count > DQ_MOST_FIELDS) count = DQ_MOST_FIELDS; /* the last separator found ends the last field kept */
  else out->at[count] = n + 1;
  out->count = count;
}

DQ_INLINE dq_text dq_field(const dq_segment *g, int k) {
  dq_text none = {NULL, 0};
  if (k >= g->count) return none;
  dq_text t = {g->s + g->at[k], (int64_t)g->at[k + 1] - 1 - g->at[k]};
  return t;
}

/* The k-th part (from 1) of a text between marks; a mark of 0 does not part it. */
DQ_INLINE dq_text dq_part(dq_text t, uint8_t mark, int k) {
  int64_t from = 0, i = 0;
  dq_text none = {NULL, 0};
  if (mark == 0 || t.n == 0) return k == 1 ? t : none;
  for (;; i++) {
    if (i < t.n && t.s[i] != mark) continue;
    if (--k == 0) {
      dq_text part = {t.s + from, i - from};
      return part;
    }
    if (i >= t.n) return none;
    from = i + 1;
  }
}

static dq_text dq_at_path(const dq_segment *slots, dq_path p, const dq_marks *m) {
  dq_text t = dq_field(&slots[p.slot], p.field);
  if (t.n == 0 || p.component == 0) return t;
  t = dq_part(dq_part(t, m->repetition, 1), m->component, p.component);
  return p.subcomponent ? dq_part(t, m->subcomponent, p.subcomponent) : t;
}

/* ---- escapes ---- */

DQ_INLINE int dq_hex(uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The bytes of \Xdd..\ (its text without the marks), or -1 where they are none, or no text. */
static int64_t dq_hex_bytes(const uint8_t *s, int64_t n, const dq_marks *m, uint8_t *out) {
  if (n < 3 || n % 2 == 0) return -1;
  uint8_t all = 0;
  for (int64_t i = 1; i < n; i += 2) {
    int high = dq_hex(s[i]), low = dq_hex(s[i + 1]);
    if (high < 0 || low < 0) return -1;
    uint8_t byte = (uint8_t)(high << 4 | low);
    out[i / 2] = byte;
    all |= byte;
  }
  if (all >= 0x80 && !(m->hex_utf8 && dq_is_utf8(out, n / 2))) return -1;
  return n / 2;
}

/* .br .ce .sp<n> .sk<n> as the line ends and blanks that they stand for, .fi .nf .in<n> .ti<n> as nothing. -1: another. */
static int64_t dq_formatted(const uint8_t *s, int64_t n, uint8_t *out) {
  if (n < 3 || n > 6) return -1;
  int64_t count = 0;
  int negative = n > 3 && (s[3] == '-' || s[3] == '+');
  for (int64_t i = 3 + negative; i < n; i++) {
    if (s[i] < '0' || s[i] > '9') return -1;
    count = count * 10 + s[i] - '0';
  }
  if (negative && n == 4) return -1;
  uint8_t a = s[1] | 0x20, b = s[2] | 0x20;
  if ((a == 'i' && b == 'n') || (a == 't' && b == 'i')) return 0;
  if (count > 99 || negative) return -1;
  if ((a == 's' && b == 'p') || (a == 's' && b == 'k')) {
    if (n == 3) count = 1;
    memset(out, b == 'p' ? '\n' : ' ', (size_t)count);
    return count;
  }
  if (n > 3) return -1;
  if ((a == 'b' && b == 'r') || (a == 'c' && b == 'e')) {
    out[0] = '\n';
    return 1;
  }
  return (a == 'f' && b == 'i') || (a == 'n' && b == 'f') ? 0 : -1;
}

/* What the escape whose text (without the marks) is s stands for: its bytes in out; -1: unknown, to be left as sent. */
static int64_t dq_escape(const uint8_t *s, int64_t n, const dq_marks *m, uint8_t *out) {
  uint8_t mark = 0;
  if (n == 1) {
    switch (s[0]) {
      case 'F': mark = m->field; break;
      case 'S': mark = m->component; break;
      case 'T': mark = m->subcomponent; break;
      case 'R': mark = m->repetition; break;
      case 'E': mark = m->escape; break;
      case 'P': mark = m->truncation; break;
      case 'H': case 'N': return 0; /* highlighting begins, ends */
      default: break;
    }
    if (mark == 0) return -1;
    out[0] = mark;
    return 1;
  }
  if (n > 1 && s[0] == 'X') return dq_hex_bytes(s, n, m, out);
  if (m->formatted && n > 1 && s[0] == '.') return dq_formatted(s, n, out);
  return -1;
}

/* The text with its escapes read, at most DQ_MOST_GROWTH times as long; gives its length. What is no escape that is
 * known, or is never closed, stays as it was sent. */
enum { DQ_MOST_GROWTH = 16 };
static int64_t dq_unescape(dq_text t, const dq_marks *m, uint8_t *out) {
  int64_t used = 0;
  for (int64_t i = 0; i < t.n; i++) {
    if (t.s[i] != m->escape) {
      out[used++] = t.s[i];
      continue;
    }
    const uint8_t *close = (const uint8_t *)memchr(t.s + i + 1, m->escape, (size_t)(t.n - i - 1));
    int64_t n = close == NULL ? -1 : close - (t.s + i + 1);
    int64_t made = n < 0 ? -1 : dq_escape(t.s + i + 1, n, m, out + used);
    if (close == NULL) {
      memcpy(out + used, t.s + i, (size_t)(t.n - i));
      return used + t.n - i;
    }
    if (made < 0) {
      out[used++] = t.s[i];
      continue;
    }
    used += made;
    i += n + 1;
  }
  return used;
}

/* ---- the table ---- */

static int dq_table_grow(dq_table *t) {
  int64_t room = t->room ? t->room * 2 : 1024;
  int64_t *positions = (int64_t *)realloc(t->positions, (size_t)room * sizeof(int64_t));
  if (positions == NULL) return t->failed = 1;
  t->positions = positions;
  for (int c = 0; c < DQ_TEXT_COLUMNS; c++) {
    dq_texts *x = &t->text[c];
    int32_t *offsets = (int32_t *)realloc(x->offsets, (size_t)(room + 1) * sizeof(int32_t));
    if (offsets == NULL) return t->failed = 1;
    x->offsets = offsets;
    x->offsets[t->rows] = (int32_t)x->used;
    uint8_t *valid = (uint8_t *)realloc(x->valid, (size_t)room / 8);
    if (valid == NULL) return t->failed = 1;
    memset(valid + t->room / 8, 0, (size_t)(room - t->room) / 8);
    x->valid = valid;
  }
  t->room = room;
  return 0;
}

static int dq_texts_grow(dq_texts *x, int64_t more) {
  int64_t room = x->room ? x->room : 4096;
  while (room < x->used + more) room *= 2;
  uint8_t *bytes = (uint8_t *)realloc(x->bytes, (size_t)room);
  if (bytes == NULL) return -1;
  x->bytes = bytes;
  x->room = room;
  return 0;
}

static void dq_table_free(dq_table *t) {
  for (int c = 0; c < DQ_TEXT_COLUMNS; c++) {
    free(t->text[c].bytes);
    free(t->text[c].offsets);
    free(t->text[c].valid);
  }
  free(t->positions);
  memset(t, 0, sizeof *t);
}

/* No rows, but the memory kept. */
static void dq_table_clear(dq_table *t) {
  for (int c = 0; c < DQ_TEXT_COLUMNS; c++) {
    t->text[c].used = 0;
    if (t->room) memset(t->text[c].valid, 0, (size_t)t->room / 8);
  }
  t->rows = t->used = 0;
}

/* Into row t->rows, which is not yet there. A text that is NULL or empty is null, `""` the empty string. */
static void dq_put(dq_table *t, int c, dq_text text, const dq_marks *m, int escaped) {
  dq_texts *x = &t->text[c];
  int64_t row = t->rows;
  if (text.n > 0) {
    int64_t room = escaped ? text.n * DQ_MOST_GROWTH + 128 : text.n;
    x->valid[row >> 3] |= (uint8_t)(1 << (row & 7));
    if (x->used + room > x->room && dq_texts_grow(x, room)) {
      t->failed = 1;
      return;
    }
    if (text.n == 2 && text.s[0] == '"' && text.s[1] == '"') text.n = 0;
    else if (escaped) text.n = dq_unescape(text, m, x->bytes + x->used);
    else memcpy(x->bytes + x->used, text.s, (size_t)text.n);
    x->used += text.n;
    t->used += text.n;
  }
  x->offsets[row + 1] = (int32_t)x->used;
}

/* ---- a message's rows ---- */

typedef struct {
  dq_segment slot[DQ_SLOTS];
  dq_text shared[DQ_TEXT_COLUMNS]; /* the columns that no row changes, while `known` */
  dq_marks marks;
  int known;
  int has_escapes;
} dq_context;

static dq_text dq_resolve(const dq_context *x, const dq_paths *p, int c) {
  dq_text t = {NULL, 0};
  for (int32_t k = p->first[c]; k < p->first[c + 1] && t.n == 0; k++) t = dq_at_path(x->slot, p->path[k], &x->marks);
  return t;
}

/* Whether escapes of this text are to be read: not in a text that has parts, which would then be told apart no more. */
static int dq_is_escaped(dq_text t, const dq_marks *m) {
  if (m->escape == 0 || memchr(t.s, m->escape, (size_t)t.n) == NULL) return 0;
  for (int64_t i = 0; i < t.n; i++)
    if ((t.s[i] == m->component && m->component) || (t.s[i] == m->repetition && m->repetition) ||
        (t.s[i] == m->subcomponent && m->subcomponent))
      return 0;
  return 1;
}

/* One row more, of what stands in the slots. */
static void dq_row(dq_context *x, const dq_paths *p, dq_text source, int64_t position, dq_table *t) {
  if (t->rows == t->room && dq_table_grow(t)) return;
  if (!x->known)
    for (int c = 1; c < DQ_TEXT_COLUMNS; c++)
      if (!p->of_row[c]) x->shared[c] = dq_resolve(x, p, c);
  x->known = 1;
  dq_put(t, 0, source, &x->marks, 0);
  for (int c = 1; c < DQ_TEXT_COLUMNS; c++) {
    dq_text text = p->of_row[c] ? dq_resolve(x, p, c) : x->shared[c];
    dq_put(t, c, text, &x->marks, x->has_escapes && text.n > 0 && dq_is_escaped(text, &x->marks));
  }
  t->positions[t->rows] = position;
  if (!t->failed) t->rows++;
}
#endif
