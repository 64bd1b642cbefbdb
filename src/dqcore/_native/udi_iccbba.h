/* ICCBBA: ISBT 128 data structures one after the other (ST-001 2.4, ST-017), under a compound message or not. */
#ifndef DQ_UDI_ICCBBA_H
#define DQ_UDI_ICCBBA_H
#include "udi_parts.h"

enum dq_isbt_content { DQ_ISBT_ANY = 0, DQ_ISBT_PPIC, DQ_ISBT_TEXT, DQ_ISBT_DAY, DQ_ISBT_TIME };
typedef struct {
  const char *identifier;
  uint8_t length, content, part; /* the length of what follows the data identifier */
} dq_isbt_structure;

/* Those of one length. The others, whose own content says how long they are, are of patients and blood, not of devices. */
static const dq_isbt_structure dq_isbt_structures[] = {
    {"=/", 16, DQ_ISBT_PPIC, DQ_UDI_DI},       {"=,", 6, DQ_ISBT_TEXT, DQ_UDI_SERIAL},
    {"=>", 6, DQ_ISBT_DAY, DQ_UDI_EXPIRY},     {"&>", 10, DQ_ISBT_TIME, DQ_UDI_EXPIRY},
    {"=}", 6, DQ_ISBT_DAY, DQ_UDI_MADE},       {"&}", 10, DQ_ISBT_TIME, DQ_UDI_MADE},
    {"&,1", 18, DQ_ISBT_TEXT, DQ_UDI_LOT},     {"=*", 6, DQ_ISBT_DAY, 0},
    {"&*", 10, DQ_ISBT_TIME, 0},               {"&,2", 18, DQ_ISBT_ANY, 0},
    {"&,4", 40, DQ_ISBT_ANY, 0},               {"=<", 8, DQ_ISBT_ANY, 0},
    {"=%", 4, DQ_ISBT_ANY, 0},                 {"&(", 5, DQ_ISBT_ANY, 0},
    {"=)", 10, DQ_ISBT_ANY, 0},                {"&)", 10, DQ_ISBT_ANY, 0},
    {"=;", 21, DQ_ISBT_ANY, 0},                {"='", 11, DQ_ISBT_ANY, 0},
    {"=-", 10, DQ_ISBT_ANY, 0},                {"&-", 10, DQ_ISBT_ANY, 0},
    {"=$", 16, DQ_ISBT_ANY, 0},                {"&+", 11, DQ_ISBT_ANY, 0},
    {"&:", 19, DQ_ISBT_ANY, 0},                {"&/", 15, DQ_ISBT_ANY, 0},
};
enum { DQ_ISBT_STRUCTURES = sizeof dq_isbt_structures / sizeof *dq_isbt_structures, DQ_DIN = 15 };

static int dq_all_alnum_of(const uint8_t *s, int64_t n, int lower) {
  for (int64_t i = 0; i < n; i++)
    if (dq_alnum(s[i]) < 0 && !(lower && s[i] >= 'a' && s[i] <= 'z')) return 0;
  return 1;
}
/* A facility's number: letters but O, and digits; a donation's does not begin with 0. */
DQ_INLINE int dq_isbt_facility(const uint8_t *s, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (dq_alnum(s[i]) < 0 || s[i] == 'O') return 0;
  return 1;
}

/* cyyjjj, with hhmm after it where there is a time: c is the last digit of the century, 9 for 19 and others for 20 on. */
static void dq_isbt_date(const uint8_t *s, int64_t n, int part, dq_udi *u) {
  if (dq_run_of_digits(s, n) < n) {
    dq_udi_fault(u, DQ_UDI_FORMAT);
    return;
  }
  int c = s[0] - '0', year = (c == 9 ? 1900 : 2000 + 100 * c) + dq_number_of(s + 1, 2);
  dq_udi_ordinal(u, part, year, dq_number_of(s + 3, 3));
  if (n == 10 && (dq_number_of(s + 6, 2) > 23 || dq_number_of(s + 8, 2) > 59)) dq_udi_fault(u, DQ_UDI_DATE);
}

/* A donation identification number and its two flags; flags from 60 on are its check value plus 60 (ST-001, appendix A).
 * The flags are not part of the number. */
static void dq_isbt_donation(const uint8_t *s, dq_udi *u) {
  int holds = s[0] != '0' && dq_isbt_facility(s, 3) && dq_run_of_digits(s + 3, 10) == 10 && dq_all_alnum_of(s + 13, 2, 0);
  dq_udi_holds(u, holds);
  if (!holds) return;
  if (dq_run_of_digits(s + 13, 2) == 2 && !dq_isbt128_din(s, DQ_DIN)) dq_udi_fault(u, DQ_UDI_CHECK);
  dq_udi_text(u, DQ_UDI_DONATION, s, 13);
}

static void dq_isbt_content(const dq_isbt_structure *d, const uint8_t *s, dq_udi *u) {
  int64_t n = d->length;
  switch (d->content) {
    case DQ_ISBT_DAY:
    case DQ_ISBT_TIME: dq_isbt_date(s, n, d->part, u); break;
    case DQ_ISBT_ANY: dq_udi_holds(u, dq_all_alnum_of(s, n, 1)); break;
    default:
      dq_udi_holds(u, dq_all_alnum_of(s, n, 0) && (d->content != DQ_ISBT_PPIC || dq_isbt_facility(s, 5)));
      dq_udi_text(u, d->part, s, n);
  }
}

static const dq_isbt_structure *dq_isbt_at(const uint8_t *s, int64_t n) {
  for (int k = 0; k < DQ_ISBT_STRUCTURES; k++) {
    const dq_isbt_structure *d = &dq_isbt_structures[k];
    int64_t m = (int64_t)strlen(d->identifier);
    if (n >= m && memcmp(s, d->identifier, (size_t)m) == 0) return d;
  }
  return NULL;
}

/* A text that begins with `=` or `&`. A compound message says how many structures follow it. */
static void dq_iccbba(const uint8_t *s, int64_t n, dq_udi *u) {
  int64_t i = 0, count = 0, said = -1;
  if (n >= 7 && s[0] == '=' && s[1] == '+' && dq_run_of_digits(s + 2, 5) == 5) {
    said = dq_number_of(s + 2, 2);
    i = 7;
  }
  for (; i < n; count++) {
    if (s[i] == '=' && n - i > DQ_DIN && dq_alnum(s[i + 1]) >= 0) {
      dq_isbt_donation(s + i + 1, u);
      i += 1 + DQ_DIN;
      continue;
    }
    const dq_isbt_structure *d = dq_isbt_at(s + i, n - i);
    int64_t from = d == NULL ? n : i + (int64_t)strlen(d->identifier);
    if (d == NULL || n - from < d->length) {
      dq_udi_fault(u, DQ_UDI_FORMAT);
      return;
    }
    dq_isbt_content(d, s + from, u);
    i = from + d->length;
  }
  dq_udi_holds(u, said < 0 || said == count);
}
#endif
