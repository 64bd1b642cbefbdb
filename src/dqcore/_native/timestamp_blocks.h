/* Times as text at speed: a block of rows at a time, in steps that a CPU does for many rows at once.
 *
 * 1. The common shapes of a format are taken apart, a row at a time and all but without branches.
 * 2. Separators, digits, calendar, zone and bounds are loops over the block that a compiler makes vectors of.
 * 3. Whatever is not plainly right by then is marked DQ_AGAIN and asked of timestamps.h, which alone says what is no
 *    time and why. So a step may send any row there, and must send every row of which it is not sure.
 *
 * No byte outside a text is read: texts are loaded as words that overlap, never as words that overhang. */
#ifndef DQ_TIMESTAMP_BLOCKS_H
#define DQ_TIMESTAMP_BLOCKS_H
#include "cpu.h"
#include "steps.h"
#include "timestamps.h"

/* DQ_AGAIN is the code of a row that timestamps.h has yet to judge; no kernel leaves it to its caller. */
enum { DQ_AGAIN = DQ_FILTERED, DQ_BLOCK = 256, DQ_FEW_CHANGES = 6 };

/* Characters, and in their place a number for every two of them. */
typedef union {
  uint64_t words[DQ_BLOCK];
  uint32_t fours[2 * DQ_BLOCK];
  uint16_t twos[4 * DQ_BLOCK];
} dq_digits;

typedef struct {
  dq_digits date;           /* YYYYMMDD */
  dq_digits time;           /* HHMMSS00 */
  dq_digits zone;           /* HHMM0000 of the offset; anything where there is none */
  uint64_t given[DQ_BLOCK]; /* ones where `time` has what the text gives */
  uint64_t tail[DQ_BLOCK];  /* ISO 8601: characters that end with those of the second */
  int64_t civil[DQ_BLOCK];
  int64_t shift[DQ_BLOCK]; /* microseconds from UTC to civil time */
  int64_t local[DQ_BLOCK]; /* the same by the rule's zone */
  int64_t doubt[DQ_BLOCK]; /* whether the zone had better be asked again */
  int32_t micros[DQ_BLOCK];
  int32_t sign[DQ_BLOCK]; /* of the offset: + or -; Z for UTC, 0 for none */
  int32_t offset[DQ_BLOCK];
  int32_t code[DQ_BLOCK];
  uint32_t hours[DQ_BLOCK]; /* since 0000-03-01T00:00 */
  uint32_t rest[DQ_BLOCK];  /* microseconds of the hour */
  uint8_t precision[DQ_BLOCK];
  int64_t fractions;               /* how many rows have one; of each of them: */
  int32_t fraction_row[DQ_BLOCK];
  const uint8_t *mark[DQ_BLOCK];   /* its decimal sign */
  const uint8_t *end[DQ_BLOCK];    /* what follows its last digit */
} dq_block;

/* Characters are taken eight in a word, the first of them its lowest byte; where it is not, nothing is taken. */
enum { DQ_FIRST_IS_LOWEST = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ };
#define DQ_EVERY(byte) (0x0101010101010101ULL * (byte))
DQ_INLINE uint64_t dq_eight(const uint8_t *s) { return dq_u64(s, 0); }
/* The word without its first characters, 0 to 7 of them. */
DQ_INLINE uint64_t dq_without(uint64_t word, int64_t characters) { return word >> ((8 * characters) & 63); }

/* The characters of HHMMSS that a precision gives. */
static const uint64_t dq_gives[] = {
    [DQ_DAY] = 0, [DQ_HOUR] = 0xffff, [DQ_MINUTE] = 0xffffffff,
    [DQ_SECOND] = 0xffffffffffff, [DQ_FRACTION] = 0xffffffffffff,
};

/* The fraction whose n digits, 1 to 16, end at `end`, in microseconds; at least 8 characters stand before that. */
DQ_INLINE int dq_take_fraction(const uint8_t *end, int64_t n, int32_t *micros) {
  int64_t missing = n < 8 ? 8 - n : 0;
  uint64_t zeros = dq_without(DQ_EVERY('0'), missing);
  uint64_t head = dq_without(dq_eight(end - n - missing), missing) - zeros;
  uint64_t tail = dq_without(dq_eight(end - 8), missing) - zeros;
  uint64_t pairs = head * 10 + (head >> 8);
  *micros = (int32_t)((pairs & 0xff) * 10000 + ((pairs >> 16) & 0xff) * 100 + ((pairs >> 32) & 0xff));
  return ((head | (head + DQ_EVERY(0x76)) | tail | (tail + DQ_EVERY(0x76))) & DQ_EVERY(0x80)) == 0;
}

/* Remembers the row's fraction, if it has one. Rows with and without come in no order that a branch could guess. */
DQ_INLINE void dq_note_fraction(dq_block *b, int64_t row, const uint8_t *mark, const uint8_t *end) {
  b->fraction_row[b->fractions] = (int32_t)row;
  b->mark[b->fractions] = mark;
  b->end[b->fractions] = end;
  b->fractions += b->precision[row] == DQ_FRACTION;
}

/* YYYYMMDD[HH[MM[SS[.S[S[S[S]]]]]]][+/-ZZZZ]. False where the text cannot be that. */
DQ_INLINE int dq_take_hl7(const uint8_t *s, int64_t n, dq_block *b, int64_t row) {
  static const uint8_t precisions[25] = {
      [8] = DQ_DAY, [10] = DQ_HOUR, [12] = DQ_MINUTE, [14] = DQ_SECOND, [16 ... 19] = DQ_FRACTION};
  if (DQ_UNLIKELY(n < 8 || n > 24)) return 0;
  int64_t head = n < 16 ? n : 16;
  uint64_t tail = dq_eight(s + n - 8);
  unsigned sign = (tail >> 24) & 0xff, zoned = (sign == '+') | (sign == '-');
  int64_t digits = n - 5 * (int64_t)zoned;
  uint8_t precision = precisions[digits];
  b->date.words[row] = dq_eight(s);
  b->time.words[row] = dq_without(dq_eight(s + head - 8), 16 - head);
  b->given[row] = dq_gives[precision];
  b->zone.words[row] = tail >> 32;
  b->sign[row] = (int32_t)(sign & -zoned);
  b->precision[row] = precision;
  b->micros[row] = 0;
  dq_note_fraction(b, row, s + 14, s + digits);
  return precision != DQ_NO_TIME;
}

/* YYYY-MM-DD[Thh[:mm[:ss[.f]]][Z|+hh:mm]], separators still among the digits. False where the text cannot be that. */
DQ_INLINE int dq_take_iso8601(const uint8_t *s, int64_t n, dq_block *b, int64_t row) {
  static const uint8_t precisions[43] = {
      [10] = DQ_DAY, [13] = DQ_HOUR, [16] = DQ_MINUTE, [19] = DQ_SECOND, [21 ... 36] = DQ_FRACTION};
  if (DQ_UNLIKELY(n < 10 || n > 42)) return 0;
  int64_t head = n < 16 ? n : 16;
  uint64_t tail = dq_eight(s + n - 8);
  unsigned sign = (tail >> 16) & 0xff, utc = ((tail >> 56) | 0x20) == 'z';
  unsigned zoned = ((sign == '+') | (sign == '-')) & (((tail >> 40) & 0xff) == ':') & !utc;
  int64_t body = n - (int64_t)utc - 6 * (int64_t)zoned;
  uint8_t precision = precisions[body];
  b->date.words[row] = dq_eight(s);
  b->time.words[row] = dq_without(dq_eight(s + head - 8), 16 - head);
  /* Of a text without seconds anything is loaded, and left out. */
  b->tail[row] = dq_eight(s + (n < 19 ? 0 : 11));
  b->given[row] = dq_gives[precision];
  b->zone.words[row] = tail >> 24;
  b->sign[row] = (int32_t)((sign & -zoned) | ('Z' & -utc));
  b->precision[row] = precision;
  b->micros[row] = 0;
  dq_note_fraction(b, row, s + 19, s + body);
  return precision != DQ_NO_TIME;
}

/* A row of which nothing is to be made here: the steps pass over its code. */
static void dq_take_nothing(dq_block *b, int64_t row, int32_t code) {
  b->date.words[row] = b->time.words[row] = b->zone.words[row] = b->given[row] = b->tail[row] = 0;
  b->micros[row] = 0;
  b->sign[row] = 'Z';
  b->precision[row] = DQ_NO_TIME;
  b->code[row] = code;
}

DQ_INLINE void dq_take_fractions(int format, dq_block *b) {
  for (int64_t k = 0; k < b->fractions; k++) {
    int64_t row = b->fraction_row[k];
    int marked = *b->mark[k] == '.' || (format == DQ_ISO8601 && *b->mark[k] == ',');
    if (DQ_UNLIKELY(!marked || !dq_take_fraction(b->end[k], b->end[k] - b->mark[k] - 1, &b->micros[row])))
      dq_take_nothing(b, row, DQ_AGAIN);
  }
}

/* Step 1, for the rows of `c`, at most DQ_BLOCK. */
DQ_INLINE void dq_take(int format, const dq_column *c, dq_block *b) {
  for (int64_t i = 0; i < c->length; i++) b->code[i] = DQ_PASS;
  b->fractions = 0;
  DQ_EACH_STRING(c, i, text, { dq_take_nothing(b, i, DQ_SKIP); }, {
    int taken = format == DQ_HL7 ? dq_take_hl7(text.s, text.n, b, i) : dq_take_iso8601(text.s, text.n, b, i);
    if (DQ_UNLIKELY(!taken || !DQ_FIRST_IS_LOWEST)) dq_take_nothing(b, i, DQ_AGAIN);
  })
  dq_take_fractions(format, b);
}

/* Step 2a, ISO 8601: the separators are checked and left out. YYYY-MM- DDThh:mm and the tail that ends in :ss. */
DQ_INLINE void dq_separate(dq_block *b, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    uint64_t one = b->date.words[i], two = b->time.words[i], three = b->tail[i], given = b->given[i];
    uint64_t t = (two >> 16) & 0xff, zone = b->zone.words[i];
    uint64_t odd = ((one ^ DQ_EVERY('-')) & 0xff0000ff00000000) |
                   ((two ^ DQ_EVERY(':')) & ((given & 0xff0000) << 24)) |
                   ((three ^ DQ_EVERY(':')) & ((given & 0xff00000000) << 8));
    /* T, t or a blank before an hour: the difference to one of them is nothing. */
    uint64_t before = (((t | 0x20) ^ 't') & 0xff) * (t ^ ' ') & (given & 0xffff ? DQ_EVERY(0xff) : 0);
    b->doubt[i] = (int64_t)(odd | before);
    b->date.words[i] = (one & 0xffffffff) | ((one >> 8) & 0xffff00000000) | (two << 48);
    b->time.words[i] = ((two >> 24) & 0xffff) | ((two >> 32) & 0xffff0000) | ((three >> 48) << 32);
    b->zone.words[i] = (zone & 0xffff) | ((zone >> 8) & 0xffff0000);
  }
  for (int64_t i = 0; i < n; i++) {
    int32_t bad = (b->doubt[i] != 0) | ((b->precision[i] == DQ_DAY) & (b->sign[i] != 0));
    b->code[i] = b->code[i] ? b->code[i] : bad ? DQ_AGAIN : DQ_PASS;
  }
}

/* Every two characters become their number, which has bits of 0x8080 where one of them is no digit. */
DQ_INLINE void dq_numbers(dq_digits *digits, int64_t n) {
  for (int64_t i = 0; i < 4 * n; i++) {
    uint16_t d = (uint16_t)(digits->twos[i] - 0x3030), odd = (uint16_t)((d | (d + 0x7676)) & 0x8080);
    digits->twos[i] = (uint16_t)(((d & 0xff) * 10 + (d >> 8)) | odd);
  }
}

/* Step 2b: the calendar, in years that begin in March as dq_days has them. Seconds of 60, the 29th of February and
 * the midnights that clocks start from are left to timestamps.h. */
DQ_INLINE void dq_date(dq_block *b, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    uint64_t zeros = DQ_EVERY('0');
    b->time.words[i] = ((b->time.words[i] ^ zeros) & b->given[i]) ^ zeros;
  }
  dq_numbers(&b->date, n);
  dq_numbers(&b->time, n);
  for (int64_t i = 0; i < n; i++) {
    uint32_t years = b->date.fours[2 * i], days_ = b->date.fours[2 * i + 1];
    uint32_t clock = b->time.fours[2 * i], second = b->time.fours[2 * i + 1];
    int32_t year = (int32_t)((years & 0x7f) * 100 + ((years >> 16) & 0x7f));
    int32_t month = (int32_t)(days_ & 0xffff), day = (int32_t)(days_ >> 16);
    uint32_t hour = clock & 0xffff, minute = clock >> 16;
    int32_t early = month < 3, y = year - early, m = month - 3 + 12 * early;
    int32_t century = (y * 5243) >> 19; /* y / 100 for y from 0 to 9999 */
    int32_t longest = month == 2 ? 28 : 30 + ((month ^ (month >> 3)) & 1);
    int32_t days = 365 * y + (y >> 2) - century + (century >> 2) + ((m * 979 + 15) >> 5) + day - 1;
    int32_t bad = ((years & 0x80808080) != 0) | (year < 1) | (month < 1) | (month > 12) | (day < 1) |
                  (day > longest) | (hour > 23) | (minute > 59) | (second > 59);
    int32_t since = days - 719468;
    int32_t epoch = (since == -25569) | (since == -25567) | (since == 0) | (since == 3657) | (since == 10957) |
                    (since == 11323);
    bad |= epoch & ((clock | second | (uint32_t)b->micros[i]) == 0);
    b->hours[i] = bad ? 0 : (uint32_t)days * 24 + hour;
    b->rest[i] = bad ? 0 : (minute * 60 + second) * 1000000u + (uint32_t)b->micros[i];
    b->code[i] = b->code[i] ? b->code[i] : bad ? DQ_AGAIN : DQ_PASS;
  }
  for (int64_t i = 0; i < n; i++)
    b->civil[i] = (int64_t)((uint64_t)b->hours[i] * 3600000000u) + (int64_t)b->rest[i] - 719468 * DQ_US_DAY;
}

/* Step 2c: the offsets that the texts have. Whether any row has none. */
DQ_INLINE int dq_offsets(dq_block *b, int64_t n) {
  int32_t without = 0;
  dq_numbers(&b->zone, n);
  for (int64_t i = 0; i < n; i++) {
    /* Masks, because compilers turn conditions that are used twice into branches. */
    int32_t sign = b->sign[i], none = -(sign == 0), utc = -(sign == 'Z'), west = -(sign == '-');
    int32_t given = (int32_t)b->zone.fours[2 * i] & ~none & ~utc;
    int32_t hours = given & 0xffff, minutes = (given >> 16) & 0xffff, all = hours * 60 + minutes;
    int32_t bad = (minutes > 59) | (all > 14 * 60);
    all = bad ? 0 : (all ^ west) - west;
    b->offset[i] = (all & ~none) | (DQ_NO_OFFSET & none);
    b->code[i] = b->code[i] ? b->code[i] : bad ? DQ_AGAIN : DQ_PASS;
    without |= none;
  }
  return without;
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
  for (int64_t i = 0; i < n; i++) {
    int64_t wall = b->civil[i], none = -(int64_t)(b->offset[i] == DQ_NO_OFFSET);
    int64_t early = (wall & none) | (INT64_MAX & ~none), late = (wall & none) | (INT64_MIN & ~none);
    least = early < least ? early : least;
    most = late > most ? late : most;
  }
  low = dq_at_or_below(z->wall_from, z->changes, least);
  high = dq_at_or_below(z->wall_from, z->changes, most);
  if (high - low <= DQ_FEW_CHANGES) dq_sweep(z, low, high, b, n);
  else dq_search(z, low, high, b, n);
  for (int64_t i = 0; i < n; i++) {
    int64_t none = -(int64_t)(b->offset[i] == DQ_NO_OFFSET);
    b->shift[i] = (b->local[i] & none) | (b->shift[i] & ~none);
    b->doubt[i] &= none;
  }
  for (int64_t i = 0; i < n; i++) {
    int32_t doubt = b->doubt[i] != 0;
    b->code[i] = b->code[i] ? b->code[i] : doubt ? DQ_AGAIN : DQ_PASS;
  }
}

/* Step 2d: how far each row's clock is from UTC. */
DQ_INLINE void dq_shifts(const dq_zone *zone, dq_block *b, int64_t n) {
  int without = dq_offsets(b, n);
  for (int64_t i = 0; i < n; i++)
    b->shift[i] = (int64_t)(b->offset[i] == DQ_NO_OFFSET ? 0 : b->offset[i]) * (60 * DQ_US_SECOND);
  if (!without) return;
  if (zone != NULL) {
    dq_zone_shifts(zone, b, n);
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    int32_t lost = (b->offset[i] == DQ_NO_OFFSET) & (b->precision[i] > DQ_DAY);
    b->code[i] = b->code[i] ? b->code[i] : lost ? DQ_NO_TIMEZONE : DQ_PASS;
  }
}

/* Step 2e: the bounds. The instants replace the civil times. */
DQ_INLINE void dq_bounds(const dq_terms *terms, dq_block *b, int64_t n) {
  int64_t earliest = terms->earliest, latest = terms->latest;
  for (int64_t i = 0; i < n; i++) {
    int64_t at = b->civil[i] - b->shift[i];
    int64_t odd = -(int64_t)((at < DQ_FIRST_INSTANT) | (at >= DQ_AFTER_LAST_INSTANT));
    int64_t early = -(int64_t)(at < earliest), late = -(int64_t)(at > latest);
    b->civil[i] = at;
    b->doubt[i] = (DQ_AGAIN & odd) | (DQ_TOO_EARLY & early & ~odd) | (DQ_FUTURE & late & ~early & ~odd);
  }
  for (int64_t i = 0; i < n; i++) b->code[i] = b->code[i] ? b->code[i] : (int32_t)b->doubt[i];
  for (int64_t i = 0; i < n; i++) b->civil[i] &= -(int64_t)(b->code[i] == DQ_PASS);
}

/* Steps 1 to 2b. */
DQ_INLINE void dq_civil_block(int format, const dq_column *c, dq_block *b) {
  if (format == DQ_HL7) {
    dq_take(DQ_HL7, c, b);
  } else {
    dq_take(DQ_ISO8601, c, b);
    dq_separate(b, c->length);
  }
  dq_date(b, c->length);
}

DQ_INLINE int dq_read_exactly(int format, const dq_column *c, int64_t i, dq_stamp *t) {
  dq_text text = dq_text_at(c, i);
  return format == DQ_HL7 ? dq_hl7(text.s, text.n, t) : dq_iso8601(text.s, text.n, t);
}

/* Step 3: row i, told by timestamps.h. */
static void dq_judge_exactly(int format, const dq_column *c, int64_t i, const dq_terms *terms, dq_block *b) {
  dq_stamp t;
  int64_t at = 0;
  int known = dq_read_exactly(format, c, i, &t);
  int code = known ? dq_place(&t, terms, &at) : DQ_UNPARSEABLE;
  b->code[i] = code;
  b->civil[i] = code ? 0 : at;
  b->precision[i] = known ? t.precision : DQ_NO_TIME;
}

DQ_INLINE void dq_judge_block(int format, const dq_column *c, const dq_terms *terms, dq_block *b) {
  int64_t n = c->length;
  int32_t again = 0;
  dq_civil_block(format, c, b);
  dq_shifts(terms->zone, b, n);
  dq_bounds(terms, b, n);
  for (int64_t i = 0; i < n; i++) again |= b->code[i] == DQ_AGAIN;
  for (int64_t i = 0; again && i < n; i++)
    if (b->code[i] == DQ_AGAIN) dq_judge_exactly(format, c, i, terms, b);
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
    dq_judge_block(format, &part, terms, &b);
    for (int64_t i = 0; i < part.length; i++) codes[start + i] = (uint8_t)b.code[i];
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
  int known = dq_read_exactly(format, c, i, &t);
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
    dq_offsets(&b, n);
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
