/* What lies between the matrix products of a decode step, for float32 activations on the CPU.

   Every row and head is worked out by itself, in an order that depends on nothing but its own length: a row's result is
   the same to the bit in any batch. Vectors are GCC's portable ones (GCC 9, Clang 9 and later); each compiler lowers
   them to what the CPU has. Arrays are contiguous unless a stride says otherwise; strides count elements. */

#include <stdint.h>
#include <string.h>

#define LANES 16
typedef float vec __attribute__((vector_size(4 * LANES), aligned(4)));
typedef uint32_t bits __attribute__((vector_size(4 * LANES), aligned(4)));
typedef int32_t whole __attribute__((vector_size(4 * LANES), aligned(4)));
typedef uint16_t half __attribute__((vector_size(2 * LANES), aligned(2)));

#define PARALLEL 16384 /* elements that are worth waking a second thread for */

static inline vec load(const float *p) { vec v; memcpy(&v, p, sizeof v); return v; }
static inline void store(float *p, vec v) { memcpy(p, &v, sizeof v); }

/* bfloat16 is the upper half of a float32. */
static inline vec load_bf16(const uint16_t *p) {
    half h; memcpy(&h, p, sizeof h);
    bits b = __builtin_convertvector(h, bits) << 16;
    vec v; memcpy(&v, &b, sizeof v); return v;
}
static inline uint16_t to_bf16(float x) { /* to the nearest, ties to even */
    uint32_t b; memcpy(&b, &x, 4);
    if ((b & 0x7fffffff) > 0x7f800000) return (uint16_t)(b >> 16 | 64); /* NaN stays NaN */
    return (uint16_t)((b + 0x7fff + (b >> 16 & 1)) >> 16);
}

typedef float vec8 __attribute__((vector_size(32)));
typedef float vec4 __attribute__((vector_size(16)));

static inline float sum(vec v) {
    vec8 a[2]; memcpy(a, &v, sizeof a);
    vec8 b = a[0] + a[1];
    vec4 c[2]; memcpy(c, &b, sizeof c);
    vec4 e = c[0] + c[1];
    return (e[0] + e[2]) + (e[1] + e[3]);
}

/* e^x for x <= 0, within 2 units in the last place; below -87 it is e^-87. Cephes' polynomial. */
static inline vec exp_negative(vec x) {
    const vec zero = {0}, low = zero - 87.0f, round = zero + 12582912.0f; /* 1.5 * 2^23: adding it rounds */
    whole keep = x > low;
    x = (vec)(((whole)x & keep) | ((whole)low & ~keep));
    vec shifted = x * 1.44269504f + round, n = shifted - round;
    vec r = x - n * 0.693359375f + n * 2.12194440e-4f;
    vec y = zero + 1.9875691500e-4f;
    y = y * r + 1.3981999507e-3f;
    y = y * r + 8.3334519073e-3f;
    y = y * r + 4.1665795894e-2f;
    y = y * r + 1.6666665459e-1f;
    y = y * r + 5.0000001201e-1f;
    y = y * r * r + r + 1.0f;
    whole power = (__builtin_convertvector(n, whole) + 127) << 23;
    return y * (vec)power;
}

static inline void one_norm(const float *x, const float *w, float *y, long dim, float eps) {
    vec squares = {0};
    for (long i = 0; i < dim; i += LANES) squares += load(x + i) * load(x + i);
    float scale = 1.0f / __builtin_sqrtf(sum(squares) / (float)dim + eps);
    for (long i = 0; i < dim; i += LANES) store(y + i, load(x + i) * scale * load(w + i));
}

static inline vec gated(vec gate, vec up) { /* silu(gate) * up */
    whole negative = gate < 0;
    vec small = exp_negative((vec)((whole)gate | (int32_t)0x80000000)); /* e^-|gate| */
    vec top = (vec)((negative & (whole)small) | (~negative & (whole)((vec){0} + 1.0f)));
    return gate * top / (1.0f + small) * up;
}

static inline void turn(float *head, const float *cos, const float *sin, long d) {
    for (long i = 0; i < d / 2; i += LANES) {
        vec a = load(head + i), b = load(head + d / 2 + i);
        store(head + i, a * load(cos + i) + b * load(sin + i));
        store(head + d / 2 + i, b * load(cos + d / 2 + i) + a * load(sin + d / 2 + i));
    }
}

/* y = w * x / sqrt(mean(x^2) + eps), by row; dim is a multiple of LANES. */
void rms_norm(const float *x, const float *w, float *y, long rows, long dim, float eps) {
#pragma omp parallel for if (rows * dim > PARALLEL)
    for (long r = 0; r < rows; r++) one_norm(x + r * dim, w, y + r * dim, dim, eps);
}

/* y[r] = silu(x[r, :hidden]) * x[r, hidden:]; hidden is a multiple of LANES. */
void silu_mul(const float *x, float *y, long rows, long hidden) {
#pragma omp parallel for if (rows * hidden > PARALLEL)
    for (long r = 0; r < rows; r++)
        for (long i = 0; i < hidden; i += LANES)
            store(y + r * hidden + i, gated(load(x + 2 * r * hidden + i), load(x + (2 * r + 1) * hidden + i)));
}

/* Turn queries and keys of x [rows, 3, heads, d] in place; cos and sin [rows, d], the first half of sin negative. */
void rope(float *x, const float *cos, const float *sin, long rows, long heads, long d) {
#pragma omp parallel for if (2 * rows * heads * d > PARALLEL)
    for (long r = 0; r < rows; r++)
        for (long h = 0; h < 2 * heads; h++) turn(x + (3 * heads * r + h) * d, cos + r * d, sin + r * d, d);
}

#define MAX_HEAD 256
#define MAX_KEYS 8192

/* One row and head. While keys are read their values are fetched, and while values are read the next keys are: the
   hardware looks ahead within a page of memory, and these lie further apart. */
#define ATTEND(NAME, TYPE, LOAD, CONVERT)                                                                             \
    static inline __attribute__((always_inline)) void NAME(const float *q, const float *new_k, const float *new_v,    \
                                                           TYPE *k, TYPE *v, const TYPE *next_k, float *y, long held, \
                                                           const long d) {                                            \
        float scores[MAX_KEYS + LANES];                                                                               \
        long keys = held + 1, padded = (keys + LANES - 1) / LANES * LANES;                                            \
        for (long i = 0; i < d; i++) k[held * d + i] = CONVERT(new_k[i]), v[held * d + i] = CONVERT(new_v[i]);        \
        float scale = 1.0f / __builtin_sqrtf((float)d), top = -__builtin_inff();                                      \
        for (long s = 0; s < keys; s++) {                                                                             \
            for (long i = 0; i < d; i += 64 / (long)sizeof(TYPE)) __builtin_prefetch(v + s * d + i);                  \
            vec product = {0};                                                                                        \
            for (long i = 0; i < d; i += LANES) product += load(q + i) * LOAD(k + s * d + i);                         \
            scores[s] = sum(product) * scale;                                                                         \
            top = scores[s] > top ? scores[s] : top;                                                                  \
        }                                                                                                             \
        for (long s = keys; s < padded; s++) scores[s] = top; /* finite; not summed below */                          \
        for (long s = 0; s < padded; s += LANES) store(scores + s, exp_negative(load(scores + s) - top));             \
        float total = 0;                                                                                              \
        vec out[MAX_HEAD / LANES];                                                                                    \
        for (long i = 0; i < d / LANES; i++) out[i] = (vec){0};                                                       \
        for (long s = 0; s < keys; s++) {                                                                             \
            for (long i = 0; i < d; i += 64 / (long)sizeof(TYPE)) __builtin_prefetch(next_k + s * d + i);             \
            total += scores[s];                                                                                       \
            for (long i = 0; i < d / LANES; i++) out[i] += scores[s] * LOAD(v + s * d + LANES * i);                   \
        }                                                                                                             \
        for (long i = 0; i < d / LANES; i++) store(y + LANES * i, out[i] / total);                                    \
    }

#define SAME(x) (x)
ATTEND(attend_f32, float, load, SAME)
ATTEND(attend_bf16, uint16_t, load_bf16, to_bf16)

/* Known widths keep the sums of a head in registers. */
#define FOR_WIDTH(CALL, d) do { if (d == 64) CALL(64); else if (d == 32) CALL(32); else CALL(d); } while (0)

static void one_head(const float *q, const float *k, const float *v, void *keys, void *values, long at, long next,
                     int is_bf16, float *y, long held, long d) {
    if (is_bf16) {
        uint16_t *ks = (uint16_t *)keys, *vs = (uint16_t *)values;
#define CALL(width) attend_bf16(q, k, v, ks + at, vs + at, ks + next, y, held, width)
        FOR_WIDTH(CALL, d);
#undef CALL
    } else {
        float *ks = (float *)keys, *vs = (float *)values;
#define CALL(width) attend_f32(q, k, v, ks + at, vs + at, ks + next, y, held, width)
        FOR_WIDTH(CALL, d);
#undef CALL
    }
}

/* Keep the new keys and values behind what each row holds, and attend to all of it.

   q, k, v: [rows, heads, d], d contiguous, strides by row and by head in `strides` (q, k, v: row, head).
   keys, values: [rows, heads, positions, d], float32 or bfloat16, row_stride and head_stride apart.
   lengths: [rows], what each row holds before this, below MAX_KEYS. y: [rows, heads, d]. */
void attend(const float *q, const float *k, const float *v, const long *strides, void *keys, void *values,
            long row_stride, long head_stride, int is_bf16, const long *lengths, float *y, long rows, long heads,
            long d) {
    long work = 0;
    for (long r = 0; r < rows; r++) work += (lengths[r] + 1) * heads * d;
#pragma omp parallel for schedule(dynamic, 4) if (work > PARALLEL)
    for (long i = 0; i < rows * heads; i++) {
        long r = i / heads, h = i % heads, at = r * row_stride + h * head_stride;
        long j = i + 1 < rows * heads ? i + 1 : i, next = j / heads * row_stride + j % heads * head_stride;
        const float *iq = q + r * strides[0] + h * strides[1], *ik = k + r * strides[2] + h * strides[3];
        const float *iv = v + r * strides[4] + h * strides[5];
        one_head(iq, ik, iv, keys, values, at, next, is_bf16, y + i * d, lengths[r], d);
    }
}

#include "row.c"
#include "product.c"
#include "rows.c"
#include "post_rows.c"
#include "sample.c"
#include "convnext.c"
