/* Identifiers judged one by one: separators out, then characters, length, format, check digit, reserved values.
 *
 * A scheme is data (dq_id_scheme): which bytes it knows, what stands where, which check algorithm with which weights,
 * which values are barred. The functions that no table can express (calendars, dotted components, several issuers in
 * one scheme) stand here under a name, as check algorithms do. All work on canonical text: ASCII unless the scheme
 * itself lets other bytes through, case folded, at most DQ_ID_MOST bytes. */
#ifndef DQ_IDENTIFIERS_H
#define DQ_IDENTIFIERS_H
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

/* Values of characters in check algorithms; -1 for those an algorithm does not count. */
DQ_INLINE int dq_digit(uint8_t c) { return c >= '0' && c <= '9' ? c - '0' : -1; }
DQ_INLINE int dq_alnum(uint8_t c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 10 : dq_digit(c); }
DQ_INLINE int dq_code39(uint8_t c) {
  static const char more[] = "-. $/+%";
  int value = dq_alnum(c);
  if (value >= 0) return value;
  const char *at = c ? strchr(more, c) : NULL;
  return at ? 36 + (int)(at - more) : -1;
}
/* GS1 General Specifications, figure 7.11-1: the 82 characters of AI data, by rank. */
DQ_INLINE int dq_cset82(uint8_t c) {
  static const char set[] = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
  const char *at = c ? strchr(set, c) : NULL;
  return at ? (int)(at - set) : -1;
}

/* ---- check algorithms: 1 if the check holds ---- */

/* ISO/IEC 7812-1 annex B over digit values. */
static int dq_luhn(const uint8_t *d, int64_t n) {
  int sum = 0;
  for (int64_t i = 0; i < n; i++) {
    int v = d[n - 1 - i];
    if (i & 1) v = v < 5 ? 2 * v : 2 * v - 9;
    sum += v;
  }
  return sum % 10 == 0;
}

/* J. Verhoeff, Error Detecting Decimal Codes (1969): products in the dihedral group of the pentagon. */
static int dq_verhoeff(const uint8_t *d, int64_t n) {
  static const uint8_t permuted[8][10] = {
      {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 5, 7, 6, 2, 8, 3, 0, 9, 4}, {5, 8, 0, 3, 7, 9, 6, 1, 4, 2},
      {8, 9, 1, 6, 0, 4, 3, 5, 2, 7}, {9, 4, 5, 3, 1, 2, 6, 8, 7, 0}, {4, 2, 8, 6, 5, 7, 3, 9, 0, 1},
      {2, 7, 9, 3, 8, 0, 6, 4, 1, 5}, {7, 0, 4, 6, 9, 1, 3, 2, 5, 8}};
  int c = 0;
  for (int64_t i = 0; i < n; i++) {
    int p = permuted[i & 7][d[n - 1 - i]];
    /* Elements 0-4 turn the pentagon, 5-9 turn it over. */
    if (c < 5) c = p < 5 ? (c + p) % 5 : 5 + (c + p - 5) % 5;
    else c = p < 5 ? 5 + (c - 5 - p + 5) % 5 : (c - p + 5) % 5;
  }
  return c == 0;
}

/* The weighted sum of all digits, the check digit's weight among them, is 0 modulo `modulus`; for every row. */
static int dq_weighted(const dq_id_scheme *p, const uint8_t *d, int64_t n) {
  for (int32_t r = 0; r < p->n_rows; r++) {
    int64_t k = p->from_right ? n : p->n_weights[r], sum = 0;
    if (k < 2 || k > n || (r == p->n_rows - 1 && k != n)) return 0;
    for (int64_t i = 0; i + 1 < k; i++)
      sum += (int64_t)d[i] * p->weights[r][p->from_right ? (n - 1 - i) % p->n_weights[r] : i];
    int64_t check = d[k - 1], weight = p->weights[r][p->from_right ? 0 : k - 1];
    if (p->ten_is_zero) {
      int64_t wanted = ((-sum) % p->modulus + p->modulus) % p->modulus;
      if ((wanted == 10 ? 0 : wanted) != check) return 0;
    } else if ((sum + check * weight) % p->modulus != 0) {
      return 0;
    }
  }
  return p->n_rows > 0;
}

/* ISO/IEC 7064 MOD 37-2: letters and digits; `*` is 36, in the last place only. What is neither is not counted. */
static int dq_mod37_2(const uint8_t *s, int64_t n) {
  int sum = 0, counted = 0;
  for (int64_t i = 0; i < n; i++) {
    int v = s[i] == '*' && i == n - 1 ? 36 : dq_alnum(s[i]);
    if (v < 0) continue;
    sum = (2 * sum + v) % 37;
    counted++;
  }
  return counted > 1 && sum == 1;
}

/* ANSI/HIBC 2.6, appendix B: the sum of all characters but the last, modulo 43, is the last. */
static int dq_mod43(const uint8_t *s, int64_t n) {
  int sum = 0, counted = 0;
  for (int64_t i = 0; i + 1 < n; i++) {
    int v = dq_code39(s[i]);
    if (v < 0) continue;
    sum += v;
    counted++;
  }
  return counted > 0 && sum % 43 == dq_code39(s[n - 1]);
}

/* ISO/IEC 7064 MOD 97-10; a letter counts as the two digits 10 (A) to 35 (Z), as in ISO 13616 and ISO 17442. */
static int dq_mod97_10(const uint8_t *s, int64_t n) {
  int sum = 0, counted = 0;
  for (int64_t i = 0; i < n; i++) {
    int v = dq_alnum(s[i]);
    if (v < 0) continue;
    sum = (sum * (v < 10 ? 10 : 100) + v) % 97;
    counted++;
  }
  return counted > 2 && sum == 1;
}

/* The letter as two digits (A 01 to Z 26), then eight; weights 1, 2, 1, 2...; the sum of all products' digits. */
static int dq_kvnr(const uint8_t *s, int64_t n) {
  if (n != 10) return 0;
  int letter = s[0] - 'A' + 1, sum = 0;
  for (int i = 0; i < 10; i++) {
    int v = i == 0 ? letter / 10 : i == 1 ? letter % 10 : s[i - 1] - '0';
    if (i & 1) v = v < 5 ? 2 * v : 2 * v - 9;
    sum += v;
  }
  return sum % 10 == s[9] - '0';
}

/* The key is 97 less the remainder of the thirteen digits; in Corsica the department 2A counts as 19, 2B as 18. */
static int dq_nir(const uint8_t *s, int64_t n) {
  if (n != 15) return 0;
  int64_t number = 0;
  for (int i = 0; i < 13; i++) number = number * 10 + (i == 6 && s[i] > '9' ? (s[i] == 'A' ? 9 : 8) : s[i] - '0');
  if (s[6] > '9') number -= 10000000; /* the 2 before the letter counts as 1: place 10^7 */
  return 97 - number % 97 == (s[13] - '0') * 10 + s[14] - '0';
}

/* ISO/IEC 7064 MOD 37-2 of the text, as the value of its check character. */
DQ_INLINE int dq_mod37_2_value(const uint8_t *s, int64_t n) {
  int sum = 0;
  for (int64_t i = 0; i < n; i++) sum = (sum + dq_alnum(s[i])) * 2 % 37;
  return (38 - sum) % 37;
}

/* 13 characters alone; or with the keyboard check character; or with two flag characters, of which 60 to 96 are the
 * check value plus 60 (type 3) and lesser ones say something else. */
static int dq_isbt128_din(const uint8_t *s, int64_t n) {
  if (n < 13) return 0;
  int check = dq_mod37_2_value(s, 13);
  if (n == 14) return check == (s[13] == '*' ? 36 : dq_alnum(s[13]));
  if (n != 15) return n == 13;
  int flags = (s[13] - '0') * 10 + s[14] - '0';
  return flags < 60 || flags == 60 + check;
}

/* GS1 General Specifications 7.9.5 (check character pairs, modulo 1021); HIBCC uses the same. */
static int dq_check_pair(const uint8_t *s, int64_t n) {
  static const uint8_t primes[23] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83};
  static const char pairs[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
  int sum = 0;
  if (n < 3 || n > 25) return 0;
  for (int64_t i = 0; i < n - 2; i++) {
    int v = dq_cset82(s[n - 3 - i]);
    if (v < 0) return 0;
    sum += primes[i] * v;
  }
  sum %= 1021;
  return s[n - 2] == (uint8_t)pairs[sum / 32] && s[n - 1] == (uint8_t)pairs[sum % 32];
}

enum dq_issuer { DQ_NO_ISSUER = 0, DQ_HIBCC, DQ_IFA, DQ_GS1, DQ_ICCBBA };
DQ_INLINE int dq_issuer_of(const uint8_t *s, int64_t n) {
  if (n > 8 && s[0] == '+' && s[1] == '+') return DQ_HIBCC;
  if (n > 9 && s[0] == 'P' && s[1] == 'P') return DQ_IFA;
  if (n > 6 && dq_digit(s[0]) >= 0) return DQ_GS1;
  return n == 18 ? DQ_ICCBBA : DQ_NO_ISSUER;
}

static int dq_basic_udi_di(const uint8_t *s, int64_t n) {
  if (n < 3) return 0;
  int last = (s[n - 2] - '0') * 10 + s[n - 1] - '0', sum = 0;
  switch (dq_issuer_of(s, n)) {
    case DQ_ICCBBA: return last == dq_mod37_2_value(s, 16);
    case DQ_IFA: /* as a PPN: byte values weighted 2, 3, 4... from the left, modulo 97 */
      for (int64_t i = 0; i < n - 2; i++) sum += (int)(i + 2) * s[i];
      return last == sum % 97;
    default: return dq_check_pair(s, n);
  }
}

/* ---- structures: 1 if the text has the form ---- */

/* Numbers joined by dots, none with a leading zero. */
static int dq_dotted(const uint8_t *s, int64_t n) {
  int64_t start = 0;
  for (int64_t i = 0; i <= n; i++) {
    if (i < n && s[i] != '.') continue;
    if (i == start || (s[start] == '0' && i - start > 1)) return 0;
    start = i + 1;
  }
  return 1;
}

static int dq_not_palindrome(const uint8_t *s, int64_t n) {
  for (int64_t i = 0; i < n / 2; i++)
    if (s[i] != s[n - 1 - i]) return 1;
  return 0;
}

DQ_INLINE int dq_two(const uint8_t *s) { return (s[0] - '0') * 10 + s[1] - '0'; }
DQ_INLINE int dq_is_date(int year, int month, int day) {
  static const uint8_t days[13] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month < 1 || month > 12 || day < 1 || day > days[month]) return 0;
  return month != 2 || day < 29 || (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

/* DDMMYYSSSS: the seventh digit and the year tell the century (CPR-kontoret, Personnummeret i CPR). */
static int dq_cpr_date(const uint8_t *s) {
  int year = dq_two(s + 4), seventh = s[6] - '0', century;
  if (seventh < 4) century = 1900;
  else if (seventh == 4 || seventh == 9) century = year < 37 ? 2000 : 1900;
  else century = year < 58 ? 2000 : 1800;
  return dq_is_date(century + year, dq_two(s + 2), dq_two(s));
}

/* DDMMYYIIIKK: day + 40 in a D number, month + 40 in an H number, month + 80 in synthetic ones; the individual digits
 * tell the century (Skatteetaten). */
static int dq_fodselsnummer_date(const uint8_t *s) {
  int day = dq_two(s), month = dq_two(s + 2), year = dq_two(s + 4), individual = dq_two(s + 6) * 10 + s[8] - '0', century;
  if (day > 40) day -= 40;
  if (month > 80) month -= 80;
  else if (month > 40) month -= 40;
  if (individual < 500) century = 1900;
  else if (individual < 750 && year >= 54) century = 1800;
  else if (year < 40) century = 2000;
  else if (individual >= 900) century = 1900;
  else return 0;
  return dq_is_date(century + year, month, day);
}

/* [YY]YYMMDD[+]NNNN; day + 60 in a coordination number. Without a century 29 February is held against one in which
 * the year is a leap year, for the sign alone does not tell it. */
static int dq_personnummer_date(const uint8_t *s, int64_t n) {
  int64_t dates = n == 10 || n == 11 ? 6 : 8;
  for (int64_t i = 0; i < n; i++)
    if ((s[i] == '+') != (i == dates && (n == 11 || n == 13))) return 0;
  const uint8_t *date = s + dates - 6;
  int year = dq_two(date) + (dates == 8 ? dq_two(s) * 100 : 2000), day = dq_two(date + 4);
  return dq_is_date(year, dq_two(date + 2), day > 60 ? day - 60 : day);
}

static int dq_all_alnum(const uint8_t *s, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (dq_alnum(s[i]) < 0) return 0;
  return 1;
}
static int dq_all_digits(const uint8_t *s, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (dq_digit(s[i]) < 0) return 0;
  return 1;
}
DQ_INLINE int dq_is_lic(const uint8_t *s) { return s[0] >= 'A' && s[0] <= 'Z' && dq_all_alnum(s + 1, 3); }

/* Primary data (labeler, product, unit of measure), alone or followed by sections after `/`; or secondary data alone,
 * which begins with `$` or a five-digit date and ends in a link character. The last byte is the check character. */
static int dq_hibc_form(const uint8_t *s, int64_t n) {
  const uint8_t *body = s + 1;
  int64_t rest = n - 2, primary = 0;
  if (s[0] != '+' || rest < 2) return 0;
  if (body[0] == '$') return 1;
  if (dq_digit(body[0]) >= 0) return rest >= 6 && dq_all_digits(body, 5);
  while (primary < rest && body[primary] != '/') primary++;
  if (primary < 6 || primary > 23 || !dq_is_lic(body)) return 0;
  if (!dq_all_alnum(body + 4, primary - 4) || dq_digit(body[primary - 1]) < 0) return 0;
  for (int64_t i = primary; i < rest; i++) /* no section is empty */
    if (body[i] == '/' && (i + 1 == rest || body[i + 1] == '/')) return 0;
  return 1;
}

static int dq_isbt128_form(const uint8_t *s, int64_t n) { return n < 15 || dq_all_digits(s + 13, 2); }

static int dq_basic_udi_di_form(const uint8_t *s, int64_t n) {
  switch (dq_issuer_of(s, n)) {
    case DQ_HIBCC: return dq_is_lic(s + 2) && dq_all_alnum(s + 6, n - 6);
    case DQ_IFA:
      for (int64_t i = 7; i < n - 2; i++)
        if (s[i] != '.' && dq_alnum(s[i]) < 0) return 0;
      return dq_all_digits(s + 2, 5) && dq_all_digits(s + n - 2, 2);
    case DQ_GS1: return dq_all_digits(s, 4) && dq_all_alnum(s + n - 2, 2);
    case DQ_ICCBBA: return dq_alnum(s[0]) >= 10 && dq_all_alnum(s + 1, 15) && dq_all_digits(s + 16, 2);
    default: return 0;
  }
}

/* ---- one value ---- */

/* Writes the canonical text and gives its length (which may exceed what was written: DQ_ID_MOST), -1 for a character
 * that the scheme does not know. */
DQ_INLINE int64_t dq_id_canonical(const dq_id_scheme *p, dq_text t, uint8_t *out) {
  int64_t n = 0, end = t.n;
  if (p->nul_pad && end > 0 && t.s[end - 1] == 0) end--;
  for (int64_t i = 0; i < end; i++) {
    uint8_t kept = p->keep[t.s[i]];
    if (kept == DQ_ID_UNKNOWN) return -1;
    if (kept == DQ_ID_SEPARATOR) continue;
    if (n < DQ_ID_MOST) out[n] = kept;
    n++;
  }
  return n;
}

DQ_INLINE int dq_id_shaped(const dq_id_scheme *p, const uint8_t *s, int64_t n) {
  uint32_t seen = 1;
  int64_t tail = n - p->n_after;
  for (int64_t i = 0; i < p->n_before; i++) seen &= p->classes[s[i]] >> p->before[i];
  for (int64_t i = p->n_before; i < tail; i++) seen &= p->classes[s[i]] >> p->repeated;
  for (int64_t i = tail; i < n; i++) seen &= p->classes[s[i]] >> p->after[i - tail];
  return (int)(seen & 1);
}

static int dq_id_structured(int32_t structure, const uint8_t *s, int64_t n) {
  switch (structure) {
    case DQ_DOTTED: return dq_dotted(s, n);
    case DQ_URN_OID: return n > 10 && s[9] == '.' && dq_dotted(s + 8, n - 8);
    case DQ_NOT_PALINDROME: return dq_not_palindrome(s, n);
    case DQ_CPR_DATE: return n == 10 && dq_cpr_date(s);
    case DQ_FODSELSNUMMER_DATE: return n == 11 && dq_fodselsnummer_date(s);
    case DQ_PERSONNUMMER_DATE: return n >= 10 && n <= 13 && dq_personnummer_date(s, n);
    case DQ_HIBC_FORM: return dq_hibc_form(s, n);
    case DQ_ISBT128_FORM: return n >= 13 && dq_isbt128_form(s, n);
    case DQ_BASIC_UDI_DI_FORM: return dq_basic_udi_di_form(s, n);
    default: return 1;
  }
}

/* The digits that a check reads: the prefix, then the value's own, everything else left out. In a weighted check an X
 * in the last place is ten. */
static int64_t dq_id_digits(const dq_id_scheme *p, const uint8_t *s, int64_t n, uint8_t *d) {
  int64_t k = 0;
  for (int64_t i = 0; i < p->n_prefix; i++) d[k++] = (uint8_t)(p->prefix[i] - '0');
  for (int64_t i = 0; i < n; i++) {
    int v = p->algorithm == DQ_WEIGHTED && i == n - 1 && s[i] == 'X' ? 10 : dq_digit(s[i]);
    if (v >= 0) d[k++] = (uint8_t)v;
  }
  return k;
}

static int dq_id_checked(const dq_id_scheme *p, const uint8_t *s, int64_t n) {
  uint8_t digits[DQ_ID_MOST + 16], *d = digits;
  switch (p->algorithm) {
    case DQ_NO_CHECK: return 1;
    case DQ_MOD37_2: return dq_mod37_2(s, n);
    case DQ_MOD43: return dq_mod43(s, n);
    case DQ_MOD97_10: return dq_mod97_10(s, n);
    case DQ_KVNR: return dq_kvnr(s, n);
    case DQ_NIR: return dq_nir(s, n);
    case DQ_ISBT128_DIN: return dq_isbt128_din(s, n);
    case DQ_BASIC_UDI_DI: return dq_basic_udi_di(s, n);
    default: break;
  }
  int64_t k = dq_id_digits(p, s, n, digits), wanted = p->over < 0 ? -p->over : p->over;
  if (wanted) {
    if (k < wanted) return 0;
    if (p->over < 0) d += k - wanted;
    k = wanted;
  }
  if (k < 2) return 0; /* a lone digit checks nothing */
  if (p->algorithm == DQ_LUHN) return dq_luhn(d, k);
  if (p->algorithm == DQ_VERHOEFF) return dq_verhoeff(d, k);
  return dq_weighted(p, d, k);
}

static int dq_id_is_listed(const dq_id_list *list, const uint8_t *s, int64_t n) {
  for (int64_t i = 0; i < list->n; i++) {
    const dq_id_listed *item = &list->items[i];
    if (item->open ? n < item->n : n != item->n) continue;
    int held = 1;
    if (item->ranged) {
      held = memcmp(s, item->low, item->n) >= 0 && memcmp(s, item->high, item->n) <= 0;
    } else {
      for (int64_t k = 0; held && k < item->n; k++) held = s[k] >= item->low[k] && s[k] <= item->high[k];
    }
    if (held) return 1;
  }
  return 0;
}

DQ_INLINE int dq_is_constant(const uint8_t *s, int64_t n) {
  for (int64_t i = 1; i < n; i++)
    if (s[i] != s[0]) return 0;
  return n > 1;
}

/* The code of one value; `s` (room for DQ_ID_MOST bytes) holds its canonical text of *length bytes if it passes.
 * `form` is what the caller found about its format, or -1: with `early` the judgement ends before the format. */
DQ_INLINE int dq_id_judge(const dq_id_scheme *p, dq_text t, int form, int early, uint8_t *s, int64_t *length) {
  int64_t n = dq_id_canonical(p, t, s);
  *length = n;
  if (n < 0) return DQ_ID_CHARACTER;
  if (n == 0 || n > DQ_ID_MOST || !p->lengths[n]) return DQ_ID_LENGTH;
  if (early) return DQ_PASS;
  if (form == 0 || (p->shaped && !dq_id_shaped(p, s, n))) return DQ_ID_FORMAT;
  if (!dq_id_structured(p->structure, s, n) || dq_id_is_listed(&p->impossible, s, n)) return DQ_ID_FORMAT;
  int constant = p->constants && dq_is_constant(s, n), accepted = dq_id_is_listed(&p->accepted, s, n);
  if (n < p->pad) {
    memmove(s + (p->pad - n), s, (size_t)n);
    memset(s, '0', (size_t)(p->pad - n));
    *length = n = p->pad;
  }
  if (!accepted && !dq_id_checked(p, s, n)) return DQ_ID_CHECK;
  return constant || dq_id_is_listed(&p->reserved, s, n) ? DQ_ID_RESERVED : DQ_PASS;
}

/* Where canonical texts go: `ends[i]` is where row i's text ends in `bytes`. */
typedef struct {
  int32_t *ends;
  uint8_t *bytes;
  int64_t used;
} dq_id_texts;

DQ_INLINE void dq_id_row(const dq_id_scheme *p, dq_text t, int64_t i, const uint8_t *forms, int early, dq_id_texts *texts,
                         uint8_t *codes) {
  uint8_t s[DQ_ID_MOST];
  int64_t n = 0;
  codes[i] = (uint8_t)dq_id_judge(p, t, forms ? forms[i] : -1, early, s, &n);
  if (texts == NULL) return;
  if (codes[i] == DQ_PASS) {
    memcpy(texts->bytes + texts->used, s, (size_t)n);
    texts->used += n;
  }
  texts->ends[i] = (int32_t)texts->used;
}

DQ_INLINE void dq_id_null(int64_t i, dq_id_texts *texts, uint8_t *codes) {
  codes[i] = DQ_SKIP;
  if (texts) texts->ends[i] = (int32_t)texts->used;
}

/* `forms` (a byte a row: 1 if the format holds) and `texts` may be NULL. */
static void dq_identify(const dq_column *c, const dq_id_scheme *p, const uint8_t *forms, int early, dq_id_texts *texts,
                        uint8_t *codes) {
  DQ_EACH_STRING(c, i, t, dq_id_null(i, texts, codes);, dq_id_row(p, t, i, forms, early, texts, codes);)
}

DQ_INLINE int64_t dq_id_most_of(const dq_id_scheme *p, dq_text t) {
  int64_t n = t.n < DQ_ID_MOST ? t.n : DQ_ID_MOST;
  return n < p->pad ? p->pad : n;
}
/* At most how many bytes the canonical texts of a column take. */
static int64_t dq_id_room(const dq_column *c, const dq_id_scheme *p) {
  int64_t total = 0;
  DQ_EACH_STRING(c, i, t, (void)i;, total += dq_id_most_of(p, t);)
  return total;
}
#endif
