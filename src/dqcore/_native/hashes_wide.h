/* Four keys at a time by the rounds of hashes.h, for CPUs of level 4 that have AES on whole registers. Included by
 * hashes.h, whose hashes these are bit for bit. */
#ifndef DQ_HASHES_WIDE_H
#define DQ_HASHES_WIDE_H
#include "cpu.h"

#if DQ_HAS_AES && DQ_HAS_LEVELS
#define DQ_HAS_WIDE_AES 1
#define DQ_WIDE __attribute__((target("arch=x86-64-v4,aes,vaes,prefer-vector-width=512")))
#define DQ_WIDE_INLINE DQ_WIDE DQ_INLINE

static int dq_cpu_has_wide_aes(void) {
  return dq_cpu_has_aes() && dq_cpu_best() >= DQ_CPU_4 && __builtin_cpu_supports("vaes");
}

/* The key of each round and the hash of a null, four times over. */
typedef struct {
  __m512i key[4], null;
} dq_wide_keys;

DQ_WIDE_INLINE __m512i dq_four(__m128i x) { return _mm512_broadcast_i32x4(x); }
DQ_WIDE_INLINE dq_wide_keys dq_make_wide_keys(const dq_seed *k) {
  dq_wide_keys w;
  for (int i = 0; i < 4; i++) w.key[i] = dq_four(dq_key_aes(k, i));
  dq_hash null = dq_hash_word_aes(k, DQ_TAG_NULL, 0);
  w.null = dq_four(_mm_loadu_si128((const __m128i *)&null));
  return w;
}
DQ_WIDE_INLINE __m512i dq_rounds_wide(const dq_wide_keys *w, __m512i x) {
  x = _mm512_aesenc_epi128(x, w->key[1]);
  x = _mm512_aesenc_epi128(x, w->key[2]);
  return _mm512_aesenc_epi128(x, w->key[3]);
}
/* Both halves of the hashes of those of four rows that are valid. */
DQ_INLINE uint8_t dq_valid_halves(const dq_column *c, int64_t i) {
  static const uint8_t halves[16] = {0x00, 0x03, 0x0C, 0x0F, 0x30, 0x33, 0x3C, 0x3F,
                                     0xC0, 0xC3, 0xCC, 0xCF, 0xF0, 0xF3, 0xFC, 0xFF};
  if (c->validity == NULL) return 0xFF;
  int64_t at = c->offset + i;
  unsigned bits = c->validity[at >> 3] >> (at & 7);
  if ((at & 7) > 4) bits |= (unsigned)c->validity[(at >> 3) + 1] << (8 - (at & 7));
  return halves[bits & 15];
}
DQ_WIDE_INLINE void dq_put_wide(const dq_wide_keys *w, __m512i hash, uint8_t valid, int join, dq_hash *out) {
  hash = _mm512_mask_mov_epi64(w->null, valid, hash);
  if (join) hash = _mm512_aesenc_epi128(_mm512_xor_si512(_mm512_loadu_si512(out), w->key[0]), hash);
  _mm512_storeu_si512(out, hash);
}
/* Four texts of at most 16 bytes; `lengths` has each one's length in all bytes of its lane. */
DQ_WIDE_INLINE __m512i dq_hash_texts_wide(const dq_wide_keys *w, __m512i bytes, __m512i lengths) {
  const __m512i places = dq_four(_mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  const __m512i tag = dq_four(_mm_set_epi64x(0, DQ_TAG_TEXT)), second = dq_four(_mm_set_epi64x(0, 0xFF00));
  bytes = _mm512_maskz_mov_epi8(_mm512_cmplt_epu8_mask(places, lengths), bytes);
  __m512i begun = _mm512_xor_si512(w->key[0], _mm512_or_si512(tag, _mm512_and_si512(lengths, second)));
  return dq_rounds_wide(w, _mm512_xor_si512(bytes, begun));
}
/* The low byte of each of four lengths, in all bytes of its lane. */
DQ_WIDE_INLINE __m512i dq_spread_lengths(__m128i lengths) {
  const __m512i lane = _mm512_inserti64x4(
      _mm512_castsi256_si512(_mm256_set_m128i(_mm_set1_epi8(4), _mm_set1_epi8(0))),
      _mm256_set_m128i(_mm_set1_epi8(12), _mm_set1_epi8(8)), 1);
  return _mm512_shuffle_epi8(dq_four(lengths), lane);
}
DQ_WIDE_INLINE __m512i dq_load_four(const uint8_t *a, const uint8_t *b, const uint8_t *c, const uint8_t *d) {
  __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)a)),
                                        _mm_loadu_si128((const __m128i *)b), 1);
  __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)c)),
                                         _mm_loadu_si128((const __m128i *)d), 1);
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/* Each gives how many rows it has done, fewer where four come that are not all short, or that lie at the end of the
 * bytes. */
DQ_WIDE_INLINE int64_t dq_hash_utf8_wide(const dq_column *c, const dq_wide_keys *w, int join, dq_hash *restrict out) {
  const int64_t ahead = dq_utf8_ahead(c);
  int64_t i = 0;
  for (; i + 4 <= c->length; i += 4) {
    dq_utf8_ahead_ask(c, i, ahead);
    const uint8_t *at = c->values + 4 * (c->offset + i);
    __m128i starts = _mm_loadu_si128((const __m128i *)at), ends = _mm_loadu_si128((const __m128i *)(at + 4));
    __m128i lengths = _mm_sub_epi32(ends, starts);
    if (_mm_cmpgt_epi32_mask(lengths, _mm_set1_epi32(16)) || c->limit - dq_i32(at, 3) < 16) break;
    __m512i bytes = dq_load_four(c->bytes + dq_i32(at, 0), c->bytes + dq_i32(at, 1), c->bytes + dq_i32(at, 2),
                                 c->bytes + dq_i32(at, 3));
    dq_put_wide(w, dq_hash_texts_wide(w, bytes, dq_spread_lengths(lengths)), dq_valid_halves(c, i), join, out + i);
  }
  return i;
}
DQ_WIDE_INLINE int64_t dq_hash_large_wide(const dq_column *c, const dq_wide_keys *w, int join,
                                          dq_hash *restrict out) {
  const int64_t ahead = dq_large_ahead(c);
  int64_t i = 0;
  for (; i + 4 <= c->length; i += 4) {
    dq_large_ahead_ask(c, i, ahead);
    const uint8_t *at = c->values + 8 * (c->offset + i);
    __m256i starts = _mm256_loadu_si256((const __m256i *)at), ends = _mm256_loadu_si256((const __m256i *)(at + 8));
    __m256i lengths = _mm256_sub_epi64(ends, starts);
    if (_mm256_cmpgt_epi64_mask(lengths, _mm256_set1_epi64x(16)) || c->limit - dq_i64(at, 3) < 16) break;
    __m512i bytes = dq_load_four(c->bytes + dq_i64(at, 0), c->bytes + dq_i64(at, 1), c->bytes + dq_i64(at, 2),
                                 c->bytes + dq_i64(at, 3));
    __m512i hash = dq_hash_texts_wide(w, bytes, dq_spread_lengths(_mm256_cvtepi64_epi32(lengths)));
    dq_put_wide(w, hash, dq_valid_halves(c, i), join, out + i);
  }
  return i;
}
/* Of what stands under a null nothing is known, not even that its length is one. */
DQ_WIDE_INLINE int64_t dq_hash_view_wide(const dq_column *c, const dq_wide_keys *w, int join, dq_hash *restrict out) {
  const __m512i first = dq_four(_mm_set_epi64x(0, 0xFFFFFFFF));
  int64_t i = 0;
  for (; i + 4 <= c->length; i += 4) {
    uint8_t valid = dq_valid_halves(c, i);
    __m512i views = _mm512_maskz_loadu_epi64(valid, c->values + 16 * (c->offset + i));
    __m512i lengths = _mm512_and_si512(views, first);
    if (_mm512_cmpgt_epu64_mask(lengths, _mm512_set1_epi64(12))) break;
    __m512i all = _mm512_shuffle_epi8(lengths, _mm512_setzero_si512());
    dq_put_wide(w, dq_hash_texts_wide(w, _mm512_bsrli_epi128(views, 4), all), valid, join, out + i);
  }
  return i;
}
DQ_WIDE_INLINE int64_t dq_hash_int64_wide(const dq_column *c, const dq_wide_keys *w, int join,
                                          dq_hash *restrict out) {
  const __m512i begun = _mm512_xor_si512(w->key[0], dq_four(_mm_set_epi64x(DQ_TAG_NUMBER, 0)));
  const __m512i low = _mm512_setr_epi64(0, 0, 1, 0, 2, 0, 3, 0);
  int64_t i = 0;
  for (; i + 4 <= c->length; i += 4) {
    const uint8_t *at = c->values + 8 * (c->offset + i);
    dq_ask_for(at + 8 * DQ_BLOCK_ROWS);
    __m256i words = _mm256_loadu_si256((const __m256i *)at);
    __m512i spread = _mm512_maskz_permutexvar_epi64(0x55, low, _mm512_castsi256_si512(words));
    __m512i hash = dq_rounds_wide(w, _mm512_xor_si512(spread, begun));
    dq_put_wide(w, hash, dq_valid_halves(c, i), join, out + i);
  }
  return i;
}
DQ_WIDE_INLINE int64_t dq_hash_layout_wide(const dq_column *c, const dq_wide_keys *w, int join, dq_hash *out) {
  switch (c->layout) {
    case DQ_INT64: return dq_hash_int64_wide(c, w, join, out);
    case DQ_UTF8: return dq_hash_utf8_wide(c, w, join, out);
    case DQ_LARGE_UTF8: return dq_hash_large_wide(c, w, join, out);
    case DQ_UTF8_VIEW: return dq_hash_view_wide(c, w, join, out);
    default: return 0;
  }
}
/* The first rows of a column, as many as go four at a time; the others are left to the caller. */
DQ_WIDE static int64_t dq_hash_wide(const dq_column *column, const dq_seed *k, int join, dq_hash *out) {
  const dq_column own = *column;
  const dq_wide_keys w = dq_make_wide_keys(k);
  return join ? dq_hash_layout_wide(&own, &w, 1, out) : dq_hash_layout_wide(&own, &w, 0, out);
}
#else
#define DQ_HAS_WIDE_AES 0
static int dq_cpu_has_wide_aes(void) { return 0; }
static int64_t dq_hash_wide(const dq_column *c, const dq_seed *k, int join, dq_hash *out) {
  (void)c, (void)k, (void)join, (void)out;
  return 0;
}
#endif
#endif
