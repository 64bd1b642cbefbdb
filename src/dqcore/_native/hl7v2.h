/* HL7 v2 messages: found in a stream of bytes, checked, and their OBX segments made rows.
 *
 * dq_hl7_next walks the stream until something is for the caller to do (an event). A message is looked at as a whole:
 * nothing of it becomes a row before all of it has been found sound. So the caller keeps a message's bytes together. */
#ifndef DQ_HL7V2_H
#define DQ_HL7V2_H
#include "messages.h"

enum dq_hl7_event {
  DQ_HL7_MORE = 0, /* the next bytes are needed, or there are no more */
  DQ_HL7_FULL,     /* the table is to be taken */
  DQ_HL7_FAULT,
  DQ_HL7_EMPTY,    /* a message without an OBX; text is its MSH-9 */
  DQ_HL7_CHARSET,  /* a message whose character set (text: its MSH-18) the caller must see to */
  DQ_HL7_MEMORY
};

enum dq_hl7_reason {
  DQ_HL7_NO_HEADER = 1, DQ_HL7_SEPARATORS, DQ_HL7_NO_TYPE, DQ_HL7_SEGMENT_NAME, DQ_HL7_LINE_ENDS, DQ_HL7_NOT_TEXT,
  DQ_HL7_TRUNCATED, DQ_HL7_UNENDED, DQ_HL7_TOO_LONG, DQ_HL7_BATCH_COUNT, DQ_HL7_BATCH_OPEN, DQ_HL7_FILE_COUNT,
  DQ_HL7_FILE_OPEN
};

enum dq_hl7_kind {
  DQ_MSH = 0, DQ_PID, DQ_PV1, DQ_ORC, DQ_OBR, DQ_SPM, DQ_OBX, DQ_PRT, DQ_MDS, DQ_PATIENT,
  DQ_OTHER_SEGMENT
};

typedef struct {
  /* What is wanted. */
  dq_paths paths;
  dq_text source;
  dq_text authority, id_type;  /* of the PID-3 that is taken; NULL: of any */
  int64_t longest;             /* bytes of a message */
  int64_t most_bytes;          /* bytes of the rows that one message may make */
  int64_t full_bytes, most_rows; /* with so many a table is taken */
  int utf8_unless_said;        /* a message that names no character set is UTF-8 */
  int wide;                    /* the stream was UTF-16 or UTF-32 */
  int unended_is;              /* of a last segment without its end: 0 a fault where it can be told, 1 one always, -1 none */
  /* Where the stream is. */
  int framed, skipping, within;
  int in_batch, in_file;
  int64_t batch_messages, loose_messages, batches;
  int64_t messages, refused;
  dq_place *place;
  int64_t places, place_room;
  int unended, to_the_end;
  int64_t odd_break;
  /* The event. */
  int reason;
  int64_t position, ordinal, said, found;
  uint8_t segment[3];
  int32_t field;
  int64_t from, to; /* of the message, in the bytes at hand */
  dq_text text;
  /* Of the message at hand. */
  dq_context x;
  int obx_in_order, specimen_first, order_is_fresh;
  int64_t pending; /* position of the OBX whose row is not yet there; -1 */
} dq_hl7;

#define DQ_NAME(A, B, C) ((uint32_t)(A) << 16 | (uint32_t)(B) << 8 | (uint32_t)(C))
DQ_INLINE uint32_t dq_name(const uint8_t *s) { return DQ_NAME(s[0], s[1], s[2]); }

DQ_INLINE int dq_is_upper(uint8_t c) { return c >= 'A' && c <= 'Z'; }
DQ_INLINE int dq_is_digit(uint8_t c) { return c >= '0' && c <= '9'; }
DQ_INLINE int dq_is_word(uint8_t c) { return dq_is_upper(c) || dq_is_digit(c) || (c >= 'a' && c <= 'z') || c >= 0x80; }

/* 1: a message, a batch or a file begins or ends at s; 0: it does not; -1: more bytes are needed to tell. */
static int dq_hl7_is_header(const uint8_t *s, int64_t n, int final) {
  if (n > 0 && s[0] == 0x0B) return 1;
  if (n < 4 && !final) {
    for (int64_t i = 0; i < n; i++)
      if (!dq_is_upper(s[i])) return 0;
    return -1;
  }
  if (n < 3 || (n > 3 && dq_is_word(s[3]))) return 0;
  switch (dq_name(s)) {
    case DQ_NAME('M', 'S', 'H'): case DQ_NAME('F', 'H', 'S'): case DQ_NAME('B', 'H', 'S'):
    case DQ_NAME('B', 'T', 'S'): case DQ_NAME('F', 'T', 'S'): return 1;
    default: return 0;
  }
}

static int32_t dq_hl7_kind_of(const uint8_t *s, int64_t n) {
  if (n < 3) return DQ_OTHER_SEGMENT;
  switch (dq_name(s)) {
    case DQ_NAME('M', 'S', 'H'): return DQ_MSH;
    case DQ_NAME('P', 'I', 'D'): return DQ_PID;
    case DQ_NAME('P', 'V', '1'): return DQ_PV1;
    case DQ_NAME('O', 'R', 'C'): return DQ_ORC;
    case DQ_NAME('O', 'B', 'R'): return DQ_OBR;
    case DQ_NAME('S', 'P', 'M'): return DQ_SPM;
    case DQ_NAME('O', 'B', 'X'): return DQ_OBX;
    case DQ_NAME('P', 'R', 'T'): return DQ_PRT;
    default: return DQ_OTHER_SEGMENT;
  }
}

static int dq_hl7_fault(dq_hl7 *p, int reason, int64_t position, const uint8_t *name, int32_t field) {
  p->reason = reason;
  p->position = position;
  p->field = field;
  memset(p->segment, 0, 3);
  if (name != NULL) memcpy(p->segment, name, 3);
  return DQ_HL7_FAULT;
}

static int dq_hl7_place(dq_hl7 *p, const uint8_t *s, int64_t from, int64_t n) {
  if (p->places == p->place_room) {
    int64_t room = p->place_room ? p->place_room * 2 : 256;
    dq_place *more = (dq_place *)realloc(p->place, (size_t)room * sizeof *more);
    if (more == NULL) return -1;
    p->place = more;
    p->place_room = room;
  }
  dq_place one = {from, (int32_t)n, dq_hl7_kind_of(s + from, n)};
  p->place[p->places++] = one;
  return 0;
}

/* The segments of the message at s[from] into p->place; gives where it ends, or -1 where that is not known yet, or -2
 * where there is no memory. */
static int64_t dq_hl7_scan(dq_hl7 *p, const uint8_t *s, int64_t from, int64_t n, int final) {
  int style = 0, odd = 0; /* 1: CR, 2: LF, 3: CRLF */
  int64_t i = from, odd_at = 0;
  p->places = 0;
  p->unended = p->to_the_end = 0;
  p->odd_break = -1;
  for (;;) {
    int64_t e = dq_find_break(s, i, n);
    if (e == n && !final) return -1;
    if (e > i) {
      if (odd && p->odd_break < 0) p->odd_break = odd_at;
      if (e - from > p->longest) return e;
      if (dq_hl7_place(p, s, i, e - i)) return -2;
    }
    if (e == n) {
      p->unended = e > i;
      p->to_the_end = 1;
      return n;
    }
    if (s[e] == 0x1C) {
      p->framed = 0;
      return e + 1;
    }
    if (s[e] == '\r' && e + 1 == n && !final) return -1;
    int ends = s[e] == '\n' ? 2 : e + 1 < n && s[e + 1] == '\n' ? 3 : 1;
    if (e > i) {
      if (style == 0) style = ends;
      else if (style != ends && !odd) {
        odd = 1;
        odd_at = e;
      }
    }
    i = e + (ends == 3 ? 2 : 1);
    if (i >= n) {
      if (!final) return -1;
      p->to_the_end = 1;
      return n;
    }
    int header = dq_hl7_is_header(s + i, n - i, final);
    if (header) return header < 0 ? -1 : i;
  }
}

/* MSH-1 and MSH-2: what parts the message. 0 where they cannot be. */
static int dq_hl7_marks(const uint8_t *s, int64_t n, dq_marks *m) {
  uint8_t *each[5] = {&m->component, &m->repetition, &m->escape, &m->subcomponent, &m->truncation};
  memset(m, 0, sizeof *m);
  if (n < 5) return 0;
  m->field = s[3];
  m->formatted = 1;
  int count = 0;
  for (int64_t i = 3; i < n && (i == 3 || s[i] != m->field); i++) {
    if (s[i] <= 0x20 || s[i] >= 0x7F || dq_is_word(s[i]) || s[i] == '"' || count > 5) return 0;
    for (int64_t k = 3; k < i; k++)
      if (s[k] == s[i]) return 0;
    if (i > 3) *each[count - 1] = s[i];
    count++;
  }
  return count > 1;
}

/* A name is three characters, a letter first, and ends where the fields begin. */
static int dq_hl7_is_named(const uint8_t *s, int64_t n, uint8_t mark) {
  if (n < 3 || !dq_is_upper(s[0])) return 0;
  for (int i = 1; i < 3; i++)
    if (!dq_is_upper(s[i]) && !dq_is_digit(s[i])) return 0;
  return n == 3 || s[3] == mark;
}

DQ_INLINE int dq_is_text(dq_text t, const char *text) {
  size_t n = strlen(text);
  return t.n == (int64_t)n && memcmp(t.s, text, n) == 0;
}
DQ_INLINE int dq_same(dq_text a, dq_text b) { return a.n == b.n && (a.n == 0 || memcmp(a.s, b.s, (size_t)a.n) == 0); }

/* A segment of which field 3 alone is there: the repetition of PID-3 that is of the wanted authority (PID-3.4, by its name
 * or its universal id) and type (PID-3.5), or all of PID-3 where none is wanted. */
static void dq_hl7_choose(dq_hl7 *p) {
  dq_segment *out = &p->x.slot[DQ_PATIENT];
  const dq_marks *m = &p->x.marks;
  dq_text all = dq_field(&p->x.slot[DQ_PID], 3), chosen = all;
  out->count = 0;
  if (all.s == NULL) return;
  if (p->authority.s != NULL || p->id_type.s != NULL) {
    chosen.s = NULL;
    for (int64_t i = 0; i <= all.n && chosen.s == NULL;) {
      dq_text rest = {all.s + i, all.n - i};
      dq_text one = dq_part(rest, m->repetition, 1), by = dq_part(one, m->component, 4);
      int is_type = p->id_type.s == NULL || dq_same(dq_part(one, m->component, 5), p->id_type);
      int is_by = p->authority.s == NULL || dq_same(dq_part(by, m->subcomponent, 1), p->authority) ||
                  dq_same(dq_part(by, m->subcomponent, 2), p->authority);
      if (is_type && is_by) chosen = one;
      i += one.n + 1;
    }
    if (chosen.s == NULL) return;
  }
  out->s = chosen.s;
  out->count = 4;
  out->at[3] = 0;
  out->at[4] = (int32_t)chosen.n + 1;
}

/* IEEE 11073 containment in OBX-4, <MDS>.<VMD>.<channel>.<metric>: its first number; 2nd: whether all others are 0. */
static dq_text dq_hl7_containment(dq_text t, int *is_system) {
  dq_text none = {NULL, 0}, first = {t.s, 0};
  int dots = 0, zero = 1;
  for (int64_t i = 0; i < t.n; i++) {
    if (t.s[i] == '.') {
      if (i == 0 || t.s[i - 1] == '.') return none;
      if (dots++ == 0) first.n = i;
    } else if (!dq_is_digit(t.s[i])) {
      return none;
    } else if (dots && t.s[i] != '0') {
      zero = 0;
    }
  }
  if (dots < 3 || t.s[t.n - 1] == '.') return none;
  *is_system = zero;
  return first;
}

static dq_text dq_hl7_sub_id(const dq_hl7 *p, int slot) {
  dq_path path = {(uint8_t)slot, 4, 1, 0};
  return dq_at_path(p->x.slot, path, &p->x.marks);
}

static void dq_hl7_emit(dq_hl7 *p, dq_table *t) {
  if (p->pending < 0) return;
  dq_segment *system = &p->x.slot[DQ_MDS];
  int32_t count = system->count;
  if (count) {
    /* The system's own OBX says something of a row only where that lies within it. */
    int is_system;
    dq_text of = dq_hl7_containment(dq_hl7_sub_id(p, DQ_MDS), &is_system);
    dq_text own = dq_hl7_containment(dq_hl7_sub_id(p, DQ_OBX), &is_system);
    if (own.s == NULL || !dq_same(of, own)) system->count = 0;
  }
  dq_row(&p->x, &p->paths, p->source, p->pending, t);
  system->count = count;
  p->pending = -1;
}

/* The first SPM of the order that begins at place k, which follows its OBX. */
static int64_t dq_hl7_specimen(const dq_hl7 *p, int64_t k) {
  for (k++; k < p->places; k++) {
    int32_t kind = p->place[k].kind;
    if (kind == DQ_SPM) return k;
    if (kind == DQ_OBR || kind == DQ_ORC || kind == DQ_PID) break;
  }
  return -1;
}

static void dq_hl7_forget(dq_hl7 *p, int from, int to) {
  for (int k = from; k <= to; k++) p->x.slot[k].count = 0;
}

static void dq_hl7_walk(dq_hl7 *p, const uint8_t *s, const int64_t *starts, int64_t base, dq_table *t) {
  dq_context *x = &p->x;
  p->pending = -1;
  p->order_is_fresh = 0;
  dq_hl7_forget(p, DQ_PID, DQ_PATIENT);
  for (int64_t k = 0; k < p->places && !t->failed; k++) {
    dq_place at = p->place[k];
    if (at.kind == DQ_OTHER_SEGMENT) continue;
    if (at.kind == DQ_PRT) {
      /* The first that names a device; one that follows no OBX is about something else. */
      if (p->pending >= 0 && dq_field(&x->slot[DQ_PRT], 10).n == 0) dq_cut(s + at.from, at.n, x->marks.field, &x->slot[DQ_PRT]);
      continue;
    }
    dq_hl7_emit(p, t);
    if (at.kind != DQ_OBX) x->known = 0;
    switch (at.kind) {
      case DQ_PID: dq_hl7_forget(p, DQ_PV1, DQ_PATIENT); break;
      case DQ_ORC:
        x->slot[DQ_OBR].count = 0;
        if (!p->specimen_first) x->slot[DQ_SPM].count = 0;
        p->order_is_fresh = 1;
        break;
      case DQ_OBR:
        if (!p->order_is_fresh) x->slot[DQ_ORC].count = 0;
        p->order_is_fresh = 0;
        if (!p->specimen_first) {
          int64_t specimen = dq_hl7_specimen(p, k);
          x->slot[DQ_SPM].count = 0;
          if (specimen >= 0)
            dq_cut(s + p->place[specimen].from, p->place[specimen].n, x->marks.field, &x->slot[DQ_SPM]);
        }
        break;
      case DQ_SPM:
        if (p->specimen_first) x->slot[DQ_ORC].count = x->slot[DQ_OBR].count = 0;
        break;
      default: break;
    }
    dq_cut(s + at.from, at.n, x->marks.field, &x->slot[at.kind]);
    if (at.kind == DQ_PID) dq_hl7_choose(p);
    if (at.kind != DQ_OBX) continue;
    x->slot[DQ_PRT].count = 0;
    p->pending = starts != NULL ? starts[k] : base + at.from;
    int is_system = 0;
    if (dq_hl7_containment(dq_hl7_sub_id(p, DQ_OBX), &is_system).s && is_system)
      x->slot[DQ_MDS] = x->slot[DQ_OBX];
  }
  if (!t->failed) dq_hl7_emit(p, t);
}

/* Whether what was sent last, which no end of a segment follows, cannot be the end of this message. */
static int dq_hl7_is_cut(const dq_hl7 *p, const uint8_t *s, int64_t results) {
  dq_place last = p->place[p->places - 1];
  dq_segment cut;
  dq_cut(s + last.from, last.n, p->x.marks.field, &cut);
  if (last.kind == DQ_OBX) return cut.count <= 11; /* OBX-11 is required */
  if (results) return last.kind == DQ_OBR || last.kind == DQ_ORC || last.kind == DQ_PID;
  dq_text type = dq_part(dq_field(&p->x.slot[DQ_MSH], 8), p->x.marks.component, 1);
  return dq_is_text(type, "ORU") || dq_is_text(type, "OUL");
}

/* The message whose segments are in p->place: its rows, or an event. `starts` has where each segment lies in the stream,
 * where these bytes are no longer the stream's own; `sure` says that the character set has been seen to. */
static int dq_hl7_message(dq_hl7 *p, const uint8_t *s, int64_t to, const int64_t *starts, int64_t base, int sure, dq_table *t) {
  dq_context *x = &p->x;
  const uint8_t *msh = s + p->place[0].from;
  int64_t first = p->place[0].from, results = 0;
  int64_t at = starts != NULL ? starts[0] : base + first;
  if (p->odd_break >= 0) return dq_hl7_fault(p, DQ_HL7_LINE_ENDS, base + p->odd_break, NULL, 0);
  int hex_utf8 = x->marks.hex_utf8;
  if (!dq_hl7_marks(msh, p->place[0].n, &x->marks)) return dq_hl7_fault(p, DQ_HL7_SEPARATORS, at, msh, 2);
  x->marks.hex_utf8 = (uint8_t)(sure ? hex_utf8 : 1);
  dq_cut(msh, p->place[0].n, x->marks.field, &x->slot[DQ_MSH]);
  if (!sure) {
    dq_text set = dq_field(&x->slot[DQ_MSH], 17);
    int known = !p->wide && (set.n == 0 ? p->utf8_unless_said : dq_is_text(set, "UNICODE UTF-8") || dq_is_text(set, "UTF-8"));
    if (!known) {
      p->text = set;
      p->position = at;
      return DQ_HL7_CHARSET;
    }
  }
  if (!dq_is_utf8(s + first, to - first)) {
    int64_t bad = 0;
    while (bad < p->places - 1 && dq_is_utf8(s + p->place[bad].from, p->place[bad].n)) bad++;
    dq_place one = p->place[bad];
    int named = dq_hl7_is_named(s + one.from, one.n, x->marks.field);
    return dq_hl7_fault(p, DQ_HL7_NOT_TEXT, starts != NULL ? starts[bad] : base + one.from, named ? s + one.from : NULL, 0);
  }
  int64_t obr = -1, spm = -1;
  for (int64_t k = 0; k < p->places; k++) {
    dq_place *one = &p->place[k];
    if (!dq_hl7_is_named(s + one->from, one->n, x->marks.field)) {
      p->ordinal = k + 1;
      int fault = p->unended && k == p->places - 1 ? DQ_HL7_TRUNCATED : DQ_HL7_SEGMENT_NAME;
      return dq_hl7_fault(p, fault, starts != NULL ? starts[k] : base + one->from, NULL, 0);
    }
    results += one->kind == DQ_OBX;
    if (one->kind == DQ_OBR && obr < 0) obr = k;
    if (one->kind == DQ_SPM && spm < 0) spm = k;
  }
  dq_text type = dq_field(&x->slot[DQ_MSH], 8);
  if (dq_part(dq_part(type, x->marks.repetition, 1), x->marks.component, 1).n == 0) {
    int cut = p->unended && p->places == 1;
    return dq_hl7_fault(p, cut ? DQ_HL7_TRUNCATED : DQ_HL7_NO_TYPE, at, msh, 9);
  }
  dq_place last = p->place[p->places - 1];
  if ((p->unended && (p->framed || (p->unended_is >= 0 && dq_hl7_is_cut(p, s, results)))) || p->framed > 1)
    return dq_hl7_fault(p, DQ_HL7_TRUNCATED, starts != NULL ? starts[p->places - 1] : base + last.from, s + last.from, 0);
  if (p->unended && p->unended_is > 0)
    return dq_hl7_fault(p, DQ_HL7_UNENDED, starts != NULL ? starts[p->places - 1] : base + last.from, s + last.from, 0);
  if (results == 0) {
    p->text = type;
    return DQ_HL7_EMPTY;
  }
  /* A row repeats what its message says once, so a small message can make large rows. */
  int64_t shared = p->source.n + 64, largest[DQ_OBX] = {0};
  for (int64_t k = 0; k < p->places; k++)
    if (p->place[k].kind < DQ_OBX && p->place[k].n > largest[p->place[k].kind]) largest[p->place[k].kind] = p->place[k].n;
  for (int k = 0; k < DQ_OBX; k++) shared += largest[k];
  x->has_escapes = 0;
  if (x->marks.escape)
    x->has_escapes = memchr(msh + 8, x->marks.escape, (size_t)(to - first > 8 ? to - first - 8 : 0)) != NULL;
  if (x->has_escapes) shared *= DQ_MOST_GROWTH;
  if (shared > p->most_bytes / results) return dq_hl7_fault(p, DQ_HL7_TOO_LONG, at, msh, 0);
  x->known = 0;
  p->specimen_first = spm >= 0 && (obr < 0 || spm < obr);
  dq_hl7_walk(p, s, starts, base, t);
  return t->failed ? DQ_HL7_MEMORY : DQ_HL7_MORE;
}

/* The number in the first field of a trailer; -1: none is given; -2: something that is no number. */
static int64_t dq_hl7_count(const uint8_t *s, int64_t n) {
  int64_t count = 0, i = 4;
  if (n <= 4 || s[4] == s[3]) return -1;
  for (; i < n && s[i] != s[3]; i++) {
    if (!dq_is_digit(s[i]) || i > 15) return -2;
    count = count * 10 + s[i] - '0';
  }
  return count;
}

/* A header or trailer of a batch or a file, at s. Gives a fault, or 0. What was left open is a fault of its own: this is
 * called once more for the same segment. */
static int dq_hl7_envelope(dq_hl7 *p, const uint8_t *s, int64_t n, int64_t position) {
  uint32_t name = dq_name(s);
  int opens_file = name == DQ_NAME('F', 'H', 'S'), ends_file = name == DQ_NAME('F', 'T', 'S');
  if (p->in_batch && name != DQ_NAME('B', 'T', 'S')) {
    p->in_batch = 0;
    return dq_hl7_fault(p, DQ_HL7_BATCH_OPEN, position, s, 0);
  }
  if (opens_file && p->in_file) {
    p->in_file = 0;
    return dq_hl7_fault(p, DQ_HL7_FILE_OPEN, position, s, 0);
  }
  int64_t said = dq_hl7_count(s, n), found;
  if (opens_file) {
    p->in_file = 1;
    p->batches = p->loose_messages = 0;
    return 0;
  }
  if (name == DQ_NAME('B', 'H', 'S')) {
    p->batches += 1 + (p->loose_messages > 0);
    p->loose_messages = p->batch_messages = 0;
    p->in_batch = 1;
    return 0;
  }
  if (ends_file) {
    found = p->batches + (p->loose_messages > 0);
    p->batches = p->loose_messages = p->in_file = 0;
  } else {
    found = p->in_batch ? p->batch_messages : p->loose_messages;
    p->batches += !p->in_batch;
    p->batch_messages = p->loose_messages = p->in_batch = 0;
  }
  if (said == -1 || said == found) return 0;
  p->said = said;
  p->found = found;
  return dq_hl7_fault(p, ends_file ? DQ_HL7_FILE_COUNT : DQ_HL7_BATCH_COUNT, position, s, 1);
}

/* Past what belongs to no message, up to the next header. */
static int64_t dq_hl7_skip(dq_hl7 *p, const uint8_t *s, int64_t i, int64_t n, int final) {
  while (i < n) {
    if (!p->within) {
      int header = dq_hl7_is_header(s + i, n - i, final);
      if (header < 0) return i;
      if (header) {
        p->skipping = 0;
        return i;
      }
    }
    int64_t e = dq_find_break(s, i, n);
    p->within = e == n;
    if (e == n) return n;
    if (s[e] == 0x1C) p->framed = 0;
    i = e + 1;
  }
  return i;
}

/* Another stream. */
static void dq_hl7_begin(dq_hl7 *p) {
  p->framed = p->skipping = p->within = p->in_batch = p->in_file = 0;
  p->batch_messages = p->loose_messages = p->batches = 0;
}

DQ_INLINE int dq_is_between(uint8_t c) { return c == '\r' || c == '\n' || c == 0x1C; }

/* From s[*at], whose place in the stream is base + *at, to the next event; *at moves to what has not been dealt with. */
static int dq_hl7_next(dq_hl7 *p, const uint8_t *s, int64_t n, int64_t *at, int64_t base, int final, dq_table *t) {
  int64_t i = *at;
  for (;;) {
    *at = i;
    if (t->rows >= p->most_rows || t->used >= p->full_bytes) return DQ_HL7_FULL;
    if (p->skipping) {
      i = *at = dq_hl7_skip(p, s, i, n, final);
      if (p->skipping && !final) return DQ_HL7_MORE;
      p->skipping = 0;
    }
    while (i < n && dq_is_between(s[i])) {
      if (s[i] == 0x1C) p->framed = 0;
      i++;
    }
    *at = i;
    if (i >= n) {
      if (!final) return DQ_HL7_MORE;
      if (p->in_batch) {
        p->in_batch = 0;
        return dq_hl7_fault(p, DQ_HL7_BATCH_OPEN, base + n, NULL, 0);
      }
      if (p->in_file) {
        p->in_file = 0;
        return dq_hl7_fault(p, DQ_HL7_FILE_OPEN, base + n, NULL, 0);
      }
      return DQ_HL7_MORE;
    }
    if (s[i] == 0x0B) {
      p->framed = 1;
      i++;
      continue;
    }
    int header = dq_hl7_is_header(s + i, n - i, final);
    if (header < 0) return DQ_HL7_MORE;
    if (header == 0) {
      p->skipping = 1;
      p->within = 0;
      *at = i;
      return dq_hl7_fault(p, DQ_HL7_NO_HEADER, base + i, NULL, 0);
    }
    if (dq_name(s + i) != DQ_NAME('M', 'S', 'H')) {
      int64_t e = dq_find_break(s, i, n);
      if (e - i > p->longest) {
        p->skipping = p->within = 1;
        *at = i + 4;
        return dq_hl7_fault(p, DQ_HL7_TOO_LONG, base + i, s + i, 0);
      }
      if (e == n && !final) return DQ_HL7_MORE;
      int event = dq_hl7_envelope(p, s + i, e - i, base + i);
      int again = event && (p->reason == DQ_HL7_BATCH_OPEN || p->reason == DQ_HL7_FILE_OPEN);
      *at = again ? i : e;
      if (event) return event;
      i = e;
      continue;
    }
    int was_framed = p->framed;
    int64_t end = dq_hl7_scan(p, s, i, n, final);
    if (end == -2) return DQ_HL7_MEMORY;
    int too_long = end < 0 ? n - i > p->longest : end - i > p->longest;
    if (end < 0 && !too_long) {
      p->framed = was_framed;
      return DQ_HL7_MORE;
    }
    p->messages++;
    if (p->in_batch) p->batch_messages++;
    else p->loose_messages++;
    if (too_long) {
      p->refused++;
      p->skipping = 1;
      p->within = 1;
      *at = i + 4;
      return dq_hl7_fault(p, DQ_HL7_TOO_LONG, base + i, s + i, 0);
    }
    /* In a frame that another begins in, or that the stream ends in, the message was cut off. */
    if (p->framed && ((end < n && s[end] == 0x0B) || p->to_the_end)) p->framed = 2;
    p->from = i;
    p->to = *at = end;
    int event = dq_hl7_message(p, s, end, NULL, base, 0, t);
    if (event != DQ_HL7_CHARSET && p->framed > 1) p->framed = 0;
    if (event == DQ_HL7_FAULT) p->refused++;
    if (event != DQ_HL7_MORE) return event;
    i = end;
  }
}

/* The message that a DQ_HL7_CHARSET was about, as UTF-8; `starts` has the place of each of its segments in the stream. */
static int dq_hl7_decoded(dq_hl7 *p, const uint8_t *s, int64_t n, const int64_t *starts, int64_t segments, int64_t base,
                          dq_table *t) {
  int framed = p->framed, unended = p->unended, to_the_end = p->to_the_end;
  int64_t odd = p->odd_break;
  int64_t longest = p->longest;
  p->longest = INT64_MAX;
  int64_t end = dq_hl7_scan(p, s, 0, n, 1);
  p->longest = longest;
  if (end == -2) return DQ_HL7_MEMORY;
  if (starts != NULL && (p->places != segments || end != n)) {
    p->refused++;
    return dq_hl7_fault(p, DQ_HL7_NOT_TEXT, starts[0], NULL, 0);
  }
  p->framed = framed;
  p->unended = unended;
  p->to_the_end = to_the_end;
  p->odd_break = odd;
  int event = dq_hl7_message(p, s, end, starts, base, 1, t);
  if (p->framed > 1) p->framed = 0;
  if (event == DQ_HL7_FAULT) p->refused++;
  return event;
}
#endif
