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

typedef struct {
  dq_name *slots;
  uint64_t mask, multiplier;
  int64_t shift;
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

DQ_INLINE void dq_find_names_body(const dq_column *c, const dq_names *names, int32_t *numbers, int64_t *unknown) {
  dq_readable r = dq_readable_of(c);
  dq_names table = *names;
  int64_t missed = 0;
  DQ_EACH_STRING(c, i, t, { numbers[i] = DQ_NAME_NULL; }, {
    dq_name_key key;
    int32_t number;
    if (DQ_LIKELY(t.n <= DQ_NAME_SHORT)) {
      key = dq_name_short(t, r);
      const dq_name *slot = table.slots + dq_name_home(&table, key);
      if (DQ_LIKELY(dq_name_is(slot, key))) {
        numbers[i] = slot->number;
        continue;
      }
    } else {
      key = dq_name_long(t);
    }
    number = dq_name_search(names, t, key);
    numbers[i] = number;
    missed += number == DQ_NAME_UNKNOWN;
  })
  *unknown = missed;
}
DQ_LEVELS(dq_find_names, (const dq_column *c, const dq_names *names, int32_t *numbers, int64_t *unknown),
          (c, names, numbers, unknown))
/* The number of each text; gives how many texts have none. */
static int64_t dq_find_names(int level, const dq_column *c, const dq_names *names, int32_t *numbers) {
  int64_t unknown = 0;
  DQ_CALL(level, dq_find_names, (c, names, numbers, &unknown));
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
  for (int64_t i = 0; i < c->length; i++)                                                                 \
    numbers[i] = dq_is_valid(c, i) ? of_values[LOAD(c->values, c->offset + i)] : DQ_NAME_NULL;            \
  break;
/* The number of each row's value of a dictionary. The indices have been checked. */
static void dq_spread_names(const dq_column *c, const int32_t *of_values, int32_t *numbers) {
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
#endif
