/* Eight rows at a time, for CPUs of level 4. Included by units.h, whose answers these are bit for bit. */
#ifndef DQ_UNITS_WIDE_H
#define DQ_UNITS_WIDE_H
#include "cpu.h"

#if DQ_HAS_LEVELS
#include <immintrin.h>
#define DQ_WIDE_UNITS DQ_AT_4 DQ_INLINE

/* The fields of sixteen slots; `marks` are of a unit and a code, each half of eight bytes. */
typedef struct {
  __m512i scales[2], offsets[2], marks[2];
} dq_few_decisions;

DQ_WIDE_UNITS __m512i dq_gather_slots(const dq_decisions *t, size_t field, __mmask8 rows, __m512i slots) {
  /* In units of eight bytes, of which a slot has four. */
  return _mm512_mask_i64gather_epi64(_mm512_set1_epi64(-1), rows, _mm512_slli_epi64(slots, 2),
                                     (const uint8_t *)t->slots + field, 8);
}
DQ_WIDE_UNITS void dq_load_few(const dq_decisions *t, dq_few_decisions *few) {
  __m512i slots = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
  for (int half = 0; half < 2; half++, slots = _mm512_add_epi64(slots, _mm512_set1_epi64(8))) {
    few->scales[half] = dq_gather_slots(t, offsetof(dq_decision, scale), 0xFF, slots);
    few->offsets[half] = dq_gather_slots(t, offsetof(dq_decision, offset), 0xFF, slots);
    few->marks[half] = dq_gather_slots(t, offsetof(dq_decision, unit), 0xFF, slots);
  }
}
#define DQ_OF_SLOTS(FEW, FIELD, NAME, ROWS)                                                   \
  ((FEW) ? _mm512_permutex2var_epi64((FEW)->NAME[0], slots, (FEW)->NAME[1])                   \
         : dq_gather_slots(t, offsetof(dq_decision, FIELD), ROWS, slots))
/* The codes of rows that did not all pass, and the numbers of units; gives which are not decided. */
DQ_WIDE_UNITS unsigned dq_tell_eight(const dq_measured *m, const dq_decisions *t, const dq_few_decisions *few,
                                     int64_t i, __m512i slots, __mmask8 rows) {
  __m512i marks = DQ_OF_SLOTS(few, unit, marks, rows), codes = _mm512_srli_epi64(marks, 32);
  rows &= _mm512_cmpneq_epi64_mask(codes, _mm512_set1_epi64(0xFFFFFFFF));
  _mm_storel_epi64((__m128i *)(m->codes + i), _mm512_cvtepi64_epi8(codes));
  if (m->gives) {
    __m256i gives = _mm256_mask_blend_epi32(rows, _mm256_set1_epi32(-1), _mm512_cvtepi64_epi32(marks));
    _mm256_storeu_si256((__m256i *)(m->gives + i), gives);
  }
  return (uint8_t)~rows;
}
/* Gives which rows are not decided; what is written of those means nothing. */
DQ_WIDE_UNITS unsigned dq_convert_eight(const dq_measured *m, const dq_decisions *t, const dq_few_decisions *few,
                                        int64_t i) {
  __m256i units = _mm256_loadu_si256((const __m256i *)(m->units + i));
  __m256i analytes = m->analytes ? _mm256_loadu_si256((const __m256i *)(m->analytes + i)) : _mm256_setzero_si256();
  /* Numbers beyond those that the table has slots for are not decided, and neither are those of nulls, below zero. */
  __mmask8 rows = _mm256_cmple_epu32_mask(units, _mm256_set1_epi32((int32_t)(t->mask >> t->bits)));
  rows &= _mm256_cmple_epu32_mask(analytes, _mm256_set1_epi32((int32_t)((1ULL << t->bits) - 1)));
  rows &= dq_valid_in(m->validity, m->offset + i);
  __m256i own = _mm256_or_si256(_mm256_sll_epi32(units, _mm_cvtsi64_si128(t->bits)), analytes);
  __m512i slots = _mm512_cvtepu32_epi64(own);
  __m512i scales = DQ_OF_SLOTS(few, scale, scales, rows);
  /* A slot that is free, or whose rows do not pass, has ones for a scale. */
  __mmask8 passed = rows & _mm512_cmpneq_epi64_mask(scales, _mm512_set1_epi64(-1));
  if (m->out) {
    __m512d values = _mm512_loadu_pd(m->values + 8 * (m->offset + i));
    values = _mm512_maskz_mul_pd(passed, values, _mm512_castsi512_pd(scales));
    if (t->bent) {
      __m512d offsets = _mm512_castsi512_pd(DQ_OF_SLOTS(few, offset, offsets, passed));
      __mmask8 moved = passed & _mm512_cmp_pd_mask(offsets, _mm512_setzero_pd(), _CMP_NEQ_UQ);
      values = _mm512_mask_add_pd(values, moved, values, offsets);
    }
    _mm512_storeu_pd(m->out + i, values);
  }
  if (DQ_UNLIKELY(passed != 0xFF) || m->gives) return dq_tell_eight(m, t, few, i, slots, rows);
  _mm_storel_epi64((__m128i *)(m->codes + i), _mm_setzero_si128());
  return 0;
}
DQ_WIDE_UNITS int64_t dq_convert_rows(const dq_measured *measured, const dq_decisions *table,
                                      const dq_few_decisions *few, int64_t *undecided) {
  dq_measured m = *measured;
  dq_decisions t = *table;
  int64_t i = 0;
  for (; i + 8 <= m.n; i += 8)
    for (unsigned left = dq_convert_eight(&m, &t, few, i); left; left &= left - 1)
      *undecided += dq_convert_row(&m, &t, i + __builtin_ctz(left));
  return i;
}
/* The first rows, as many as go eight at a time; the others are left to the caller. */
DQ_AT_4 static int64_t dq_convert_wide(const dq_measured *m, const dq_decisions *table, int64_t *undecided) {
  dq_few_decisions few;
  if (table->bits < 0) return 0;
  if (table->mask >= 16) return dq_convert_rows(m, table, NULL, undecided);
  dq_load_few(table, &few);
  return dq_convert_rows(m, table, &few, undecided);
}
#endif
#endif
