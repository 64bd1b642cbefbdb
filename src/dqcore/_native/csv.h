/* The shape of a CSV text: how many records and fields it has, and the first place where it is no CSV.
 *
 * RFC 4180 with any delimiter and any line end (CR, LF, CRLF). A quote inside a field that does not begin with one is
 * an ordinary character. Lines that are empty are no records, but in a text of one column, where they are a record of
 * one empty field. Whoever parses the text afterwards must find the same number of records.
 *
 * A text may come in parts: then what is no whole record at the end of one is left for the next, and so is a record whose
 * line end may be longer than what is there of it. */
#ifndef DQ_CSV_H
#define DQ_CSV_H
#include "dq.h"

enum { DQ_CSV_WHOLE = 0, DQ_CSV_RAGGED, DQ_CSV_UNCLOSED, DQ_CSV_AFTER_QUOTE, DQ_CSV_NUL };

typedef struct {
  int64_t header_from, header_to; /* the bytes of the header, its line end included */
  int64_t fields;                 /* of the header */
  int64_t stop, stop_line;        /* behind the last record, and the line there, counted from 1 */
  int64_t records;                /* after the header */
  int64_t longest;                /* bytes of the longest record, the header left out */
  int64_t line, found;            /* of a fault: its line, counted from 1, and how many fields stand there */
  int fault;
} dq_csv;

/* `fields` is 0 where the header is yet to come; `line` is the one at which `s` begins; `last` says that nothing follows. */
static void dq_csv_shape(const uint8_t *s, int64_t n, uint8_t delimiter, int64_t fields, int64_t line, int last,
                         dq_csv *out) {
  enum { AT_START, PLAIN, QUOTED, CLOSED } state = AT_START;
  int64_t from = 0, from_line = line, quote_line = line, delimiters = 0;
  int64_t i = 0;
  /* Where the bytes of a field that is plain, and of one in quotes, may end it or a line. */
  uint8_t plain_ends[256] = {0}, quoted_ends[256] = {0};
  plain_ends[0] = plain_ends['\n'] = plain_ends['\r'] = plain_ends[delimiter] = 1;
  quoted_ends[0] = quoted_ends['\n'] = quoted_ends['\r'] = quoted_ends['"'] = 1;
  memset(out, 0, sizeof *out);
  out->fields = fields;
  for (;;) {
    int at_end = i >= n;
    out->stop = from;
    out->stop_line = from_line;
    if (at_end && !last) return;
    uint8_t c = at_end ? '\n' : s[i];
    if (at_end && state == QUOTED) {
      out->fault = DQ_CSV_UNCLOSED;
      out->line = quote_line;
      return;
    }
    if (at_end && i == from) return;
    if (c == 0) {
      out->fault = DQ_CSV_NUL;
      out->line = line;
      return;
    }
    i++;
    if (state == QUOTED) {
      if (c == '"') state = CLOSED;
      else if (c == '\n' || (c == '\r' && (i >= n || s[i] != '\n'))) line++;
    } else if (c == '\n' || c == '\r') {
      int64_t stop = at_end ? n : i - 1;
      if (c == '\r' && i >= n && !last) return;
      if (c == '\r' && i < n && s[i] == '\n') i++;
      if (at_end) i = n;
      if (out->fields == 0) {
        if (stop > from) {
          out->fields = delimiters + 1;
          out->header_from = from;
          out->header_to = i;
        }
      } else if (stop > from || out->fields == 1) {
        if (delimiters + 1 != out->fields) {
          out->fault = DQ_CSV_RAGGED;
          out->line = from_line;
          out->found = delimiters + 1;
          return;
        }
        out->records++;
        if (i - from > out->longest) out->longest = i - from;
      }
      line++;
      from = i;
      from_line = line;
      delimiters = 0;
      state = AT_START;
    } else if (c == delimiter) {
      delimiters++;
      state = AT_START;
    } else if (c == '"' && state != PLAIN) {
      /* The first quote opens, and a quote after the closing one is a quote within. */
      if (state == AT_START) quote_line = line;
      state = QUOTED;
      while (i < n && !quoted_ends[s[i]]) i++;
    } else if (state == CLOSED) {
      out->fault = DQ_CSV_AFTER_QUOTE;
      out->line = line;
      return;
    } else {
      state = PLAIN;
      while (i < n && !plain_ends[s[i]]) i++;
    }
  }
}
#endif
