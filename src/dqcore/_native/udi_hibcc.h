/* HIBCC: ANSI/HIBC 2.6. A primary symbol alone, followed by a secondary one that links to it, or joined to sections by
 * slashes under one check character. */
#ifndef DQ_UDI_HIBCC_H
#define DQ_UDI_HIBCC_H
#include "udi_parts.h"

enum { DQ_HIBC_LOT = 18, DQ_HIBC_QUANTITY = 9 };

/* In the caption, between asterisks, a check character that is a blank is written as an underscore. */
DQ_INLINE int dq_hibc_value(uint8_t c, int caption) { return caption && c == '_' ? 38 : dq_code39(c); }
static void dq_hibc_checked(const uint8_t *s, int64_t n, int caption, dq_udi *u) {
  int sum = 0, check = dq_hibc_value(s[n - 1], caption);
  for (int64_t i = 0; i < n - 1; i++) sum += dq_hibc_value(s[i], caption); /* what has no value is a fault of the form */
  dq_udi_holds(u, check >= 0);
  if (check != sum % 43) dq_udi_fault(u, DQ_UDI_CHECK);
}

/* Labeler (a letter and three characters), product or catalogue number (1 to 18), unit of measure (a digit). */
static void dq_hibc_primary(const uint8_t *s, int64_t n, dq_udi *u) {
  int holds = n >= 6 && n <= 23;
  if (holds) holds = s[0] >= 'A' && s[0] <= 'Z' && dq_is_digit(s[n - 1]);
  for (int64_t i = 0; holds && i < n; i++) holds = dq_alnum(s[i]) >= 0;
  dq_udi_holds(u, holds);
  if (holds) dq_udi_text(u, DQ_UDI_DI, s, n);
}

/* A lot or serial number, which may have no characters where `least` is 0. */
static void dq_hibc_number(const uint8_t *s, int64_t n, int part, int least, dq_udi *u) {
  int holds = n >= least && n <= DQ_HIBC_LOT;
  for (int64_t i = 0; holds && i < n; i++) holds = dq_alnum(s[i]) >= 0 || s[i] == '-' || s[i] == '.';
  dq_udi_holds(u, holds);
  if (holds) dq_udi_text(u, part, s, n);
}

/* How many digits a date has after `$$`, by its first: MMYY, or a flag and MMDDYY, YYMMDD, YYMMDDHH, YYJJJ, YYJJJHH,
 * nothing; 0 for none that there is. The flag is counted. */
static const uint8_t dq_hibc_dates[10] = {4, 4, 7, 7, 9, 6, 8, 1, 0, 0};
static void dq_hibc_date(const uint8_t *s, int reference, dq_udi *u) {
  const uint8_t *d = s + 1;
  int year, hours = -1;
  switch (s[0]) {
    case '0':
    case '1': dq_udi_date(u, DQ_UDI_EXPIRY, dq_century_of(dq_number_of(s + 2, 2), reference), dq_number_of(s, 2), 0, 1); break;
    case '2':
      year = dq_century_of(dq_number_of(d + 4, 2), reference);
      dq_udi_date(u, DQ_UDI_EXPIRY, year, dq_number_of(d, 2), dq_number_of(d + 2, 2), 0);
      break;
    case '3':
    case '4':
      year = dq_century_of(dq_number_of(d, 2), reference);
      dq_udi_date(u, DQ_UDI_EXPIRY, year, dq_number_of(d + 2, 2), dq_number_of(d + 4, 2), 0);
      if (s[0] == '4') hours = dq_number_of(d + 6, 2);
      break;
    case '5':
    case '6':
      dq_udi_ordinal(u, DQ_UDI_EXPIRY, dq_century_of(dq_number_of(d, 2), reference), dq_number_of(d + 2, 3));
      if (s[0] == '6') hours = dq_number_of(d + 5, 2);
      break;
    default: break;
  }
  if (hours > 23) dq_udi_fault(u, DQ_UDI_DATE);
}

/* After `$$`: a quantity (8 and two digits, 9 and five), a date, and a lot or serial number. */
static void dq_hibc_dated(const uint8_t *s, int64_t n, int reference, int part, dq_udi *u) {
  int64_t digits = dq_run_of_digits(s, n), quantity = n > 0 && s[0] == '8' ? 3 : n > 0 && s[0] == '9' ? 6 : 0;
  if (digits <= quantity) {
    dq_udi_fault(u, DQ_UDI_FORMAT);
    return;
  }
  s += quantity, n -= quantity, digits -= quantity;
  int date = dq_hibc_dates[s[0] - '0'];
  if (date == 0 || digits < date) {
    dq_udi_fault(u, DQ_UDI_FORMAT);
    return;
  }
  dq_hibc_date(s, reference, u);
  dq_hibc_number(s + date, n - date, part, 0, u);
}

/* `$` and a lot, `$+` and a serial number, `$$` or `$$+` and a date before it; or YYJJJ and a lot. */
static void dq_hibc_secondary(const uint8_t *s, int64_t n, int reference, dq_udi *u) {
  if (n > 0 && s[0] == '$') {
    int64_t dollars = n > 1 && s[1] == '$' ? 2 : 1, serial = n > dollars && s[dollars] == '+';
    int part = serial ? DQ_UDI_SERIAL : DQ_UDI_LOT;
    s += dollars + serial, n -= dollars + serial;
    if (dollars == 2) dq_hibc_dated(s, n, reference, part, u);
    else dq_hibc_number(s, n, part, 1, u);
  } else if (dq_run_of_digits(s, n) >= 5) {
    dq_udi_ordinal(u, DQ_UDI_EXPIRY, dq_century_of(dq_number_of(s, 2), reference), dq_number_of(s + 2, 3));
    dq_hibc_number(s + 5, n - 5, DQ_UDI_LOT, 0, u);
  } else {
    dq_udi_fault(u, DQ_UDI_FORMAT);
  }
}

/* A section after a slash: secondary data, `S` and a serial number, `16D` and the day of manufacture, `14D` and the day
 * of expiry, `Q` and a quantity. */
static void dq_hibc_section(const uint8_t *s, int64_t n, int reference, dq_udi *u) {
  if (n >= 3 && s[0] == '1' && (s[1] == '4' || s[1] == '6') && s[2] == 'D') {
    int holds = n == 11 && dq_run_of_digits(s + 3, 8) == 8, part = s[1] == '4' ? DQ_UDI_EXPIRY : DQ_UDI_MADE;
    dq_udi_holds(u, holds);
    if (holds) dq_udi_date(u, part, dq_number_of(s + 3, 4), dq_number_of(s + 7, 2), dq_number_of(s + 9, 2), 0);
  } else if (n > 0 && s[0] == 'S') {
    dq_hibc_number(s + 1, n - 1, DQ_UDI_SERIAL, 1, u);
  } else if (n > 0 && s[0] == 'Q') {
    dq_udi_holds(u, n > 1 && n <= 1 + DQ_HIBC_QUANTITY && dq_run_of_digits(s + 1, n - 1) == n - 1);
  } else {
    dq_hibc_secondary(s, n, reference, u);
  }
}
/* Sections parted by slashes; after a `+` the first of them is secondary data. */
static void dq_hibc_sections(const uint8_t *s, int64_t n, int linked, int reference, dq_udi *u) {
  int64_t from = 0;
  for (int64_t i = 0; i <= n; i++) {
    if (i < n && s[i] != '/') continue;
    (linked && from == 0 ? dq_hibc_secondary : dq_hibc_section)(s + from, i - from, reference, u);
    from = i + 1;
  }
}

/* A text that begins with `+`, its asterisks taken off. The first character after the `+` that is no letter and no digit
 * says where the primary data end: a slash before sections; a `+` before a secondary symbol, unless another follows; else
 * the check character. */
static void dq_hibcc(const uint8_t *s, int64_t n, int caption, int reference, dq_udi *u) {
  int64_t i = 1, check;
  while (i < n && dq_alnum(s[i]) >= 0) i++;
  int last = i + 1 >= n, plus = !last && s[i + 1] == '+';
  if (i == n) {
    check = n - 1;
  } else if (s[i] == '/' && !last && !plus) {
    dq_hibc_primary(s + 1, i - 1, u);
    dq_hibc_sections(s + i + 1, n - i - 2, 0, reference, u);
    dq_hibc_checked(s, n, caption, u);
    return;
  } else {
    check = s[i] == '+' && !last && !plus ? i - 1 : i;
  }
  if (check < 1) {
    dq_udi_fault(u, DQ_UDI_FORMAT);
    return;
  }
  dq_hibc_primary(s + 1, check - 1, u);
  dq_hibc_checked(s, check + 1, caption, u);
  const uint8_t *second = s + check + 1;
  int64_t m = n - check - 1;
  if (m == 0) return;
  if (m < 4 || second[0] != '+') {
    dq_udi_fault(u, DQ_UDI_FORMAT);
    return;
  }
  dq_hibc_sections(second + 1, m - 3, 1, reference, u);
  dq_hibc_checked(second, m, caption, u);
  int link = dq_hibc_value(second[m - 2], caption);
  dq_udi_holds(u, link >= 0);
  if (link != dq_hibc_value(s[check], caption)) dq_udi_fault(u, DQ_UDI_CHECK);
}
#endif
