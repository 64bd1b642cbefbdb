/* What a unique device identifier says: its parts as spans of the text itself, its dates as days, and what is wrong. */
#ifndef DQ_UDI_PARTS_H
#define DQ_UDI_PARTS_H
#include "identifier_checks.h"
#include "timestamps.h"

/* Reasons, in the order that the rule lists them; of several faults the first counts, and a text that begins like no
 * issuer's has no other. */
enum { DQ_UDI_FORMAT = 1, DQ_UDI_CHECK, DQ_UDI_DATE, DQ_UDI_ISSUER };
enum { DQ_UDI_NO_PART = 0, DQ_UDI_DI, DQ_UDI_LOT, DQ_UDI_SERIAL, DQ_UDI_DONATION, DQ_UDI_EXPIRY, DQ_UDI_MADE, DQ_UDI_PARTS };
enum { DQ_GTIN = 14, DQ_UDI_MOST = 24 /* bytes of a part: a HIBCC device identifier has 23 */ };

typedef struct {
  dq_text texts[DQ_UDI_EXPIRY]; /* by part; without bytes where the text has no such part */
  int32_t days[DQ_UDI_PARTS];   /* by part, since 1970-01-01 */
  int carries[DQ_UDI_PARTS];
  int zeros; /* how many zeros stand before the device identifier */
  int faults; /* a bit a reason */
} dq_udi;

DQ_INLINE void dq_udi_fault(dq_udi *u, int reason) { u->faults |= 1 << reason; }
DQ_INLINE void dq_udi_holds(dq_udi *u, int holds) { u->faults |= !holds << DQ_UDI_FORMAT; }
static int dq_udi_code(const dq_udi *u) {
  for (int reason = DQ_UDI_FORMAT; reason <= DQ_UDI_ISSUER; reason++)
    if (u->faults >> reason & 1) return reason;
  return DQ_PASS;
}

DQ_INLINE int dq_same_text(dq_text a, dq_text b) { return a.n == b.n && memcmp(a.s, b.s, (size_t)a.n) == 0; }
/* A part that is said twice must be the same; one of no characters is not said. */
static void dq_udi_text(dq_udi *u, int part, const uint8_t *s, int64_t n) {
  dq_text text = {s, n};
  if (n == 0) return;
  if (u->carries[part] && !dq_same_text(u->texts[part], text)) dq_udi_fault(u, DQ_UDI_FORMAT);
  u->texts[part] = text;
  u->carries[part] = 1;
}
/* `part` may be none, for a date that is only checked. Day 0 is the last of its month where `open` says so. */
static void dq_udi_date(dq_udi *u, int part, int year, int month, int day, int open) {
  int last = year < 1 || month < 1 || month > 12 ? 0 : dq_month_days(year, month);
  if (day == 0 && open) day = last;
  if (day < 1 || day > last) {
    dq_udi_fault(u, DQ_UDI_DATE);
    return;
  }
  int32_t days = (int32_t)dq_days(year, month, day);
  if (part && u->carries[part] && u->days[part] != days) dq_udi_fault(u, DQ_UDI_FORMAT);
  u->days[part] = days;
  u->carries[part] = part != DQ_UDI_NO_PART;
}
static void dq_udi_ordinal(dq_udi *u, int part, int year, int day) {
  int month = 1;
  while (month < 12 && day > dq_month_days(year, month)) day -= dq_month_days(year, month++);
  dq_udi_date(u, part, year, month, day, 0);
}

/* GS1 General Specifications 7.12: the century that brings a year of two digits nearest to the year of reference. */
DQ_INLINE int dq_century_of(int two, int reference) {
  int ahead = two - reference % 100, century = reference - reference % 100;
  return century + two + (ahead >= 51 ? -100 : ahead <= -50 ? 100 : 0);
}

static int64_t dq_run_of_digits(const uint8_t *s, int64_t n) {
  int64_t i = 0;
  while (i < n && dq_is_digit(s[i])) i++;
  return i;
}
/* The number that digits make; at most nine of them. */
DQ_INLINE int dq_number_of(const uint8_t *s, int64_t n) {
  int value = 0;
  for (int64_t i = 0; i < n; i++) value = value * 10 + s[i] - '0';
  return value;
}
/* GS1 General Specifications 7.9.1, over digits: weights 3, 1, 3... from the right, beside the check digit. */
static int dq_mod10_holds(const uint8_t *s, int64_t n) {
  int sum = 0, weight = 1;
  for (int64_t i = n - 1; i >= 0; i--, weight = 4 - weight) sum += weight * (s[i] - '0');
  return sum % 10 == 0;
}
#endif
