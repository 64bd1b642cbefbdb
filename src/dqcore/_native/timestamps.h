/* Times as text: a reader per format turns bytes into a civil time, and one judge places it on the UTC line.
 *
 * A reader takes a value's bytes and never looks past them; it knows the calendar but no zone. `dq_place` knows the
 * zone's changes and the rule's bounds but no format. Digits are ASCII; nothing is trimmed. */
#ifndef DQ_TIMESTAMPS_H
#define DQ_TIMESTAMPS_H
#include "dq.h"

/* Formats; DQ_CALENDAR is ISO 8601 without week and ordinal dates. */
enum { DQ_ISO8601 = 0, DQ_HL7, DQ_FHIR, DQ_DICOM, DQ_LIS2, DQ_ANY, DQ_CALENDAR, DQ_FORMATS };
enum dq_precision {
  DQ_NO_TIME = 0, DQ_YEAR, DQ_MONTH, DQ_WEEK, DQ_DAY, DQ_HOUR, DQ_MINUTE, DQ_SECOND, DQ_FRACTION, DQ_UNREADABLE = 255
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

/* ISO 8601: what follows the first `i` bytes, a date: nothing, or T, t or a blank and hh[:mm[:ss[.f]]], in the form of the
 * date, extended or basic, and an offset in either. */
DQ_INLINE int dq_iso_time(const uint8_t *s, int64_t n, int64_t i, int extended, dq_fields *f, dq_stamp *t) {
  int bad = 0, precision = DQ_HOUR;
  const int64_t step = extended ? 3 : 2;
  t->precision = DQ_DAY;
  if (n == i) return dq_civil(f, t);
  if (s[i] != ' ' && (s[i] | 0x20) != 't') return 0;
  if (n < i + 3) return 0;
  f->hour = dq_two(s + i + 1, &bad);
  i += 3;
  while (precision < DQ_SECOND && i < n && (extended ? s[i] == ':' : dq_is_digit(s[i]))) {
    if (n < i + step) return 0;
    int value = dq_two(s + i + extended, &bad);
    if (precision == DQ_HOUR) f->minute = value;
    else f->second = value;
    precision++;
    i += step;
  }
  if (precision == DQ_SECOND && i < n && (s[i] == '.' || s[i] == ',')) {
    int64_t from = ++i;
    while (i < n && dq_is_digit(s[i])) i++;
    if (i == from) return 0;
    f->micros = dq_fraction(s + from, i - from);
    precision = DQ_FRACTION;
  }
  t->precision = (uint8_t)precision;
  return !bad && dq_offset(s + i, n - i, 1, &t->offset) && dq_civil(f, t);
}

/* Days from 1 January to the day of a week of the year, -1 where the year has none. Week 1 is that of 4 January, and
 * weeks begin on Monday (ISO 8601-1:2019, 3.1.1.23 and 5.2.4). */
static int64_t dq_week_days(int year, int week, int weekday) {
  int64_t january = dq_days(year, 1, 1);
  int first = (int)(((january + 3) % 7 + 7) % 7); /* 0 for a year that begins on Monday */
  int leap = dq_month_days(year, 2) == 29, weeks = 52 + (first == 3 || (first == 2 && leap));
  if (week < 1 || week > weeks || weekday < 1 || weekday > 7) return -8;
  return (first <= 3 ? -first : 7 - first) + 7 * (week - 1) + weekday - 1;
}

/* ISO 8601-1:2019, 5.2.3 and 5.2.4: YYYY-DDD and YYYYDDD, YYYY-Www, YYYYWww, YYYY-Www-D, YYYYWwwD, the complete ones with
 * a time of day. */
static int dq_iso_other(const uint8_t *s, int64_t n, dq_fields *f, dq_stamp *t) {
  int bad = 0, weekday = 1;
  int extended = s[4] == '-', is_week;
  const uint8_t *rest = s + 4 + extended;
  int64_t days, i = rest - s + 3; /* as far as the week or the day of the year */
  if (n < i) return 0;
  is_week = rest[0] == 'W';
  if (!is_week) {
    if (!dq_is_digit(rest[0])) return 0;
    int day = (rest[0] - '0') * 100 + dq_two(rest + 1, &bad);
    if (bad || day < 1 || day > 337 + dq_month_days(f->year, 2)) return 0;
    days = day - 1;
  } else {
    int week = dq_two(rest + 1, &bad), whole = n > i;
    if (whole) {
      i += 1 + extended;
      if (n < i || (extended && s[i - 2] != '-') || !dq_is_digit(s[i - 1])) return 0;
      weekday = s[i - 1] - '0';
    }
    days = bad ? -8 : dq_week_days(f->year, week, weekday);
    if (days < -7) return 0;
    if (!whole) {
      t->precision = DQ_WEEK;
      if (!dq_civil(f, t)) return 0;
      t->civil += days * DQ_US_DAY;
      return 1;
    }
  }
  if (!dq_iso_time(s, n, i, extended, f, t)) return 0;
  t->civil += days * DQ_US_DAY;
  return 1;
}

/* ISO 8601-1:2019 dates and date-times: YYYY, YYYY-MM, YYYY-MM-DD, YYYYMMDD; the latter two with a time of day. With
 * `others` week and ordinal dates too. */
DQ_INLINE int dq_iso8601(const uint8_t *s, int64_t n, int others, dq_stamp *t) {
  dq_fields f = {0, 1, 1, 0, 0, 0, 0};
  int bad = 0, extended;
  int64_t i;
  if (n < 4) return 0;
  f.year = dq_two(s, &bad) * 100 + dq_two(s + 2, &bad);
  t->offset = DQ_NO_OFFSET;
  if (bad) return 0;
  if (n == 4 || (n == 7 && s[4] == '-')) {
    if (n == 7) f.month = dq_two(s + 5, &bad);
    t->precision = n == 4 ? DQ_YEAR : DQ_MONTH;
    return !bad && dq_civil(&f, t);
  }
  extended = s[4] == '-';
  if (others && (n == 7 || (n > 7 && (s[4] == 'W' || (extended && s[5] == 'W') ||
                                       (extended ? s[7] != '-' : !dq_is_digit(s[7]))))))
    return f.year >= 1 && dq_iso_other(s, n, &f, t);
  if (n < 8) return 0;
  i = extended ? 10 : 8;
  if (n < i || (extended && s[7] != '-')) return 0;
  f.month = dq_two(s + (extended ? 5 : 4), &bad);
  f.day = dq_two(s + i - 2, &bad);
  return !bad && dq_iso_time(s, n, i, extended, &f, t);
}

/* YYYY[MM[DD[HH[MM[SS[.f]]]]]], with at most so many digits of a fraction. */
DQ_INLINE int dq_compact(const uint8_t *s, int64_t n, int64_t most, dq_stamp *t) {
  dq_fields f = {0, 1, 1, 0, 0, 0, 0};
  int bad = 0;
  if (n >= 16 && n <= 15 + most) {
    if (s[14] != '.') return 0;
    for (int64_t i = 15; i < n; i++) bad |= !dq_is_digit(s[i]);
    if (bad) return 0;
    f.micros = dq_fraction(s + 15, n - 15);
    t->precision = DQ_FRACTION;
  } else if (n >= 4 && n <= 14 && n % 2 == 0) {
    t->precision = (uint8_t)(DQ_YEAR + (n - 4) / 2 + (n >= 8)); /* no such text stands for a week */
  } else {
    return 0;
  }
  f.year = dq_two(s, &bad) * 100 + dq_two(s + 2, &bad);
  if (n >= 6) f.month = dq_two(s + 4, &bad);
  if (n >= 8) f.day = dq_two(s + 6, &bad);
  if (n >= 10) f.hour = dq_two(s + 8, &bad);
  if (n >= 12) f.minute = dq_two(s + 10, &bad);
  if (n >= 14) f.second = dq_two(s + 12, &bad);
  return !bad && dq_civil(&f, t);
}
/* How many of the bytes stand before an offset of a sign and four digits. */
DQ_INLINE int64_t dq_before_offset(const uint8_t *s, int64_t n) {
  return n > 5 && (s[n - 5] == '+' || s[n - 5] == '-') ? n - 5 : n;
}

/* HL7 v2 DTM (chapter 2A): YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ], the zone after any precision. */
DQ_INLINE int dq_hl7(const uint8_t *s, int64_t n, dq_stamp *t) {
  int64_t digits = dq_before_offset(s, n);
  return dq_offset(s + digits, n - digits, 0, &t->offset) && dq_compact(s, digits, 4, t);
}

/* FHIR R4 date, dateTime and instant: YYYY, YYYY-MM, YYYY-MM-DD, and the latter with Thh:mm:ss[.f] and Z or +/-hh:mm. */
DQ_INLINE int dq_fhir(const uint8_t *s, int64_t n, dq_stamp *t) {
  const int64_t zone = n > 0 && s[n - 1] == 'Z' ? 1 : 6;
  if (n > 10) {
    if (n < 19 + zone || s[10] != 'T' || s[13] != ':' || s[16] != ':') return 0;
    if (zone == 6 && s[n - 3] != ':') return 0;
    if (n > 19 + zone && s[19] != '.') return 0;
  } else if (n != 4 && n != 7 && n != 10) {
    return 0;
  }
  return dq_iso8601(s, n, 0, t) && (t->offset != DQ_NO_OFFSET || t->precision <= DQ_DAY);
}

/* Whether a year is of the last century or this one. */
DQ_INLINE int dq_near(const uint8_t *s) { return (s[0] == '1' && s[1] == '9') || (s[0] == '2' && s[1] == '0'); }

/* DICOM DT and DA (PS3.5, 6.2): YYYY[MM[DD[HH[MM[SS[.F{1,6}]]]]]][&ZZXX] and YYYYMMDD, blanks behind them; and YYYY.MM.DD
 * of ACR-NEMA. Offsets reach from -1200 to +1400, and -0000 is none. A year or a month without a day is one of 1900 to
 * 2099, since most times of day (TM, 103005) would else be one too. */
DQ_INLINE int dq_dicom(const uint8_t *s, int64_t n, dq_stamp *t) {
  while (n > 0 && s[n - 1] == ' ') n--;
  if (n == 10 && s[4] == '.' && s[7] == '.') {
    uint8_t plain[8] = {s[0], s[1], s[2], s[3], s[5], s[6], s[8], s[9]};
    t->offset = DQ_NO_OFFSET;
    return dq_compact(plain, 8, 0, t);
  }
  int64_t digits = dq_before_offset(s, n);
  if (!dq_offset(s + digits, n - digits, 0, &t->offset)) return 0;
  if (digits < n && s[digits] == '-' && (t->offset == 0 || t->offset < -12 * 60)) return 0;
  if (!dq_compact(s, digits, 6, t)) return 0;
  return t->precision >= DQ_DAY || dq_near(s);
}

/* CLSI LIS2-A2: YYYYMMDD[HH[MM[SS]]], in the sender's time. */
DQ_INLINE int dq_lis2(const uint8_t *s, int64_t n, dq_stamp *t) {
  t->offset = DQ_NO_OFFSET;
  return n >= 8 && n <= 14 && dq_compact(s, n, 0, t);
}

/* What a text of any of the formats is. */
enum { DQ_UNREAD = 0, DQ_READ = 1, DQ_READ_TWICE = 2 };

/* Whether digits can be YYMMDD[HHMM[SS]] too. */
static int dq_short_year(const uint8_t *s, int64_t n) {
  uint8_t longer[14] = {'2', '0'};
  dq_stamp t;
  if (n != 6 && n != 10 && n != 12) return 0;
  memcpy(longer + 2, s, (size_t)n);
  return dq_compact(longer, n + 2, 0, &t);
}

/* A text of any format. No text is read by two of them as different times; but digits alone are many things besides, so
 * they are a time only of 1900 to 2099, and are read twice where a short year makes a time of them as well. An offset
 * behind a date alone is more likely a part of the date. */
static int dq_any(const uint8_t *s, int64_t n, dq_stamp *t) {
  int64_t digits = 0;
  while (digits < n && dq_is_digit(s[digits])) digits++;
  if (!dq_iso8601(s, n, 1, t) && !dq_hl7(s, n, t) && !dq_dicom(s, n, t)) return DQ_UNREAD;
  if (t->offset != DQ_NO_OFFSET && t->precision <= DQ_DAY) return DQ_UNREAD;
  while (n > digits && s[n - 1] == ' ') n--;
  if (digits < n) return DQ_READ;
  if (!dq_near(s)) return DQ_UNREAD;
  return dq_short_year(s, n) ? DQ_READ_TWICE : DQ_READ;
}

DQ_INLINE int dq_read_text(int format, const uint8_t *s, int64_t n, dq_stamp *t) {
  switch (format) {
    case DQ_HL7: return dq_hl7(s, n, t);
    case DQ_FHIR: return dq_fhir(s, n, t);
    case DQ_DICOM: return dq_dicom(s, n, t);
    case DQ_LIS2: return dq_lis2(s, n, t);
    case DQ_ANY: return dq_any(s, n, t);
    default: return dq_iso8601(s, n, format == DQ_ISO8601, t);
  }
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
