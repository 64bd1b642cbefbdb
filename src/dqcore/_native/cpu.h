/* One body, compiled for several CPUs, the best of which is chosen at run time.
 *
 * The levels are those of the x86-64 psABI: 2 is what every build needs, 3 has AVX2, 4 has AVX-512. Elsewhere the
 * compiler's own baseline is level 2 and there is no other. A level changes how fast an answer comes, never the answer. */
#ifndef DQ_CPU_H
#define DQ_CPU_H
#include "dq.h"

enum { DQ_CPU_2 = 2, DQ_CPU_3 = 3, DQ_CPU_4 = 4 };

#if defined(__x86_64__) && (!defined(__clang__) || __clang_major__ >= 14)
#define DQ_HAS_LEVELS 1
#define DQ_AT_3 __attribute__((target("arch=x86-64-v3")))
#define DQ_AT_4 __attribute__((target("arch=x86-64-v4,prefer-vector-width=512")))

static int dq_cpu_best(void) {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2") || !__builtin_cpu_supports("fma"))
    return DQ_CPU_2;
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512cd") || !__builtin_cpu_supports("avx512dq") ||
      !__builtin_cpu_supports("avx512vl"))
    return DQ_CPU_3;
  return DQ_CPU_4;
}

/* Makes NAME(level, ...) of NAME_body(...), which is a DQ_INLINE function: the same body at every level. */
#define DQ_LEVELS(NAME, PARAMETERS, ARGUMENTS)                     \
  DQ_AT_4 static void NAME##_4 PARAMETERS { NAME##_body ARGUMENTS; } \
  DQ_AT_3 static void NAME##_3 PARAMETERS { NAME##_body ARGUMENTS; } \
  static void NAME##_2 PARAMETERS { NAME##_body ARGUMENTS; }
#define DQ_CALL(LEVEL, NAME, ARGUMENTS)                            \
  do {                                                             \
    if ((LEVEL) >= DQ_CPU_4) NAME##_4 ARGUMENTS;                   \
    else if ((LEVEL) == DQ_CPU_3) NAME##_3 ARGUMENTS;              \
    else NAME##_2 ARGUMENTS;                                       \
  } while (0)
#else
#define DQ_HAS_LEVELS 0
#define DQ_AT_3
#define DQ_AT_4
static int dq_cpu_best(void) { return DQ_CPU_2; }
#define DQ_LEVELS(NAME, PARAMETERS, ARGUMENTS) \
  static void NAME##_2 PARAMETERS { NAME##_body ARGUMENTS; }
#define DQ_CALL(LEVEL, NAME, ARGUMENTS) \
  do {                                  \
    (void)(LEVEL);                      \
    NAME##_2 ARGUMENTS;                 \
  } while (0)
#endif
#endif
