/* Dates in one column and times of day in another, brought together into texts that the readers of timestamps.h know. */
#ifndef DQ_TIMESTAMP_PARTS_H
#define DQ_TIMESTAMP_PARTS_H
#include "timestamps.h"

/* No date and no time of a day has more bytes. */
enum { DQ_MOST_OF_A_PART = 40, DQ_MOST_JOINED = 2 * DQ_MOST_OF_A_PART + 1 };

/* YYYYMMDD from it, or from the YYYY.MM.DD of ACR-NEMA; how many bytes, 0 where it is neither. A shorter date would take
 * digits of the time for its own. */
static int64_t dq_put_date(int format, dq_text date, uint8_t *to) {
  if (format == DQ_DICOM && date.n == 10 && date.s[4] == '.' && date.s[7] == '.') {
    memcpy(to, date.s, 4);
    memcpy(to + 4, date.s + 5, 2);
    memcpy(to + 6, date.s + 8, 2);
    return 8;
  }
  if (date.n != 8) return 0;
  memcpy(to, date.s, 8);
  return 8;
}

/* A time of day of a compact format; how many bytes, 0 where it is none. DICOM's has no offset, and may be the HH:MM:SS.f of
 * ACR-NEMA. What else is wrong with it the readers see. */
static int64_t dq_put_time(int format, dq_text time, uint8_t *to) {
  int64_t n = 0, colons = format == DQ_DICOM && time.n > 2 && time.s[2] == ':';
  if (time.n < 2 || !dq_is_digit(time.s[0]) || (colons && time.n != 5 && (time.n < 8 || time.s[5] != ':'))) return 0;
  for (int64_t i = 0; i < time.n; i++) {
    uint8_t c = time.s[i];
    if (colons && (i == 2 || i == 5)) continue;
    if (format == DQ_DICOM && !dq_is_digit(c) && c != '.') return 0;
    to[n++] = c;
  }
  return n;
}

/* The text of both; its length, 0 where they are no date and time. */
static int64_t dq_join_texts(int format, dq_text date, dq_text time, uint8_t *to) {
  for (; format == DQ_DICOM && date.n > 0 && date.s[date.n - 1] == ' '; date.n--) {}
  for (; format == DQ_DICOM && time.n > 0 && time.s[time.n - 1] == ' '; time.n--) {}
  if (date.n == 0 || time.n == 0 || date.n > DQ_MOST_OF_A_PART || time.n > DQ_MOST_OF_A_PART) return 0;
  if (format == DQ_HL7 || format == DQ_DICOM || format == DQ_LIS2) {
    int64_t n = dq_put_date(format, date, to), more = n ? dq_put_time(format, time, to + n) : 0;
    return more ? n + more : 0;
  }
  memcpy(to, date.s, (size_t)date.n);
  to[date.n] = format == DQ_FHIR ? 'T' : ' ';
  memcpy(to + date.n + 1, time.s, (size_t)time.n);
  return date.n + 1 + time.n;
}

DQ_INLINE int dq_has_text(const dq_column *c, int64_t i) { return c->layout != DQ_NULL && dq_is_valid(c, i); }

/* `bytes` has room for DQ_MOST_JOINED a row; `validity` is zero. */
static void dq_join(int format, const dq_column *dates, const dq_column *times, uint8_t *bytes, int32_t *offsets,
                    uint8_t *validity) {
  int64_t at = 0;
  offsets[0] = 0;
  for (int64_t i = 0; i < dates->length; i++) {
    if (dq_has_text(dates, i) && dq_has_text(times, i)) {
      at += dq_join_texts(format, dq_text_at(dates, i), dq_text_at(times, i), bytes + at);
      validity[i >> 3] |= (uint8_t)(1u << (i & 7));
    }
    offsets[i + 1] = (int32_t)at;
  }
}
#endif
