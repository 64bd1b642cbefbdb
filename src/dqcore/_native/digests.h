/* Digests of hashes under a secret key: BLAKE2b (RFC 7693), keyed, of 16 bytes, over 16 bytes that say what for and the 16
 * bytes of a hash. The block of the key comes first and is the same for all, so a digest is one compression. */
#ifndef DQ_DIGESTS_H
#define DQ_DIGESTS_H
#include <stdint.h>
#include <string.h>

enum { DQ_BLAKE_BLOCK = 128, DQ_SECRET = 32, DQ_DIGEST = 16 };

static const uint64_t dq_blake_iv[8] = {
  0x6A09E667F3BCC908ULL, 0xBB67AE8584CAA73BULL, 0x3C6EF372FE94F82BULL, 0xA54FF53A5F1D36F1ULL,
  0x510E527FADE682D1ULL, 0x9B05688C2B3E6C1FULL, 0x1F83D9ABFB41BD6BULL, 0x5BE0CD19137E2179ULL,
};
/* RFC 7693, 2.7. */
static const uint8_t dq_blake_order[10][16] = {
  {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
  {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
  {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
  {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
  {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static inline uint64_t dq_turned(uint64_t x, int by) { return (x >> by) | (x << (64 - by)); }

#define DQ_BLAKE_MIX(A, B, C, D, X, Y)   \
  do {                                   \
    v[A] += v[B] + (X);                  \
    v[D] = dq_turned(v[D] ^ v[A], 32);   \
    v[C] += v[D];                        \
    v[B] = dq_turned(v[B] ^ v[C], 24);   \
    v[A] += v[B] + (Y);                  \
    v[D] = dq_turned(v[D] ^ v[A], 16);   \
    v[C] += v[D];                        \
    v[B] = dq_turned(v[B] ^ v[C], 63);   \
  } while (0)

/* One block into the state; `bytes` are all so far, this block's among them. Words are little-endian. */
static void dq_blake_block(uint64_t h[8], const uint8_t *block, uint64_t bytes, int last) {
  uint64_t m[16], v[16];
  for (int i = 0; i < 16; i++) {
    m[i] = 0;
    for (int k = 7; k >= 0; k--) m[i] = (m[i] << 8) | block[8 * i + k];
  }
  memcpy(v, h, 64);
  memcpy(v + 8, dq_blake_iv, 64);
  v[12] ^= bytes;
  if (last) v[14] = ~v[14];
  for (int round = 0; round < 12; round++) {
    const uint8_t *s = dq_blake_order[round % 10];
    DQ_BLAKE_MIX(0, 4, 8, 12, m[s[0]], m[s[1]]);
    DQ_BLAKE_MIX(1, 5, 9, 13, m[s[2]], m[s[3]]);
    DQ_BLAKE_MIX(2, 6, 10, 14, m[s[4]], m[s[5]]);
    DQ_BLAKE_MIX(3, 7, 11, 15, m[s[6]], m[s[7]]);
    DQ_BLAKE_MIX(0, 5, 10, 15, m[s[8]], m[s[9]]);
    DQ_BLAKE_MIX(1, 6, 11, 12, m[s[10]], m[s[11]]);
    DQ_BLAKE_MIX(2, 7, 8, 13, m[s[12]], m[s[13]]);
    DQ_BLAKE_MIX(3, 4, 9, 14, m[s[14]], m[s[15]]);
  }
  for (int i = 0; i < 8; i++) h[i] ^= v[i] ^ v[i + 8];
}

/* The first `width` bytes (at most 16) of the digest of each hash, one after the other. */
static void dq_digest(const uint8_t *secret, const uint8_t *purpose, const uint8_t *hashes, int64_t n, int width,
                      uint8_t *out) {
  uint64_t keyed[8];
  uint8_t block[DQ_BLAKE_BLOCK] = {0};
  memcpy(keyed, dq_blake_iv, 64);
  keyed[0] ^= 0x01010000ULL ^ (DQ_SECRET << 8) ^ DQ_DIGEST;
  memcpy(block, secret, DQ_SECRET);
  dq_blake_block(keyed, block, DQ_BLAKE_BLOCK, 0);
  memset(block, 0, DQ_SECRET);
  memcpy(block, purpose, 16);
  for (int64_t i = 0; i < n; i++) {
    uint64_t h[8];
    uint8_t told[DQ_DIGEST];
    memcpy(h, keyed, 64);
    memcpy(block + 16, hashes + 16 * i, 16);
    dq_blake_block(h, block, DQ_BLAKE_BLOCK + 32, 1);
    for (int k = 0; k < DQ_DIGEST; k++) told[k] = (uint8_t)(h[k / 8] >> (8 * (k % 8)));
    memcpy(out + width * i, told, (size_t)width);
  }
}
#endif
