/* Times as text at speed: a block of rows at a time, in steps that a CPU does for many rows at once.
 *
 * 1. Texts are brought into one form, a row at a time (timestamp_shapes.h).
 * 2. Separators, digits, calendar, zone and bounds are loops over the block that a compiler makes vectors of.
 * 3. Whatever is not plainly right by then is marked DQ_AGAIN and asked of timestamps.h, which alone says what is no
 *    time and why. So a step may send any row there, and must send every row of which it is not sure.
 *
 * No byte outside the column's own is read. */
#ifndef DQ_TIMESTAMP_BLOCKS_H
#define DQ_TIMESTAMP_BLOCKS_H
#include "cpu.h"
#include "steps.h"
#include "timestamp_shapes.h"

/* DQ_AGAIN is the code of a row that timestamps.h has yet to judge; no kernel leaves it to its caller. */
enum { DQ_AGAIN = DQ_FILTERED, DQ_BLOCK = 256, DQ_FEW_CHANGES = 6 };
/* Until the zones are looked at, DQ_AGAIN is or-ed to codes, which leaves a null's as it is. */
_Static_assert((DQ_SKIP | DQ_AGAIN) == DQ_SKIP, "DQ_SKIP has the bits of DQ_AGAIN");

/* Characters, and in the place of digits a number for every two of them. */
typedef union {
  uint64_t words[DQ_BLOCK];
  uint32_t fours[2 * DQ_BLOCK];
  uint16_t twos[4 * DQ_BLOCK];
} dq_digits;

typedef struct {
  dq_digits date;  /* YYYYMMDD */
  dq_digits clock; /* hhmm, and HHMM of the offset */
  dq_digits part;  /* ssffffff */
  dq_digits marks; /* what else has a place: separators, the sign of the offset, the precision */
  int64_t civil[DQ_BLOCK];
  int64_t shift[DQ_BLOCK]; /* microseconds from UTC to civil time */
  int64_t local[DQ_BLOCK]; /* the same by the rule's zone */
  int64_t doubt[DQ_BLOCK]; /* whether the zone had better be asked again */
  int32_t offset[DQ_BLOCK];
  int32_t code[DQ_BLOCK];
  uint32_t hours[DQ_BLOCK]; /* since 0000-03-01T00:00 */
  uint32_t rest[DQ_BLOCK];  /* microseconds of the hour */
  uint8_t precision[DQ_BLOCK];
  int32_t without; /* whether any row has no offset */
} dq_block;

typedef uint32_t dq_four __attribute__((vector_size(16)));

DQ_INLINE void dq_put(dq_block *b, int64_t row, dq_sixteen first, dq_sixteen second) {
  dq_two_words one = (dq_two_words)first, two = (dq_two_words)second;
  dq_two_words rest = (dq_two_words)__builtin_shuffle((dq_four)first, (dq_four)second, (dq_four){2, 6, 3, 7});
  b->date.words[row] = one[0];
  b->part.words[row] = two[0];
  b->clock.words[row] = rest[0];
  b->marks.words[row] = rest[1];
}

/* A row of which nothing is to be made here: the steps pass over its code. */
DQ_INLINE void dq_take_nothing(dq_block *b, int64_t row, int32_t code) {
  b->date.words[row] = b->part.words[row] = b->clock.words[row] = 0;
  b->marks.words[row] = (uint64_t)'+' << 48; /* no time, and UTC */
  b->code[row] = code;
}

/* The text s of n bytes; whatever stands before `end` can be read. */
DQ_INLINE void dq_take_text(int way, const dq_shapes *shapes, const uint8_t *s, int64_t n, const uint8_t *end,
                            dq_block *b, int64_t row) {
  const int64_t longest = dq_longest(way);
  uint8_t lifted[DQ_LONGEST];
  dq_sixteen first, second;
  if (way == DQ_DICOM && n > DQ_SHORTEST) n -= s[n - 1] == ' '; /* what makes a length even */
  if (DQ_UNLIKELY((uint64_t)(n - DQ_SHORTEST) > (uint64_t)(longest - DQ_SHORTEST) || end - s < longest)) {
    if (!DQ_FIRST_IS_LOWEST || !dq_lift(way, s, n, lifted, &n)) {
      dq_take_nothing(b, row, DQ_AGAIN);
      return;
    }
    s = lifted;
  }
  dq_take_apart(way, shapes, s, n, &first, &second);
  dq_put(b, row, first, second);
}

/* Nothing is made of nulls. They are few: rows without one are passed over eight at a time. */
DQ_INLINE void dq_take_back(const dq_column *c, dq_block *b) {
  for (int64_t i = 0; c->validity != NULL && i < c->length;) {
    int64_t at = c->offset + i, bits = 8 - (at & 7) < c->length - i ? 8 - (at & 7) : c->length - i;
    unsigned nulls = ~(unsigned)c->validity[at >> 3] >> (at & 7) & ((1u << bits) - 1);
    for (; nulls; nulls &= nulls - 1) dq_take_nothing(b, i + __builtin_ctz(nulls), DQ_SKIP);
    i += bits;
  }
}

/* Offsets are sound even under nulls, so texts are taken there as well, and taken back. */
#define DQ_TAKE_ALL(READ)                                                                               \
  for (int64_t i = 0; i < c->length; i++) {                                                             \
    dq_text text = READ(c, i);                                                                          \
    dq_take_text(way, shapes, text.s, text.n, c->bytes + c->limit, b, i);                               \
  }                                                                                                     \
  dq_take_back(c, b);

/* Up to where bytes can be read after a text that a view holds or points to. */
DQ_INLINE const uint8_t *dq_view_end(const dq_column *c, int64_t i, dq_text text) {
  const uint8_t *view = c->values + (c->offset + i) * 16;
  if (text.n <= 12) return c->values + (c->offset + c->length) * 16;
  int32_t buffer = dq_i32(view, 2);
  return (const uint8_t *)c->buffers[buffer] + dq_i64((const uint8_t *)c->buffers[c->n_buffers], buffer);
}

/* Step 1, for the rows of `c`, at most DQ_BLOCK. */
DQ_INLINE void dq_take(int way, const dq_shapes *shapes, const dq_column *c, dq_block *b) {
  memset(b->code, 0, (size_t)c->length * sizeof *b->code);
  switch (c->layout) {
    case DQ_UTF8: DQ_TAKE_ALL(dq_text_utf8) break;
    case DQ_LARGE_UTF8: DQ_TAKE_ALL(dq_text_large) break;
    default:
      for (int64_t i = 0; i < c->length; i++) {
        if (c->layout == DQ_NULL || !dq_is_valid(c, i)) { /* a null's view may be anything */
          dq_take_nothing(b, i, DQ_SKIP);
          continue;
        }
        dq_text text = dq_text_view(c, i);
        dq_take_text(way, shapes, text.s, text.n, dq_view_end(c, i, text), b, i);
      }
  }
}

/* A factor that the compiler does not know, or else it makes shifts and sums of a product, which take longer. */
DQ_INLINE uint32_t dq_factor(uint32_t factor) {
  __asm__("" : "+r"(factor));
  return factor;
}

/* Every two characters become their number, which has bits of 0x8080 where one of them is no digit. */
DQ_INLINE void dq_numbers(dq_digits *digits, int64_t n) {
  const uint16_t tens = (uint16_t)dq_factor(10 * 256 + 1);
  for (int64_t i = 0; i < 4 * n; i++) {
    uint16_t d = (uint16_t)(digits->twos[i] - 0x3030), odd = (uint16_t)((d | (d + 0x7676)) & 0x8080);
    /* Tens are the lower byte: times 10 it comes to stand over the ones, and the ones keep their place. */
    digits->twos[i] = (uint16_t)((uint16_t)((uint32_t)d * tens) >> 8 | odd);
  }
}

/* Four characters as the fours have them. */
#define DQ_FOUR(A, B, C, D) ((uint32_t)(A) | (uint32_t)(B) << 8 | (uint32_t)(C) << 16 | (uint32_t)(D) << 24)

/* Step 2a: separators, signs and precisions. ISO 8601 takes t or a blank for T, and a comma for the point; FHIR does not,
 * and no z for Z. */
DQ_INLINE void dq_separators(int format, dq_block *b, int64_t n) {
  const uint32_t blank = DQ_FOUR(0, 0, 'T' ^ ' ', 0), either = DQ_FOUR(0, 0, 'T' ^ 't', 0);
  const uint32_t mark = DQ_FOUR(0xff, format != DQ_ISO8601 ? 0xff : 0xff & ~('.' ^ ','), 0, 0);
  for (int64_t i = 0; i < n; i++) {
    uint32_t one = b->marks.fours[2 * i] ^ DQ_FOUR('-', '-', 'T', ':'), two = b->marks.fours[2 * i + 1];
    uint32_t odd = ((two ^ DQ_FOUR(':', '.', 0, 0)) & mark) | ((two >> 24) == DQ_NO_TIME);
    if (format == DQ_ISO8601) odd |= one == blank ? 0 : one & ~either;
    if (format == DQ_FHIR) odd |= one | (((two >> 16) & 0xff) == 'z');
    b->offset[i] = (int32_t)two;
    b->code[i] |= odd ? DQ_AGAIN : DQ_PASS;
  }
  for (int64_t i = 0; i < n; i++) b->precision[i] = (uint8_t)((uint32_t)b->offset[i] >> 24);
}

enum { DQ_DAYS_TO_1970 = 719468 }; /* from 0000-03-01 */
#define DQ_MONTH_DAY(MONTH, DAY) ((uint32_t)(MONTH) | (uint32_t)(DAY) << 16)

/* Step 2c: the offsets. Those of DICOM reach less far to the west, and none is -0000. */
DQ_INLINE void dq_offsets(int is_dicom, dq_block *b, int64_t n) {
  int32_t without = 0;
  for (int64_t i = 0; i < n; i++) {
    /* Masks, because compilers turn conditions that are used twice into branches. */
    uint32_t zone = b->clock.fours[2 * i + 1], sign = ((uint32_t)b->offset[i] >> 16) & 0xff;
    /* What is settled or in doubt already needs no zone. */
    int32_t none = -((sign == 0) & (b->code[i] == 0)), west = -(sign == '-');
    int32_t minutes = (int32_t)(zone >> 16), all = (int32_t)(zone & 0xffff) * 60 + minutes;
    int32_t bad = (minutes > 59) | (all > 14 * 60);
    if (is_dicom) bad |= west & ((uint32_t)(all - 1) >= 12 * 60);
    all = bad ? 0 : (all ^ west) - west;
    b->offset[i] = (all & ~none) | (DQ_NO_OFFSET & none);
    b->code[i] |= bad ? DQ_AGAIN : DQ_PASS;
    without |= none;
  }
  b->without = without;
}

/* Step 2b: the calendar, in years that begin in March as dq_days has them, and the offsets, which need to know what
 * is settled. Seconds of 60, the 29th of
 * February and the midnights that clocks start from are left to timestamps.h. */
DQ_INLINE void dq_date(int format, dq_block *b, int64_t n) {
  /* Of two numbers at once: the lower one times that much, and the higher one, in the upper half of the product. */
  const uint32_t hundred = dq_factor(100 << 16 | 1);
  dq_numbers(&b->date, n);
  dq_numbers(&b->clock, n);
  dq_numbers(&b->part, n);
  for (int64_t i = 0; i < n; i++) {
    uint32_t years = b->date.fours[2 * i], days_ = b->date.fours[2 * i + 1], clock = b->clock.fours[2 * i];
    uint32_t seconds = b->part.fours[2 * i], micros_ = b->part.fours[2 * i + 1];
    int32_t year = (int32_t)((years & 0x7f007f) * hundred >> 16);
    int32_t month = (int32_t)(days_ & 0xffff), day = (int32_t)(days_ >> 16);
    int32_t hour = (int32_t)(clock & 0xffff), minute = (int32_t)(clock >> 16), second = (int32_t)(seconds & 0xffff);
    uint32_t micros = (seconds >> 16) * 10000 + (micros_ * hundred >> 16);
    int32_t early = month < 3, y = year - early, m = month - 3 + 12 * early;
    int32_t century = (y * 5243) >> 19; /* y / 100 for y from 0 to 9999 */
    int32_t longest = month == 2 ? 28 : 30 + ((month ^ (month >> 3)) & 1);
    int32_t days = 365 * y + (y >> 2) - century + (century >> 2) + ((m * 979 + 15) >> 5) + day - 1;
    int32_t bad = (((years | seconds | micros_) & 0x80808080) != 0) | (year < 1) | (month < 1) | (month > 12) |
                  (day < 1) | (day > longest) | (hour > 23) | (minute > 59) | (second > 59);
    /* What begins a clock is 1 or 6 January or 30 December, and midnight as a time of day. */
    int32_t epoch = (days_ == DQ_MONTH_DAY(1, 1)) | (days_ == DQ_MONTH_DAY(1, 6)) | (days_ == DQ_MONTH_DAY(12, 30));
    bad |= epoch & ((clock | seconds | micros_) == 0) & (b->offset[i] >= (DQ_DAY + 1) << 24);
    b->hours[i] = bad ? DQ_DAYS_TO_1970 * 24 : (uint32_t)(days * 24 + hour);
    b->rest[i] = (uint32_t)(minute * 60 + second) * 1000000u + micros;
    b->code[i] |= bad ? DQ_AGAIN : DQ_PASS;
  }
  if (format == DQ_DICOM) dq_offsets(1, b, n);
  else dq_offsets(0, b, n);
  for (int64_t i = 0; i < n; i++)
    b->civil[i] = (int64_t)((uint64_t)b->hours[i] * 3600000000u) + (int64_t)b->rest[i] - DQ_DAYS_TO_1970 * DQ_US_DAY;
}

/* The zone's shift of every row, where the rows lie about few of its changes: one change after the other. */
DQ_INLINE void dq_sweep(const dq_zone *z, int64_t low, int64_t high, dq_block *b, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    b->local[i] = z->offsets[low];
    b->doubt[i] = 0;
  }
  for (int64_t at = low; at <= high && at < z->changes; at++) {
    int64_t from = z->wall_from[at], to = z->wall_to[at], next = z->offsets[at + 1];
    for (int64_t i = 0; i < n; i++) {
      int64_t wall = b->civil[i];
      b->local[i] = wall >= from ? next : b->local[i];
      b->doubt[i] |= (wall >= to) & (wall < from);
    }
  }
}

/* The same where the changes are many: every row's rank among them, a step of all the searches at a time. */
DQ_INLINE void dq_search(const dq_zone *z, int64_t low, int64_t high, dq_block *b, int64_t n) {
  int64_t *rank = b->local;
  for (int64_t i = 0; i < n; i++) rank[i] = low;
  for (int64_t left = high - low, half; left > 0; left -= half) {
    half = (left + 1) / 2;
    for (int64_t i = 0; i < n; i++) rank[i] += half & -(int64_t)(z->wall_from[rank[i] + half - 1] <= b->civil[i]);
  }
  for (int64_t i = 0; i < n; i++) {
    int64_t at = rank[i], next = at < z->changes ? at : z->changes - 1;
    b->doubt[i] = (at == next) & (b->civil[i] >= z->wall_to[next]);
    b->local[i] = z->offsets[at];
  }
}

/* Step 2d for times that carry no offset: the zone's, but for the hours that come twice or never. */
DQ_INLINE void dq_zone_shifts(const dq_zone *z, dq_block *b, int64_t n) {
  int64_t least = INT64_MAX, most = INT64_MIN, low, high;
  for (int64_t i = 0; z->changes && i < n; i++) {
    int64_t wall = b->civil[i], none = -(int64_t)(b->offset[i] == DQ_NO_OFFSET);
    int64_t early = (wall & none) | (INT64_MAX & ~none), late = (wall & none) | (INT64_MIN & ~none);
    least = early < least ? early : least;
    most = late > most ? late : most;
  }
  low = dq_at_or_below(z->wall_from, z->changes, least);
  high = dq_at_or_below(z->wall_from, z->changes, most);
  if (low == high && (low == z->changes || most < z->wall_to[low])) { /* one offset for them all, and no doubt */
    int64_t local = z->offsets[low];
    for (int64_t i = 0; local && i < n; i++) b->shift[i] = b->offset[i] == DQ_NO_OFFSET ? local : b->shift[i];
    return;
  }
  if (high - low <= DQ_FEW_CHANGES) dq_sweep(z, low, high, b, n);
  else dq_search(z, low, high, b, n);
  for (int64_t i = 0; i < n; i++) {
    int64_t none = -(int64_t)(b->offset[i] == DQ_NO_OFFSET);
    b->shift[i] = (b->local[i] & none) | (b->shift[i] & ~none);
    b->doubt[i] &= none;
  }
  for (int64_t i = 0; i < n; i++) {
    int32_t doubt = b->doubt[i] != 0;
    b->code[i] |= doubt ? DQ_AGAIN : DQ_PASS;
  }
}

/* Step 2d: how far each row's clock is from UTC. */
DQ_INLINE void dq_shifts(const dq_zone *zone, dq_block *b, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    b->shift[i] = (int64_t)(b->offset[i] == DQ_NO_OFFSET ? 0 : b->offset[i]) * (60 * DQ_US_SECOND);
  if (!b->without) return;
  if (zone != NULL) {
    dq_zone_shifts(zone, b, n);
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    int32_t lost = (b->offset[i] == DQ_NO_OFFSET) & (b->precision[i] > DQ_DAY);
    b->code[i] = b->code[i] ? b->code[i] : lost ? DQ_NO_TIMEZONE : DQ_PASS;
  }
}

DQ_INLINE int64_t dq_clamp(int64_t v, int64_t low, int64_t high) { return v < low ? low : v > high ? high : v; }

/* Step 2e: the bounds. The instants replace the civil times. Most blocks lie within, which takes far less to tell. */
DQ_INLINE void dq_bounds(const dq_terms *terms, dq_block *b, int64_t n) {
  int64_t earliest = terms->earliest, latest = terms->latest, outside = 0;
  int64_t first = dq_clamp(earliest, DQ_FIRST_INSTANT, DQ_AFTER_LAST_INSTANT);
  int64_t last = dq_clamp(latest, DQ_FIRST_INSTANT - 1, DQ_AFTER_LAST_INSTANT - 1);
  for (int64_t i = 0; i < n; i++) {
    int64_t at = b->civil[i] -= b->shift[i];
    outside |= (at - first) | (last - at);
  }
  for (int64_t i = 0; outside < 0 && i < n; i++) {
    int64_t at = b->civil[i];
    int64_t odd = -(int64_t)((at < DQ_FIRST_INSTANT) | (at >= DQ_AFTER_LAST_INSTANT));
    int64_t early = -(int64_t)(at < earliest), late = -(int64_t)(at > latest);
    b->doubt[i] = (DQ_AGAIN & odd) | (DQ_TOO_EARLY & early & ~odd) | (DQ_FUTURE & late & ~early & ~odd);
  }
  for (int64_t i = 0; outside < 0 && i < n; i++) b->code[i] = b->code[i] ? b->code[i] : (int32_t)b->doubt[i];
  for (int64_t i = 0; i < n; i++) b->civil[i] &= -(int64_t)(b->code[i] == DQ_PASS);
}

/* Steps 1 to 2c. */
DQ_INLINE void dq_civil_block(int format, const dq_column *c, dq_block *b) {
  const dq_shapes *shapes = dq_shapes_for(format);
  switch (dq_way(format)) {
    case DQ_HL7:
      /* A table whose place the compiler knows is read faster. */
      if (format == DQ_HL7) dq_take(DQ_HL7, dq_shapes_for(DQ_HL7), c, b);
      else dq_take(DQ_HL7, shapes, c, b);
      dq_separators(DQ_HL7, b, c->length);
      break;
    case DQ_DICOM:
      dq_take(DQ_DICOM, dq_shapes_for(DQ_DICOM), c, b);
      dq_separators(DQ_HL7, b, c->length);
      break;
    default:
      dq_take(DQ_ISO8601, shapes, c, b);
      if (format == DQ_FHIR) dq_separators(DQ_FHIR, b, c->length);
      else dq_separators(DQ_ISO8601, b, c->length);
  }
  dq_date(format, b, c->length);
}

DQ_INLINE int dq_read_exactly(int format, const dq_column *c, int64_t i, dq_stamp *t) {
  dq_text text = dq_text_at(c, i);
  return dq_read_text(format, text.s, text.n, t);
}

/* Step 3: the code of row i, told by timestamps.h. */
static uint8_t dq_judge_exactly(int format, const dq_column *c, int64_t i, const dq_terms *terms, dq_block *b) {
  dq_stamp t;
  int64_t at = 0;
  int known = dq_read_exactly(format, c, i, &t);
  int code = known == DQ_READ ? dq_place(&t, terms, &at) : known ? DQ_AMBIGUOUS_TIME : DQ_UNPARSEABLE;
  b->civil[i] = code ? 0 : at;
  b->precision[i] = known == DQ_READ ? t.precision : DQ_NO_TIME;
  return (uint8_t)code;
}

DQ_INLINE void dq_judge_block(int format, const dq_column *c, const dq_terms *terms, dq_block *b, uint8_t *codes) {
  int64_t n = c->length;
  dq_civil_block(format, c, b);
  dq_shifts(terms->zone, b, n);
  dq_bounds(terms, b, n);
  for (int64_t i = 0; i < n; i++) codes[i] = (uint8_t)b->code[i];
  for (const uint8_t *at = codes; (at = memchr(at, DQ_AGAIN, (size_t)(codes + n - at))) != NULL;)
    codes[at - codes] = dq_judge_exactly(format, c, at - codes, terms, b);
}

DQ_INLINE dq_column dq_part(const dq_column *c, int64_t start) {
  dq_column part = *c;
  part.offset += start;
  part.length = c->length - start < DQ_BLOCK ? c->length - start : DQ_BLOCK;
  return part;
}

DQ_INLINE void dq_judge_body(int format, const dq_column *c, const dq_terms *terms, uint8_t *codes, int64_t *utc,
                             uint8_t *precision) {
  dq_block b;
  for (int64_t start = 0; start < c->length; start += DQ_BLOCK) {
    dq_column part = dq_part(c, start);
    dq_judge_block(format, &part, terms, &b, codes + start);
    if (utc != NULL) memcpy(utc + start, b.civil, (size_t)part.length * sizeof *utc);
    if (precision != NULL) memcpy(precision + start, b.precision, (size_t)part.length);
  }
}
DQ_LEVELS(dq_judge,
          (int format, const dq_column *c, const dq_terms *terms, uint8_t *codes, int64_t *utc, uint8_t *precision),
          (format, c, terms, codes, utc, precision))
/* A code a row; the instants (0 unless it passed) and the precisions where they are not NULL. */
static void dq_judge(int level, int format, const dq_column *c, const dq_terms *terms, uint8_t *codes, int64_t *utc,
                     uint8_t *precision) {
  DQ_CALL(level, dq_judge, (format, c, terms, codes, utc, precision));
}

/* As a step; `utc` and `precision` are the whole morsel's. */
typedef struct {
  dq_column column;
  dq_terms terms;
  int64_t *utc;
  uint8_t *precision;
  int format, level;
} dq_judge_state;
static int dq_run_judge(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  const dq_judge_state *s = (const dq_judge_state *)state;
  dq_column part = dq_rows_of(&s->column, from, n);
  dq_judge(s->level, s->format, &part, &s->terms, codes, s->utc ? s->utc + from : NULL,
           s->precision ? s->precision + from : NULL);
  return 0;
}

/* Row i as `dq_read` gives it, told by timestamps.h. A leap second can be told from a wrong one only where UTC is
 * known. */
static void dq_read_again(int format, const dq_column *c, int64_t i, dq_block *b) {
  dq_stamp t;
  int known = dq_read_exactly(format, c, i, &t) == DQ_READ;
  if (known && t.leap) known = t.offset != DQ_NO_OFFSET && dq_after_leap(t.civil - t.offset * 60 * DQ_US_SECOND);
  b->civil[i] = known ? t.civil : 0;
  b->offset[i] = known ? t.offset : DQ_NO_OFFSET;
  b->precision[i] = known ? t.precision : DQ_UNREADABLE;
}

DQ_INLINE void dq_read_body(int format, const dq_column *c, int64_t *civil, int32_t *offset, uint8_t *precision) {
  dq_block b;
  for (int64_t start = 0; start < c->length; start += DQ_BLOCK) {
    dq_column part = dq_part(c, start);
    int64_t n = part.length;
    dq_civil_block(format, &part, &b);
    for (int64_t i = 0; i < n; i++) {
      if (DQ_LIKELY(b.code[i] == DQ_PASS)) continue;
      b.civil[i] = 0;
      b.offset[i] = DQ_NO_OFFSET;
      if (b.code[i] == DQ_AGAIN) dq_read_again(format, &part, i, &b);
    }
    memcpy(civil + start, b.civil, (size_t)n * sizeof *civil);
    memcpy(offset + start, b.offset, (size_t)n * sizeof *offset);
    memcpy(precision + start, b.precision, (size_t)n);
  }
}
DQ_LEVELS(dq_read, (int format, const dq_column *c, int64_t *civil, int32_t *offset, uint8_t *precision),
          (format, c, civil, offset, precision))
static void dq_read(int level, int format, const dq_column *c, int64_t *civil, int32_t *offset, uint8_t *precision) {
  DQ_CALL(level, dq_read, (format, c, civil, offset, precision));
}
#endif
