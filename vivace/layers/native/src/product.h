/* Rows rounded to 8 bits times a matrix in 8 bits. Sums of integers are exact: a row's result is the same to the bit in
   any batch and on every CPU kind, whichever instructions add the products. */

#define BLOCK 16 /* outputs of a block */
#define PANEL 3  /* blocks that are worked out together */

/* AVX2 without VNNI multiplies 16 bits: its rows are kept in them. */
#if defined(__AVX2__) && !defined(__AVXVNNI__) && !defined(__AVX512VNNI__)
typedef int16_t code;
#else
typedef int8_t code;
#endif

/* Rows as the product reads them. */
typedef struct {
    code *codes;
    float *scale;
    int32_t *sums;
} rounded; /* [rows, inputs], [rows], [rows] */

/* A matrix laid out by panels of 48 outputs (the last may have fewer): [inputs / 4][blocks][16][4], each weight 128
   more than it is: some instructions want one factor without a sign. Weights are -127 to 127. */
typedef struct {
    const uint8_t *codes;
    const float *scale;
} packed; /* scale: [outputs] */

/* Round a row to -127..127. What is not finite makes the scale NaN, and with it every result. */
INLINE void round_row(const float *x, idx n, rounded to, idx row) {
    const vec shift = all(12582912.0f); /* 1.5 * 2^23: adding it rounds */
    vec top[PARTS] = {0}, poison[PARTS] = {0};
    for (idx i = 0; i < n; i += LANES) EACH_PART(p) {
            vec v = load(x + i + p * WIDTH), size = absolute(v);
            top[p] = choose(size > top[p], size, top[p]);
            poison[p] = poison[p] + (v - v);
        }
    float most = largest(top);
    to.scale[row] = most / 127.0f + sum(poison);
    vec factor = all(most > 1e-30f ? 127.0f / most : 0.0f);
    code *codes = to.codes + row * n;
    ints total[PARTS] = {0};
    for (idx i = 0; i < n; i += LANES) {
        ints q[PARTS];
        EACH_PART(p) {
            q[p] = (ints)(load(x + i + p * WIDTH) * factor + shift) - (ints)shift;
            total[p] += q[p];
        }
#if WIDTH == 16
        _mm_storeu_si128((__m128i *)(codes + i), _mm512_cvtepi32_epi8((__m512i)q[0]));
#elif WIDTH == 8
        __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32((__m256i)q[0], (__m256i)q[1]), 0xd8);
#if !defined(__AVXVNNI__) && !defined(VIVACE_EVEX_VNNI)
        _mm256_storeu_si256((__m256i *)(codes + i), words);
#else
        __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
        _mm_storeu_si128((__m128i *)(codes + i), bytes);
#endif
#else
        EACH_PART(p) for (int j = 0; j < WIDTH; j++) codes[i + p * WIDTH + j] = (code)q[p][j];
#endif
    }
    int32_t sums = 0;
    EACH_PART(p) for (int j = 0; j < WIDTH; j++) sums += total[p][j];
    to.sums[row] = sums;
}

/* Memory that is read once and in order comes as fast as it can only when it is asked for well ahead. */
#define AHEAD    1024 /* bytes */
#define FETCH(p) __builtin_prefetch((const char *)(p) + AHEAD)

/* The integer sums of `rows` rows times `blocks` blocks: sums[rows][blocks][16]. One version for each set of
   instructions; all give the same numbers. TILE: the most rows of a call. MANY_ROWS: two rows and more go by
   many_rows.h. */

#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
#define TILE 1
#define MANY_ROWS
INLINE void sum_products(const code *x, idx n, const int32_t *x_sums, const uint8_t *codes, int32_t *to, const int rows,
                         const int blocks) {
    __m512i sums[TILE][PANEL];
    for (int r = 0; r < rows; r++)
        for (int b = 0; b < blocks; b++) sums[r][b] = _mm512_setzero_si512();
    for (idx i = 0; i < n; i += 4) {
        __m512i w[PANEL];
        for (int b = 0; b < blocks; b++) w[b] = _mm512_loadu_si512(codes + (i / 4 * blocks + b) * 4 * BLOCK);
        for (int r = 0; r < rows; r++) {
            int32_t four;
            memcpy(&four, x + r * n + i, 4);
            __m512i v = _mm512_set1_epi32(four);
            for (int b = 0; b < blocks; b++) sums[r][b] = _mm512_dpbusd_epi32(sums[r][b], w[b], v);
        }
    }
    for (int r = 0; r < rows; r++)
        for (int b = 0; b < blocks; b++)
            _mm512_storeu_si512(to + (r * blocks + b) * BLOCK,
                                _mm512_sub_epi32(sums[r][b], _mm512_set1_epi32(128 * x_sums[r])));
}

#elif defined(__AVX2__) && (defined(__AVXVNNI__) || defined(VIVACE_EVEX_VNNI))
#define TILE 2
#if defined(VIVACE_EVEX_VNNI) /* the same sums by AVX-512's form of the instruction: for tests of this kind on such    \
                                 CPUs */
#define ADD_PRODUCTS _mm256_dpbusd_epi32
#else
#define ADD_PRODUCTS _mm256_dpbusd_avx_epi32
#endif
INLINE void sum_products(const code *x, idx n, const int32_t *x_sums, const uint8_t *codes, int32_t *to, const int rows,
                         const int blocks) {
    __m256i sums[TILE][2 * PANEL];
    for (int r = 0; r < rows; r++)
        for (int b = 0; b < 2 * blocks; b++) sums[r][b] = _mm256_setzero_si256();
    for (idx i = 0; i < n; i += 4) {
        __m256i v[TILE];
        for (int r = 0; r < rows; r++) {
            int32_t four;
            memcpy(&four, x + r * n + i, 4);
            v[r] = _mm256_set1_epi32(four);
        }
        for (int b = 0; b < 2 * blocks; b++) {
            __m256i w = _mm256_loadu_si256((const __m256i *)(codes + (i / 4 * 2 * blocks + b) * 2 * BLOCK));
            for (int r = 0; r < rows; r++) sums[r][b] = ADD_PRODUCTS(sums[r][b], w, v[r]);
        }
    }
    for (int r = 0; r < rows; r++)
        for (int b = 0; b < 2 * blocks; b++)
            _mm256_storeu_si256((__m256i *)(to + (2 * r * blocks + b) * BLOCK / 2),
                                _mm256_sub_epi32(sums[r][b], _mm256_set1_epi32(128 * x_sums[r])));
}

#elif defined(__AVX2__)
#define TILE 1
#define MANY_ROWS
INLINE void sum_products(const code *x, idx n, const int32_t *x_sums, const uint8_t *codes, int32_t *to, const int rows,
                         const int blocks) {
    (void)rows;
    __m256i sums[4 * PANEL]; /* of 4 outputs: two sums each */
    for (int j = 0; j < 4 * blocks; j++) sums[j] = _mm256_setzero_si256();
    const __m128i *w = (const __m128i *)codes;
    for (idx i = 0; i < n; i += 4, w += 4 * blocks) {
        int64_t four;
        memcpy(&four, x + i, 8);
        __m256i v = _mm256_set1_epi64x(four);
        for (int j = 0; j < 4 * blocks; j++) {
            if (j % 4 == 0) FETCH(w + j);
            __m256i products = _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm_loadu_si128(w + j)), v);
            /* _mm256_add_epi32 in place: GCC would copy the sums about and spill them. */
            __asm__("vpaddd %1, %0, %0" : "+x"(sums[j]) : "x"(products));
        }
    }
    for (int j = 0; j < 4 * blocks; j += 2) {
        __m256i whole = _mm256_permute4x64_epi64(_mm256_hadd_epi32(sums[j], sums[j + 1]), 0xd8);
        _mm256_storeu_si256((__m256i *)(to + 4 * j), _mm256_sub_epi32(whole, _mm256_set1_epi32(128 * x_sums[0])));
    }
}

#elif defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)
#define TILE 2
#if defined(__ARM_FEATURE_MATMUL_INT8)
#define ADD_PRODUCTS(sum, w, v) vusdotq_s32(sum, w, v)
#define EXCESS(sum)             (128 * (sum))
#else
#define ADD_PRODUCTS(sum, w, v) vdotq_s32(sum, vreinterpretq_s8_u8(veorq_u8(w, vdupq_n_u8(128))), v)
#define EXCESS(sum)             0
#endif
INLINE void sum_products(const code *x, idx n, const int32_t *x_sums, const uint8_t *codes, int32_t *to, const int rows,
                         const int blocks) {
    int32x4_t sums[TILE][4 * PANEL];
    for (int r = 0; r < rows; r++)
        for (int b = 0; b < 4 * blocks; b++) sums[r][b] = vdupq_n_s32(0);
    for (idx i = 0; i < n; i += 4) {
        int8x16_t v[TILE];
        for (int r = 0; r < rows; r++) {
            int32_t four;
            memcpy(&four, x + r * n + i, 4);
            v[r] = vreinterpretq_s8_s32(vdupq_n_s32(four));
        }
        for (int b = 0; b < 4 * blocks; b++) {
            uint8x16_t w = vld1q_u8(codes + (i / 4 * 4 * blocks + b) * BLOCK);
            for (int r = 0; r < rows; r++) sums[r][b] = ADD_PRODUCTS(sums[r][b], w, v[r]);
        }
    }
    for (int r = 0; r < rows; r++)
        for (int b = 0; b < 4 * blocks; b++)
            vst1q_s32(to + (4 * r * blocks + b) * BLOCK / 4, vsubq_s32(sums[r][b], vdupq_n_s32(EXCESS(x_sums[r]))));
}

#else /* portable: products of 16 bits, as every CPU has them */
#define TILE 1
INLINE void sum_products(const code *x, idx n, const int32_t *x_sums, const uint8_t *codes, int32_t *to, const int rows,
                         const int blocks) {
    (void)x_sums, (void)rows;
    for (int b = 0; b < blocks; b++) {
        int32_t sums[BLOCK] = {0};
        for (idx i = 0; i < n; i += 4) {
            const uint8_t *w = codes + (i / 4 * blocks + b) * 4 * BLOCK;
            for (int o = 0; o < BLOCK; o++)
                for (int k = 0; k < 4; k++) sums[o] += (w[4 * o + k] - 128) * x[i + k];
        }
        memcpy(to + b * BLOCK, sums, sizeof sums);
    }
}
#endif

/* Floats of the integer sums [rows][blocks][16]; add: to what y holds. */
INLINE void scale_sums(const rounded *in, idx row, const int32_t *sums, const float *scale, float *y, idx stride,
                       int add, const int rows, const int blocks) {
    for (int r = 0; r < rows; r++)
        for (int o = 0; o < blocks * BLOCK; o += WIDTH) {
            ints whole;
            memcpy(&whole, sums + r * blocks * BLOCK + o, sizeof whole);
            float *to = y + r * stride + o;
            vec value = __builtin_convertvector(whole, vec) * in->scale[row + r] * load(scale + o);
            store(to, add ? load(to) + value : value);
        }
}

/* `rows` rows times `blocks` blocks of 16 outputs. */
INLINE void tile(const rounded *in, idx row, const uint8_t *codes, const float *scale, float *y, idx stride, idx n,
                 int add, const int rows, const int blocks) {
    int32_t sums[TILE * PANEL * BLOCK];
    sum_products(in->codes + row * n, n, in->sums + row, codes, sums, rows, blocks);
    scale_sums(in, row, sums, scale, y, stride, add, rows, blocks);
}

#define TILE_OF(count, blocks) tile(in, row, codes, scale, y, stride, n, add, count, blocks)
#if TILE == 2
#define ROWS(blocks)                                                                                                   \
    if (rows == 1) TILE_OF(1, blocks);                                                                                 \
    else TILE_OF(2, blocks);
#else
#define ROWS(blocks) TILE_OF(1, blocks);
#endif

static void any_tile(const rounded *in, idx row, idx rows, const uint8_t *codes, const float *scale, float *y,
                     idx stride, idx n, int add, idx blocks) {
    (void)rows;
    switch (blocks) {
    case 1:
        ROWS(1) break;
    case 2:
        ROWS(2) break;
    default:
        ROWS(3)
    }
}

#if defined(__AMX_INT8__) || defined(VIVACE_AMX_EMULATED)
#include "amx.h"
#endif

#if defined(MANY_ROWS)
#include "many_rows.h"
#endif

INLINE idx panels(idx outputs) { return (outputs + PANEL * BLOCK - 1) / (PANEL * BLOCK); }

/* Panel p of a product: all rows times up to 48 outputs. y: [rows, outputs]. `next`: the panel that this thread is
   likely to come to next. */
static void one_panel(const rounded *in, const packed *w, float *y, idx rows, idx outputs, idx n, int add, idx p,
                      idx next) {
    idx first = p * PANEL * BLOCK, blocks = (outputs - first) / BLOCK;
    if (blocks > PANEL) blocks = PANEL;
    const uint8_t *codes = w->codes + first * n;
    const float *scale = w->scale + first;
    idx r = 0;
    (void)next;
#if defined(__AMX_INT8__) || defined(VIVACE_AMX_EMULATED)
    r = rows_by_tiles(in, codes, scale, y + first, rows, outputs, n, add, blocks);
#endif
#if defined(MANY_ROWS)
    if (rows - r > 1) {
        rounded rest = {in->codes + r * n, in->scale + r, in->sums + r};
        idx ahead = next * PANEL * BLOCK;
        many_rows(&rest, codes, scale, y + r * outputs + first, rows - r, outputs, n, add,
                  ahead + PANEL * BLOCK <= outputs ? (const char *)w->codes + ahead * n : NULL, blocks);
        return;
    }
#endif
    for (; r < rows; r += TILE)
        any_tile(in, r, rows - r < TILE ? rows - r : TILE, codes, scale, y + r * outputs + first, outputs, n, add,
                 blocks);
}

/* All rows times all outputs, shared by the team. */
INLINE void product(member *me, const rounded *in, const packed *w, float *y, idx rows, idx outputs, idx n, int add) {
    SHARED_LOOP(me, i, panels(outputs), 1) one_panel(in, w, y, rows, outputs, n, add, i, i + me->threads);
    meet(me);
}

typedef struct {
    const float *x;
    packed w;
    float *y;
    rounded in;
    idx rows, inputs, outputs;
} multiply_call;

static void multiply_run(void *given, member me) {
    const multiply_call *c = given;
    SHARED_LOOP(&me, i, c->rows, 4) round_row(c->x + i * c->inputs, c->inputs, c->in, i);
    meet(&me);
    product(&me, &c->in, &c->w, c->y, c->rows, c->outputs, c->inputs, 0);
}

/* x [rows, inputs] float -> y [rows, outputs]; workspace: for the rounded rows, 2 * inputs + 8 bytes each. inputs and
   outputs are multiples of 16. */
void EXPORT(multiply)(const float *x, const uint8_t *codes, const float *scale, float *y, void *workspace, idx rows,
                      idx inputs, idx outputs) {
    multiply_call c = {
        x,    {codes, scale}, y,      {(code *)((char *)workspace + 8 * rows), workspace, (int32_t *)workspace + rows},
        rows, inputs,         outputs};
    run_team(multiply_run, &c, rows * inputs * outputs > 16 * PARALLEL);
}

/* Float32 matrices, laid out [outputs / 16][inputs][16]: each output is a sum over the inputs in their order, so that
   it is equal to the bit on every CPU kind. For heads, whose logits decide which code is drawn. */
typedef struct {
    const float *x, *w;
    float *y;
    idx rows, inputs, outputs;
} float_call;

INLINE void float_block(const float_call *c, idx block, idx row, const int rows) {
    vec sums[4][PARTS];
    for (int r = 0; r < rows; r++) EACH_PART(p) sums[r][p] = all(0);
    const float *w = c->w + block * BLOCK * c->inputs;
    for (idx i = 0; i < c->inputs; i++) EACH_PART(p) {
            vec column = load(w + i * BLOCK + p * WIDTH);
            for (int r = 0; r < rows; r++) sums[r][p] += column * c->x[(row + r) * c->inputs + i];
        }
    for (int r = 0; r < rows; r++)
        EACH_PART(p) store(c->y + (row + r) * c->outputs + block * BLOCK + p * WIDTH, sums[r][p]);
}

static void float_run(void *given, member me) {
    const float_call *c = given;
    SHARED_LOOP(&me, block, c->outputs / BLOCK, 2) {
        idx row = 0;
        for (; row + 4 <= c->rows; row += 4) float_block(c, block, row, 4);
        for (; row < c->rows; row++) float_block(c, block, row, 1);
    }
    meet(&me);
}

/* x [rows, inputs] -> y [rows, outputs]; outputs is a multiple of 16. */
void EXPORT(multiply_float)(const float *x, const float *w, float *y, idx rows, idx inputs, idx outputs) {
    float_call c = {x, w, y, rows, inputs, outputs};
    run_team(float_run, &c, rows * inputs * outputs > 4 * PARALLEL);
}
