/* Units: a line a kind of row, applied to the rows. */
#ifndef DQ_UNITS_H
#define DQ_UNITS_H
#include "cpu.h"
#include "dq.h"
#include "names.h"

/* out = value * scale + offset, rounded after each step: an offset of 0 is left out, so that -0.0 stays -0.0.
 * The build says -ffp-contract=off, or a machine with fused multiply-add would round once and answer otherwise. */
DQ_INLINE double dq_line(double value, double scale, double offset) {
  double scaled = value * scale;
  return offset != 0 ? scaled + offset : scaled;
}

/* What is decided for a unit of an analyte, both by their numbers: a code, and where that is DQ_PASS a line and the
 * number of the unit of what it gives. */
typedef struct {
  uint64_t pair; /* DQ_NO_PAIR: the slot is free */
  double scale;  /* of rows that do not pass: all bits are ones, as in a free slot */
  double offset;
  int32_t unit;
  int32_t code; /* -1: the slot is free */
} dq_decision;

typedef struct {
  dq_decision *slots; /* sixteen at least */
  uint64_t mask, multiplier;
  int64_t bits; /* of an analyte's number, where every pair has a slot of its own; -1: slots are shared */
  int bent;     /* an offset is not 0 */
} dq_decisions;

/* Not a reason, not a skip: the row's pair is not in the table. */
enum { DQ_UNDECIDED = DQ_FILTERED };
#define DQ_NO_PAIR UINT64_MAX

DQ_INLINE uint64_t dq_pair_of(int32_t unit, int32_t analyte) { return (uint64_t)(uint32_t)unit << 32 | (uint32_t)analyte; }
/* Its own slot, or another where it is not in the table: the free one where it would stand, if it can be added. */
DQ_INLINE dq_decision *dq_decision_slot(const dq_decisions *table, int32_t unit, int32_t analyte) {
  uint64_t pair = dq_pair_of(unit, analyte);
  if (DQ_LIKELY(table->bits >= 0))
    return table->slots + (((uint64_t)(uint32_t)unit << table->bits | (uint32_t)analyte) & table->mask);
  for (uint64_t at = dq_name_fold(pair ^ 0xA0761D6478BD642FULL, table->multiplier);; at++) {
    dq_decision *slot = table->slots + (at & table->mask);
    if (DQ_LIKELY(slot->pair == pair) || slot->pair == DQ_NO_PAIR) return slot;
  }
}

/* Some rows. Where `out` and `gives` are not NULL, values are written to them and the numbers of the values' units (0 and
 * -1 where there is none). */
typedef struct {
  int64_t n;
  const int32_t *units, *analytes; /* by number, DQ_NAME_NULL for a null; `analytes` NULL: there is no analyte */
  const uint8_t *validity;         /* of the values; NULL: no nulls */
  int64_t offset;
  const uint8_t *values; /* float64, from row `offset` */
  uint8_t missing;
  uint8_t *codes;
  double *out;
  int32_t *gives;
} dq_measured;

/* What is decided of a pair of numbers that may be anything; NULL: nothing is. */
DQ_INLINE const dq_decision *dq_decided(const dq_decisions *table, int32_t unit, int32_t analyte) {
  if (DQ_UNLIKELY((unit | analyte) < 0)) return NULL;
  const dq_decision *slot = dq_decision_slot(table, unit, analyte);
  return DQ_LIKELY(slot->pair == dq_pair_of(unit, analyte)) ? slot : NULL;
}
/* A row without a value or an analyte is skipped, one without a unit is `missing`. Gives 1 where its pair is not
 * decided. */
DQ_INLINE int dq_convert_row(const dq_measured *m, const dq_decisions *table, int64_t i) {
  int32_t unit = m->units[i], analyte = m->analytes ? m->analytes[i] : 0;
  const dq_decision *slot = NULL;
  uint8_t code;
  if (DQ_UNLIKELY(m->validity && !dq_bit(m->validity, m->offset + i))) {
    code = DQ_SKIP;
  } else if (DQ_LIKELY((slot = dq_decided(table, unit, analyte)) != NULL)) {
    code = (uint8_t)slot->code;
  } else if (analyte == DQ_NAME_NULL) {
    code = DQ_SKIP;
  } else {
    code = unit == DQ_NAME_NULL ? m->missing : DQ_UNDECIDED;
  }
  m->codes[i] = code;
  if (m->out) m->out[i] = code == DQ_PASS ? dq_line(dq_f64(m->values, m->offset + i), slot->scale, slot->offset) : 0;
  if (m->gives) m->gives[i] = slot ? slot->unit : -1;
  return code == DQ_UNDECIDED;
}
#include "units_wide.h"

DQ_INLINE void dq_convert_body(const dq_measured *m, const dq_decisions *table, int64_t from, int64_t *undecided) {
  dq_measured rows = *m;
  dq_decisions decisions = *table;
  int64_t left = 0;
  for (int64_t i = from; i < rows.n; i++) left += dq_convert_row(&rows, &decisions, i);
  *undecided += left;
}
DQ_LEVELS(dq_convert, (const dq_measured *m, const dq_decisions *table, int64_t from, int64_t *undecided),
          (m, table, from, undecided))
/* Gives how many rows are left undecided. */
static int64_t dq_convert(int level, const dq_measured *m, const dq_decisions *table) {
  int64_t undecided = 0, done = 0;
#if DQ_HAS_LEVELS
  if (level >= DQ_CPU_4) done = dq_convert_wide(m, table, &undecided);
#endif
  DQ_CALL(level, dq_convert, (m, table, done, &undecided));
  return undecided;
}

/* The rule, as a step. */
typedef struct {
  dq_texts units, analytes;
  dq_column values; /* float64 */
  dq_decisions decisions;
  double *out;    /* of all rows, as `gives` is */
  int32_t *gives;
  int level, has_analytes;
  uint8_t missing;
} dq_units_state;

enum { DQ_PART_ROWS = 512 }; /* whose numbers fit the innermost cache, beside what they are read from */
/* Judges at most DQ_PART_ROWS rows, and gives how many are left undecided. */
static int64_t dq_judge_units(const dq_units_state *s, int64_t from, int64_t n, uint8_t *codes) {
  int32_t units[DQ_PART_ROWS], analytes[DQ_PART_ROWS];
  dq_number_texts(s->level, &s->units, from, n, units);
  if (s->has_analytes) dq_number_texts(s->level, &s->analytes, from, n, analytes);
  dq_measured m = {n, units, s->has_analytes ? analytes : NULL, s->values.validity, s->values.offset + from,
                   s->values.values, s->missing, codes, s->out ? s->out + from : NULL,
                   s->gives ? s->gives + from : NULL};
  return dq_convert(s->level, &m, &s->decisions);
}
/* Puts in what was decided for a row whose pair is not in the table; `row` is of `codes`. */
static void dq_put_decision(const dq_units_state *s, int64_t from, int64_t row, dq_decision made, uint8_t *codes) {
  int64_t i = from + row;
  codes[row] = (uint8_t)made.code;
  if (s->out && made.code == DQ_PASS)
    s->out[i] = dq_line(dq_f64(s->values.values, s->values.offset + i), made.scale, made.offset);
  if (s->gives) s->gives[i] = made.unit;
}

/* Gives 1, or 0 where the pair was decided before. */
static int dq_decide(const dq_decisions *table, dq_decision made) {
  dq_decision *slot = dq_decision_slot(table, (int32_t)(made.pair >> 32), (int32_t)made.pair);
  if (slot->pair != DQ_NO_PAIR) return 0; /* the same pair, for others never meet here */
  *slot = made;
  if (made.code != DQ_PASS) memset(&slot->scale, 0xFF, sizeof slot->scale);
  return 1;
}
static void dq_move_decisions(const dq_decision *slots, int64_t n_slots, const dq_decisions *into) {
  for (int64_t i = 0; i < n_slots; i++)
    if (slots[i].pair != DQ_NO_PAIR) dq_decide(into, slots[i]);
}

/* The texts of the rows' units as utf8. With `spare` 16 sixteen bytes are copied at a time: `texts` and `bytes` have so
 * many more at the end, and no text is longer. Unit k is texts[starts[k]...starts[k + 1]]; -1 is empty. */
DQ_INLINE void dq_spell_body(const int32_t *units, int64_t n, const uint8_t *texts, const int32_t *starts, int64_t spare,
                             int32_t *ends, uint8_t *bytes) {
  int32_t used = 0;
  for (int64_t i = 0; i < n; i++) {
    int32_t unit = units[i];
    if (unit >= 0) {
      int32_t from = starts[unit], size = starts[unit + 1] - from;
      if (spare == 16) memcpy(bytes + used, texts + from, 16);
      else memcpy(bytes + used, texts + from, (size_t)size);
      used += size;
    }
    ends[i] = used;
  }
}
static void dq_spell(const int32_t *units, int64_t n, const uint8_t *texts, const int32_t *starts, int64_t spare,
                     int32_t *ends, uint8_t *bytes) {
  if (spare == 16) dq_spell_body(units, n, texts, starts, 16, ends, bytes);
  else dq_spell_body(units, n, texts, starts, 0, ends, bytes);
}
static int64_t dq_spelled_size(const int32_t *units, int64_t n, const int32_t *starts) {
  int64_t size = 0;
  for (int64_t i = 0; i < n; i++)
    if (units[i] >= 0) size += starts[units[i] + 1] - starts[units[i]];
  return size;
}
#endif
