/* Clean values: what of a scheme vectors can prove right, worked out once a scheme.
 *
 * A clean value has an allowed length of at most DQ_CLEAN_MOST bytes, each already the canonical character of its
 * place. Its bytes are held in words of four, and everything known of a place depends on the length alone, so each
 * table has a word a length: DQ_CLEAN_LENGTHS lengths a set, set 0 for 1 to 16 bytes, set 1 for 17 to 32. All checks
 * come to one number that must be 0 modulo `modulus`. What these tables say passes, does pass; what they do not is
 * judged exactly (identifier_judge.h), so they may leave out whatever is rare or costly: half of a class with gaps, a
 * check digit 10 written 0, a listed value seen by one word of it. */
#ifndef DQ_IDENTIFIER_CLEAN_H
#define DQ_IDENTIFIER_CLEAN_H
#include "identifier_judge.h"

enum { DQ_CLEAN_LENGTHS = 16, DQ_CLEAN_SETS = 2, DQ_CLEAN_MOST = 32, DQ_CLEAN_WORDS = 8, DQ_CLEAN_FILTERS = 8 };

/* A word for every length of every set. A byte of it stands for a place, the first place lowest. */
typedef uint32_t dq_clean_row[DQ_CLEAN_SETS][DQ_CLEAN_LENGTHS];

/* Sends a value to the exact judgement: bytes of one word that are at most `span` above `low`. */
typedef struct {
  dq_clean_row low, span;
  int32_t word;
} dq_clean_filter;

typedef struct {
  dq_clean_row low[DQ_CLEAN_WORDS], span[DQ_CLEAN_WORDS]; /* the lowest byte of a place, how far above it is clean */
  dq_clean_row inside[DQ_CLEAN_WORDS];                    /* 255 where the value has a byte */
  dq_clean_row weight[DQ_ID_ROWS][DQ_CLEAN_WORDS];        /* signed; for Verhoeff 255 where a digit is read */
  /* Luhn: how far above the lowest the digit 4 is where it is doubled, else 255. Verhoeff: bits 7, 6, 5 are the place
   * from the right modulo 8, lowest first. Weighted: 255 where an X counts as ten. */
  dq_clean_row extra[DQ_CLEAN_WORDS];
  dq_clean_row closed;            /* all ones where no value of a length is clean */
  dq_clean_row start[DQ_ID_ROWS]; /* what the number begins with: it stays positive however much is taken off */
  dq_clean_filter filters[DQ_CLEAN_FILTERS];
  uint8_t permuted[4][16];        /* Verhoeff: digits as ranks, then the permutation once, twice, four times */
  int32_t n_rows, n_filters;
  int32_t words[DQ_CLEAN_SETS];   /* how many words the longest value of a set has; 0: none is clean */
  uint32_t modulus, magic;        /* 2^32 / modulus rounded up: it divides N < 2^17 if N * magic mod 2^32 < magic */
  int32_t algorithm, constants, with_ten;
} dq_id_clean;

/* The bytes that a clean value may have at a place. */
typedef struct {
  uint8_t low, high, digit, ten; /* `digit`: a check reads it; `ten`: an X counts as ten in the last place */
} dq_clean_place;

DQ_INLINE int dq_clean_set(int64_t n) { return (int)((n - 1) / DQ_CLEAN_LENGTHS); }
DQ_INLINE uint32_t *dq_clean_at(dq_clean_row *words, int64_t place, int64_t n) {
  return &words[place / 4][dq_clean_set(n)][(n - 1) % DQ_CLEAN_LENGTHS];
}
DQ_INLINE void dq_clean_put(dq_clean_row *words, int64_t place, int64_t n, int byte) {
  uint32_t *word = dq_clean_at(words, place, n), shift = 8 * (uint32_t)(place % 4);
  *word = (*word & ~(0xFFu << shift)) | (uint32_t)(uint8_t)byte << shift;
}

/* The longest run of known bytes that a class has; of a class with digits, a run of digits. Empty: low above high. */
static dq_clean_place dq_clean_class(const dq_id_scheme *p, int class) {
  dq_clean_place made = {1, 0, 0, 0};
  int from = 0, to = 255, start = -1;
  for (int b = '0'; b <= '9'; b++)
    if (p->classes[b] >> class & 1) from = '0', to = '9', made.digit = 1;
  for (int b = from; b <= to; b++) {
    int known = (p->classes[b] >> class & 1) && p->keep[b] == b && b > DQ_ID_SEPARATOR;
    if (!known) start = -1;
    else if (start < 0) start = b;
    if (known && (made.low > made.high || b - start > made.high - made.low)) {
      made.low = (uint8_t)start;
      made.high = (uint8_t)b;
    }
  }
  made.ten = made.digit && p->algorithm == DQ_WEIGHTED && !p->ten_is_zero && (p->classes['X'] >> class & 1) &&
             p->keep['X'] == 'X';
  return made;
}

DQ_INLINE int dq_clean_class_of(const dq_id_scheme *p, int64_t i, int64_t n) {
  if (i < p->n_before) return p->before[i];
  return i >= n - p->n_after ? p->after[i - (n - p->n_after)] : p->repeated;
}

/* The digits that the check reads, as dq_id_digits and dq_id_checked do: values, and places or -1 for those that are
 * not written. Gives how many, 0 where no value of n bytes can be checked so. */
static int64_t dq_clean_digits(const dq_id_scheme *p, const dq_clean_place *places, int64_t n, int64_t *at,
                               int *value) {
  int64_t k = 0, from = 0, wanted = p->over < 0 ? -(int64_t)p->over : p->over;
  for (int64_t i = 0; i < p->n_prefix; i++) at[k] = -1, value[k++] = p->prefix[i] - '0';
  for (int64_t i = n; i < p->pad; i++) at[k] = -1, value[k++] = 0;
  for (int64_t i = 0; i < n; i++)
    if (places[i].digit) at[k] = i, value[k++] = 0;
  if (k < wanted || k < 2) return 0;
  if (wanted) {
    from = p->over < 0 ? k - wanted : 0;
    k = wanted;
    memmove(at, at + from, (size_t)k * sizeof *at);
    memmove(value, value + from, (size_t)k * sizeof *value);
  }
  return k < 2 ? 0 : k;
}

/* The least weight from -127 to 127 that is the same modulo q->modulus. */
DQ_INLINE int dq_clean_weight(const dq_id_clean *q, int64_t weight) {
  int64_t m = q->modulus, w = (weight % m + m) % m;
  return (int)(2 * w > m ? w - m : w);
}

/* How much a digit of place i of k (of row r) counts; what `dq_luhn` and `dq_weighted` do. */
static int64_t dq_clean_factor(const dq_id_scheme *p, int r, int64_t i, int64_t k) {
  if (p->algorithm == DQ_LUHN) return 1 + ((k - 1 - i) & 1);
  if (p->from_right) return p->weights[r][(k - 1 - i) % p->n_weights[r]];
  return p->ten_is_zero && i == k - 1 ? 1 : p->weights[r][i];
}

DQ_INLINE void dq_clean_begin(dq_id_clean *q, int r, int64_t n, int64_t number) {
  /* More than 32 places of ten with weight 127 take off, and far below 2^17. */
  int64_t bias = (int64_t)q->modulus * (65536 / q->modulus);
  *dq_clean_at(&q->start[r], 0, n) = (uint32_t)(bias + number);
}

/* Fills in the check of values of n bytes; 0 where it is beyond these tables. */
static int dq_clean_check(dq_id_clean *q, const dq_id_scheme *p, const dq_clean_place *places, int64_t n) {
  int64_t at[DQ_ID_MOST + 16];
  int value[DQ_ID_MOST + 16];
  int64_t most = p->algorithm == DQ_NO_CHECK ? 0 : dq_clean_digits(p, places, n, at, value);
  if (p->algorithm != DQ_NO_CHECK && most == 0) return 0;
  for (int r = 0; r < q->n_rows; r++) {
    int64_t k = p->algorithm == DQ_WEIGHTED && !p->from_right ? p->n_weights[r] : most, number = 0;
    if (k > most || (r == q->n_rows - 1 && k != most) || (most && k < 2)) return 0;
    for (int64_t i = 0; i < k; i++) {
      int64_t right = k - 1 - i;
      if (p->algorithm == DQ_VERHOEFF) {
        if (at[i] < 0) return 0; /* a zero that is not written turns the pentagon too */
        dq_clean_put(q->weight[r], at[i], n, 255);
        dq_clean_put(q->extra, at[i], n, (int)((right & 1) << 7 | (right >> 1 & 1) << 6 | (right >> 2 & 1) << 5));
        continue;
      }
      int64_t factor = dq_clean_factor(p, r, i, k);
      int doubled = p->algorithm == DQ_LUHN && factor == 2;
      /* Vectors count how far a digit is above the lowest of its place; what that one counts is known here. 2 d - 9 is
       * 2 d + 1 modulo 10. */
      int lowest = at[i] < 0 ? value[i] : places[at[i]].low - '0';
      number += dq_clean_weight(q, factor) * lowest + (doubled && lowest > 4);
      if (at[i] < 0) continue;
      dq_clean_put(q->weight[r], at[i], n, dq_clean_weight(q, factor));
      if (doubled && lowest <= 4) dq_clean_put(q->extra, at[i], n, 4 - lowest);
    }
    dq_clean_begin(q, r, n, number);
  }
  return 1;
}

/* Fills in the filter of one listed value for values of n bytes; 0 where no filter is left. `shift` zeros stand before
 * the value's own bytes in the text that is listed. */
static int dq_clean_bar(dq_id_clean *q, const dq_id_listed *item, int64_t shift, int64_t n) {
  uint8_t low[DQ_CLEAN_MOST], high[DQ_CLEAN_MOST];
  int differs = 0, best = -1;
  uint64_t fewest = UINT64_MAX;
  memset(low, 0, sizeof low);
  memset(high, 255, sizeof high);
  for (int64_t k = 0; k < item->n; k++) {
    uint8_t least = differs ? 0 : item->low[k], most = differs ? 255 : item->high[k];
    differs |= item->ranged && item->low[k] != item->high[k]; /* beyond there a range may have any byte */
    if (k >= shift) low[k - shift] = least, high[k - shift] = most;
    else if (least > '0' || most < '0') return 1;
  }
  for (int w = 0; w < (n + 3) / 4; w++) {
    uint64_t texts = 1;
    for (int i = 4 * w; i < 4 * w + 4; i++) texts *= (uint64_t)(high[i] - low[i]) + 1;
    if (texts < fewest) fewest = texts, best = w;
  }
  for (int f = 0; f < DQ_CLEAN_FILTERS; f++) {
    dq_clean_filter *filter = &q->filters[f];
    if (f == q->n_filters) {
      q->n_filters++;
      filter->word = best;
      memset(filter->low, 255, sizeof filter->low); /* no clean value has such a byte */
    }
    if (filter->word != best || *dq_clean_at(&filter->low, 0, n) != UINT32_MAX) continue;
    for (int i = 0; i < 4; i++) {
      dq_clean_put(&filter->low, i, n, low[4 * best + i]);
      dq_clean_put(&filter->span, i, n, high[4 * best + i] - low[4 * best + i]);
    }
    return 1;
  }
  return 0;
}

static int dq_clean_bars(dq_id_clean *q, const dq_id_list *list, int64_t n, int64_t padded) {
  for (int64_t i = 0; i < list->n; i++) {
    const dq_id_listed *item = &list->items[i];
    if (item->open ? padded < item->n : padded != item->n) continue;
    if (!dq_clean_bar(q, item, padded - n, n)) return 0;
  }
  return 1;
}

/* Fills in values of n bytes; 0 where none may pass as clean. */
static int dq_clean_length(dq_id_clean *q, const dq_id_scheme *p, const dq_clean_place *classes, int64_t n) {
  dq_clean_place places[DQ_CLEAN_MOST];
  if (!p->lengths[n]) return 0;
  for (int64_t i = 0; i < n; i++) {
    places[i] = classes[dq_clean_class_of(p, i, n)];
    if (places[i].low > places[i].high) return 0;
    dq_clean_put(q->low, i, n, places[i].low);
    dq_clean_put(q->span, i, n, places[i].high - places[i].low);
    dq_clean_put(q->inside, i, n, 255);
    if (places[i].ten && i == n - 1) dq_clean_put(q->extra, i, n, 255), q->with_ten = 1;
  }
  return dq_clean_check(q, p, places, n) && dq_clean_bars(q, &p->impossible, n, n) &&
         dq_clean_bars(q, &p->reserved, n, n < p->pad ? p->pad : n);
}

/* Where a digit stands in sums modulo 10 that are products in the dihedral group: 0 to 4 turn by rank modulo 5, and
 * those that turn over are odd. A sum of ranks, each taken off where an odd number of odd ones stands before, is then
 * 0 modulo 10 if the product is the identity. */
DQ_INLINE int dq_verhoeff_rank(int digit) { return (6 * (digit % 5) + (digit < 5 ? 0 : 5)) % 10; }

static void dq_clean_permute(dq_id_clean *q) {
  for (int d = 0; d < 10; d++) {
    q->permuted[0][d] = (uint8_t)dq_verhoeff_rank(d);
    for (int k = 0; k < 3; k++)
      q->permuted[k + 1][dq_verhoeff_rank(d)] = (uint8_t)dq_verhoeff_rank(dq_verhoeff_places[1 << k][d]);
  }
}

static void dq_clean_of(const dq_id_scheme *p, dq_id_clean *q) {
  memset(q, 0, sizeof *q);
  q->algorithm = p->algorithm;
  q->constants = p->constants;
  q->n_rows = p->algorithm == DQ_WEIGHTED ? p->n_rows : 1;
  q->modulus = p->algorithm == DQ_WEIGHTED ? (uint32_t)p->modulus : p->algorithm == DQ_NO_CHECK ? 2 : 10;
  if (!p->shaped || p->algorithm > DQ_WEIGHTED || q->n_rows < 1 || q->modulus < 2 || q->modulus > 255) return;
  q->magic = (uint32_t)((((uint64_t)1 << 32) + q->modulus - 1) / q->modulus);
  memset(q->span, 255, sizeof q->span);
  if (p->algorithm == DQ_LUHN) memset(q->extra, 255, sizeof q->extra);
  dq_clean_permute(q);
  memset(q->closed, 255, sizeof q->closed);
  dq_clean_place classes[32];
  for (int k = 0; k < 32; k++) classes[k] = dq_clean_class(p, k);
  for (int64_t n = 1; n <= DQ_CLEAN_MOST; n++) {
    if (!dq_clean_length(q, p, classes, n)) continue;
    *dq_clean_at(&q->closed, 0, n) = 0;
    q->words[dq_clean_set(n)] = (int32_t)((n + 3) / 4);
  }
}
#endif
