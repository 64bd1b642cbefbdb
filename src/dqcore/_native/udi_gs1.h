/* GS1: element strings, bracketed or with separators, and bare GTINs. What an application identifier (AI) is followed by,
 * which AIs it needs beside it and which it excludes, says the table that `dqcore.knowledge` makes. */
#ifndef DQ_UDI_GS1_H
#define DQ_UDI_GS1_H
#include "udi_parts.h"

enum dq_ai_check {
  DQ_AI_ANY = 0, DQ_AI_MOD10, DQ_AI_PAIR, DQ_AI_YYMMD0, DQ_AI_YYMMDD, DQ_AI_YYYYMMDD, DQ_AI_HHMM, DQ_AI_HH, DQ_AI_MM,
  DQ_AI_SS, DQ_AI_ZERO, DQ_AI_NONZERO, DQ_AI_PIECE, DQ_AI_MASTER, DQ_AI_PADDED
};
enum { DQ_AI_NUMERIC = 1, DQ_AI_CSET82 = 2, DQ_AI_CSET39 = 4, DQ_AI_BASE64 = 8 };
enum { DQ_AI_FIELDS = 6, DQ_AI_NEEDS = 12, DQ_AI_ENTRIES = 256, DQ_AI_MOST = 64, DQ_SEPARATOR = 0x1d };

typedef struct {
  uint8_t characters, least, most, optional, check;
} dq_ai_field;
typedef struct {
  dq_ai_field fields[DQ_AI_FIELDS];
  uint8_t n_fields, n_needs, part, alone; /* alone: no other AI of this entry beside it */
  uint64_t met, excludes, needs[DQ_AI_NEEDS]; /* what other AIs ask for, a bit each; one of `needs` must be there in full */
} dq_ai;
typedef struct {
  uint8_t digits[100];     /* by the first two digits of an AI, how many it has; 0: there is none */
  uint8_t predefined[100]; /* likewise, AI and data together where no separator is needed, else 0 */
  uint8_t characters[256];
  int16_t entry_of[10000]; /* by the AI, filled with zeros at the end to four digits; -1: there is none */
  dq_ai entries[DQ_AI_ENTRIES];
} dq_ai_table;

static void dq_ai_characters(dq_ai_table *t) {
  for (int c = 0; c < 256; c++) {
    int alnum = dq_alnum((uint8_t)c) >= 0, lower = c >= 'a' && c <= 'z';
    t->characters[c] = (uint8_t)((dq_is_digit((uint8_t)c) ? DQ_AI_NUMERIC : 0) |
                                 (dq_cset82((uint8_t)c) >= 0 ? DQ_AI_CSET82 : 0) |
                                 (alnum || c == '#' || c == '-' || c == '/' ? DQ_AI_CSET39 : 0) |
                                 (alnum || lower || c == '-' || c == '_' || c == '=' ? DQ_AI_BASE64 : 0));
  }
}

/* A clock's hours, minutes and seconds; a fault of it is one of the date. */
DQ_INLINE void dq_udi_below(dq_udi *u, const uint8_t *s, int most) {
  if (dq_number_of(s, 2) >= most) dq_udi_fault(u, DQ_UDI_DATE);
}
static void dq_ai_field_holds(dq_udi *u, int check, int part, int reference, const uint8_t *s, int64_t n) {
  switch (check) {
    case DQ_AI_MOD10:
      if (!dq_mod10_holds(s, n)) dq_udi_fault(u, DQ_UDI_CHECK);
      break;
    case DQ_AI_PAIR:
      if (!dq_check_pair(s, n)) dq_udi_fault(u, DQ_UDI_CHECK);
      break;
    case DQ_AI_MASTER: /* of a master UDI-DI, which is not digits alone */
      if (!dq_check_pair(s, n)) dq_udi_fault(u, DQ_UDI_CHECK);
      dq_udi_holds(u, dq_run_of_digits(s, n) < n);
      break;
    case DQ_AI_PADDED: { /* base64url, with equals signs that fill it up to fours (RFC 4648, section 5) */
      int64_t padded = n;
      while (padded > 0 && s[padded - 1] == '=') padded--;
      dq_udi_holds(u, padded > 0 && memchr(s, '=', (size_t)padded) == NULL && n - padded <= 2 && (n == padded || n % 4 == 0));
      break;
    }
    case DQ_AI_YYMMD0:
    case DQ_AI_YYMMDD:
      dq_udi_date(u, part, dq_century_of(dq_number_of(s, 2), reference), dq_number_of(s + 2, 2), dq_number_of(s + 4, 2),
                  check == DQ_AI_YYMMD0);
      break;
    case DQ_AI_YYYYMMDD: dq_udi_date(u, part, dq_number_of(s, 4), dq_number_of(s + 4, 2), dq_number_of(s + 6, 2), 0); break;
    case DQ_AI_HHMM: dq_udi_below(u, s, 24), dq_udi_below(u, s + 2, 60); break;
    case DQ_AI_HH: dq_udi_below(u, s, 24); break;
    case DQ_AI_MM:
    case DQ_AI_SS: dq_udi_below(u, s, 60); break;
    case DQ_AI_ZERO:
    case DQ_AI_NONZERO: {
      int zeros = 1;
      for (int64_t i = 0; i < n; i++) zeros &= s[i] == '0';
      dq_udi_holds(u, zeros == (check == DQ_AI_ZERO));
      break;
    }
    case DQ_AI_PIECE: {
      int piece = dq_number_of(s, 2), total = dq_number_of(s + 2, 2);
      dq_udi_holds(u, piece > 0 && piece <= total);
      break;
    }
    default: break;
  }
}

static int dq_all_of(const dq_ai_table *t, const uint8_t *s, int64_t n, int characters) {
  int all = characters;
  for (int64_t i = 0; i < n; i++) all &= t->characters[s[i]];
  return all != 0;
}
/* The fields of an AI's data, one after the other, each as long as it can be; nothing may be left. */
static void dq_ai_data(const dq_ai_table *t, const dq_ai *e, int reference, dq_text data, dq_udi *u) {
  const uint8_t *s = data.s;
  int64_t left = data.n;
  for (int f = 0; f < e->n_fields; f++) {
    const dq_ai_field *field = &e->fields[f];
    if (left == 0 && field->optional) break;
    int64_t n = left < field->most ? left : field->most;
    if (n < field->least || !dq_all_of(t, s, n, field->characters)) {
      dq_udi_fault(u, DQ_UDI_FORMAT);
      return;
    }
    if (field->check) dq_ai_field_holds(u, field->check, e->part, reference, s, n);
    s += n;
    left -= n;
  }
  dq_udi_holds(u, left == 0);
}

typedef struct {
  int number, entry;
  dq_text data;
} dq_element;

/* An AI and where its data begins; NULL where there is none. */
static const uint8_t *dq_ai_at(const dq_ai_table *t, const uint8_t *p, const uint8_t *end, dq_element *found) {
  static const int16_t filled[5] = {0, 0, 100, 10, 1};
  if (end - p < 2 || !dq_is_digit(p[0]) || !dq_is_digit(p[1])) return NULL;
  int digits = t->digits[dq_number_of(p, 2)];
  if (digits == 0 || end - p < digits || dq_run_of_digits(p, digits) < digits) return NULL;
  found->number = dq_number_of(p, digits) * filled[digits];
  found->entry = t->entry_of[found->number];
  return found->entry < 0 ? NULL : p + digits;
}
/* An element with separators, and where the next begins; NULL where it is broken. A separator may follow data of
 * predefined length too, and the last. */
static const uint8_t *dq_separated(const dq_ai_table *t, const uint8_t *p, const uint8_t *end, dq_element *found) {
  const uint8_t *data = dq_ai_at(t, p, end, found), *stop;
  if (data == NULL) return NULL;
  int predefined = t->predefined[dq_number_of(p, 2)];
  if (predefined) {
    if (end - p < predefined) return NULL;
    stop = p + predefined;
  } else {
    stop = (const uint8_t *)memchr(data, DQ_SEPARATOR, (size_t)(end - data));
    if (stop == NULL) stop = end;
  }
  found->data.s = data, found->data.n = stop - data;
  return stop < end && *stop == DQ_SEPARATOR ? stop + 1 : stop;
}
/* Likewise of the bracketed form, in which a bracket always opens an AI. */
static const uint8_t *dq_bracketed(const dq_ai_table *t, const uint8_t *p, const uint8_t *end, dq_element *found) {
  if (*p != '(') return NULL;
  const uint8_t *data = dq_ai_at(t, p + 1, end, found);
  if (data == NULL || data == end || *data != ')') return NULL;
  data++;
  const uint8_t *stop = data == end ? NULL : (const uint8_t *)memchr(data, '(', (size_t)(end - data));
  if (stop == NULL) stop = end;
  found->data.s = data, found->data.n = stop - data;
  return stop;
}

/* Whether AIs may stand beside each other, and what each needs is there. `there` has what all of them are. */
static int dq_ai_goes(const dq_ai_table *t, const dq_element *e, int n, uint64_t there) {
  for (int i = 0; i < n; i++) {
    const dq_ai *ai = &t->entries[e[i].entry];
    int met = ai->n_needs == 0;
    for (int k = 0; k < ai->n_needs; k++) met |= (ai->needs[k] & ~there) == 0;
    if (!met || (ai->excludes & there)) return 0;
    for (int j = 0; j < i; j++) {
      if (e[i].entry != e[j].entry) continue;
      if (e[i].number != e[j].number ? ai->alone : !dq_same_text(e[i].data, e[j].data)) return 0;
    }
  }
  return 1;
}

/* Elements to the end of the text. No symbol holds more than DQ_AI_MOST that go together. */
static void dq_gs1_elements(const dq_ai_table *t, int reference, const uint8_t *p, const uint8_t *end, int brackets,
                            dq_udi *u) {
  dq_element found[DQ_AI_MOST];
  uint64_t there = 0;
  int n = 0;
  while (p < end) {
    if (n == DQ_AI_MOST || (p = (brackets ? dq_bracketed : dq_separated)(t, p, end, &found[n])) == NULL) {
      dq_udi_fault(u, DQ_UDI_FORMAT);
      return;
    }
    const dq_ai *ai = &t->entries[found[n].entry];
    dq_ai_data(t, ai, reference, found[n].data, u);
    if (ai->part > DQ_UDI_NO_PART && ai->part < DQ_UDI_EXPIRY) dq_udi_text(u, ai->part, found[n].data.s, found[n].data.n);
    there |= ai->met;
    n++;
  }
  dq_udi_holds(u, dq_ai_goes(t, found, n, there));
}

/* A GTIN of all zeros names nothing, though its check digit holds. */
static void dq_gs1_named(dq_udi *u) {
  dq_text di = u->texts[DQ_UDI_DI];
  int zeros = 1;
  for (int64_t i = 0; i < di.n; i++) zeros &= di.s[i] == '0';
  dq_udi_holds(u, !zeros);
}
DQ_INLINE int dq_is_gtin(const uint8_t *s, int64_t n) {
  return (n == 8 || (n >= 12 && n <= DQ_GTIN)) && dq_run_of_digits(s, n) == n;
}
static void dq_gs1_gtin(const uint8_t *s, int64_t n, dq_udi *u) {
  if (!dq_mod10_holds(s, n)) dq_udi_fault(u, DQ_UDI_CHECK);
  dq_udi_text(u, DQ_UDI_DI, s, n);
  u->zeros = (int)(DQ_GTIN - n);
}
#endif
