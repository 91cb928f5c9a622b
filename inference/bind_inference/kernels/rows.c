/* What an encoder with products of 8-bit integers does between two of them, in one pass over each row.

   Written for the compiler to turn each loop into vectors: no branch that it cannot turn into a choice, no call of the
   C library in a loop. rows.py says what the functions compute. */

#include <math.h>
#include <stdint.h>

#define LEVELS 127  /* of an int8, on either side of zero */
#define MIDDLE 128  /* that of an uint8 */
#define TINIEST 1.17549435e-38f

/* Below this many numbers, handing half of them to another thread costs more than it saves. */
#define GRAIN 16384
#define PARALLEL _Pragma("omp parallel if (rows * columns > GRAIN)")
#define EACH_ROW(i) _Pragma("omp for schedule(static)") for (long i = 0; i < rows; i++)

typedef uint16_t bfloat16;

union bits {
  float number;
  uint32_t word;
};

static inline float widen(bfloat16 x) {
  const union bits bits = {.word = (uint32_t)x << 16};
  return bits.number;
}

/* To the nearest, to the even one of two; what is not a number stays none, as its first bit of fraction is set. */
static inline bfloat16 narrow(float x) {
  const union bits bits = {.number = x};
  const uint32_t rounded = (bits.word + 0x7fff + (bits.word >> 16 & 1)) >> 16;
  return (bits.word & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : rounded;
}

/* x * (1 + erf(x / sqrt(2))) / 2, by the quotient of polynomials that Eigen has for erf: within 5e-7 of it. */
static inline float gelu(float x) {
  float z = x * 0.70710678f;
  z = z > 4 ? 4 : z;
  z = z < -4 ? -4 : z;
  const float s = z * z;
  float p = s * -2.72614225801306e-10f + 2.77068142495902e-08f;
  p = p * s - 2.10102402082508e-06f;
  p = p * s - 5.69250639462346e-05f;
  p = p * s - 7.34990630326855e-04f;
  p = p * s - 2.95459980854025e-03f;
  p = p * s - 1.60960333262415e-02f;
  float q = s * -1.45660718464996e-05f - 2.13374055278905e-04f;
  q = q * s - 1.68282697438203e-03f;
  q = q * s - 7.37332916720468e-03f;
  q = q * s - 1.42647390514189e-02f;
  return 0.5f * x * (1 + z * p / q);
}

/* Write row as levels around MIDDLE and return its step, the size of one level.

   The greatest is found among the bits, which are in the order of the values: compilers turn the maximum of integers
   into vectors, but not that of floats, because one may be no number. A row that holds such a one, or an infinite
   one, gets a step that is no number either; its levels then do not matter. */
static inline float to_levels(const float *row, uint8_t *levels, long columns) {
  uint32_t most = 0;
  for (long j = 0; j < columns; j++) {
    const union bits bits = {.number = row[j]};
    const uint32_t word = bits.word & 0x7fffffff;
    most = word > most ? word : most;
  }
  const union bits greatest = {.word = most};
  /* A row of zeros has any step. */
  const float step = greatest.number / LEVELS < TINIEST ? TINIEST : greatest.number / LEVELS;
  const float inverse = 1 / step;
  for (long j = 0; j < columns; j++) levels[j] = (uint8_t)(int32_t)(row[j] * inverse + (MIDDLE + 0.5f));
  return step;
}

#define NUMBER bfloat16
#define READ widen
#define WRITE narrow
#define NAME(function) function##_bfloat16
#include "rows.h"
#undef NUMBER
#undef READ
#undef WRITE
#undef NAME

#define NUMBER float
#define READ(x) (x)
#define WRITE(x) (x)
#define NAME(function) function##_float32
#include "rows.h"
