/* The vectors of each level of the CPU, and the judgement of clean values made of them (identifier_lanes.h). */
#ifndef DQ_IDENTIFIER_LEVELS_H
#define DQ_IDENTIFIER_LEVELS_H
#include "cpu.h"
#include "identifier_rows.h"

#if defined(__SSE4_1__)
#include <immintrin.h>

/* Sends a lane's first byte to all its bytes. */
static const uint8_t dq_clean_first[16] = {0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12};
DQ_INLINE __m128i dq_quad(const uint8_t *p) { return _mm_loadu_si128((const __m128i *)(const void *)p); }

#define AT
#define VECTOR __m128i
#define LANES 4
#define ID(NAME) NAME##_2
#define V(OP) _mm_##OP
#define V_LOAD(P) _mm_loadu_si128((const __m128i *)(const void *)(P))
#define V_STORE(P, A) _mm_storeu_si128((__m128i *)(void *)(P), A)
#define V_LOW(P) \
  _mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(dq_quad(P)), _mm_castsi128_ps(dq_quad((P) + 16)), 0x88))
#define V_QUAD(P) dq_quad(P)
#define V_NONE _mm_setzero_si128()
#define V_AND(A, B) _mm_and_si128(A, B)
#define V_OR(A, B) _mm_or_si128(A, B)
#define V_XOR(A, B) _mm_xor_si128(A, B)
#define V_ANDNOT(A, B) _mm_andnot_si128(A, B)
#define V_SAME(A, B) (uint32_t)_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(A, B)))
#define V_ZERO(A) V_SAME(A, V_NONE)
#define V_BELOW(A, B) V_SAME(A, _mm_min_epu32(A, _mm_sub_epi32(B, _mm_set1_epi32(1))))
#define V_PICK(A, B, MASK) _mm_blendv_epi8(A, B, MASK)
#define V_TABLE(T, L)                                                                      \
  _mm_set_epi32((int)(T)[(L)[3] & 15], (int)(T)[(L)[2] & 15],            \
                (int)(T)[(L)[1] & 15], (int)(T)[(L)[0] & 15])
#define V_BLOCKS(R, WHERE, K, O) R = dq_quad((WHERE)[K] + (O))
#include "identifier_lanes.h"
#undef V_SAME

#if DQ_HAS_LEVELS
#define AT DQ_AT_3
#define VECTOR __m256i
#define LANES 8
#define ID(NAME) NAME##_3
#define V(OP) _mm256_##OP
#define V_LOAD(P) _mm256_loadu_si256((const __m256i *)(const void *)(P))
#define V_STORE(P, A) _mm256_storeu_si256((__m256i *)(void *)(P), A)
#define V_LOW(P)                                                                                          \
  _mm256_permute4x64_epi64(_mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(V_LOAD(P)),          \
                                                                 _mm256_castsi256_ps(V_LOAD((P) + 32)), 0x88)), 0xD8)
#define V_QUAD(P) _mm256_broadcastsi128_si256(dq_quad(P))
#define V_NONE _mm256_setzero_si256()
#define V_AND(A, B) _mm256_and_si256(A, B)
#define V_OR(A, B) _mm256_or_si256(A, B)
#define V_XOR(A, B) _mm256_xor_si256(A, B)
#define V_ANDNOT(A, B) _mm256_andnot_si256(A, B)
#define V_SAME(A, B) (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(A, B)))
#define V_ZERO(A) V_SAME(A, V_NONE)
#define V_BELOW(A, B) V_SAME(A, _mm256_min_epu32(A, _mm256_sub_epi32(B, _mm256_set1_epi32(1))))
#define V_PICK(A, B, MASK) _mm256_blendv_epi8(A, B, MASK)
#define V_TABLE(T, L)                                                                                    \
  _mm256_castps_si256(_mm256_blendv_ps(                                                                  \
      _mm256_castsi256_ps(_mm256_permutevar8x32_epi32(V_LOAD(T), V_LOAD(L))),                              \
      _mm256_castsi256_ps(_mm256_permutevar8x32_epi32(V_LOAD((T) + 8), V_LOAD(L))),                        \
      _mm256_castsi256_ps(_mm256_slli_epi32(V_LOAD(L), 28))))
#define V_BLOCKS(R, WHERE, K, O) \
  R = _mm256_inserti128_si256(_mm256_castsi128_si256(dq_quad((WHERE)[K] + (O))), dq_quad((WHERE)[4 + (K)] + (O)), 1)
#include "identifier_lanes.h"
#undef V_SAME

#define AT DQ_AT_4
#define VECTOR __m512i
#define LANES 16
#define ID(NAME) NAME##_4
#define V(OP) _mm512_##OP
#define V_LOAD(P) _mm512_loadu_si512(P)
#define V_STORE(P, A) _mm512_storeu_si512(P, A)
#define V_LOW(P)                                                                \
  _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi64_epi32(V_LOAD(P))),  \
                     _mm512_cvtepi64_epi32(V_LOAD((P) + 64)), 1)
#define V_QUAD(P) _mm512_broadcast_i32x4(dq_quad(P))
#define V_NONE _mm512_setzero_si512()
#define V_AND(A, B) _mm512_and_si512(A, B)
#define V_OR(A, B) _mm512_or_si512(A, B)
#define V_XOR(A, B) _mm512_xor_si512(A, B)
#define V_ANDNOT(A, B) _mm512_andnot_si512(A, B)
#define V_ZERO(A) (uint32_t)_mm512_testn_epi32_mask(A, A)
#define V_BELOW(A, B) (uint32_t)_mm512_cmplt_epu32_mask(A, B)
#define V_PICK(A, B, MASK) _mm512_mask_blend_epi8(_mm512_movepi8_mask(MASK), A, B)
#define V_TABLE(T, L) _mm512_permutexvar_epi32(V_LOAD(L), V_LOAD(T))
#define V_BLOCKS(R, WHERE, K, O)                                       \
  R = _mm512_castsi128_si512(dq_quad((WHERE)[K] + (O)));               \
  R = _mm512_inserti32x4(R, dq_quad((WHERE)[4 + (K)] + (O)), 1);       \
  R = _mm512_inserti32x4(R, dq_quad((WHERE)[8 + (K)] + (O)), 2);       \
  R = _mm512_inserti32x4(R, dq_quad((WHERE)[12 + (K)] + (O)), 3)
#include "identifier_lanes.h"
#endif

/* Judges the rows of a column from the first on, and gives how many; 0 where no value of the scheme is ever clean. */
static int64_t dq_clean_rows(const dq_id_call *d, int level) {
  if (!d->clean->words[0] && !d->clean->words[1]) return 0;
#if DQ_HAS_LEVELS
  if (level >= DQ_CPU_4) return dq_clean_rows_4(d);
  if (level == DQ_CPU_3) return dq_clean_rows_3(d);
#else
  (void)level;
#endif
  return dq_clean_rows_2(d);
}
#else
static int64_t dq_clean_rows(const dq_id_call *d, int level) {
  (void)d, (void)level;
  return 0;
}
#endif
#endif
