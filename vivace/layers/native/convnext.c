/* A whole ConvNeXt block, and products of windows of frames, for float32 frames on the CPU. Included by decode.c.

   A block works on tiles of frames: what lies between its products stays in the caches. Every frame is worked out by
   itself in an order that depends on the block's sizes alone, so a frame's result is the same to the bit in any tile,
   batch or push of a stream. Only the float32 products are fused multiply-adds, by name; all else is compiled without
   contraction and gives the same bits on every kind of CPU.

   int16: rows are rounded to 13 bits with a scale each, weights to as many as keep every sum of a chunk below 2^31, so
   that the sums are exact in int32. Two products per 32 bits are added in one instruction on any x86-64 since AVX2. */

#if defined(__AVX2__) || defined(__AVX512BW__)
#include <immintrin.h>
#endif
#if defined(__ARM_NEON)
#include <arm_neon.h>
#endif

/* The CPU's own vectors: wider ones would live in memory between the products. */
#if defined(__AVX512BW__) && defined(__AVX512VL__)
#define OWN 16
#define STRIP 4 /* blocks of 16 outputs that are worked out together */
#define AHEAD 0 /* steps by which a strip is fetched before it is needed; several blocks at once need none */
#elif defined(__AVX2__)
#define OWN 8
#define STRIP 1
#define AHEAD 24
#else
#define OWN 4
#define STRIP 1
#define AHEAD 24
#endif
#define BESIDE 16          /* outputs of a block: the layout is the same for every kind of CPU */
#define PARTS (BESIDE / OWN) /* vectors of a block */
#define TOGETHER 6         /* rows that are multiplied together */
#define FRAMES 24          /* of a tile, at most: all of its rows and a matrix' chunk stay in the second cache */
#define SPAN 512           /* hidden channels that are worked out before the next ones, and share a scale in a row */
#define MAX_DIM 768
#define GAP 32             /* numbers between rows of a buffer: rows a power of two apart share a set of the cache */
#define TOP 4095.0f        /* largest number of a rounded row; native/convnext.py chooses the weights' by it */

typedef float fv __attribute__((vector_size(4 * OWN), aligned(4), may_alias));
typedef int32_t iv __attribute__((vector_size(4 * OWN), aligned(4), may_alias));
typedef int16_t sv __attribute__((vector_size(2 * OWN), aligned(2)));

static inline fv fload(const float *p) { return *(const fv *)p; } /* aligned like a float: no more is promised */
static inline iv iload(const int32_t *p) { return *(const iv *)p; }
static inline void fstore(float *p, fv v) { *(fv *)p = v; }
static inline fv choose(iv mask, fv yes, fv no) { return (fv)((mask & (iv)yes) | (~mask & (iv)no)); }

/* a * b + c, rounded once. */
static inline fv fused(fv a, fv b, fv c) {
#if OWN == 16
    return (fv)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif OWN == 8 && defined(__FMA__)
    return (fv)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__aarch64__)
    return (fv)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    for (int i = 0; i < OWN; i++) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return c;
#endif
}

/* sum + both products of the int16 pairs in each lane; a sum stays below 2^31. */
static inline iv pairs_added(iv w, iv x, iv sum) {
#if OWN == 16 && defined(__AVX512VNNI__)
    return (iv)_mm512_dpwssd_epi32((__m512i)sum, (__m512i)w, (__m512i)x);
#elif OWN == 16
    return sum + (iv)_mm512_madd_epi16((__m512i)w, (__m512i)x);
#elif OWN == 8 && defined(__AVXVNNI__)
    return (iv)_mm256_dpwssd_avx_epi32((__m256i)sum, (__m256i)w, (__m256i)x);
#elif OWN == 8
    return sum + (iv)_mm256_madd_epi16((__m256i)w, (__m256i)x);
#elif defined(__aarch64__)
    int16x8_t a = (int16x8_t)w, b = (int16x8_t)x;
    return sum + (iv)vpaddq_s32(vmull_s16(vget_low_s16(a), vget_low_s16(b)), vmull_high_s16(a, b));
#else
    return sum + (w << 16 >> 16) * (x << 16 >> 16) + (w >> 16) * (x >> 16);
#endif
}

/* Which products are quick here: 1 float32, 2 int16. */
int convnext_forms(void) {
#if OWN == 16 || (OWN == 8 && defined(__FMA__))
    return 3;
#elif defined(__aarch64__)
    return 1; /* two int16 products cost as much as two of float32 */
#else
    return 0;
#endif
}

static void parallel_for(long count, void (*run)(void *, long), void *context) {
#pragma omp parallel for schedule(dynamic, 1) if (count > 1)
    for (long i = 0; i < count; i++) run(context, i);
}

/* e^x for x <= 0; the numbers of exp_negative. */
static inline fv exp_below(fv x) {
    const fv zero = {0}, low = zero - 87.0f, round = zero + 12582912.0f;
    x = choose(x > low, x, low);
    fv shifted = x * 1.44269504f + round, n = shifted - round;
    fv r = x - n * 0.693359375f + n * 2.12194440e-4f;
    fv y = zero + 1.9875691500e-4f;
    y = y * r + 1.3981999507e-3f;
    y = y * r + 8.3334519073e-3f;
    y = y * r + 4.1665795894e-2f;
    y = y * r + 1.6666665459e-1f;
    y = y * r + 5.0000001201e-1f;
    y = y * r * r + r + 1.0f;
    return y * (fv)((__builtin_convertvector(n, iv) + 127) << 23);
}

/* x * Phi(x): the complement of erf within 1.5e-7 (Abramowitz and Stegun, 7.1.26). */
static inline fv gelu(fv x) {
    fv size = (fv)((iv)x & 0x7fffffff);
    fv t = 1.0f / (size * 0.231641889f + 1.0f); /* 0.3275911 / sqrt(2) */
    fv y = t * 1.061405429f - 1.453152027f;
    y = y * t + 1.421413741f;
    y = y * t - 0.284496736f;
    y = y * t + 0.254829592f;
    fv tail = x * 0.5f * (y * t * exp_below(size * size * -0.5f));
    return choose(x < 0.0f, tail, x - tail);
}

/* The sum of 16 lanes in the order of `sum`, whatever the vectors are. */
static inline float folded(const fv *parts) { vec v; memcpy(&v, parts, sizeof v); return sum(v); }

/* How a matrix is laid out: by chunks of inputs, and by blocks of 16 outputs in each; [K][16] of a block, or in int16
   [K / 2][16][2]. scale and bias by output. */

/* Loops of known length, unrolled before the compiler decides what lives in registers. */
#if defined(__clang__)
#define UNROLLED _Pragma("unroll")
#else
#define UNROLLED _Pragma("GCC unroll 8")
#endif

/* Sums [rows][blocks * PARTS] of steps of a strip of the matrix, LOAD by LOAD, times a row's number ONE. */
#define SUMS(TYPE, LOAD, ONE, ADD)                                                                                    \
    TYPE sums[TOGETHER][STRIP * PARTS];                                                                               \
    UNROLLED for (int r = 0; r < rows; r++)                                                                           \
        UNROLLED for (int c = 0; c < blocks * PARTS; c++) sums[r][c] = (TYPE){0};                                     \
    for (long k = 0; k < steps; k++) {                                                                                \
        if (AHEAD) __builtin_prefetch(w + (k + AHEAD) * BESIDE);                                                      \
        TYPE of[STRIP * PARTS];                                                                                       \
        UNROLLED for (int c = 0; c < blocks * PARTS; c++) of[c] = LOAD(w + (c / PARTS * steps + k) * BESIDE + c % PARTS * OWN); \
        UNROLLED for (int r = 0; r < rows; r++) {                                                                     \
            TYPE one = ONE - (TYPE){0};                                                                               \
            UNROLLED for (int c = 0; c < blocks * PARTS; c++) sums[r][c] = ADD(of[c], one, sums[r][c]);               \
        }                                                                                                             \
    }

static inline int32_t two16(const int16_t *p) { int32_t v; memcpy(&v, p, sizeof v); return v; }

/* Rows of int16 times a strip, scaled by row and by output; add: to what y holds, otherwise to the bias. */
static inline __attribute__((always_inline)) void strip16(const int16_t *x, long stride, const float *by_row, const int32_t *w,
                                                          const float *scale, const float *bias, float *y, long y_stride,
                                                          long steps, int add, const int rows, const int blocks) {
    SUMS(iv, iload, two16(x + r * stride + 2 * k), pairs_added)
    UNROLLED for (int r = 0; r < rows; r++)
        UNROLLED for (int c = 0; c < blocks * PARTS; c++) {
            float *to = y + r * y_stride + c * OWN;
            fv value = __builtin_convertvector(sums[r][c], fv) * (fload(scale + c * OWN) * by_row[r]);
            fstore(to, value + fload(add ? to : bias + c * OWN));
        }
}
static inline __attribute__((always_inline)) void strip32(const float *x, long stride, const float *w, const float *bias,
                                                          float *y, long y_stride, long steps, int add, const int rows,
                                                          const int blocks) {
    SUMS(fv, fload, x[r * stride + k], fused)
    UNROLLED for (int r = 0; r < rows; r++)
        UNROLLED for (int c = 0; c < blocks * PARTS; c++) {
            float *to = y + r * y_stride + c * OWN;
            fstore(to, sums[r][c] + fload(add ? to : bias + c * OWN));
        }
}

#define EACH_ROWS(CALL, blocks)                                                                                       \
    switch (rows) {                                                                                                   \
    case 1: CALL(1, blocks); break;                                                                                   \
    case 2: CALL(2, blocks); break;                                                                                   \
    case 3: CALL(3, blocks); break;                                                                                   \
    case 4: CALL(4, blocks); break;                                                                                   \
    case 5: CALL(5, blocks); break;                                                                                   \
    default: CALL(6, blocks);                                                                                         \
    }

/* Up to 6 rows times `blocks` blocks. */
static void any16(const int16_t *x, long stride, const float *by_row, const int32_t *w, const float *scale,
                  const float *bias, float *y, long y_stride, long steps, int add, long rows, int blocks) {
#define CALL(rows, blocks) strip16(x, stride, by_row, w, scale, bias, y, y_stride, steps, add, rows, blocks)
    if (blocks == STRIP) { EACH_ROWS(CALL, STRIP) } else { EACH_ROWS(CALL, 1) }
#undef CALL
}
static void any32(const float *x, long stride, const float *w, const float *bias, float *y, long y_stride, long steps,
                  int add, long rows, int blocks) {
#define CALL(rows, blocks) strip32(x, stride, w, bias, y, y_stride, steps, add, rows, blocks)
    if (blocks == STRIP) { EACH_ROWS(CALL, STRIP) } else { EACH_ROWS(CALL, 1) }
#undef CALL
}

/* All rows of a tile times `outputs` (a multiple of 16) of one chunk of `n` inputs. A strip of the matrix stays in the
   first cache while all rows pass by it. */
static void times16(const int16_t *x, long stride, const float *by_row, const int16_t *w, const float *scale,
                    const float *bias, float *y, long y_stride, long rows, long n, long outputs, int add) {
    for (long o = 0, wide; o < outputs; o += wide) {
        wide = outputs - o < STRIP * BESIDE ? BESIDE : STRIP * BESIDE;
        for (long r = 0; r < rows; r += TOGETHER)
            any16(x + r * stride, stride, by_row + r, (const int32_t *)(w + o * n), scale + o, bias + o, y + r * y_stride + o,
                  y_stride, n / 2, add, rows - r, (int)(wide / BESIDE));
    }
}
static void times32(const float *x, long stride, const float *w, const float *bias, float *y, long y_stride, long rows,
                    long n, long outputs, int add) {
    for (long o = 0, wide; o < outputs; o += wide) {
        wide = outputs - o < STRIP * BESIDE ? BESIDE : STRIP * BESIDE;
        for (long r = 0; r < rows; r += TOGETHER)
            any32(x + r * stride, stride, w + o * n, bias + o, y + r * y_stride + o, y_stride, n, add, rows - r, (int)(wide / BESIDE));
    }
}

/* Round a row to -4095..4095; returns its scale. What is not finite makes the scale NaN, and with it every result. */
static float rounded16(const float *x, int16_t *to, long n) {
    const fv zero = {0}, shift = zero + 12582912.0f; /* 1.5 * 2^23: adding it rounds */
    fv top = zero, poison = zero;
    for (long i = 0; i < n; i += OWN) {
        fv v = fload(x + i), size = (fv)((iv)v & 0x7fffffff);
        top = choose(size > top, size, top);
        poison += v - v; /* 0, or NaN: no order changes it */
    }
    float largest = 0, wrong = 0;
    for (int i = 0; i < OWN; i++) largest = top[i] > largest ? top[i] : largest, wrong += poison[i];
    float factor = largest > 1e-30f ? TOP / largest : 0.0f;
    for (long i = 0; i < n; i += OWN) {
        iv q = (iv)(fload(x + i) * factor + shift) - (iv)shift;
        sv s = __builtin_convertvector(q, sv);
        memcpy(to + i, &s, sizeof s);
    }
    return largest / TOP + wrong;
}

/* One ConvNeXt block. Vectors are by channel. */
typedef struct {
    const float *depthwise; /* [kernel][dim] */
    const float *depthwise_bias, *norm, *norm_bias;
    const void *up;                    /* [dim] -> [hidden] */
    const float *up_scale, *up_bias;   /* [hidden] */
    const void *down;                  /* [hidden] -> [dim], by chunks of SPAN */
    const float *down_scale;           /* [chunks][dim] */
    const float *down_bias, *gamma;    /* [dim] */
    long dim, hidden, kernel, dilation; /* dim and hidden: multiples of 16; dim at most MAX_DIM */
    int is_int16;
    float eps;
} convnext_block;

typedef struct {
    const convnext_block *block;
    const float *x; /* [batch, frames + (kernel - 1) * dilation, dim] */
    float *y;       /* [batch, frames, dim] */
    long frames, size, tiles; /* size: of a tile; tiles of one row of the batch */
} convnext_run;

/* The convolution of one frame, and LayerNorm. x: the first frame that it sees. */
static void mixed(const convnext_block *b, const float *x, float *y) {
    const long dim = b->dim;
    fv total[PARTS] = {0}, squares[PARTS] = {0};
    for (long i = 0; i < dim; i += BESIDE)
        for (int p = 0; p < PARTS; p++) {
            const long c = i + p * OWN;
            fv v = fload(b->depthwise_bias + c);
            for (long k = 0; k < b->kernel; k++) v += fload(b->depthwise + k * dim + c) * fload(x + k * b->dilation * dim + c);
            fstore(y + c, v);
            total[p] += v;
        }
    const float mean = folded(total) / (float)dim;
    for (long i = 0; i < dim; i += BESIDE)
        for (int p = 0; p < PARTS; p++) {
            fv v = fload(y + i + p * OWN) - mean;
            squares[p] += v * v;
        }
    const float factor = 1.0f / __builtin_sqrtf(folded(squares) / (float)dim + b->eps);
    for (long c = 0; c < dim; c += OWN) fstore(y + c, (fload(y + c) - mean) * factor * fload(b->norm + c) + fload(b->norm_bias + c));
}

static void activated(float *x, long n) { for (long i = 0; i < n; i += OWN) fstore(x + i, gelu(fload(x + i))); }

/* The MLP of a tile's rows into y, before its last bias. */
static void mlp16(const convnext_block *b, const float *x, float *y, long rows) {
    const long dim = b->dim;
    int16_t in[FRAMES * (MAX_DIM + GAP)], codes[FRAMES * (SPAN + GAP)];
    float inner[FRAMES * (SPAN + GAP)], scale[FRAMES], inner_scale[FRAMES];
    for (long r = 0; r < rows; r++) scale[r] = rounded16(x + r * dim, in + r * (dim + GAP), dim);
    for (long h = 0, n; h < b->hidden; h += n) {
        n = b->hidden - h < SPAN ? b->hidden - h : SPAN;
        times16(in, dim + GAP, scale, (const int16_t *)b->up + h * dim, b->up_scale + h, b->up_bias + h, inner, SPAN + GAP,
                rows, dim, n, 0);
        for (long r = 0; r < rows; r++) {
            activated(inner + r * (SPAN + GAP), n);
            inner_scale[r] = rounded16(inner + r * (SPAN + GAP), codes + r * (SPAN + GAP), n);
        }
        times16(codes, SPAN + GAP, inner_scale, (const int16_t *)b->down + h * dim, b->down_scale + h / SPAN * dim,
                b->down_bias, y, dim, rows, n, dim, h > 0);
    }
}
static void mlp32(const convnext_block *b, const float *x, float *y, long rows) {
    const long dim = b->dim;
    float inner[FRAMES * (SPAN + GAP)];
    for (long h = 0, n; h < b->hidden; h += n) {
        n = b->hidden - h < SPAN ? b->hidden - h : SPAN;
        times32(x, dim, (const float *)b->up + h * dim, b->up_bias + h, inner, SPAN + GAP, rows, dim, n, 0);
        for (long r = 0; r < rows; r++) activated(inner + r * (SPAN + GAP), n);
        times32(inner, SPAN + GAP, (const float *)b->down + h * dim, b->down_bias, y, dim, rows, n, dim, h > 0);
    }
}

static void convnext_tile(void *context, long index) {
    const convnext_run *run = (const convnext_run *)context;
    const convnext_block *b = run->block;
    const long dim = b->dim, around = (b->kernel - 1) * b->dilation, row = index / run->tiles;
    const long first = index % run->tiles * run->size;
    const long rows = run->frames - first < run->size ? run->frames - first : run->size;
    const float *x = run->x + (row * (run->frames + around) + first) * dim;
    float *y = run->y + (row * run->frames + first) * dim;
    float normed[FRAMES * MAX_DIM];
    normed[0] = 0; /* for compilers that do not see that rows is above 0 */
    for (long r = 0; r < rows; r++) mixed(b, x + r * dim, normed + r * dim);
    (b->is_int16 ? mlp16 : mlp32)(b, normed, y, rows);
    for (long r = 0; r < rows; r++) {
        const float *kept = x + (r + around / 2) * dim;
        for (long c = 0; c < dim; c += OWN)
            fstore(y + r * dim + c, fload(kept + c) + fload(y + r * dim + c) * fload(b->gamma + c));
    }
}

/* Frames of a tile, so that each thread has as many tiles as the others. */
static long tile_size(long batch, long frames, long threads) {
    long jobs = threads; /* of one row of the batch */
    for (long rest = batch, common = threads; rest; jobs = threads / common) {
        long next = common % rest;
        common = rest, rest = next;
    }
    long rounds = (frames + FRAMES * jobs - 1) / (FRAMES * jobs);
    return (frames + rounds * jobs - 1) / (rounds * jobs);
}

/* x [batch, frames + (kernel - 1) * dilation, dim] -> y [batch, frames, dim]; threads: how many may share the work. */
void convnext(const convnext_block *block, const float *x, float *y, long batch, long frames, long threads) {
    long size = tile_size(batch, frames, threads), tiles = (frames + size - 1) / size;
    convnext_run run = {block, x, y, frames, size, tiles};
    parallel_for(batch * tiles, convnext_tile, &run);
}

typedef struct {
    const float *x, *w, *bias;
    float *y;
    long x_batch, x_stride, frames, inputs, outputs, size, tiles;
} window_run;

static void window_tile(void *context, long index) {
    const window_run *run = (const window_run *)context;
    long row = index / run->tiles, first = index % run->tiles * run->size;
    long rows = run->frames - first < run->size ? run->frames - first : run->size;
    times32(run->x + row * run->x_batch + first * run->x_stride, run->x_stride, run->w, run->bias,
            run->y + (row * run->frames + first) * run->outputs, run->outputs, rows, run->inputs, run->outputs, 0);
}

/* Every row of `inputs` numbers, x_stride after the one before (less than `inputs`: windows that overlap), times a
   float32 matrix laid out by blocks [outputs / 16][inputs][16]. y: [batch, frames, outputs]; outputs: a multiple of 16. */
void window_product(const float *x, long x_batch, long x_stride, const float *w, const float *bias, float *y, long batch,
                    long frames, long inputs, long outputs, long threads) {
    long size = tile_size(batch, frames, threads), tiles = (frames + size - 1) / size;
    window_run run = {x, w, bias, y, x_batch, x_stride, frames, inputs, outputs, size, tiles};
    parallel_for(batch * tiles, window_tile, &run);
}
