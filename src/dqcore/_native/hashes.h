/* Keys as 128-bit seeded hashes.
 *
 * Two hashes with one meaning: rounds of AES where the CPU has them, folded multiplications elsewhere. Both take the
 * length of a text first and hash every column of a composite to its full width before it is combined, so no two keys
 * that differ are joined but by a collision of the whole hash; a text of up to 16 bytes meets no other of its length,
 * since rounds of AES only permute. A process uses one of the two throughout, and nothing that a report shows depends
 * on which, or on the seed. */
#ifndef DQ_HASHES_H
#define DQ_HASHES_H
#include "dq.h"
#include "numbers.h"

typedef struct {
  uint64_t a, b;
} dq_hash;

/* 128 bits of key for each of the rounds. */
typedef struct {
  uint64_t words[8];
  int aes; /* enum dq_aes */
} dq_seed;

/* Hash by multiplications; by rounds of AES; by these, several keys at a time where it can be done. */
enum dq_aes { DQ_NO_AES = 0, DQ_AES = 1, DQ_WIDE_AES = 2 };

DQ_INLINE uint64_t dq_fold(uint64_t x, uint64_t y) {
  unsigned __int128 product = (unsigned __int128)x * y;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}
DQ_INLINE uint64_t dq_splitmix(uint64_t *state) {
  uint64_t z = (*state += 0x9E3779B97F4A7C15ULL);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}
static dq_seed dq_make_seed(uint64_t seed, int aes) {
  dq_seed k;
  for (int i = 0; i < 8; i++) k.words[i] = dq_splitmix(&seed);
  k.words[2] |= 1;
  k.words[3] |= 1;
  k.aes = aes;
  return k;
}

/* What a word is, so that a null, a text and a number never meet. */
enum { DQ_TAG_NULL = 1, DQ_TAG_NUMBER = 2, DQ_TAG_LARGE = 3, DQ_TAG_FLOAT = 4, DQ_TAG_TEXT = 5 };

/* NaN equals NaN and -0.0 equals 0.0 in a key. */
DQ_INLINE uint64_t dq_float_word(double v) {
  uint64_t word;
  if (v != v) return 0x7FF8000000000000ULL;
  if (v == 0) v = 0;
  memcpy(&word, &v, 8);
  return word;
}

/* ---- by multiplication: two lanes, each keyed from the seed ---- */

typedef dq_hash dq_state_mul;
#define DQ_TARGET_mul
DQ_INLINE dq_hash dq_begin_mul(const dq_seed *k, uint64_t tag) {
  dq_hash h = {dq_fold(k->words[0] ^ tag, k->words[2]), dq_fold(k->words[1] ^ tag, k->words[3])};
  return h;
}
DQ_INLINE dq_hash dq_feed_mul(const dq_seed *k, dq_hash h, uint64_t word) {
  dq_hash next = {dq_fold(h.a ^ word, k->words[2]), dq_fold(h.b ^ word, k->words[3])};
  return next;
}
DQ_INLINE dq_hash dq_finish_mul(const dq_seed *k, dq_hash h) {
  dq_hash done = {dq_fold(h.a ^ k->words[1], k->words[3]), dq_fold(h.b ^ k->words[0], k->words[2])};
  return done;
}
DQ_INLINE dq_hash dq_hash_word_mul(const dq_seed *k, uint64_t tag, uint64_t word) {
  return dq_finish_mul(k, dq_feed_mul(k, dq_begin_mul(k, tag), word));
}
DQ_INLINE dq_hash dq_hash_text_mul(const dq_seed *k, dq_text t, const uint8_t *end) {
  (void)end;
  dq_hash h = dq_begin_mul(k, DQ_TAG_TEXT + ((uint64_t)t.n << 8));
  uint64_t word;
  for (; t.n >= 8; t.s += 8, t.n -= 8) {
    memcpy(&word, t.s, 8);
    h = dq_feed_mul(k, h, word);
  }
  if (t.n) {
    word = 0;
    memcpy(&word, t.s, (size_t)t.n);
    h = dq_feed_mul(k, h, word);
  }
  return dq_finish_mul(k, h);
}
DQ_INLINE dq_hash dq_hash_view_mul(const dq_seed *k, const dq_column *c, int64_t i) {
  return dq_hash_text_mul(k, dq_text_view(c, i), NULL);
}
DQ_INLINE dq_hash dq_join_mul(const dq_seed *k, dq_hash h, dq_hash part) {
  return dq_feed_mul(k, dq_feed_mul(k, h, part.a), part.b);
}

/* ---- by rounds of AES ---- */

#if defined(__x86_64__)
#include <immintrin.h>
#define DQ_HAS_AES 1
#define DQ_TARGET_aes __attribute__((target("aes,sse4.1")))
#define DQ_AES_INLINE __attribute__((target("aes,sse4.1"))) DQ_INLINE

static int dq_cpu_has_aes(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1");
}
DQ_AES_INLINE __m128i dq_key_aes(const dq_seed *k, int i) {
  return _mm_loadu_si128((const __m128i *)(k->words + 2 * i));
}
/* Three rounds: after two every bit hangs on every other. */
DQ_AES_INLINE __m128i dq_rounds_aes(const dq_seed *k, __m128i x) {
  x = _mm_aesenc_si128(x, dq_key_aes(k, 1));
  x = _mm_aesenc_si128(x, dq_key_aes(k, 2));
  return _mm_aesenc_si128(x, dq_key_aes(k, 3));
}
DQ_AES_INLINE dq_hash dq_done_aes(__m128i x) {
  dq_hash h;
  memcpy(&h, &x, 16);
  return h;
}
DQ_AES_INLINE __m128i dq_begin_aes(const dq_seed *k, uint64_t tag) {
  return _mm_xor_si128(dq_key_aes(k, 0), _mm_set_epi64x(0, (int64_t)tag));
}
DQ_AES_INLINE dq_hash dq_hash_word_aes(const dq_seed *k, uint64_t tag, uint64_t word) {
  return dq_done_aes(dq_rounds_aes(k, _mm_xor_si128(dq_key_aes(k, 0), _mm_set_epi64x((int64_t)tag, (int64_t)word))));
}
static const uint8_t dq_kept_bytes[32] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                          255, 255, 255, 255, 255, 0};
/* n bytes (0 to 16) and zeros after them; 16 bytes are read where they lie before `end`. */
DQ_AES_INLINE __m128i dq_bytes_aes(const uint8_t *s, int64_t n, const uint8_t *end) {
  if (DQ_LIKELY(end - s >= 16))
    return _mm_and_si128(_mm_loadu_si128((const __m128i *)s),
                         _mm_loadu_si128((const __m128i *)(dq_kept_bytes + 16 - n)));
  uint8_t held[16] = {0};
  if (n) memcpy(held, s, (size_t)n);
  return _mm_loadu_si128((const __m128i *)held);
}
DQ_AES_INLINE dq_hash dq_hash_short_aes(const dq_seed *k, __m128i bytes, int64_t n) {
  return dq_done_aes(dq_rounds_aes(k, _mm_xor_si128(bytes, dq_begin_aes(k, DQ_TAG_TEXT + ((uint64_t)n << 8)))));
}
DQ_TARGET_aes static __attribute__((noinline)) dq_hash dq_hash_long_aes(const dq_seed *k, dq_text t) {
  __m128i h = dq_begin_aes(k, DQ_TAG_TEXT + ((uint64_t)t.n << 8));
  for (; t.n > 0; t.s += 16, t.n -= 16) {
    __m128i block = dq_bytes_aes(t.s, t.n < 16 ? t.n : 16, t.s + (t.n < 16 ? 0 : 16));
    h = _mm_aesenc_si128(_mm_aesenc_si128(_mm_xor_si128(h, block), dq_key_aes(k, 1)), dq_key_aes(k, 2));
  }
  return dq_done_aes(dq_rounds_aes(k, h));
}
DQ_AES_INLINE dq_hash dq_hash_text_aes(const dq_seed *k, dq_text t, const uint8_t *end) {
  if (DQ_UNLIKELY(t.n > 16)) return dq_hash_long_aes(k, t);
  return dq_hash_short_aes(k, dq_bytes_aes(t.s, t.n, end), t.n);
}
/* Twelve bytes or less stand in the view itself, with zeros after them (the structure check has seen to it). */
DQ_AES_INLINE dq_hash dq_hash_view_aes(const dq_seed *k, const dq_column *c, int64_t i) {
  __m128i view = _mm_loadu_si128((const __m128i *)(c->values + (c->offset + i) * 16));
  int32_t n = _mm_cvtsi128_si32(view);
  if (DQ_LIKELY(n <= 12)) return dq_hash_short_aes(k, _mm_srli_si128(view, 4), n);
  dq_text t = dq_text_view(c, i);
  return dq_hash_text_aes(k, t, t.s + t.n);
}
/* One round: both are spread over all their bits already, and the round keeps (a, b) from meeting (b, a). */
DQ_AES_INLINE dq_hash dq_join_aes(const dq_seed *k, dq_hash h, dq_hash part) {
  __m128i x = _mm_loadu_si128((const __m128i *)&h), y = _mm_loadu_si128((const __m128i *)&part);
  return dq_done_aes(_mm_aesenc_si128(_mm_xor_si128(x, dq_key_aes(k, 0)), y));
}
#else
#define DQ_HAS_AES 0
static int dq_cpu_has_aes(void) { return 0; }
#endif

#include "hashes_wide.h"

/* ---- whole columns ---- */

/* A hash of its own, or joined to that of the columns before it. */
#define DQ_PUT_own(H, OUT, HASH) OUT = (HASH)
#define DQ_PUT_join(H, OUT, HASH) OUT = dq_join_##H(k, OUT, (HASH))

#define DQ_HASH_LOOP(H, PUT, HASH)                                                      \
  if (c->validity == NULL) {                                                            \
    for (int64_t i = 0; i < c->length; i++) DQ_PUT_##PUT(H, out[i], HASH);              \
  } else {                                                                              \
    for (int64_t i = 0; i < c->length; i++)                                             \
      if (dq_bit(c->validity, c->offset + i)) DQ_PUT_##PUT(H, out[i], HASH);            \
      else DQ_PUT_##PUT(H, out[i], null);                                               \
  }                                                                                     \
  break;
#define DQ_HASH_INT(H, PUT, LOAD) \
  DQ_HASH_LOOP(H, PUT, dq_hash_word_##H(k, DQ_TAG_NUMBER, (uint64_t)(int64_t)LOAD(c->values, c->offset + i)))
#define DQ_HASH_FLOAT(H, PUT, VALUE) DQ_HASH_LOOP(H, PUT, dq_hash_word_##H(k, DQ_TAG_FLOAT, dq_float_word(VALUE)))
#define DQ_SPREAD_HASH(H, PUT, LOAD)                                                                        \
  for (int64_t i = 0; i < c->length; i++)                                                                   \
    DQ_PUT_##PUT(H, out[i], dq_is_valid(c, i) ? hashes[(int64_t)LOAD(c->values, c->offset + i)] : null);    \
  break;

/* Three kernels for each hash, each of its own or joined: of a column (0 for a layout that cannot be a key), of the rows
 * that a dictionary's indices name, from the hashes of its values, and of hashes that are there already. A null has the
 * hash of a null. Copies tell the compiler that no hash is written over what it reads. */
#define DQ_HASH_KERNELS(H, PUT)                                                                                \
  DQ_TARGET_##H static int dq_hash_##PUT##_##H(const dq_column *column, const dq_seed *seed,                   \
                                               dq_hash *restrict out) {                                        \
    const dq_column own = *column, *c = &own;                                                                  \
    const dq_seed keys = *seed, *k = &keys;                                                                    \
    dq_hash null = dq_hash_word_##H(k, DQ_TAG_NULL, 0);                                                        \
    const uint8_t *end = c->bytes + c->limit;                                                                  \
    switch (c->layout) {                                                                                       \
      case DQ_NULL: for (int64_t i = 0; i < c->length; i++) DQ_PUT_##PUT(H, out[i], null); break;              \
      case DQ_BOOL:                                                                                            \
        DQ_HASH_LOOP(H, PUT, dq_hash_word_##H(k, DQ_TAG_NUMBER, (uint64_t)dq_bit(c->values, c->offset + i)))   \
      case DQ_INT8: DQ_HASH_INT(H, PUT, dq_i8)                                                                 \
      case DQ_INT16: DQ_HASH_INT(H, PUT, dq_i16)                                                               \
      case DQ_INT32: DQ_HASH_INT(H, PUT, dq_i32)                                                               \
      case DQ_INT64: DQ_HASH_INT(H, PUT, dq_i64)                                                               \
      case DQ_UINT8: DQ_HASH_INT(H, PUT, dq_u8)                                                                \
      case DQ_UINT16: DQ_HASH_INT(H, PUT, dq_u16)                                                              \
      case DQ_UINT32: DQ_HASH_INT(H, PUT, dq_u32)                                                              \
      case DQ_UINT64:                                                                                          \
        DQ_HASH_LOOP(H, PUT, dq_hash_word_##H(k,                                                               \
                                              dq_u64(c->values, c->offset + i) >> 63 ? DQ_TAG_LARGE : DQ_TAG_NUMBER, \
                                              dq_u64(c->values, c->offset + i)))                               \
      case DQ_FLOAT16: DQ_HASH_FLOAT(H, PUT, dq_half(dq_u16(c->values, c->offset + i)))                        \
      case DQ_FLOAT32: DQ_HASH_FLOAT(H, PUT, dq_f32(c->values, c->offset + i))                                 \
      case DQ_FLOAT64: DQ_HASH_FLOAT(H, PUT, dq_f64(c->values, c->offset + i))                                 \
      case DQ_FIXED: {                                                                                         \
        const uint8_t *first = c->values + c->offset * c->width, *last = first + c->length * c->width;         \
        DQ_HASH_LOOP(H, PUT, dq_hash_text_##H(k, ((dq_text){first + i * c->width, c->width}), last))           \
      }                                                                                                        \
      case DQ_UTF8: DQ_HASH_LOOP(H, PUT, dq_hash_text_##H(k, dq_text_utf8(c, i), end))                         \
      case DQ_LARGE_UTF8: DQ_HASH_LOOP(H, PUT, dq_hash_text_##H(k, dq_text_large(c, i), end))                  \
      case DQ_UTF8_VIEW: DQ_HASH_LOOP(H, PUT, dq_hash_view_##H(k, c, i))                                       \
      default: return 0;                                                                                       \
    }                                                                                                          \
    return 1;                                                                                                  \
  }                                                                                                            \
  DQ_TARGET_##H static void dq_spread_##PUT##_##H(const dq_column *column, const dq_seed *seed,                \
                                                  const dq_hash *hashes, dq_hash *restrict out) {              \
    const dq_column own = *column, *c = &own;                                                                  \
    const dq_seed keys = *seed, *k = &keys;                                                                    \
    dq_hash null = dq_hash_word_##H(k, DQ_TAG_NULL, 0);                                                        \
    switch (c->layout) {                                                                                       \
      case DQ_INT8: DQ_SPREAD_HASH(H, PUT, dq_i8)                                                              \
      case DQ_INT16: DQ_SPREAD_HASH(H, PUT, dq_i16)                                                            \
      case DQ_INT32: DQ_SPREAD_HASH(H, PUT, dq_i32)                                                            \
      case DQ_INT64: DQ_SPREAD_HASH(H, PUT, dq_i64)                                                            \
      case DQ_UINT8: DQ_SPREAD_HASH(H, PUT, dq_u8)                                                             \
      case DQ_UINT16: DQ_SPREAD_HASH(H, PUT, dq_u16)                                                           \
      case DQ_UINT32: DQ_SPREAD_HASH(H, PUT, dq_u32)                                                           \
      case DQ_UINT64: DQ_SPREAD_HASH(H, PUT, dq_u64)                                                           \
      default: break;                                                                                          \
    }                                                                                                          \
  }                                                                                                            \
  DQ_TARGET_##H static void dq_copy_##PUT##_##H(const dq_hash *hashes, const dq_seed *seed, int64_t n,         \
                                                dq_hash *restrict out) {                                       \
    const dq_seed keys = *seed, *k = &keys;                                                                    \
    (void)k;                                                                                                   \
    for (int64_t i = 0; i < n; i++) DQ_PUT_##PUT(H, out[i], hashes[i]);                                        \
  }

DQ_HASH_KERNELS(mul, own)
DQ_HASH_KERNELS(mul, join)
#if DQ_HAS_AES
DQ_HASH_KERNELS(aes, own)
DQ_HASH_KERNELS(aes, join)
#define DQ_BY_HASH(K, NAME, PUT, ...) ((K)->aes ? NAME##_##PUT##_aes(__VA_ARGS__) : NAME##_##PUT##_mul(__VA_ARGS__))
#else
#define DQ_BY_HASH(K, NAME, PUT, ...) NAME##_##PUT##_mul(__VA_ARGS__)
#endif

/* A part of a key: a column; or, of a dictionary, its indices and the hashes of its values; or (without a column) hashes
 * that were computed already. */
typedef struct {
  dq_column column;
  const dq_hash *hashes;
  int has_column;
  int of_block; /* without a column: there are hashes of a block alone */
} dq_part;

enum { DQ_HASH_BLOCK = 512 };
static int dq_hash_block(const dq_part *part, const dq_seed *k, int64_t from, int64_t n, int join, dq_hash *out) {
  if (!part->has_column) {
    const dq_hash *known = part->hashes + dq_at_row(from, part->of_block);
    if (join) DQ_BY_HASH(k, dq_copy, join, known, k, n, out);
    else DQ_BY_HASH(k, dq_copy, own, known, k, n, out);
    return 1;
  }
  dq_column c = part->column;
  c.offset += from;
  c.length = n;
  if (part->hashes == NULL && k->aes == DQ_WIDE_AES) {
    int64_t done = dq_hash_wide(&c, k, join, out);
    c.offset += done;
    c.length -= done;
    out += done;
  }
  if (part->hashes == NULL)
    return join ? DQ_BY_HASH(k, dq_hash, join, &c, k, out) : DQ_BY_HASH(k, dq_hash, own, &c, k, out);
  if (join) DQ_BY_HASH(k, dq_spread, join, &c, k, part->hashes, out);
  else DQ_BY_HASH(k, dq_spread, own, &c, k, part->hashes, out);
  return 1;
}
/* As a step, that writes the hashes of its rows. */
typedef struct {
  int n;
  dq_seed seed;
  dq_hash *out;
  int of_block;
  dq_part parts[];
} dq_hash_state;

/* The hash of a key a row into out[0] on, some hundred rows at a time, so that what parts are joined to stays at hand. 0 for a layout
 * that cannot be a key. */
static int dq_hash_parts(const dq_part *parts, int n_parts, const dq_seed *k, int64_t first, int64_t rows,
                         dq_hash *out) {
  for (int64_t from = first; from < first + rows; from += DQ_HASH_BLOCK) {
    int64_t n = first + rows - from < DQ_HASH_BLOCK ? first + rows - from : DQ_HASH_BLOCK;
    for (int p = 0; p < n_parts; p++)
      if (!dq_hash_block(parts + p, k, from, n, p > 0, out + from - first)) return 0;
  }
  return 1;
}
static int dq_run_hash(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  const dq_hash_state *s = (const dq_hash_state *)state;
  (void)codes;
  return !dq_hash_parts(s->parts, s->n, &s->seed, from, n, s->out + dq_at_row(from, s->of_block));
}
static int dq_can_be_key(const dq_column *c) { return c->layout != DQ_OTHER; }
#endif
