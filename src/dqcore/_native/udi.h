/* Unique device identifiers: a text is told apart by how it begins, and read as its issuer has it. Every text ends as a
 * reason or as the parts of a UDI, among them its device identifier, without which it is none (21 CFR 801.3). */
#ifndef DQ_UDI_H
#define DQ_UDI_H
#include "udi_gs1.h"
#include "udi_hibcc.h"
#include "udi_iccbba.h"
#include "steps.h"

DQ_INLINE int dq_is_letter(uint8_t c) { return (uint8_t)((c | 0x20) - 'a') < 26; }
enum dq_carrier { DQ_BARE = 0, DQ_GS1_CARRIER, DQ_OTHER_CARRIER };
/* What the symbology identifier before a scanned text says (ISO/IEC 15424; GS1 General Specifications, 5.1.6). */
static int dq_udi_carrier(const uint8_t *s, int64_t n) {
  static const char elements[] = "C1 d2 Q3 e0 J1";
  if (n < 3 || s[0] != ']' || !dq_is_letter(s[1]) || !(dq_is_letter(s[2]) || dq_is_digit(s[2]))) return DQ_BARE;
  for (int i = 0; i < (int)sizeof elements - 1; i += 3)
    if (memcmp(s + 1, elements + i, 2) == 0) return DQ_GS1_CARRIER;
  return DQ_OTHER_CARRIER;
}

static void dq_udi_read(const dq_ai_table *t, int reference, dq_text text, dq_udi *u) {
  const uint8_t *s = text.s;
  int64_t n = text.n;
  memset(u, 0, sizeof *u);
  int carrier = dq_udi_carrier(s, n);
  if (carrier) s += 3, n -= 3;
  int separated = n > 0 && s[0] == DQ_SEPARATOR && carrier != DQ_OTHER_CARRIER;
  if (carrier == DQ_GS1_CARRIER || separated) {
    s += separated, n -= separated;
    dq_gs1_elements(t, reference, s, s + n, 0, u);
    dq_gs1_named(u);
  } else if (n > 0 && dq_is_digit(s[0]) && dq_is_gtin(s, n)) {
    dq_gs1_gtin(s, n, u);
    dq_gs1_named(u);
  } else if (n > 0 && carrier == DQ_BARE && (s[0] == '(' || dq_is_digit(s[0]))) {
    dq_gs1_elements(t, reference, s, s + n, s[0] == '(', u);
    dq_gs1_named(u);
  } else if (n > 0 && s[0] == '+') {
    dq_hibcc(s, n, 0, reference, u);
  } else if (n > 1 && s[0] == '*' && s[1] == '+') {
    if (s[n - 1] == '*') dq_hibcc(s + 1, n - 2, 1, reference, u);
  } else if (n > 0 && (s[0] == '=' || s[0] == '&')) {
    dq_iccbba(s, n, u);
  } else {
    u->faults = 1 << DQ_UDI_ISSUER;
    return;
  }
  dq_udi_holds(u, u->carries[DQ_UDI_DI]);
}

/* What is asked of a column, in rows that pass: parts that are texts as one run of bytes and where each row's ends, days
 * as numbers, and whether the row has the part. NULL where a part is not asked for. */
typedef struct {
  int32_t *ends;
  uint8_t *bytes;
  int32_t *days;
  uint8_t *has;
  int32_t used;
} dq_udi_out;
typedef struct {
  dq_column column;
  const dq_ai_table *table;
  int reference;
  dq_udi_out out[DQ_UDI_PARTS];
} dq_udi_call;

static void dq_udi_put(dq_udi_out *o, int part, int64_t i, const dq_udi *u) {
  if (o->has == NULL) return;
  int has = u != NULL && u->carries[part];
  o->has[i] = (uint8_t)has;
  if (o->days) {
    o->days[i] = has ? u->days[part] : 0;
    return;
  }
  if (has) {
    int zeros = part == DQ_UDI_DI ? u->zeros : 0;
    dq_text text = u->texts[part];
    memset(o->bytes + o->used, '0', (size_t)zeros);
    memcpy(o->bytes + o->used + zeros, text.s, (size_t)text.n);
    o->used += (int32_t)(zeros + text.n);
  }
  o->ends[i] = o->used;
}
static void dq_udi_row(dq_udi_call *c, int64_t i, dq_text text, uint8_t *codes) {
  dq_udi u;
  dq_udi_read(c->table, c->reference, text, &u);
  codes[i] = (uint8_t)dq_udi_code(&u);
  for (int part = 1; part < DQ_UDI_PARTS; part++) dq_udi_put(&c->out[part], part, i, codes[i] ? NULL : &u);
}
static void dq_udi_skip(dq_udi_call *c, int64_t i, uint8_t *codes) {
  codes[i] = DQ_SKIP;
  for (int part = 1; part < DQ_UDI_PARTS; part++) dq_udi_put(&c->out[part], part, i, NULL);
}
static void dq_udi_rows(dq_udi_call *c, uint8_t *codes) {
  DQ_EACH_STRING(&c->column, i, t, dq_udi_skip(c, i, codes);, dq_udi_row(c, i, t, codes);)
}

/* As a step, which judges alone: the call's outputs are not asked for. */
static int dq_run_udi(const void *state, int64_t from, int64_t n, uint8_t *codes) {
  dq_udi_call call = *(const dq_udi_call *)state;
  call.column = dq_rows_of(&call.column, from, n);
  dq_udi_rows(&call, codes);
  return 0;
}
#endif
