/* An identifier scheme is data: which bytes it knows, what stands where, which check algorithm with which weights,
 * which values are barred. What no table can express (calendars, dotted components, several issuers in one scheme)
 * stands under a name in identifier_structures.h, as check algorithms do in identifier_checks.h. */
#ifndef DQ_IDENTIFIER_SCHEME_H
#define DQ_IDENTIFIER_SCHEME_H
#include "dq.h"

enum { DQ_ID_MOST = 128, DQ_ID_ROWS = 2 };
enum dq_id_code { DQ_ID_CHARACTER = 1, DQ_ID_LENGTH, DQ_ID_FORMAT, DQ_ID_CHECK, DQ_ID_RESERVED };
enum dq_id_keep { DQ_ID_UNKNOWN = 0, DQ_ID_SEPARATOR = 1 };

enum dq_id_algorithm {
  DQ_NO_CHECK = 0, DQ_LUHN, DQ_VERHOEFF, DQ_WEIGHTED, DQ_MOD37_2, DQ_MOD43, DQ_MOD97_10,
  DQ_KVNR, DQ_NIR, DQ_ISBT128_DIN, DQ_BASIC_UDI_DI
};
enum dq_id_structure {
  DQ_NO_STRUCTURE = 0, DQ_DOTTED, DQ_URN_OID, DQ_NOT_PALINDROME, DQ_CPR_DATE, DQ_FODSELSNUMMER_DATE,
  DQ_PERSONNUMMER_DATE, DQ_HIBC_FORM, DQ_ISBT128_FORM, DQ_BASIC_UDI_DI_FORM
};

/* One listed value, or many: `ranged` texts of n bytes from low to high in byte order, else texts whose every byte lies
 * between low's and high's at its place (a wildcard is 0 to 255). `open`: anything may follow the n bytes. */
typedef struct {
  uint8_t low[DQ_ID_MOST];
  uint8_t high[DQ_ID_MOST];
  uint8_t n;
  uint8_t ranged;
  uint8_t open;
} dq_id_listed;

typedef struct {
  const dq_id_listed *items;
  int64_t n;
} dq_id_list;

typedef struct {
  uint8_t keep[256];       /* a dq_id_keep, or the byte that this byte is folded to */
  uint32_t classes[256];   /* bit k: the byte belongs to character class k */
  uint8_t lengths[DQ_ID_MOST + 1]; /* 1 where the canonical text may be that long */
  uint8_t shaped;          /* 0: the caller judges the format */
  uint8_t before[DQ_ID_MOST], after[DQ_ID_MOST]; /* classes of the places around the repeated one */
  int32_t n_before, n_after, repeated;
  int32_t structure, algorithm;
  int32_t over;            /* the check reads the first (negative: the last) so many digits; 0: all */
  int32_t pad;             /* canonical text is filled with zeros on the left to so many bytes */
  uint8_t constants;       /* 1: a value that repeats one character is reserved */
  uint8_t nul_pad;         /* 1: one trailing NUL is padding */
  uint8_t prefix[16];      /* digits that the check reads before the value's own */
  int32_t n_prefix;
  int32_t weights[DQ_ID_ROWS][DQ_ID_MOST];
  int32_t n_weights[DQ_ID_ROWS];
  int32_t n_rows, modulus;
  uint8_t from_right;      /* 1: weights count from the right, the check digit first */
  uint8_t ten_is_zero;     /* 1: where the check digit would be 10 it is written 0 */
  dq_id_list impossible, accepted, reserved;
} dq_id_scheme;
#endif
