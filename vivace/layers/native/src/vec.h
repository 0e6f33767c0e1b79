/* Vectors of the widest registers that this CPU kind has, and the arithmetic that all kernels share.

   The results of every kernel are equal to the bit on every CPU kind:
   - sums of products of integers are exact;
   - float sums run over 16 partial sums in a fixed order, whatever the width of a register (`PARTS` registers hold
   them);
   - multiplications and additions are never fused (the build passes -ffp-contract=off);
   - exponentials and logarithms are polynomials written here, not those of a C library.

   Source of the polynomials: Cephes (expf, logf). */

#ifndef VIVACE_VEC_H
#define VIVACE_VEC_H

#include <stdint.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
#define WIDTH 16
#elif defined(__AVX2__)
#define WIDTH 8
#else
#define WIDTH 4
#endif
#define LANES 16              /* partial sums of a float sum; all widths of rows are multiples of it */
#define PARTS (LANES / WIDTH) /* registers that hold them */

#define JOIN_(a, b) a##_##b
#define JOIN(a, b)  JOIN_(a, b)
#if defined(_WIN32)
#define EXPORT(name) __declspec(dllexport) JOIN(name, KIND)
#else
#define EXPORT(name) __attribute__((visibility("default"))) JOIN(name, KIND)
#endif
#define INLINE       static inline __attribute__((always_inline))
#define EACH_PART(p) for (int p = 0; p < PARTS; p++)

typedef int64_t idx; /* `long` has 32 bits on Windows */

typedef float vec __attribute__((vector_size(4 * WIDTH)));
typedef int32_t ints __attribute__((vector_size(4 * WIDTH)));

INLINE vec load(const float *p) {
    vec v;
    memcpy(&v, p, sizeof v);
    return v;
}
INLINE void store(float *p, vec v) { memcpy(p, &v, sizeof v); }
INLINE vec all(float x) { return x - (vec){0}; }
INLINE vec choose(ints mask, vec yes, vec no) { return (vec)((mask & (ints)yes) | (~mask & (ints)no)); }
INLINE vec absolute(vec x) { return (vec)((ints)x & 0x7fffffff); }

/* Codes of 8 bits as floats. */
INLINE vec load_i8(const int8_t *p) {
#if WIDTH == 16
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
#elif WIDTH == 8
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p)));
#elif defined(__aarch64__)
    int32_t four;
    memcpy(&four, p, 4);
    return (vec)vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(four))))));
#else
    ints v = {p[0], p[1], p[2], p[3]};
    return __builtin_convertvector(v, vec);
#endif
}

/* bfloat16 is the upper half of a float32. */
INLINE vec load_bf16(const uint16_t *p) {
#if WIDTH == 16
    return (vec)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16);
#elif WIDTH == 8
    return (vec)_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p)), 16);
#else
    uint32_t v[] = {(uint32_t)p[0] << 16, (uint32_t)p[1] << 16, (uint32_t)p[2] << 16, (uint32_t)p[3] << 16};
    return load((const float *)v);
#endif
}
INLINE uint16_t to_bf16(float x) { /* to the nearest, ties to even */
    uint32_t b;
    memcpy(&b, &x, 4);
    if ((b & 0x7fffffff) > 0x7f800000) return (uint16_t)(b >> 16 | 64); /* NaN stays NaN */
    return (uint16_t)((b + 0x7fff + (b >> 16 & 1)) >> 16);
}

/* The sum of 16 partial sums, halves added to halves. */
typedef float vec8 __attribute__((vector_size(32)));
typedef float vec4 __attribute__((vector_size(16)));
INLINE float sum4(vec4 e) { return (e[0] + e[2]) + (e[1] + e[3]); }
INLINE float sum(const vec parts[PARTS]) {
#if WIDTH == 16
    vec8 a[2];
    memcpy(a, parts, sizeof a);
    vec8 b = a[0] + a[1];
    vec4 c[2];
    memcpy(c, &b, sizeof c);
    return sum4(c[0] + c[1]);
#elif WIDTH == 8
    vec b = parts[0] + parts[1];
    vec4 c[2];
    memcpy(c, &b, sizeof c);
    return sum4(c[0] + c[1]);
#else
    return sum4((parts[0] + parts[2]) + (parts[1] + parts[3]));
#endif
}

INLINE float largest(const vec parts[PARTS]) { /* of numbers that are not negative */
    float x[LANES], top = 0;
    EACH_PART(p) store(x + p * WIDTH, parts[p]);
    for (int i = 0; i < LANES; i++) top = x[i] > top ? x[i] : top;
    return top;
}

/* e^x for x <= 0, within 2 units in the last place; below -87 it is e^-87. */
INLINE vec exp_negative(vec x) {
    const vec low = all(-87.0f), round = all(12582912.0f); /* 1.5 * 2^23: adding it rounds */
    ints below = x <= low;                                 /* what is not a number goes through */
    x = choose(below, low, x);
    vec shifted = x * 1.44269504f + round, n = shifted - round;
    vec r = x - n * 0.693359375f + n * 2.12194440e-4f;
    vec y = all(1.9875691500e-4f);
    y = y * r + 1.3981999507e-3f;
    y = y * r + 8.3334519073e-3f;
    y = y * r + 4.1665795894e-2f;
    y = y * r + 1.6666665459e-1f;
    y = y * r + 5.0000001201e-1f;
    y = y * r * r + r + 1.0f;
    ints power = ((ints)shifted - (ints)round + 127) << 23;
    return y * (vec)power;
}
INLINE float exp_one(float x) { return x > -87.0f ? exp_negative(all(x))[0] : 0.0f; }

/* log x for normal numbers x > 0. */
INLINE float log_one(float x) {
    uint32_t b;
    memcpy(&b, &x, 4);
    int32_t exponent = (int32_t)(b >> 23) - 126;
    b = (b & 0x7fffff) | 0x3f000000;
    float m;
    memcpy(&m, &b, 4); /* [0.5, 1) */
    if (m < 0.707106781f) exponent--, m = m + m;
    m = m - 1.0f;
    float z = m * m, y = 7.0376836292e-2f;
    y = y * m - 1.1514610310e-1f;
    y = y * m + 1.1676998740e-1f;
    y = y * m - 1.2420140846e-1f;
    y = y * m + 1.4249322787e-1f;
    y = y * m - 1.6668057665e-1f;
    y = y * m + 2.0000714765e-1f;
    y = y * m - 2.4999993993e-1f;
    y = y * m + 3.3333331174e-1f;
    y = y * m * z;
    float e = (float)exponent;
    y = y + e * -2.12194440e-4f;
    y = y - 0.5f * z;
    return m + y + e * 0.693359375f;
}

INLINE vec gated(vec gate, vec up) {           /* silu(gate) * up */
    vec small = exp_negative(-absolute(gate)); /* e^-|gate| */
    vec top = choose(gate < 0, small, all(1.0f));
    return gate * top / (1.0f + small) * up;
}

#endif
