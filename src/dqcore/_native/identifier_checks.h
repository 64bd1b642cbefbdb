/* Check algorithms over canonical text: 1 if the check holds. */
#ifndef DQ_IDENTIFIER_CHECKS_H
#define DQ_IDENTIFIER_CHECKS_H
#include "identifier_scheme.h"

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

/* J. Verhoeff, Error Detecting Decimal Codes (1969): what a digit is at a place from the right, modulo 8. */
static const uint8_t dq_verhoeff_places[8][10] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 5, 7, 6, 2, 8, 3, 0, 9, 4}, {5, 8, 0, 3, 7, 9, 6, 1, 4, 2},
    {8, 9, 1, 6, 0, 4, 3, 5, 2, 7}, {9, 4, 5, 3, 1, 2, 6, 8, 7, 0}, {4, 2, 8, 6, 5, 7, 3, 9, 0, 1},
    {2, 7, 9, 3, 8, 0, 6, 4, 1, 5}, {7, 0, 4, 6, 9, 1, 3, 2, 5, 8}};

/* Products in the dihedral group of the pentagon. */
static int dq_verhoeff(const uint8_t *d, int64_t n) {
  int c = 0;
  for (int64_t i = 0; i < n; i++) {
    int p = dq_verhoeff_places[i & 7][d[n - 1 - i]];
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
  static const uint8_t primes[23] = {2,  3,  5,  7,  11, 13, 17, 19, 23, 29, 31, 37,
                                     41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83};
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
#endif
