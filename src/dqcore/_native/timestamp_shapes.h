/* Times as text brought into one form: whatever the format, every character that matters has a place of its own.
 *
 * Which form a text has is told by its length and by what it ends with (nothing, Z, an offset). Of every form it is
 * known beforehand which of the text's bytes go where, and what stands for those that are not given; so a text is
 * taken apart by a few loads, two shuffles and no branch. What is in the places is looked at later, for many rows at a
 * time: a form says where a digit or a separator ought to be, not that it is one. */
#ifndef DQ_TIMESTAMP_SHAPES_H
#define DQ_TIMESTAMP_SHAPES_H
#include "sixteen.h"
#include "timestamps.h"
#if defined(__SSSE3__)
#include <immintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

/* Bytes are taken eight in a word, the first of them its lowest; where it is not, nothing is taken. */
enum { DQ_FIRST_IS_LOWEST = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ };

/* The places: 16 bytes, then 16 more. */
enum {
  DQ_AT_YEAR = 0, DQ_AT_MONTH = 4, DQ_AT_DAY = 6, DQ_AT_HOUR = 8, DQ_AT_MINUTE = 10,
  DQ_AT_DASHES = 12, DQ_AT_T = 14, DQ_AT_COLON = 15,
  DQ_AT_SECOND = 16, DQ_AT_FRACTION = 18, DQ_AT_OFFSET = 24, DQ_AT_SECOND_COLON = 28, DQ_AT_MARK = 29,
  DQ_AT_SIGN = 30, /* + or - of the offset, + for UTC, 0 for none */
  DQ_AT_PRECISION = 31,
  DQ_PLACES = 32
};

/* How a text ends. */
enum { DQ_ENDS_PLAIN = 0, DQ_ENDS_UTC, DQ_ENDS_OFFSET, DQ_ENDINGS };
/* A text of a shape has DQ_SHORTEST to DQ_LONGEST bytes, and as many can be read of it as the longest of its format. */
enum { DQ_SHORTEST = 8, DQ_LONGEST = 32, DQ_LONGEST_GIVEN = 42 };

/* For 16 places each: which byte of the text's first sixteen, and of sixteen further on, and what is laid over them. */
typedef union {
  uint8_t places[DQ_PLACES];
  dq_sixteen half[2];
} dq_places;
typedef struct {
  dq_places from, over;
} dq_shape;
typedef dq_shape dq_shapes[DQ_LONGEST - DQ_SHORTEST + 1][DQ_ENDINGS];
static dq_shapes dq_shapes_of[DQ_LIS2 + 1]; /* by format; a precision of DQ_NO_TIME where no text has the shape */

/* Formats whose texts are taken apart in one way. Those that are read as DQ_ISO8601 have dashes and colons. */
DQ_INLINE int dq_way(int format) {
  return format == DQ_DICOM ? DQ_DICOM : format == DQ_HL7 || format == DQ_LIS2 ? DQ_HL7 : DQ_ISO8601;
}
/* The shapes of a format's texts. Of some formats not all texts have one: others are read by timestamps.h. */
DQ_INLINE const dq_shapes *dq_shapes_for(int format) { return &dq_shapes_of[format <= DQ_LIS2 ? format : DQ_ISO8601]; }

/* Where the second sixteen bytes are loaded from. */
DQ_INLINE int dq_second_load(int format) {
  int way = dq_way(format);
  return way == DQ_HL7 ? 8 : way == DQ_DICOM ? 12 : 16;
}
/* How many bytes are loaded in all. */
DQ_INLINE int64_t dq_longest(int format) { return dq_second_load(format) + 16; }

DQ_INLINE dq_sixteen dq_pick(dq_sixteen bytes, dq_sixteen from) {
#if defined(__SSSE3__)
  return (dq_sixteen)_mm_shuffle_epi8((__m128i)bytes, (__m128i)from);
#elif defined(__ARM_NEON) && defined(__aarch64__)
  return (dq_sixteen)vqtbl1q_u8((uint8x16_t)bytes, (uint8x16_t)from);
#else
  dq_sixteen made;
  for (int k = 0; k < 16; k++) made[k] = from[k] & 0x80 ? 0 : bytes[from[k] & 15];
  return made;
#endif
}

/* ---- the shapes ---- */

/* Place `place` has byte `at` of the text, or `other` where at < 0. False where the loads do not reach it. */
static int dq_shape_put(int format, dq_shape *p, int place, int at, int other) {
  int from = place < 16 ? 0 : dq_second_load(format);
  if (at >= 0 && (at < from || at >= from + 16)) return 0;
  p->from.places[place] = (uint8_t)(at < 0 ? 0x80 : at - from);
  p->over.places[place] = (uint8_t)(at < 0 ? other : 0);
  return 1;
}
static int dq_shape_digits(int format, dq_shape *p, int place, int at, int digits) {
  int reached = 1;
  for (int k = 0; k < digits; k++) reached &= dq_shape_put(format, p, place + k, at < 0 ? at : at + k, '0');
  return reached;
}

/* The precision of a text of `body` bytes before its ending, DQ_NO_TIME for none. */
static int dq_shape_precision(int format, int body) {
  static const uint8_t compact[] = {[8] = DQ_DAY, [10] = DQ_HOUR, [12] = DQ_MINUTE, [14] = DQ_SECOND};
  static const uint8_t iso[] = {[10] = DQ_DAY, [13] = DQ_HOUR, [16] = DQ_MINUTE, [19] = DQ_SECOND};
  int is_iso = dq_way(format) == DQ_ISO8601, digits = body - (is_iso ? 20 : 15);
  int most = format == DQ_LIS2 ? 0 : format == DQ_HL7 ? 4 : 6;
  if (digits >= 1 && digits <= most) return DQ_FRACTION;
  if (body < 0 || body >= (int)(is_iso ? sizeof iso : sizeof compact)) return DQ_NO_TIME;
  return is_iso ? iso[body] : compact[body];
}
/* Whether the format has texts of this precision with such an ending. */
static int dq_shape_ends(int format, int precision, int ending) {
  if (format == DQ_LIS2) return ending == DQ_ENDS_PLAIN;
  if (dq_way(format) != DQ_ISO8601) return ending != DQ_ENDS_UTC;
  if (precision == DQ_DAY) return ending == DQ_ENDS_PLAIN;
  return format == DQ_ISO8601 || (precision >= DQ_SECOND && ending != DQ_ENDS_PLAIN);
}

static int dq_shape_fill(int format, int n, int ending, dq_shape *p) {
  int iso = dq_way(format) == DQ_ISO8601, zone = ending == DQ_ENDS_PLAIN ? 0 : ending == DQ_ENDS_UTC ? 1 : iso ? 6 : 5;
  int body = n - zone, precision = dq_shape_precision(format, body), at = iso ? 16 : 12, fine;
  if (precision == DQ_NO_TIME || !dq_shape_ends(format, precision, ending)) return 0;
  /* Where in the text each part begins; -1: it is not given, and what stands for it is laid over. */
  int hour = precision >= DQ_HOUR ? (iso ? 11 : 8) : -1, minute = precision >= DQ_MINUTE ? (iso ? 14 : 10) : -1;
  int second = precision >= DQ_SECOND ? at + iso : -1, mark = precision == DQ_FRACTION ? at + iso + 2 : -1;
  int offset = ending == DQ_ENDS_OFFSET ? body + 1 : -1, digits = mark < 0 ? 0 : body - mark - 1;
  fine = dq_shape_digits(format, p, DQ_AT_YEAR, 0, 4);
  fine &= dq_shape_digits(format, p, DQ_AT_MONTH, iso ? 5 : 4, 2);
  fine &= dq_shape_digits(format, p, DQ_AT_DAY, iso ? 8 : 6, 2);
  fine &= dq_shape_digits(format, p, DQ_AT_HOUR, hour, 2);
  fine &= dq_shape_digits(format, p, DQ_AT_MINUTE, minute, 2);
  fine &= dq_shape_digits(format, p, DQ_AT_SECOND, second, 2);
  fine &= dq_shape_digits(format, p, DQ_AT_FRACTION, -1, 6);
  fine &= dq_shape_digits(format, p, DQ_AT_FRACTION, mark < 0 ? -1 : mark + 1, digits);
  fine &= dq_shape_digits(format, p, DQ_AT_OFFSET, offset, 2);
  fine &= dq_shape_digits(format, p, DQ_AT_OFFSET + 2, offset < 0 ? -1 : offset + 2 + iso, 2);
  fine &= dq_shape_put(format, p, DQ_AT_DASHES, iso ? 4 : -1, '-');
  fine &= dq_shape_put(format, p, DQ_AT_DASHES + 1, iso ? 7 : -1, '-');
  fine &= dq_shape_put(format, p, DQ_AT_T, iso && hour >= 0 ? 10 : -1, 'T');
  fine &= dq_shape_put(format, p, DQ_AT_COLON, iso && minute >= 0 ? 13 : -1, ':');
  fine &= dq_shape_put(format, p, DQ_AT_SECOND_COLON, iso && second >= 0 ? 16 : -1, ':');
  fine &= dq_shape_put(format, p, DQ_AT_MARK, mark, '.');
  /* FHIR knows Z alone: it is held to be seen, and as a sign it is no minus. */
  int given = ending == DQ_ENDS_OFFSET || (format == DQ_FHIR && ending == DQ_ENDS_UTC);
  fine &= dq_shape_put(format, p, DQ_AT_SIGN, given ? body : -1, ending == DQ_ENDS_UTC ? '+' : 0);
  return fine & dq_shape_put(format, p, DQ_AT_PRECISION, -1, precision);
}

/* To be called once, before any text is taken. */
static void dq_make_shapes(void) {
  for (int format = 0; format <= DQ_LIS2; format++)
    for (int n = DQ_SHORTEST; n <= DQ_LONGEST; n++)
      for (int ending = 0; ending < DQ_ENDINGS; ending++) {
        dq_shape *p = &dq_shapes_of[format][n - DQ_SHORTEST][ending];
        if (!dq_shape_fill(format, n, ending, p)) memset(p, 0, sizeof *p);
      }
}

/* ---- texts ---- */

/* How a text of at least eight bytes ends, from the last eight. */
DQ_INLINE unsigned dq_ending(int way, uint64_t tail) {
  unsigned sign = (unsigned)(tail >> (way != DQ_ISO8601 ? 24 : 16)) & 0xff;
  unsigned zoned = ((sign - '+') & ~2u) == 0; /* + or - */
  if (way != DQ_ISO8601) return zoned * DQ_ENDS_OFFSET;
  unsigned utc = ((tail >> 56) | 0x20) == 'z';
  zoned &= (((unsigned)(tail >> 40) & 0xff) == ':') & ~utc;
  /* A sum, since endings come in no order that a branch could guess. */
  return utc * DQ_ENDS_UTC + zoned * DQ_ENDS_OFFSET;
}

/* The places of a text of DQ_SHORTEST to DQ_LONGEST bytes, of which as many can be read as the longest has. */
DQ_INLINE void dq_take_apart(int way, const dq_shapes *shapes, const uint8_t *s, int64_t n, dq_sixteen *first,
                             dq_sixteen *second) {
  const dq_shape *p = &(*shapes)[n - DQ_SHORTEST][dq_ending(way, dq_u64(s + n - 8, 0))];
  *first = dq_pick(dq_load_sixteen(s), p->from.half[0]) | p->over.half[0];
  *second = dq_pick(dq_load_sixteen(s + dq_second_load(way)), p->from.half[1]) | p->over.half[1];
}

/* ISO 8601: brings a text of more than DQ_LONGEST bytes into fewer, by leaving out what digits a fraction has after its
 * sixth; gives its length, 0 where there are no such digits. */
static int64_t dq_shorten(const uint8_t *s, int64_t n, uint8_t *made) {
  enum { DQ_KEPT = 26 };
  unsigned ending = dq_ending(DQ_ISO8601, dq_u64(s + n - 8, 0));
  int64_t zone = ending == DQ_ENDS_PLAIN ? 0 : ending == DQ_ENDS_UTC ? 1 : 6;
  for (int64_t i = DQ_KEPT; i < n - zone; i++)
    if (!dq_is_digit(s[i])) return 0;
  memcpy(made, s, DQ_KEPT);
  memcpy(made + DQ_KEPT, s + n - zone, (size_t)zone);
  return DQ_KEPT + zone;
}

/* A text that is too long, too short, or too near the end of what can be read: false where no shape is like it. */
static __attribute__((noinline)) int dq_lift(int way, const uint8_t *s, int64_t n, uint8_t *made, int64_t *length) {
  memset(made, 0, DQ_LONGEST);
  if (n < DQ_SHORTEST || n > (way == DQ_ISO8601 ? DQ_LONGEST_GIVEN : dq_longest(way))) return 0;
  *length = n <= DQ_LONGEST ? n : dq_shorten(s, n, made);
  if (n <= DQ_LONGEST) memcpy(made, s, (size_t)n);
  return *length > 0;
}
#endif
