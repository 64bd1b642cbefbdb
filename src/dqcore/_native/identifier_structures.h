/* Structures that places and characters cannot say: 1 if canonical text has the form. */
#ifndef DQ_IDENTIFIER_STRUCTURES_H
#define DQ_IDENTIFIER_STRUCTURES_H
#include "identifier_checks.h"

/* Numbers joined by dots, none with a leading zero. */
static int dq_dotted(const uint8_t *s, int64_t n) {
  int64_t start = 0;
  for (int64_t i = 0; i <= n; i++) {
    if (i < n && s[i] != '.') continue;
    if (i == start || (s[start] == '0' && i - start > 1)) return 0;
    start = i + 1;
  }
  return 1;
}

static int dq_not_palindrome(const uint8_t *s, int64_t n) {
  for (int64_t i = 0; i < n / 2; i++)
    if (s[i] != s[n - 1 - i]) return 1;
  return 0;
}

DQ_INLINE int dq_two(const uint8_t *s) { return (s[0] - '0') * 10 + s[1] - '0'; }
DQ_INLINE int dq_is_date(int year, int month, int day) {
  static const uint8_t days[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month < 1 || month > 12) return 0;
  /* No branch on what differs from row to row: 400 divides where 16 and 25 do. */
  int leap = ((year & 3) == 0) & ((year % 25 != 0) | ((year & 15) == 0));
  return (day >= 1) & (day <= days[month] + (leap & (month == 2)));
}

/* DDMMYYSSSS: the seventh digit and the year tell the century (CPR-kontoret, Personnummeret i CPR). */
static int dq_cpr_date(const uint8_t *s) {
  static const uint8_t until[10] = {0, 0, 0, 0, 37, 58, 58, 58, 58, 37}; /* years before are of the 2000s */
  static const int16_t from[10] = {1900, 1900, 1900, 1900, 1900, 1800, 1800, 1800, 1800, 1900};
  int year = dq_two(s + 4), seventh = s[6] - '0', century = year < until[seventh] ? 2000 : from[seventh];
  return dq_is_date(century + year, dq_two(s + 2), dq_two(s));
}

/* DDMMYYIIIKK: day + 40 in a D number, month + 40 in an H number, month + 80 in synthetic ones; the individual digits
 * tell the century (Skatteetaten). */
static int dq_fodselsnummer_date(const uint8_t *s) {
  int day = dq_two(s), month = dq_two(s + 2), year = dq_two(s + 4), century;
  int individual = dq_two(s + 6) * 10 + s[8] - '0';
  if (day > 40) day -= 40;
  if (month > 80) month -= 80;
  else if (month > 40) month -= 40;
  if (individual < 500) century = 1900;
  else if (individual < 750 && year >= 54) century = 1800;
  else if (year < 40) century = 2000;
  else if (individual >= 900) century = 1900;
  else return 0;
  return dq_is_date(century + year, month, day);
}

/* [YY]YYMMDD[+]NNNN; day + 60 in a coordination number. Without a century 29 February is held against one in which
 * the year is a leap year, for the sign alone does not tell it. */
static int dq_personnummer_date(const uint8_t *s, int64_t n) {
  int64_t dates = n == 10 || n == 11 ? 6 : 8;
  for (int64_t i = 0; i < n; i++)
    if ((s[i] == '+') != (i == dates && (n == 11 || n == 13))) return 0;
  const uint8_t *date = s + dates - 6;
  int year = dq_two(date) + (dates == 8 ? dq_two(s) * 100 : 2000), day = dq_two(date + 4);
  return dq_is_date(year, dq_two(date + 2), day > 60 ? day - 60 : day);
}

static int dq_all_alnum(const uint8_t *s, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (dq_alnum(s[i]) < 0) return 0;
  return 1;
}
static int dq_all_digits(const uint8_t *s, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (dq_digit(s[i]) < 0) return 0;
  return 1;
}
DQ_INLINE int dq_is_lic(const uint8_t *s) { return s[0] >= 'A' && s[0] <= 'Z' && dq_all_alnum(s + 1, 3); }

/* Primary data (labeler, product, unit of measure), alone or followed by sections after `/`; or secondary data alone,
 * which begins with `$` or a five-digit date and ends in a link character. The last byte is the check character. */
static int dq_hibc_form(const uint8_t *s, int64_t n) {
  const uint8_t *body = s + 1;
  int64_t rest = n - 2, primary = 0;
  if (s[0] != '+' || rest < 2) return 0;
  if (body[0] == '$') return 1;
  if (dq_digit(body[0]) >= 0) return rest >= 6 && dq_all_digits(body, 5);
  while (primary < rest && body[primary] != '/') primary++;
  if (primary < 6 || primary > 23 || !dq_is_lic(body)) return 0;
  if (!dq_all_alnum(body + 4, primary - 4) || dq_digit(body[primary - 1]) < 0) return 0;
  for (int64_t i = primary; i < rest; i++) /* no section is empty */
    if (body[i] == '/' && (i + 1 == rest || body[i + 1] == '/')) return 0;
  return 1;
}

static int dq_isbt128_form(const uint8_t *s, int64_t n) { return n < 15 || dq_all_digits(s + 13, 2); }

static int dq_basic_udi_di_form(const uint8_t *s, int64_t n) {
  switch (dq_issuer_of(s, n)) {
    case DQ_HIBCC: return dq_is_lic(s + 2) && dq_all_alnum(s + 6, n - 6);
    case DQ_IFA:
      for (int64_t i = 7; i < n - 2; i++)
        if (s[i] != '.' && dq_alnum(s[i]) < 0) return 0;
      return dq_all_digits(s + 2, 5) && dq_all_digits(s + n - 2, 2);
    case DQ_GS1: return dq_all_digits(s, 4) && dq_all_alnum(s + n - 2, 2);
    case DQ_ICCBBA: return dq_alnum(s[0]) >= 10 && dq_all_alnum(s + 1, 15) && dq_all_digits(s + 16, 2);
    default: return 0;
  }
}

static int dq_id_structured(int32_t structure, const uint8_t *s, int64_t n) {
  switch (structure) {
    case DQ_DOTTED: return dq_dotted(s, n);
    case DQ_URN_OID: return n > 10 && s[9] == '.' && dq_dotted(s + 8, n - 8);
    case DQ_NOT_PALINDROME: return dq_not_palindrome(s, n);
    case DQ_CPR_DATE: return n == 10 && dq_cpr_date(s);
    case DQ_FODSELSNUMMER_DATE: return n == 11 && dq_fodselsnummer_date(s);
    case DQ_PERSONNUMMER_DATE: return n >= 10 && n <= 13 && dq_personnummer_date(s, n);
    case DQ_HIBC_FORM: return dq_hibc_form(s, n);
    case DQ_ISBT128_FORM: return n >= 13 && dq_isbt128_form(s, n);
    case DQ_BASIC_UDI_DI_FORM: return dq_basic_udi_di_form(s, n);
    default: return 1;
  }
}
#endif
