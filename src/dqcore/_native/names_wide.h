/* Eight texts at a time, for CPUs of level 4. Included by names.h, whose numbers these are. */
#ifndef DQ_NAMES_WIDE_H
#define DQ_NAMES_WIDE_H
#include "cpu.h"

#if DQ_HAS_LEVELS
#include <immintrin.h>
#define DQ_WIDE_NAMES DQ_AT_4 DQ_INLINE

/* Eight words, SCALE bytes apart. */
#define DQ_GATHER(PLACES, BASE, SCALE) \
  _mm512_mask_i64gather_epi64(_mm512_setzero_si512(), dq_all_eight(), PLACES, (const void *)(BASE), SCALE)
/* All rows, which the compiler may not know: it would leave out the zeros that a gather is laid over, and each gather
 * would wait for what stood in its register before. */
DQ_WIDE_NAMES __mmask8 dq_all_eight(void) {
  unsigned all = 0xFF;
  __asm__("" : "+r"(all));
  return (__mmask8)all;
}

/* Eight keys of texts of up to fifteen bytes, and their lengths; of other rows anything. `brief`: up to eight bytes. */
typedef struct {
  __m512i first, second, lengths;
  __mmask8 valid, brief, keyed;
} dq_eight_names;

/* Which of eight rows from row `at` are valid; NULL: all. */
DQ_INLINE uint8_t dq_valid_in(const uint8_t *validity, int64_t at) {
  if (validity == NULL) return 0xFF;
  unsigned bits = validity[at >> 3] >> (at & 7);
  if (at & 7) bits |= (unsigned)validity[(at >> 3) + 1] << (8 - (at & 7));
  return (uint8_t)bits;
}
/* The key is of zeros behind the text, whatever stands there. */
DQ_WIDE_NAMES void dq_end_eight(dq_eight_names *e) {
  const __m512i ones = _mm512_set1_epi64(-1);
  __m512i bits = _mm512_slli_epi64(e->lengths, 3);
  e->first = _mm512_andnot_si512(_mm512_sllv_epi64(ones, bits), e->first);
  if (DQ_UNLIKELY(e->keyed & ~e->brief)) {
    __m512i behind = _mm512_sllv_epi64(ones, _mm512_sub_epi64(bits, _mm512_set1_epi64(64)));
    e->second = _mm512_maskz_andnot_epi64((__mmask8)~e->brief, behind, e->second);
  } else {
    e->second = _mm512_setzero_si512();
  }
  e->second = _mm512_or_si512(e->second, _mm512_slli_epi64(e->lengths, 56));
}
/* Texts that begin at places from `bytes`, each with sixteen bytes that may be read. */
DQ_WIDE_NAMES void dq_load_eight(dq_eight_names *e, const uint8_t *bytes, __m512i starts) {
  e->keyed = e->valid & _mm512_cmple_epu64_mask(e->lengths, _mm512_set1_epi64(DQ_NAME_SHORT));
  e->brief = _mm512_cmple_epu64_mask(e->lengths, _mm512_set1_epi64(8));
  e->first = DQ_GATHER(starts, bytes, 1);
  e->second = _mm512_setzero_si512();
  if (DQ_UNLIKELY(e->keyed & ~e->brief))
    e->second = DQ_GATHER(_mm512_add_epi64(starts, _mm512_set1_epi64(8)), bytes, 1);
  dq_end_eight(e);
}
/* Each gives 0 where the texts stand at the end of what may be read. */
DQ_WIDE_NAMES int dq_eight_utf8(const dq_column *c, int64_t i, dq_eight_names *e) {
  const uint8_t *at = c->values + 4 * (c->offset + i);
  if (DQ_UNLIKELY(c->limit - dq_i32(at, 7) < 16)) return 0;
  __m256i starts = _mm256_loadu_si256((const __m256i *)at), ends = _mm256_loadu_si256((const __m256i *)(at + 4));
  e->valid = dq_valid_in(c->validity, c->offset + i);
  e->lengths = _mm512_cvtepi32_epi64(_mm256_sub_epi32(ends, starts));
  dq_load_eight(e, c->bytes, _mm512_cvtepi32_epi64(starts));
  return 1;
}
DQ_WIDE_NAMES int dq_eight_large(const dq_column *c, int64_t i, dq_eight_names *e) {
  const uint8_t *at = c->values + 8 * (c->offset + i);
  if (DQ_UNLIKELY(c->limit - dq_i64(at, 7) < 16)) return 0;
  __m512i starts = _mm512_loadu_si512(at);
  e->valid = dq_valid_in(c->validity, c->offset + i);
  e->lengths = _mm512_sub_epi64(_mm512_loadu_si512(at + 8), starts);
  dq_load_eight(e, c->bytes, starts);
  return 1;
}
/* Texts that stand in their views; of what stands under a null nothing is known. */
DQ_WIDE_NAMES int dq_eight_view(const dq_column *c, int64_t i, dq_eight_names *e) {
  const uint8_t *at = c->values + 16 * (c->offset + i);
  const __m512i even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
  const __m512i odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
  __m512i low = _mm512_loadu_si512(at), high = _mm512_loadu_si512(at + 64);
  __m512i heads = _mm512_permutex2var_epi64(low, even, high), tails = _mm512_permutex2var_epi64(low, odd, high);
  e->valid = dq_valid_in(c->validity, c->offset + i);
  e->lengths = _mm512_and_si512(heads, _mm512_set1_epi64(0xFFFFFFFF));
  e->keyed = e->valid & _mm512_cmple_epu64_mask(e->lengths, _mm512_set1_epi64(12));
  e->brief = _mm512_cmple_epu64_mask(e->lengths, _mm512_set1_epi64(8));
  e->first = _mm512_or_si512(_mm512_srli_epi64(heads, 32), _mm512_slli_epi64(tails, 32));
  e->second = _mm512_srli_epi64(tails, 32);
  dq_end_eight(e);
  return 1;
}
/* The same in registers. */
typedef struct {
  __m512i numbers[2], first[2], lengths[2];
} dq_few_wide;

DQ_WIDE_NAMES dq_few_wide dq_load_few_names(const dq_few_names *few) {
  dq_few_wide w;
  for (int half = 0; half < 2; half++) {
    w.numbers[half] = _mm512_loadu_si512(few->numbers + 32 * half);
    w.first[half] = _mm512_loadu_si512(few->first + 8 * half);
    w.lengths[half] = _mm512_loadu_si512(few->lengths + 8 * half);
  }
  return w;
}
/* Writes the numbers of those that stand at home, DQ_NAME_NULL for nulls, and gives which are neither. */
DQ_WIDE_NAMES unsigned dq_find_eight(const dq_names *names, const dq_few_wide *few, const dq_eight_names *e,
                                     int32_t *numbers) {
  const uint8_t *slots = (const uint8_t *)names->slots;
  const __m512i low = _mm512_set1_epi64(0xFFFFFFFF), least = _mm512_set1_epi64(0xFFFF);
  __m512i mixed = _mm512_xor_si512(e->first, _mm512_rol_epi64(e->second, 32));
  mixed = _mm512_mullo_epi64(mixed, _mm512_set1_epi64((int64_t)names->multiplier));
  mixed = _mm512_srl_epi64(mixed, _mm_cvtsi64_si128(names->shift));
  __m512i home = _mm512_slli_epi64(mixed, 2); /* in units of eight bytes, of which a slot has four */
  __m512i number, first, lengths;
  if (few != NULL) {
    number = _mm512_and_si512(_mm512_permutex2var_epi16(few->numbers[0], mixed, few->numbers[1]), least);
    first = _mm512_permutex2var_epi64(few->first[0], number, few->first[1]);
    lengths = _mm512_permutex2var_epi64(few->lengths[0], number, few->lengths[1]);
  } else {
    __m512i sized = DQ_GATHER(home, slots + offsetof(dq_name, n), 8);
    first = DQ_GATHER(home, slots, 8);
    lengths = _mm512_and_si512(sized, low);
    number = _mm512_srli_epi64(sized, 32);
  }
  __mmask8 found = e->keyed & _mm512_cmpeq_epi64_mask(first, e->first) & _mm512_cmpeq_epi64_mask(lengths, e->lengths);
  /* A text of up to eight bytes is told by its first eight and its length. */
  if (DQ_UNLIKELY(e->keyed & ~e->brief)) {
    __m512i second = DQ_GATHER(home, slots + offsetof(dq_name, key.second), 8);
    found &= e->brief | _mm512_cmpeq_epi64_mask(second, e->second);
  }
  __m256i told = _mm256_mask_blend_epi32(found, _mm256_set1_epi32(DQ_NAME_NULL), _mm512_cvtepi64_epi32(number));
  _mm256_storeu_si256((__m256i *)numbers, told);
  return e->valid & ~(unsigned)found;
}
#define DQ_FIND_WIDE(LOAD, READ)                                                              \
  for (; i + 8 <= c.length && LOAD(&c, i, &e); i += 8)                                        \
    for (unsigned left = dq_find_eight(&table, few, &e, numbers + i); left; left &= left - 1) { \
      int64_t row = i + __builtin_ctz(left);                                                  \
      numbers[row] = dq_name_apart(names, READ(&c, row));                                     \
      *unknown += numbers[row] == DQ_NAME_UNKNOWN;                                            \
    }
DQ_WIDE_NAMES int64_t dq_find_layout(const dq_column *column, const dq_names *names, const dq_few_wide *few,
                                     int32_t *numbers, int64_t *unknown) {
  const dq_column c = *column;
  const dq_names table = *names;
  dq_eight_names e;
  int64_t i = 0;
  if (c.layout == DQ_UTF8) {
    DQ_FIND_WIDE(dq_eight_utf8, dq_text_utf8)
  } else if (c.layout == DQ_LARGE_UTF8) {
    DQ_FIND_WIDE(dq_eight_large, dq_text_large)
  } else if (c.layout == DQ_UTF8_VIEW) {
    DQ_FIND_WIDE(dq_eight_view, dq_text_view)
  }
  return i;
}
/* The first rows of a column, as many as go eight at a time; the others are left to the caller. */
DQ_AT_4 static int64_t dq_find_names_wide(const dq_column *c, const dq_names *names, int32_t *numbers,
                                          int64_t *unknown) {
  if (names->few == NULL) return dq_find_layout(c, names, NULL, numbers, unknown);
  const dq_few_wide few = dq_load_few_names(names->few);
  return dq_find_layout(c, names, &few, numbers, unknown);
}
#endif
#endif
