/* Times as text: a reader per format turns bytes into a civil time, and one judge places it on the UTC line.
 *
 * A reader takes a value's bytes and never looks past them; it knows the calendar but no zone. `dq_place` knows the
 * zone's changes and the rule's bounds but no format. Digits are ASCII; nothing is trimmed. */
#ifndef DQ_TIMESTAMPS_H
#define DQ_TIMESTAMPS_H
#include "dq.h"

enum { DQ_ISO8601 = 0, DQ_HL7 = 1 };
enum dq_precision {
  DQ_NO_TIME = 0, DQ_YEAR, DQ_MONTH, DQ_DAY, DQ_HOUR, DQ_MINUTE, DQ_SECOND, DQ_FRACTION, DQ_UNREADABLE = 255
};
enum { DQ_NO_OFFSET = INT32_MIN };

#define DQ_US_SECOND 1000000LL
#define DQ_US_DAY (86400LL * DQ_US_SECOND)
#define DQ_FIRST_INSTANT (-62135596800LL * DQ_US_SECOND) /* 0001-01-01T00:00 */
#define DQ_AFTER_LAST_INSTANT (253402300800LL * DQ_US_SECOND) /* 10000-01-01T00:00 */

typedef struct {
  int64_t civil;  /* microseconds from 1970-01-01T00:00 to the time as written, on its own clock */
  int32_t offset; /* minutes east of UTC, or DQ_NO_OFFSET */
  uint8_t precision;
  uint8_t leap; /* the second was 60; `civil` is then the second after it */
} dq_stamp;

/* Decimal digits at fixed places; what is not a digit sets *bad. */
DQ_INLINE int dq_two(const uint8_t *s, int *bad) {
  unsigned tens = s[0] - (unsigned)'0', ones = s[1] - (unsigned)'0';
  *bad |= (tens > 9) | (ones > 9);
  return (int)(tens * 10 + ones);
}
DQ_INLINE int dq_is_digit(uint8_t c) { return c - (unsigned)'0' <= 9; }

/* Days from 1970-01-01 in the proleptic Gregorian calendar, counted in years that begin in March. */
DQ_INLINE int64_t dq_days(int year, int month, int day) {
  int y = year - (month <= 2), m = (month + 9) % 12;
  return 365LL * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}
DQ_INLINE int dq_month_days(int year, int month) {
  if (month == 2) return 28 + ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0);
  return 30 + ((month + (month >> 3)) & 1);
}
/* Whether the day is the first of a month. */
static int dq_first_of_month(int64_t days) {
  int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
  int64_t doe = z - era * 146097;
  int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  int64_t mp = (5 * doy + 2) / 153;
  return doy == (153 * mp + 2) / 5;
}
/* UTC inserts a leap second only as the last of a month (ITU-R TF.460-6): the second after it begins one. */
static int dq_after_leap(int64_t utc) {
  int64_t days = utc / DQ_US_DAY - (utc % DQ_US_DAY < 0), rest = utc - days * DQ_US_DAY;
  return rest < DQ_US_SECOND && dq_first_of_month(days);
}

typedef struct {
  int year, month, day, hour, minute, second, micros;
} dq_fields;

/* Checks the fields that `precision` says were given and fills in the stamp's civil time. */
DQ_INLINE int dq_civil(const dq_fields *f, dq_stamp *t) {
  if (f->year < 1 || f->month < 1 || f->month > 12) return 0;
  if (f->day < 1 || f->day > dq_month_days(f->year, f->month)) return 0;
  if (f->hour > 23 || f->minute > 59 || f->second > 60) return 0;
  t->leap = f->second == 60;
  t->civil = dq_days(f->year, f->month, f->day) * DQ_US_DAY +
             ((f->hour * 60 + f->minute) * 60 + f->second) * DQ_US_SECOND + f->micros;
  return 1;
}

/* The first six digits of a fraction; more are dropped, so that no time is moved into the next second. */
DQ_INLINE int dq_fraction(const uint8_t *s, int64_t n) {
  int micros = 0;
  for (int64_t i = 0; i < 6; i++) micros = micros * 10 + (i < n ? s[i] - '0' : 0);
  return micros;
}

/* +HHMM, or with `iso` also Z, z, +HH and +HH:MM; nothing at all is no offset. */
DQ_INLINE int dq_offset(const uint8_t *s, int64_t n, int iso, int32_t *offset) {
  int bad = 0, hours, minutes = 0;
  *offset = DQ_NO_OFFSET;
  if (n == 0) return 1;
  if (iso && n == 1 && (s[0] | 0x20) == 'z') {
    *offset = 0;
    return 1;
  }
  if (s[0] != '+' && s[0] != '-') return 0;
  if (n == 5) minutes = dq_two(s + 3, &bad);
  else if (iso && n == 6 && s[3] == ':') minutes = dq_two(s + 4, &bad);
  else if (!(iso && n == 3)) return 0;
  hours = dq_two(s + 1, &bad);
  if (bad || minutes > 59 || hours * 60 + minutes > 14 * 60) return 0;
  *offset = (s[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
  return 1;
}

/* ISO 8601-1:2019 calendar dates and date-times: YYYY, YYYY-MM, YYYY-MM-DD, YYYYMMDD; the latter two with T, t or a
 * blank and hh[:mm[:ss[.f]]] in the same form, extended or basic. */
DQ_INLINE int dq_iso8601(const uint8_t *s, int64_t n, dq_stamp *t) {
  dq_fields f = {0, 1, 1, 0, 0, 0, 0};
  int bad = 0, extended, precision;
  int64_t i, step;
  if (n < 4) return 0;
  f.year = dq_two(s, &bad) * 100 + dq_two(s + 2, &bad);
  t->offset = DQ_NO_OFFSET;
  if (n == 4 || (n == 7 && s[4] == '-')) {
    if (n == 7) f.month = dq_two(s + 5, &bad);
    t->precision = n == 4 ? DQ_YEAR : DQ_MONTH;
    return !bad && dq_civil(&f, t);
  }
  if (n < 8) return 0;
  extended = s[4] == '-';
  i = extended ? 10 : 8;
  if (n < i || (extended && s[7] != '-')) return 0;
  f.month = dq_two(s + (extended ? 5 : 4), &bad);
  f.day = dq_two(s + i - 2, &bad);
  if (bad) return 0;
  t->precision = DQ_DAY;
  if (n == i) return dq_civil(&f, t);
  if (s[i] != ' ' && (s[i] | 0x20) != 't') return 0;
  if (n < i + 3) return 0;
  f.hour = dq_two(s + i + 1, &bad);
  i += 3;
  precision = DQ_HOUR;
  step = extended ? 3 : 2;
  while (precision < DQ_SECOND && i < n && (extended ? s[i] == ':' : dq_is_digit(s[i]))) {
    if (n < i + step) return 0;
    int value = dq_two(s + i + extended, &bad);
    if (precision == DQ_HOUR) f.minute = value;
    else f.second = value;
    precision++;
    i += step;
  }
  if (precision == DQ_SECOND && i < n && (s[i] == '.' || s[i] == ',')) {
    int64_t from = ++i;
    while (i < n && dq_is_digit(s[i])) i++;
    if (i == from) return 0;
    f.micros = dq_fraction(s + from, i - from);
    precision = DQ_FRACTION;
  }
  t->precision = (uint8_t)precision;
  return !bad && dq_offset(s + i, n - i, 1, &t->offset) && dq_civil(&f, t);
}

/* HL7 v2 DTM (chapter 2A): YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ], the zone after any precision. */
DQ_INLINE int dq_hl7(const uint8_t *s, int64_t n, dq_stamp *t) {
  dq_fields f = {0, 1, 1, 0, 0, 0, 0};
  int bad = 0;
  int64_t digits = n;
  if (n > 5 && (s[n - 5] == '+' || s[n - 5] == '-')) digits = n - 5;
  if (!dq_offset(s + digits, n - digits, 0, &t->offset)) return 0;
  if (digits >= 16 && digits <= 19) {
    if (s[14] != '.') return 0;
    for (int64_t i = 15; i < digits; i++) bad |= !dq_is_digit(s[i]);
    if (bad) return 0;
    f.micros = dq_fraction(s + 15, digits - 15);
    t->precision = DQ_FRACTION;
  } else if (digits >= 4 && digits <= 14 && digits % 2 == 0) {
    t->precision = (uint8_t)(DQ_YEAR + (digits - 4) / 2);
  } else {
    return 0;
  }
  f.year = dq_two(s, &bad) * 100 + dq_two(s + 2, &bad);
  if (digits >= 6) f.month = dq_two(s + 4, &bad);
  if (digits >= 8) f.day = dq_two(s + 6, &bad);
  if (digits >= 10) f.hour = dq_two(s + 8, &bad);
  if (digits >= 12) f.minute = dq_two(s + 10, &bad);
  if (digits >= 14) f.second = dq_two(s + 12, &bad);
  return !bad && dq_civil(&f, t);
}

/* A zone's changes of offset, as Zone in zones.py has them (microseconds). `changes` + 1 offsets. */
typedef struct {
  const int64_t *instants, *offsets, *wall_from, *wall_to;
  const uint8_t *gap;
  int64_t changes;
} dq_zone;

/* What a rule asks: the zone of times that carry none (NULL for no zone), and the first and last instants it takes. */
typedef struct {
  const dq_zone *zone;
  int64_t earliest, latest;
} dq_terms;

enum {
  DQ_UNPARSEABLE = 1, DQ_NO_TIMEZONE, DQ_AMBIGUOUS_TIME, DQ_NONEXISTENT_TIME, DQ_TOO_EARLY, DQ_FUTURE, DQ_EPOCH_DEFAULT
};

/* How many of the n ascending values are at or below v. */
static int64_t dq_at_or_below(const int64_t *values, int64_t n, int64_t v) {
  int64_t low = 0, high = n;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (values[middle] <= v) low = middle + 1;
    else high = middle;
  }
  return low;
}

/* Wall time to UTC. A time is doubtful in an hour that comes twice or never; a date is not, since it begins at the
 * first instant that the zone gives it, unless the zone left the whole day out. */
static int dq_from_wall(const dq_zone *z, int64_t wall, int is_date, int64_t *utc) {
  int64_t i = dq_at_or_below(z->wall_from, z->changes, wall);
  *utc = wall - z->offsets[i];
  if (i == z->changes || wall < z->wall_to[i]) return DQ_PASS;
  if (!is_date) return z->gap[i] ? DQ_NONEXISTENT_TIME : DQ_AMBIGUOUS_TIME;
  if (!z->gap[i]) return DQ_PASS;
  if (z->wall_from[i] - wall >= DQ_US_DAY) return DQ_NONEXISTENT_TIME;
  *utc = z->instants[i];
  return DQ_PASS;
}

/* Days of 1899-12-30, 1900-01-01, 1970-01-01, 1980-01-06, 2000-01-01 and 2001-01-01, where clocks start from. */
static int dq_is_epoch(int64_t civil) {
  static const int64_t epochs[] = {-25569, -25567, 0, 3657, 10957, 11323};
  if (civil % DQ_US_DAY != 0) return 0;
  for (size_t i = 0; i < sizeof epochs / sizeof *epochs; i++)
    if (civil / DQ_US_DAY == epochs[i]) return 1;
  return 0;
}

/* The code of a stamp, and its instant where one could be told. */
DQ_INLINE int dq_place(const dq_stamp *t, const dq_terms *terms, int64_t *utc) {
  int is_date = t->precision <= DQ_DAY, doubt = DQ_PASS;
  if (t->offset != DQ_NO_OFFSET) *utc = t->civil - t->offset * 60 * DQ_US_SECOND;
  else if (terms->zone != NULL) doubt = dq_from_wall(terms->zone, t->civil, is_date, utc);
  else if (is_date) *utc = t->civil;
  else return DQ_NO_TIMEZONE;
  if (*utc < DQ_FIRST_INSTANT || *utc >= DQ_AFTER_LAST_INSTANT) return DQ_UNPARSEABLE;
  if (t->leap && !dq_after_leap(*utc)) return DQ_UNPARSEABLE;
  if (doubt) return doubt;
  if (!is_date && !t->leap && dq_is_epoch(t->civil)) return DQ_EPOCH_DEFAULT;
  if (*utc < terms->earliest) return DQ_TOO_EARLY;
  return *utc > terms->latest ? DQ_FUTURE : DQ_PASS;
}

#endif
