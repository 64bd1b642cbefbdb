/* Memory that is written once and kept: large blocks on huge pages, since a fresh small page costs more than the row
 * that is written to it. */
#ifndef DQ_ARENA_H
#define DQ_ARENA_H
#include <stdint.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>

#define DQ_HUGE_PAGE ((size_t)2 << 20)

/* `size` bytes (a multiple of a huge page), aligned to one; NULL when there are none. */
static void *dq_map(size_t size) {
  size_t over = size + DQ_HUGE_PAGE;
  uint8_t *p = (uint8_t *)mmap(NULL, over, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == (uint8_t *)MAP_FAILED) return NULL;
  size_t before = (DQ_HUGE_PAGE - (uintptr_t)p % DQ_HUGE_PAGE) % DQ_HUGE_PAGE, after = over - size - before;
  if (before) munmap(p, before);
  if (after) munmap(p + before + size, after);
#ifdef MADV_HUGEPAGE
  madvise(p + before, size, MADV_HUGEPAGE); /* advice: nothing is lost where it is not taken */
#endif
  return p + before;
}
/* As malloc, aligned to lines of the cache; much memory, which is looked up here and there, on huge pages. */
static void *dq_aligned(size_t size) {
  if (size < DQ_HUGE_PAGE / 2) return aligned_alloc(64, (size + 63) / 64 * 64);
  size = (size + DQ_HUGE_PAGE - 1) / DQ_HUGE_PAGE * DQ_HUGE_PAGE;
  void *p = aligned_alloc(DQ_HUGE_PAGE, size);
#ifdef MADV_HUGEPAGE
  if (p != NULL) madvise(p, size, MADV_HUGEPAGE);
#endif
  return p;
}
static void dq_unmap(void *p, size_t size) { munmap(p, size); }
/* The pages may be taken at any time until they are written again. */
static void dq_let_go(void *p, size_t size) {
#ifdef MADV_FREE
  madvise(p, size, MADV_FREE);
#else
  (void)p;
  (void)size;
#endif
}
/* Gives back to the system what the C library keeps of memory that was freed, for each thread by itself. */
#ifdef __GLIBC__
#include <malloc.h>
static void dq_trim(void) { malloc_trim(0); }
#else
static void dq_trim(void) {}
#endif

#endif
