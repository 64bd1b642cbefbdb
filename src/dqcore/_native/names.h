/* Texts that come again and again, as numbers: an open-addressing table of the distinct ones.
 *
 * A text of up to fifteen bytes is its own key, so it is compared as two words; a longer one is compared with the bytes
 * that the table keeps. A table of a few texts is given a multiplier under which no two share a slot (`grown` looks for
 * one), since a second look in every few rows costs more than all the rest. A search ends after DQ_NAME_PROBES slots,
 * so that no choice of texts makes it slow. */
#ifndef DQ_NAMES_H
#define DQ_NAMES_H
#include "cpu.h"
#include "sixteen.h"
#include "steps.h"

enum { DQ_NAME_UNKNOWN = -1, DQ_NAME_NULL = -2 };
enum { DQ_NAME_PROBES = 64, DQ_NAME_SHORT = 15 };

/* The text with zeros behind it and its length in the last byte; of a longer one the beginning and a hash, and 16 in
 * the last byte. */
typedef struct {
  uint64_t first, second;
} dq_name_key;

typedef struct {
  dq_name_key key; /* all ones: the slot is free */
  const uint8_t *s; /* of a long text, in bytes that the owner keeps */
  int32_t n;
  int32_t number; /* DQ_NAME_UNKNOWN: the slot is free */
} dq_name;

/* A table of few texts in so few bytes that it fits registers: by its slot the number of what stands there, and by number
 * the first eight bytes of a text and its length (-1: there is none). Of a free slot the number is any. */
enum { DQ_NAMES_FEW = 16, DQ_SLOTS_FEW = 64 };
typedef struct {
  uint16_t numbers[DQ_SLOTS_FEW];
  uint64_t first[DQ_NAMES_FEW], lengths[DQ_NAMES_FEW];
} dq_few_names;

typedef struct {
  dq_name *slots;
  uint64_t mask, multiplier;
  int64_t shift;
  const dq_few_names *few; /* NULL: there are more */
} dq_names;

DQ_INLINE uint64_t dq_name_fold(uint64_t x, uint64_t y) {
  unsigned __int128 product = (unsigned __int128)x * y;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}
DQ_INLINE dq_name_key dq_name_short(dq_text t, dq_readable r) {
  static const uint8_t kept[32] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
  dq_two_words words = (dq_two_words)(dq_load_text(t, r) & dq_load_sixteen(kept + 16 - t.n));
  dq_name_key key = {words[0], words[1] | (uint64_t)t.n << 56};
  return key;
}
static dq_name_key dq_name_long(dq_text t) {
  uint64_t hash = (uint64_t)t.n, word;
  for (int64_t i = 0; i + 8 < t.n; i += 8) {
    memcpy(&word, t.s + i, 8);
    hash = dq_name_fold(hash ^ word, 0x9E3779B97F4A7C15ULL);
  }
  memcpy(&word, t.s + t.n - 8, 8);
  hash = dq_name_fold(hash ^ word, 0x9E3779B97F4A7C15ULL);
  memcpy(&word, t.s, 8);
  dq_name_key key = {word, hash >> 8 | (uint64_t)(DQ_NAME_SHORT + 1) << 56};
  return key;
}
DQ_INLINE uint64_t dq_name_home(const dq_names *names, dq_name_key key) {
  return ((key.first ^ (key.second << 32 | key.second >> 32)) * names->multiplier) >> names->shift;
}
DQ_INLINE int dq_name_is(const dq_name *slot, dq_name_key key) {
  return ((slot->key.first ^ key.first) | (slot->key.second ^ key.second)) == 0;
}
/* The slot of a text: its own, or the free one where it would stand; NULL if the search is too long. */
static dq_name *dq_name_slot(const dq_names *names, dq_text t, dq_name_key key) {
  uint64_t at = dq_name_home(names, key);
  for (int probe = 0; probe < DQ_NAME_PROBES; probe++) {
    dq_name *slot = names->slots + ((at + (uint64_t)probe) & names->mask);
    if (slot->number < 0) return slot;
    if (dq_name_is(slot, key) && (t.n <= DQ_NAME_SHORT || (slot->n == t.n && !memcmp(slot->s, t.s, (size_t)t.n))))
      return slot;
  }
  return NULL;
}
static __attribute__((noinline)) int32_t dq_name_search(const dq_names *names, dq_text t, dq_name_key key) {
  const dq_name *slot = dq_name_slot(names, t, key);
  return slot != NULL ? slot->number : DQ_NAME_UNKNOWN;
}

/* The number of one text, wherever it stands. */
DQ_INLINE int32_t dq_name_one(const dq_names *names, dq_text t, dq_readable r) {
  if (DQ_UNLIKELY(t.n > DQ_NAME_SHORT)) return dq_name_search(names, t, dq_name_long(t));
  dq_name_key key = dq_name_short(t, r);
  const dq_name *slot = names->slots + dq_name_home(names, key);
  return DQ_LIKELY(dq_name_is(slot, key)) ? slot->number : dq_name_search(names, t, key);
}
/* As `dq_name_one`, out of the way of a loop that seldom needs it. */
static __attribute__((noinline)) int32_t dq_name_apart(const dq_names *names, dq_text t) {
  dq_readable none = {0, 0};
  return dq_name_one(names, t, none);
}
#include "names_wide.h"

DQ_INLINE void dq_find_names_body(const dq_column *c, const dq_names *names, int32_t *numbers, int64_t *unknown) {
  dq_readable r = dq_readable_of(c);
  dq_names table = *names;
  int64_t missed = 0;
  DQ_EACH_STRING(c, i, t, { numbers[i] = DQ_NAME_NULL; }, {
    int32_t number = dq_name_one(&table, t, r);
    numbers[i] = number;
    missed += number == DQ_NAME_UNKNOWN;
  })
  *unknown += missed;
}
DQ_LEVELS(dq_find_names, (const dq_column *c, const dq_names *names, int32_t *numbers, int64_t *unknown),
          (c, names, numbers, unknown))
/* The number of each text; gives how many texts have none. */
static int64_t dq_find_names(int level, const dq_column *c, const dq_names *names, int32_t *numbers) {
  int64_t unknown = 0, done = 0;
#if DQ_HAS_LEVELS
  if (level >= DQ_CPU_4) done = dq_find_names_wide(c, names, numbers, &unknown);
#endif
  dq_column rest = dq_rows_of(c, done, c->length - done);
  DQ_CALL(level, dq_find_names, (&rest, names, numbers + done, &unknown));
  return unknown;
}

/* Puts the slots of a table into another that is empty and at least as large; gives how many do not stand at home. */
static int64_t dq_move_names(const dq_name *slots, int64_t n_slots, const dq_names *into) {
  int64_t strays = 0;
  for (int64_t i = 0; i < n_slots; i++) {
    if (slots[i].number < 0) continue;
    dq_text t = {slots[i].s, slots[i].n};
    dq_name *slot = dq_name_slot(into, t, slots[i].key);
    strays += slot != into->slots + dq_name_home(into, slots[i].key);
    if (slot != NULL) *slot = slots[i];
  }
  return strays;
}
/* The table as one of few texts; gives 0 where it has more. */
static int dq_gather_few(const dq_names *names, dq_few_names *few) {
  memset(few->numbers, 0, sizeof few->numbers);
  memset(few->first, 0, sizeof few->first);
  memset(few->lengths, 0xFF, sizeof few->lengths);
  if (names->mask >= DQ_SLOTS_FEW) return 0;
  for (uint64_t i = 0; i <= names->mask; i++) {
    const dq_name *slot = names->slots + i;
    if (slot->number < 0) continue;
    if (slot->number >= DQ_NAMES_FEW) return 0;
    few->numbers[i] = (uint16_t)slot->number;
    few->first[slot->number] = slot->key.first;
    few->lengths[slot->number] = (uint64_t)slot->n;
  }
  return 1;
}
/* Numbers one text more, whose bytes stay where they are if it is long; gives its slot, or NULL where it has a number
 * or no room. */
static dq_name *dq_add_name(const dq_names *names, dq_text t, int32_t number) {
  dq_readable none = {0, 0};
  dq_name_key key = t.n <= DQ_NAME_SHORT ? dq_name_short(t, none) : dq_name_long(t);
  dq_name *slot = dq_name_slot(names, t, key);
  if (slot == NULL || slot->number >= 0) return NULL;
  dq_name made = {key, t.s, (int32_t)t.n, number};
  *slot = made;
  return slot;
}

#define DQ_SPREAD_NAMES(LOAD)                                                                             \
  if (c->validity == NULL)                                                                                \
    for (int64_t i = 0; i < c->length; i++) numbers[i] = of_values[LOAD(c->values, c->offset + i)];       \
  else                                                                                                    \
    for (int64_t i = 0; i < c->length; i++)                                                               \
      numbers[i] = dq_is_valid(c, i) ? of_values[LOAD(c->values, c->offset + i)] : DQ_NAME_NULL;          \
  break;
DQ_INLINE void dq_spread_names_body(const dq_column *c, const int32_t *restrict of_values, int32_t *restrict numbers) {
  switch (c->layout) {
    case DQ_INT8: DQ_SPREAD_NAMES(dq_i8)
    case DQ_INT16: DQ_SPREAD_NAMES(dq_i16)
    case DQ_INT32: DQ_SPREAD_NAMES(dq_i32)
    case DQ_INT64: DQ_SPREAD_NAMES(dq_i64)
    case DQ_UINT8: DQ_SPREAD_NAMES(dq_u8)
    case DQ_UINT16: DQ_SPREAD_NAMES(dq_u16)
    case DQ_UINT32: DQ_SPREAD_NAMES(dq_u32)
    case DQ_UINT64: DQ_SPREAD_NAMES(dq_u64)
    default: break;
  }
}
DQ_LEVELS(dq_spread_names, (const dq_column *c, const int32_t *of_values, int32_t *numbers), (c, of_values, numbers))

/* The texts of rows: as they stand, or as indices into values of which each has a number. */
typedef struct {
  dq_column rows;
  const int32_t *of_values; /* NULL: the rows are texts */
  dq_names names;           /* of texts as they stand */
} dq_texts;

/* The numbers of `n` rows from row `from`. Indices have been checked. */
static void dq_number_texts(int level, const dq_texts *t, int64_t from, int64_t n, int32_t *numbers) {
  dq_column part = dq_rows_of(&t->rows, from, n);
  if (t->of_values != NULL) DQ_CALL(level, dq_spread_names, (&part, t->of_values, numbers));
  else dq_find_names(level, &part, &t->names, numbers);
}
/* The text of a row that has one; `values` are those of a dictionary. For a few rows. */
static dq_text dq_text_of(const dq_texts *t, const dq_column *values, int64_t row) {
  if (t->of_values == NULL) return dq_text_at(&t->rows, row);
  const uint8_t *indices = t->rows.values;
  int64_t at = t->rows.offset + row;
  switch (t->rows.layout) {
    case DQ_INT8: return dq_text_at(values, dq_i8(indices, at));
    case DQ_INT16: return dq_text_at(values, dq_i16(indices, at));
    case DQ_INT32: return dq_text_at(values, dq_i32(indices, at));
    case DQ_UINT8: return dq_text_at(values, dq_u8(indices, at));
    case DQ_UINT16: return dq_text_at(values, dq_u16(indices, at));
    case DQ_UINT32: return dq_text_at(values, dq_u32(indices, at));
    default: return dq_text_at(values, dq_i64(indices, at));
  }
}
#endif
