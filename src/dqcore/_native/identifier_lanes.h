/* Clean values judged side by side, a value a 32-bit lane. Included once a level of the CPU, which names its vectors:
 *
 * LANES, how many values; ID(name), a name of this level; AT, the target; VECTOR, and V(op), its intrinsics; V_AND and
 * so on, whose intrinsics are not named after an element; and what each level does in its own way: V_BLOCKS(r, at, k,
 * o), the 16 bytes at at[4 j + k] + o as block j of vector r; V_LOW(p), the low halves of int64; V_ZERO and V_BELOW,
 * bits of the lanes that are 0, or less than another; V_PICK, bytes of b where the mask's top bit is set, else of a;
 * V_TABLE, a row's words for 16 lengths by lane. */

/* Bits of the values of a set that pass, from their words and their lengths less one. */
typedef uint32_t (*ID(dq_clean_judge))(const dq_id_clean *q, const VECTOR *w, const uint32_t *lengths, int set);

/* The word of a row for the length of each lane, or for that of all. */
#define V_WORD(ROW) (same ? V(set1_epi32)((int)(ROW)[set][lengths[0] & 15]) : V_TABLE((ROW)[set], lengths))

/* Adds what the digits of one word count in a Verhoeff check. `turned` holds, in each byte of a lane, whether an odd
 * number of digits to the right turn over. */
AT DQ_INLINE VECTOR ID(dq_clean_turn)(const dq_id_clean *q, VECTOR digits, VECTOR read, VECTOR place, VECTOR *turned) {
  VECTOR x = V_AND(V(shuffle_epi8)(V_QUAD(q->permuted[0]), digits), read);
  for (int k = 1; k < 4; k++) {
    x = V_PICK(x, V(shuffle_epi8)(V_QUAD(q->permuted[k]), x), place);
    place = V(add_epi8)(place, place);
  }
  VECTOR after = V_AND(x, V(set1_epi8)(1));
  after = V_XOR(after, V(srli_epi32)(after, 8));
  after = V_XOR(after, V(srli_epi32)(after, 16)); /* a byte: parity of it and of those to its right in the word */
  VECTOR before = V_XOR(V(srli_epi32)(after, 8), *turned);
  *turned = V_XOR(*turned, V(shuffle_epi8)(after, V_QUAD(dq_clean_first)));
  return V(maddubs_epi16)(x, V_OR(V(sub_epi8)(V_NONE, before), V(set1_epi8)(1)));
}

/* `rows` of weights, `ten` where an X may count as ten. */
AT DQ_INLINE uint32_t ID(dq_clean_pass)(const dq_id_clean *q, const VECTOR *w, const uint32_t *lengths, int set,
                                        int algorithm, int rows, int ten, int same) {
  VECTOR bad = V_WORD(q->closed), differs = V_NONE, turned = V_NONE, sums[DQ_ID_ROWS] = {V_NONE, V_NONE};
  const VECTOR one = V(set1_epi8)(1), first = V(shuffle_epi8)(w[0], V_QUAD(dq_clean_first));
  for (int j = q->words[set] - 1; j >= 0; j--) {
    VECTOR above = V(sub_epi8)(w[j], V_WORD(q->low[j])), beyond = V(subs_epu8)(above, V_WORD(q->span[j]));
    if (q->constants) differs = V_OR(differs, V_AND(V_XOR(w[j], first), V_WORD(q->inside[j])));
    if (ten) {
      VECTOR other = V(min_epu8)(V_XOR(w[j], V(set1_epi8)('X')), one);
      VECTOR is_ten = V_AND(V(sub_epi8)(other, one), V_WORD(q->extra[j]));
      above = V(sub_epi8)(above, V_AND(is_ten, V(set1_epi8)('X' - '0' - 10)));
      beyond = V_ANDNOT(is_ten, beyond);
    }
    bad = V_OR(bad, beyond);
    if (algorithm == DQ_VERHOEFF) {
      VECTOR digits = V(sub_epi8)(w[j], V(set1_epi8)('0'));
      VECTOR part = ID(dq_clean_turn)(q, digits, V_WORD(q->weight[0][j]), V_WORD(q->extra[j]), &turned);
      sums[0] = V(add_epi16)(sums[0], part);
      continue;
    }
    if (algorithm == DQ_LUHN) {
      VECTOR carry = V(min_epu8)(V(subs_epu8)(above, V_WORD(q->extra[j])), one);
      sums[0] = V(add_epi16)(sums[0], V(maddubs_epi16)(carry, one));
    }
    for (int r = 0; r < rows; r++)
      sums[r] = V(add_epi16)(sums[r], V(maddubs_epi16)(above, V_WORD(q->weight[r][j])));
  }
  uint32_t pass = V_ZERO(bad);
  if (q->constants) pass &= ~V_ZERO(differs);
  for (int r = 0; r < rows; r++) {
    VECTOR magic = V(set1_epi32)((int)q->magic);
    VECTOR number = V(add_epi32)(V(madd_epi16)(sums[r], V(set1_epi16)(1)), V_WORD(q->start[r]));
    pass &= V_BELOW(V(mullo_epi32)(number, magic), magic);
  }
  for (int f = 0; f < q->n_filters; f++) {
    const dq_clean_filter *filter = &q->filters[f];
    if (filter->word >= q->words[set]) continue;
    VECTOR above = V(sub_epi8)(w[filter->word], V_WORD(filter->low));
    pass &= ~V_ZERO(V(subs_epu8)(above, V_WORD(filter->span)));
  }
  return pass;
}

#define DQ_CLEAN_JUDGE(NAME, ALGORITHM, N_ROWS, TEN)                                                                  \
  AT static uint32_t ID(NAME)(const dq_id_clean *q, const VECTOR *w, const uint32_t *lengths, int set) {              \
    if (V_ZERO(V_XOR(V_LOAD(lengths), V(set1_epi32)((int)lengths[0]))) == (1u << LANES) - 1)                          \
      return ID(dq_clean_pass)(q, w, lengths, set, ALGORITHM, N_ROWS, TEN, 1);                                        \
    return ID(dq_clean_pass)(q, w, lengths, set, ALGORITHM, N_ROWS, TEN, 0);                                          \
  }
DQ_CLEAN_JUDGE(dq_clean_form, DQ_NO_CHECK, 0, 0)
DQ_CLEAN_JUDGE(dq_clean_luhn, DQ_LUHN, 1, 0)
DQ_CLEAN_JUDGE(dq_clean_verhoeff, DQ_VERHOEFF, 1, 0)
DQ_CLEAN_JUDGE(dq_clean_weighted, DQ_WEIGHTED, 1, 0)
DQ_CLEAN_JUDGE(dq_clean_weighted_ten, DQ_WEIGHTED, 1, 1)
DQ_CLEAN_JUDGE(dq_clean_weighted_twice, DQ_WEIGHTED, DQ_ID_ROWS, 1)

AT static ID(dq_clean_judge) ID(dq_clean_judge_of)(const dq_id_clean *q) {
  switch (q->algorithm) {
    case DQ_NO_CHECK: return ID(dq_clean_form);
    case DQ_LUHN: return ID(dq_clean_luhn);
    case DQ_VERHOEFF: return ID(dq_clean_verhoeff);
    default: break;
  }
  if (q->n_rows > 1) return ID(dq_clean_weighted_twice);
  return q->with_ten ? ID(dq_clean_weighted_ten) : ID(dq_clean_weighted);
}

/* Four words of each value from byte o on: w[k] has the k-th of every lane. */
AT DQ_INLINE void ID(dq_clean_words)(const uint8_t *const *at, int o, VECTOR *w) {
  VECTOR a, b, c, d;
  V_BLOCKS(a, at, 0, o);
  V_BLOCKS(b, at, 1, o);
  V_BLOCKS(c, at, 2, o);
  V_BLOCKS(d, at, 3, o);
  VECTOR ab = V(unpacklo_epi32)(a, b), cd = V(unpacklo_epi32)(c, d);
  VECTOR ef = V(unpackhi_epi32)(a, b), gh = V(unpackhi_epi32)(c, d);
  w[0] = V(unpacklo_epi64)(ab, cd);
  w[1] = V(unpackhi_epi64)(ab, cd);
  w[2] = V(unpacklo_epi64)(ef, gh);
  w[3] = V(unpackhi_epi64)(ef, gh);
}

/* ---- LANES rows: the lengths of their values less one, and four words of each from byte `from` on (0 or 16). NULL:
 * too near the end to read `reach` bytes of each. Bits of rows that cannot be read so leave `usable`. ---- */

AT DQ_INLINE const VECTOR *ID(dq_clean_find_utf8)(const dq_column *c, int64_t i, int64_t reach, int from,
                                                  uint32_t *lengths, VECTOR *w, uint32_t *usable) {
  const uint8_t *offsets = c->values + 4 * (c->offset + i), *at[LANES];
  (void)usable;
  if (dq_i32(offsets, LANES - 1) + reach > dq_i32(c->values, c->offset + c->length)) return NULL;
  for (int k = 0; k < LANES; k++) at[k] = c->bytes + dq_i32(offsets, k);
  V_STORE(lengths, V(sub_epi32)(V(sub_epi32)(V_LOAD(offsets + 4), V_LOAD(offsets)), V(set1_epi32)(1)));
  ID(dq_clean_words)(at, from, w);
  return w;
}

AT DQ_INLINE const VECTOR *ID(dq_clean_find_large)(const dq_column *c, int64_t i, int64_t reach, int from,
                                                   uint32_t *lengths, VECTOR *w, uint32_t *usable) {
  const uint8_t *offsets = c->values + 8 * (c->offset + i), *at[LANES];
  int64_t start = dq_i64(offsets, 0);
  (void)usable;
  if (dq_i64(c->values, c->offset + c->length) - dq_i64(offsets, LANES - 1) < reach) return NULL;
  if (dq_i64(offsets, LANES) - start > INT32_MAX) return NULL; /* low halves would not tell lengths */
  for (int k = 0; k < LANES; k++) at[k] = c->bytes + dq_i64(offsets, k);
  V_STORE(lengths, V(sub_epi32)(V(sub_epi32)(V_LOW(offsets + 8), V_LOW(offsets)), V(set1_epi32)(1)));
  ID(dq_clean_words)(at, from, w);
  return w;
}

/* Views hold up to 12 bytes themselves, after their length: those of the last three rows have less than 32 bytes after
 * them. The bytes of longer ones lie in buffers, whose sizes are those of the C data interface. */
AT DQ_INLINE const VECTOR *ID(dq_clean_find_view)(const dq_column *c, int64_t i, int64_t reach, int from,
                                                  uint32_t *lengths, VECTOR *w, uint32_t *usable) {
  const uint8_t *views = c->values + 16 * (c->offset + i), *at[LANES];
  if (i + LANES + 2 > c->length) return NULL;
  for (int k = 0; k < LANES; k++) at[k] = views + 16 * k;
  ID(dq_clean_words)(at, 0, w);
  V_STORE(lengths, V(sub_epi32)(w[0], V(set1_epi32)(1)));
  if (V_BELOW(w[0], V(set1_epi32)(13)) == (1u << LANES) - 1) {
    w[4] = V_NONE;
    return w + 1;
  }
  uint32_t far = V_BELOW(w[0], V(set1_epi32)(DQ_CLEAN_MOST + 1)) & ~V_BELOW(w[0], V(set1_epi32)(13));
  for (int k = 0; k < LANES; k++) at[k] = views + 16 * k + 4;
  for (far &= *usable; far; far &= far - 1) { /* a null's view may be anything */
    int k = __builtin_ctz(far);
    int32_t buffer = dq_i32(views, 4 * k + 2), start = dq_i32(views, 4 * k + 3);
    int64_t size = dq_i64((const uint8_t *)c->buffers[c->n_buffers], buffer);
    if (start + reach <= size) at[k] = (const uint8_t *)c->buffers[buffer] + start;
    else *usable &= ~(1u << k);
  }
  ID(dq_clean_words)(at, from, w);
  return w;
}

/* Bits of the rows that are no null, from the two or three bytes that they lie in. */
AT DQ_INLINE uint32_t ID(dq_clean_valid)(const dq_column *c, int64_t i) {
  const uint32_t all = (1u << LANES) - 1;
  if (DQ_LIKELY(c->validity == NULL)) return all;
  int64_t first = (c->offset + i) >> 3, last = (c->offset + i + LANES - 1) >> 3;
  uint32_t bits = c->validity[first] | (uint32_t)c->validity[first + (last > first)] << 8 |
                  (uint32_t)c->validity[last] << 16;
  return bits >> ((c->offset + i) & 7) & all;
}

/* NAME: the rows from the first on, LANES at a time, of which those that are not clean go to the exact judgement; gives
 * how many rows are done. MORE: bits of those of `in` that pass, whose values are longer than 16 bytes; w holds what
 * FIND found of them. */
#define DQ_CLEAN_ROWS(NAME, MORE, FIND, READ)                                                                  \
  AT static __attribute__((noinline)) uint32_t ID(MORE)(const dq_id_call *d, ID(dq_clean_judge) judge, int64_t i, \
                                                        uint32_t in, VECTOR *w) {                              \
    uint32_t lengths[LANES];                                                                                   \
    if (FIND(d->column, i, DQ_CLEAN_MOST, 16, lengths, w + 4, &in) == NULL) return 0;                          \
    return in & judge(d->clean, w, lengths, 1);                                                                \
  }                                                                                                            \
  AT static int64_t ID(NAME)(const dq_id_call *d) {                                                            \
    const dq_id_clean *q = d->clean;                                                                           \
    const ID(dq_clean_judge) judge = ID(dq_clean_judge_of)(q);                                                 \
    const int64_t reach = q->words[1] ? DQ_CLEAN_MOST : DQ_CLEAN_MOST / 2;                                     \
    const int plain = !d->scheme->structure && !d->texts;                                                      \
    uint32_t lengths[LANES];                                                                                   \
    VECTOR w[DQ_CLEAN_WORDS + 1]; /* what stands in a view goes a word beyond */                               \
    int64_t i = 0;                                                                                             \
    for (; i + LANES <= d->column->length; i += LANES) {                                                       \
      uint32_t valid = ID(dq_clean_valid)(d->column, i), usable = valid, pass = 0;                             \
      const VECTOR *text = FIND(d->column, i, reach, 0, lengths, w, &usable);                                  \
      if (text == NULL) break;                                                                                 \
      VECTOR set = V(srli_epi32)(V_LOAD(lengths), 4);                                                          \
      uint32_t in = usable & V_ZERO(set);                                                                      \
      if (in && q->words[0]) pass = in & judge(q, text, lengths, 0);                                           \
      if (in != usable && q->words[1]) {                                                                       \
        in = usable & V_ZERO(V_XOR(set, V(set1_epi32)(1)));                                                    \
        if (in) pass |= ID(MORE)(d, judge, i, in, w);                                                          \
      }                                                                                                        \
      uint32_t left = (1u << LANES) - 1; /* rows that have yet to be written to */                             \
      if (DQ_LIKELY(plain)) {                                                                                  \
        memset(d->codes + i, DQ_PASS, LANES);                                                                  \
        left &= ~pass;                                                                                         \
      }                                                                                                        \
      for (; left; left &= left - 1) {                                                                         \
        int k = __builtin_ctz(left);                                                                           \
        if (valid >> k & 1) dq_id_settle(d, i + k, READ(d->column, i + k), pass >> k & 1);                     \
        else dq_id_null(d, i + k);                                                                             \
      }                                                                                                        \
    }                                                                                                          \
    return i;                                                                                                  \
  }
DQ_CLEAN_ROWS(dq_clean_utf8, dq_clean_utf8_more, ID(dq_clean_find_utf8), dq_text_utf8)
DQ_CLEAN_ROWS(dq_clean_large, dq_clean_large_more, ID(dq_clean_find_large), dq_text_large)
DQ_CLEAN_ROWS(dq_clean_view, dq_clean_view_more, ID(dq_clean_find_view), dq_text_view)

static int64_t ID(dq_clean_rows)(const dq_id_call *d) {
  switch (d->column->layout) {
    case DQ_UTF8: return ID(dq_clean_utf8)(d);
    case DQ_LARGE_UTF8: return ID(dq_clean_large)(d);
    case DQ_UTF8_VIEW: return ID(dq_clean_view)(d);
    default: return 0;
  }
}
#undef DQ_CLEAN_JUDGE
#undef DQ_CLEAN_ROWS
#undef V_WORD
#undef V_ZERO
#undef V_BELOW
#undef V_PICK
#undef V_TABLE
#undef V_BLOCKS
#undef V_LOAD
#undef V_STORE
#undef V_LOW
#undef V_QUAD
#undef V_NONE
#undef V_AND
#undef V_OR
#undef V_XOR
#undef V_ANDNOT
#undef V
#undef VECTOR
#undef LANES
#undef ID
#undef AT
