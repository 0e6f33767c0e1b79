/* A whole ConvNeXt block, and products of windows of frames, for float32 frames.

   A block works on tiles of frames: what lies between its products stays in the caches. Every frame is worked out by
   itself in an order that depends on the block's sizes alone, so a frame's result is the same to the bit in any tile,
   batch or push of a stream. Only the float32 products are fused multiply-adds, by name; all else is compiled without
   contraction and gives the same bits on every kind of CPU.

   int16: rows are rounded to 13 bits with a scale each, weights to as many as keep every sum of a chunk below 2^31, so
   that the sums are exact in int32. Two products per 32 bits are added in one instruction on any x86-64 since AVX2. */

#if WIDTH == 16
#define STRIP       4 /* blocks of 16 outputs that are worked out together */
#define STRIP_AHEAD 0 /* steps by which a strip is fetched before it is needed; several blocks at once need none */
#else
#define STRIP       1
#define STRIP_AHEAD 24
#endif
#define TOGETHER 6   /* rows that are multiplied together */
#define FRAMES   24  /* of a tile, at most: all of its rows and a matrix' chunk stay in the second cache */
#define SPAN     512 /* hidden channels that are worked out before the next ones, and share a scale in a row */
#define MAX_DIM  768
#define GAP      32      /* numbers between rows of a buffer: rows a power of two apart share a set of the cache */
#define TOP      4095.0f /* largest number of a rounded row; native/convnext.py chooses the weights' by it */

typedef int16_t shorts __attribute__((vector_size(2 * WIDTH)));

INLINE ints load_ints(const int32_t *p) {
    ints v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* a * b + c, rounded once. */
INLINE vec fused(vec a, vec b, vec c) {
#if WIDTH == 16
    return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif WIDTH == 8 && defined(__FMA__)
    return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__aarch64__)
    return (vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    for (int i = 0; i < WIDTH; i++) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return c;
#endif
}

/* sum + both products of the int16 pairs in each lane; a sum stays below 2^31. */
INLINE ints pairs_added(ints w, ints x, ints sum) {
#if WIDTH == 16 && defined(__AVX512VNNI__)
    return (ints)_mm512_dpwssd_epi32((__m512i)sum, (__m512i)w, (__m512i)x);
#elif WIDTH == 16
    return sum + (ints)_mm512_madd_epi16((__m512i)w, (__m512i)x);
#elif WIDTH == 8 && defined(__AVXVNNI__)
    return (ints)_mm256_dpwssd_avx_epi32((__m256i)sum, (__m256i)w, (__m256i)x);
#elif WIDTH == 8
    return sum + (ints)_mm256_madd_epi16((__m256i)w, (__m256i)x);
#elif defined(__aarch64__)
    int16x8_t a = (int16x8_t)w, b = (int16x8_t)x;
    return sum + (ints)vpaddq_s32(vmull_s16(vget_low_s16(a), vget_low_s16(b)), vmull_high_s16(a, b));
#else
    return sum + (w << 16 >> 16) * (x << 16 >> 16) + (w >> 16) * (x >> 16);
#endif
}

/* Which products are quick here: 1 float32, 2 int16. */
int EXPORT(convnext_forms)(void) {
#if WIDTH >= 8
    return 3;
#elif defined(__aarch64__)
    return 1; /* two int16 products cost as much as two of float32 */
#else
    return 0;
#endif
}

/* x * Phi(x): the complement of erf within 1.5e-7 (Abramowitz and Stegun, 7.1.26). */
INLINE vec gelu(vec x) {
    vec size = absolute(x);
    vec t = 1.0f / (size * 0.231641889f + 1.0f); /* 0.3275911 / sqrt(2) */
    vec y = t * 1.061405429f - 1.453152027f;
    y = y * t + 1.421413741f;
    y = y * t - 0.284496736f;
    y = y * t + 0.254829592f;
    vec tail = x * 0.5f * (y * t * exp_negative(size * size * -0.5f));
    return choose(x < 0.0f, tail, x - tail);
}

/* How a matrix is laid out: by chunks of inputs, and by blocks of 16 outputs in each; [K][16] of a block, or in int16
   [K / 2][16][2]. scale and bias by output. */

/* Loops of known length, unrolled before the compiler decides what lives in registers. */
#if defined(__clang__)
#define UNROLLED _Pragma("unroll")
#else
#define UNROLLED _Pragma("GCC unroll 8")
#endif

/* Sums [rows][blocks * PARTS] of steps of a strip of the matrix, LOAD by LOAD, times a row's number ONE. */
#define SUMS(TYPE, LOAD, ONE, ADD)                                                                                     \
    TYPE sums[TOGETHER][STRIP * PARTS];                                                                                \
    UNROLLED for (int r = 0; r < rows; r++) UNROLLED for (int c = 0; c < blocks * PARTS; c++) sums[r][c] = (TYPE){0};  \
    for (idx k = 0; k < steps; k++) {                                                                                  \
        if (STRIP_AHEAD) __builtin_prefetch(w + (k + STRIP_AHEAD) * LANES);                                            \
        TYPE of[STRIP * PARTS];                                                                                        \
        UNROLLED for (int c = 0; c < blocks * PARTS; c++) of[c] =                                                      \
            LOAD(w + (c / PARTS * steps + k) * LANES + c % PARTS * WIDTH);                                             \
        UNROLLED for (int r = 0; r < rows; r++) {                                                                      \
            TYPE one = ONE - (TYPE){0};                                                                                \
            UNROLLED for (int c = 0; c < blocks * PARTS; c++) sums[r][c] = ADD(of[c], one, sums[r][c]);                \
        }                                                                                                              \
    }

INLINE int32_t two16(const int16_t *p) {
    int32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Rows of int16 times a strip, scaled by row and by output; add: to what y holds, otherwise to the bias. */
INLINE void strip16(const int16_t *x, idx stride, const float *by_row, const int32_t *w, const float *scale,
                    const float *bias, float *y, idx y_stride, idx steps, int add, const int rows, const int blocks) {
    SUMS(ints, load_ints, two16(x + r * stride + 2 * k), pairs_added)
    UNROLLED for (int r = 0; r < rows; r++) UNROLLED for (int c = 0; c < blocks * PARTS; c++) {
        float *to = y + r * y_stride + c * WIDTH;
        vec value = __builtin_convertvector(sums[r][c], vec) * (load(scale + c * WIDTH) * by_row[r]);
        store(to, value + load(add ? to : bias + c * WIDTH));
    }
}
INLINE void strip32(const float *x, idx stride, const float *w, const float *bias, float *y, idx y_stride, idx steps,
                    int add, const int rows, const int blocks) {
    SUMS(vec, load, x[r * stride + k], fused)
    UNROLLED for (int r = 0; r < rows; r++) UNROLLED for (int c = 0; c < blocks * PARTS; c++) {
        float *to = y + r * y_stride + c * WIDTH;
        store(to, sums[r][c] + load(add ? to : bias + c * WIDTH));
    }
}

#define EACH_ROWS(CALL, blocks)                                                                                        \
    switch (rows) {                                                                                                    \
    case 1:                                                                                                            \
        CALL(1, blocks);                                                                                               \
        break;                                                                                                         \
    case 2:                                                                                                            \
        CALL(2, blocks);                                                                                               \
        break;                                                                                                         \
    case 3:                                                                                                            \
        CALL(3, blocks);                                                                                               \
        break;                                                                                                         \
    case 4:                                                                                                            \
        CALL(4, blocks);                                                                                               \
        break;                                                                                                         \
    case 5:                                                                                                            \
        CALL(5, blocks);                                                                                               \
        break;                                                                                                         \
    default:                                                                                                           \
        CALL(6, blocks);                                                                                               \
    }

/* Up to 6 rows times `blocks` blocks. */
static void any16(const int16_t *x, idx stride, const float *by_row, const int32_t *w, const float *scale,
                  const float *bias, float *y, idx y_stride, idx steps, int add, idx rows, int blocks) {
#define CALL(rows, blocks) strip16(x, stride, by_row, w, scale, bias, y, y_stride, steps, add, rows, blocks)
    if (blocks == STRIP) {
        EACH_ROWS(CALL, STRIP)
    } else {
        EACH_ROWS(CALL, 1)
    }
#undef CALL
}
static void any32(const float *x, idx stride, const float *w, const float *bias, float *y, idx y_stride, idx steps,
                  int add, idx rows, int blocks) {
#define CALL(rows, blocks) strip32(x, stride, w, bias, y, y_stride, steps, add, rows, blocks)
    if (blocks == STRIP) {
        EACH_ROWS(CALL, STRIP)
    } else {
        EACH_ROWS(CALL, 1)
    }
#undef CALL
}

/* All rows of a tile times `outputs` (a multiple of 16) of one chunk of `n` inputs. A strip of the matrix stays in the
   first cache while all rows pass by it. */
static void times16(const int16_t *x, idx stride, const float *by_row, const int16_t *w, const float *scale,
                    const float *bias, float *y, idx y_stride, idx rows, idx n, idx outputs, int add) {
    for (idx o = 0, wide; o < outputs; o += wide) {
        wide = outputs - o < STRIP * LANES ? LANES : STRIP * LANES;
        for (idx r = 0; r < rows; r += TOGETHER)
            any16(x + r * stride, stride, by_row + r, (const int32_t *)(w + o * n), scale + o, bias + o,
                  y + r * y_stride + o, y_stride, n / 2, add, rows - r, (int)(wide / LANES));
    }
}
static void times32(const float *x, idx stride, const float *w, const float *bias, float *y, idx y_stride, idx rows,
                    idx n, idx outputs, int add) {
    for (idx o = 0, wide; o < outputs; o += wide) {
        wide = outputs - o < STRIP * LANES ? LANES : STRIP * LANES;
        for (idx r = 0; r < rows; r += TOGETHER)
            any32(x + r * stride, stride, w + o * n, bias + o, y + r * y_stride + o, y_stride, n, add, rows - r,
                  (int)(wide / LANES));
    }
}

/* Round a row to -4095..4095; returns its scale. What is not finite makes the scale NaN, and with it every result. */
static float rounded16(const float *x, int16_t *to, idx n) {
    const vec zero = {0}, shift = zero + 12582912.0f; /* 1.5 * 2^23: adding it rounds */
    vec top = zero, poison = zero;
    for (idx i = 0; i < n; i += WIDTH) {
        vec v = load(x + i), size = absolute(v);
        top = choose(size > top, size, top);
        poison += v - v; /* 0, or NaN: no order changes it */
    }
    float most = 0, wrong = 0;
    for (int i = 0; i < WIDTH; i++) most = top[i] > most ? top[i] : most, wrong += poison[i];
    float factor = most > 1e-30f ? TOP / most : 0.0f;
    for (idx i = 0; i < n; i += WIDTH) {
        ints q = (ints)(load(x + i) * factor + shift) - (ints)shift;
        shorts s = __builtin_convertvector(q, shorts);
        memcpy(to + i, &s, sizeof s);
    }
    return most / TOP + wrong;
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
    idx dim, hidden, kernel, dilation; /* dim and hidden: multiples of 16; dim at most MAX_DIM */
    int is_int16;
    float eps;
} convnext_block;

typedef struct {
    const convnext_block *block;
    const float *x;                 /* [batch, frames + (kernel - 1) * dilation, dim] */
    float *y;                       /* [batch, frames, dim] */
    idx frames, size, tiles, batch; /* size: of a tile; tiles of one row of the batch */
} convnext_call;

/* The convolution of one frame, and LayerNorm. x: the first frame that it sees. */
static void mixed(const convnext_block *b, const float *x, float *y) {
    const idx dim = b->dim;
    vec total[PARTS] = {0}, squares[PARTS] = {0};
    for (idx i = 0; i < dim; i += LANES)
        for (int p = 0; p < PARTS; p++) {
            const idx c = i + p * WIDTH;
            vec v = load(b->depthwise_bias + c);
            for (idx k = 0; k < b->kernel; k++)
                v += load(b->depthwise + k * dim + c) * load(x + k * b->dilation * dim + c);
            store(y + c, v);
            total[p] += v;
        }
    const float mean = sum(total) / (float)dim;
    for (idx i = 0; i < dim; i += LANES)
        for (int p = 0; p < PARTS; p++) {
            vec v = load(y + i + p * WIDTH) - mean;
            squares[p] += v * v;
        }
    const float factor = 1.0f / __builtin_sqrtf(sum(squares) / (float)dim + b->eps);
    for (idx c = 0; c < dim; c += WIDTH)
        store(y + c, (load(y + c) - mean) * factor * load(b->norm + c) + load(b->norm_bias + c));
}

static void activated(float *x, idx n) {
    for (idx i = 0; i < n; i += WIDTH) store(x + i, gelu(load(x + i)));
}

/* The MLP of a tile's rows into y, before its last bias. */
static void mlp16(const convnext_block *b, const float *x, float *y, idx rows) {
    const idx dim = b->dim;
    int16_t in[FRAMES * (MAX_DIM + GAP)], codes[FRAMES * (SPAN + GAP)];
    float inner[FRAMES * (SPAN + GAP)], scale[FRAMES], inner_scale[FRAMES];
    for (idx r = 0; r < rows; r++) scale[r] = rounded16(x + r * dim, in + r * (dim + GAP), dim);
    for (idx h = 0, n; h < b->hidden; h += n) {
        n = b->hidden - h < SPAN ? b->hidden - h : SPAN;
        times16(in, dim + GAP, scale, (const int16_t *)b->up + h * dim, b->up_scale + h, b->up_bias + h, inner,
                SPAN + GAP, rows, dim, n, 0);
        for (idx r = 0; r < rows; r++) {
            activated(inner + r * (SPAN + GAP), n);
            inner_scale[r] = rounded16(inner + r * (SPAN + GAP), codes + r * (SPAN + GAP), n);
        }
        times16(codes, SPAN + GAP, inner_scale, (const int16_t *)b->down + h * dim, b->down_scale + h / SPAN * dim,
                b->down_bias, y, dim, rows, n, dim, h > 0);
    }
}
static void mlp32(const convnext_block *b, const float *x, float *y, idx rows) {
    const idx dim = b->dim;
    float inner[FRAMES * (SPAN + GAP)];
    for (idx h = 0, n; h < b->hidden; h += n) {
        n = b->hidden - h < SPAN ? b->hidden - h : SPAN;
        times32(x, dim, (const float *)b->up + h * dim, b->up_bias + h, inner, SPAN + GAP, rows, dim, n, 0);
        for (idx r = 0; r < rows; r++) activated(inner + r * (SPAN + GAP), n);
        times32(inner, SPAN + GAP, (const float *)b->down + h * dim, b->down_bias, y, dim, rows, n, dim, h > 0);
    }
}

static void convnext_tile(const convnext_call *run, idx index) {
    const convnext_block *b = run->block;
    const idx dim = b->dim, around = (b->kernel - 1) * b->dilation, row = index / run->tiles;
    const idx first = index % run->tiles * run->size;
    const idx rows = run->frames - first < run->size ? run->frames - first : run->size;
    const float *x = run->x + (row * (run->frames + around) + first) * dim;
    float *y = run->y + (row * run->frames + first) * dim;
    float normed[FRAMES * MAX_DIM];
    normed[0] = 0; /* for compilers that do not see that rows is above 0 */
    for (idx r = 0; r < rows; r++) mixed(b, x + r * dim, normed + r * dim);
    (b->is_int16 ? mlp16 : mlp32)(b, normed, y, rows);
    for (idx r = 0; r < rows; r++) {
        const float *kept = x + (r + around / 2) * dim;
        for (idx c = 0; c < dim; c += WIDTH)
            store(y + r * dim + c, load(kept + c) + load(y + r * dim + c) * load(b->gamma + c));
    }
}

static void convnext_run(void *given, member me) {
    const convnext_call *c = given;
    SHARED_LOOP(&me, i, c->batch * c->tiles, 1) convnext_tile(c, i);
    meet(&me);
}

/* Frames of a tile, so that each thread has as many tiles as the others. */
static idx tile_size(idx batch, idx frames, idx threads) {
    idx jobs = threads; /* of one row of the batch */
    for (idx rest = batch, common = threads; rest; jobs = threads / common) {
        idx next = common % rest;
        common = rest, rest = next;
    }
    idx rounds = (frames + FRAMES * jobs - 1) / (FRAMES * jobs);
    return (frames + rounds * jobs - 1) / (rounds * jobs);
}

/* x [batch, frames + (kernel - 1) * dilation, dim] -> y [batch, frames, dim]; threads: how many may share the work. */
void EXPORT(convnext)(const convnext_block *block, const float *x, float *y, idx batch, idx frames, idx threads) {
    idx size = tile_size(batch, frames, threads), tiles = (frames + size - 1) / size;
    convnext_call run = {block, x, y, frames, size, tiles, batch};
    run_team(convnext_run, &run, batch * tiles > 1);
}

typedef struct {
    const float *x, *w, *bias;
    float *y;
    idx x_batch, x_stride, frames, inputs, outputs, size, tiles, batch;
} window_call;

static void window_tile(const window_call *run, idx index) {
    idx row = index / run->tiles, first = index % run->tiles * run->size;
    idx rows = run->frames - first < run->size ? run->frames - first : run->size;
    times32(run->x + row * run->x_batch + first * run->x_stride, run->x_stride, run->w, run->bias,
            run->y + (row * run->frames + first) * run->outputs, run->outputs, rows, run->inputs, run->outputs, 0);
}

static void window_run(void *given, member me) {
    const window_call *c = given;
    SHARED_LOOP(&me, i, c->batch * c->tiles, 1) window_tile(c, i);
    meet(&me);
}

/* Every row of `inputs` numbers, x_stride after the one before (less than `inputs`: windows that overlap), times a
   float32 matrix laid out by blocks [outputs / 16][inputs][16]. y: [batch, frames, outputs]; outputs: a multiple of 16.
 */
void EXPORT(window_product)(const float *x, idx x_batch, idx x_stride, const float *w, const float *bias, float *y,
                            idx batch, idx frames, idx inputs, idx outputs, idx threads) {
    idx size = tile_size(batch, frames, threads), tiles = (frames + size - 1) / size;
    window_call run = {x, w, bias, y, x_batch, x_stride, frames, inputs, outputs, size, tiles, batch};
    run_team(window_run, &run, batch * tiles > 1);
}
