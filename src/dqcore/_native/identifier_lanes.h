/* Clean values judged side by side, a value a 32-bit lane. Included once a level of the CPU, which names its vectors:
 *
 * LANES, how many values; ID(name), a name of this level; AT, the target; VECTOR, and V(op), its intrinsics; V_AND and so
 * on, whose intrinsics are not named after an element; and what each level does in its own way: V_BLOCKS(r, at, k, o),
 * the 16 bytes at at[4 j + k] + o as block j of vector r; V_ZERO and V_BELOW, bits of the lanes that are 0, or less than
 * another; V_PICK, bytes of b where the mask's top bit is set, else of a; V_TABLE, a row's words for 16 lengths by lane. */

/* What is known of the lengths of a batch: each less one, and whether all are the same. */
typedef struct {
  VECTOR at;
  const uint32_t *lengths;
  int set;
} ID(dq_lengths);

#define V_WORD(ROW) (same ? V(set1_epi32)((int)(ROW)[l->set][l->lengths[0] & 15]) : V_TABLE((ROW)[l->set], l))

/* Adds what the digits of one word count in a Verhoeff check. `turned` holds, in each byte of a lane, whether an odd
 * number of digits to the right turn over. */
AT DQ_INLINE VECTOR ID(dq_clean_verhoeff)(const dq_id_clean *q, VECTOR digits, VECTOR read, VECTOR place, VECTOR *turned) {
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

/* Bits of the lanes whose values pass, among those of l->set; w are their words. */
AT DQ_INLINE uint32_t ID(dq_clean_pass)(const dq_id_clean *q, const VECTOR *w, const ID(dq_lengths) *l, int algorithm,
                                        int same) {
  VECTOR bad = V_WORD(q->closed), differs = V_NONE, turned = V_NONE, sums[DQ_ID_ROWS] = {V_NONE, V_NONE};
  const VECTOR one = V(set1_epi8)(1), first = V(shuffle_epi8)(w[0], V_QUAD(dq_clean_first));
  for (int j = q->words[l->set] - 1; j >= 0; j--) {
    VECTOR digits = V(sub_epi8)(w[j], V(set1_epi8)('0'));
    VECTOR beyond = V(subs_epu8)(V(sub_epi8)(w[j], V_WORD(q->low[j])), V_WORD(q->span[j]));
    if (q->constants) differs = V_OR(differs, V_AND(V_XOR(w[j], first), V_WORD(q->inside[j])));
    if (algorithm == DQ_VERHOEFF) {
      VECTOR part = ID(dq_clean_verhoeff)(q, digits, V_WORD(q->weight[0][j]), V_WORD(q->extra[j]), &turned);
      sums[0] = V(add_epi16)(sums[0], part);
    } else if (algorithm == DQ_LUHN) {
      VECTOR carry = V(min_epu8)(V(subs_epu8)(digits, V_WORD(q->extra[j])), one);
      sums[0] = V(add_epi16)(sums[0], V(maddubs_epi16)(digits, V_WORD(q->weight[0][j])));
      sums[0] = V(add_epi16)(sums[0], V(maddubs_epi16)(carry, one));
    } else if (algorithm == DQ_WEIGHTED) {
      if (q->with_ten) {
        VECTOR other = V(min_epu8)(V_XOR(w[j], V(set1_epi8)('X')), one);
        VECTOR ten = V_AND(V(sub_epi8)(other, one), V_WORD(q->extra[j]));
        digits = V(sub_epi8)(digits, V_AND(ten, V(set1_epi8)('X' - '0' - 10)));
        beyond = V_ANDNOT(ten, beyond);
      }
      for (int r = 0; r < q->n_rows; r++)
        sums[r] = V(add_epi16)(sums[r], V(maddubs_epi16)(digits, V_WORD(q->weight[r][j])));
    }
    bad = V_OR(bad, beyond);
  }
  uint32_t pass = V_ZERO(bad);
  if (q->constants) pass &= ~V_ZERO(differs);
  for (int r = 0; algorithm != DQ_NO_CHECK && r < q->n_rows; r++) {
    VECTOR magic = V(set1_epi32)((int)q->magic);
    VECTOR number = V(add_epi32)(V(madd_epi16)(sums[r], V(set1_epi16)(1)), V_WORD(q->start[r]));
    pass &= V_BELOW(V(mullo_epi32)(number, magic), magic);
  }
  for (int f = 0; f < q->n_filters; f++) {
    const dq_clean_filter *filter = &q->filters[f];
    if (filter->word >= q->words[l->set]) continue;
    VECTOR above = V(sub_epi8)(w[filter->word], V_WORD(filter->low));
    pass &= ~V_ZERO(V(subs_epu8)(above, V_WORD(filter->span)));
  }
  return pass;
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

/* Bits of the values that pass: `at` has 16 readable bytes a value, 32 where q->words[1] is not 0. */
AT DQ_INLINE uint32_t ID(dq_clean_batch)(const dq_id_clean *q, const uint8_t *const *at, const uint32_t *lengths,
                                         int algorithm) {
  VECTOR w[DQ_CLEAN_WORDS], less = V_LOAD(lengths);
  ID(dq_lengths) l = {V_AND(less, V(set1_epi32)(DQ_CLEAN_LENGTHS - 1)), lengths, 0};
  uint32_t all = V_ZERO(V_XOR(less, V(set1_epi32)((int)lengths[0]))), pass = 0;
  ID(dq_clean_words)(at, 0, w);
  for (l.set = 0; l.set < DQ_CLEAN_SETS; l.set++) {
    uint32_t in = q->words[l.set] ? V_ZERO(V_XOR(V(srli_epi32)(less, 4), V(set1_epi32)(l.set))) : 0;
    if (!in) continue;
    if (l.set) ID(dq_clean_words)(at, 16, w + 4);
    pass |= in & (all == (1u << LANES) - 1 ? ID(dq_clean_pass)(q, w, &l, algorithm, 1)
                                             : ID(dq_clean_pass)(q, w, &l, algorithm, 0));
  }
  return pass;
}

#define DQ_CLEAN_BATCH(NAME, ALGORITHM)                                                                  \
  AT static uint32_t ID(NAME)(const dq_id_clean *q, const uint8_t *const *at, const uint32_t *lengths) { \
    uint32_t pass = 0;                                                                                   \
    for (int k = 0; k < DQ_CLEAN_ROWS; k += LANES)                                                       \
      pass |= ID(dq_clean_batch)(q, at + k, lengths + k, ALGORITHM) << k;                                \
    return pass;                                                                                         \
  }
DQ_CLEAN_BATCH(dq_clean_form, DQ_NO_CHECK)
DQ_CLEAN_BATCH(dq_clean_luhn, DQ_LUHN)
DQ_CLEAN_BATCH(dq_clean_pentagon, DQ_VERHOEFF)
DQ_CLEAN_BATCH(dq_clean_weighted, DQ_WEIGHTED)
static const dq_clean_judge ID(dq_clean_judges)[] = {
    [DQ_NO_CHECK] = ID(dq_clean_form), [DQ_LUHN] = ID(dq_clean_luhn),
    [DQ_VERHOEFF] = ID(dq_clean_pentagon), [DQ_WEIGHTED] = ID(dq_clean_weighted)};
#undef DQ_CLEAN_BATCH
#undef V_WORD
#undef V_ZERO
#undef V_BELOW
#undef V_PICK
#undef V_TABLE
#undef V_BLOCKS
#undef V_LOAD
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
