/* Rows rounded to 8 bits times a matrix in 8 bits, summed in whole numbers, for CPUs that add four products at once
   (AVX-512 VNNI). Sums of whole numbers are exact: a row's result is the same to the bit in any company. Included by
   decode.c, which has the vectors. */

#define BLOCK 16 /* outputs of a vector of sums */
#define PANEL 3  /* blocks that are worked out together */
#define TILE 4   /* rows that are: 12 sums hide the products' latency, and no compiler spills them */

/* Rows as the product reads them. */
typedef struct { int8_t *codes; float *scale; int32_t *sums; } rounded; /* [rows, inputs], [rows], [rows] */

/* A matrix laid out by panels of 48 outputs (the last may have fewer): [inputs / 4][blocks][16][4], each weight 128 more
   than it is, because the first of the two factors has no sign. */
typedef struct { const uint8_t *codes; const float *scale; } packed; /* scale: [outputs] */

/* Round a row to -127..127. What is not finite makes the scale NaN, and with it every result. */
static inline void round_row(const float *x, long n, rounded to, long row) {
    const vec zero = {0}, shift = zero + 12582912.0f; /* 1.5 * 2^23: adding it rounds */
    vec top = zero, poison = zero;
    for (long i = 0; i < n; i += LANES) {
        vec v = load(x + i);
        vec size = (vec)((whole)v & 0x7fffffff);
        whole more = size > top;
        top = (vec)(((whole)size & more) | ((whole)top & ~more));
        poison += v - v;
    }
    float largest = 0;
    for (long i = 0; i < LANES; i++) largest = top[i] > largest ? top[i] : largest;
    to.scale[row] = largest / 127.0f + sum(poison);
    vec factor = zero + (largest > 1e-30f ? 127.0f / largest : 0.0f);
    whole total = {0};
    int8_t *codes = to.codes + row * n;
    for (long i = 0; i < n; i += LANES) {
        whole q = (whole)(load(x + i) * factor + shift) - (whole)shift;
        total += q;
        for (long j = 0; j < LANES; j++) codes[i + j] = (int8_t)q[j];
    }
    int32_t all = 0;
    for (long i = 0; i < LANES; i++) all += total[i];
    to.sums[row] = all;
}

#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
#include <immintrin.h>

/* `rows` rows times `blocks` blocks of 16 outputs; add: to what y holds. */
static inline __attribute__((always_inline)) void tile(const rounded *in, long row, const uint8_t *codes, const float *scale,
                                                       float *y, long stride, long n, int add, const int rows,
                                                       const int blocks) {
    __m512i sums[TILE][PANEL];
    for (int r = 0; r < rows; r++)
        for (int b = 0; b < blocks; b++) sums[r][b] = _mm512_setzero_si512();
    const int8_t *x = in->codes + row * n;
    for (long i = 0; i < n; i += 4) {
        __m512i w[PANEL];
        for (int b = 0; b < blocks; b++) w[b] = _mm512_loadu_si512(codes + (i / 4 * blocks + b) * 4 * BLOCK);
        for (int r = 0; r < rows; r++) {
            int32_t four;
            memcpy(&four, x + r * n + i, 4);
            __m512i v = _mm512_set1_epi32(four);
            for (int b = 0; b < blocks; b++) sums[r][b] = _mm512_dpbusd_epi32(sums[r][b], w[b], v);
        }
    }
    for (int r = 0; r < rows; r++) {
        __m512i excess = _mm512_set1_epi32(128 * in->sums[row + r]);
        __m512 factor = _mm512_set1_ps(in->scale[row + r]);
        for (int b = 0; b < blocks; b++) {
            __m512 value = _mm512_cvtepi32_ps(_mm512_sub_epi32(sums[r][b], excess));
            float *to = y + r * stride + BLOCK * b;
            /* Fused by name: left to the compiler, the sizes of a tile would round differently. */
            __m512 before = add ? _mm512_loadu_ps(to) : _mm512_setzero_ps();
            _mm512_storeu_ps(to, _mm512_fmadd_ps(_mm512_mul_ps(value, factor), _mm512_loadu_ps(scale + BLOCK * b), before));
        }
    }
}

#define ROWS(blocks)                                                                                                  \
    switch (rows) {                                                                                                   \
    case 1: tile(in, row, codes, scale, y, stride, n, add, 1, blocks); break;                                         \
    case 2: tile(in, row, codes, scale, y, stride, n, add, 2, blocks); break;                                         \
    case 3: tile(in, row, codes, scale, y, stride, n, add, 3, blocks); break;                                         \
    default: tile(in, row, codes, scale, y, stride, n, add, 4, blocks);                                               \
    }

static void any_tile(const rounded *in, long row, long rows, const uint8_t *codes, const float *scale, float *y,
                     long stride, long n, int add, long blocks) {
    switch (blocks) {
    case 1: ROWS(1); break;
    case 2: ROWS(2); break;
    default: ROWS(3);
    }
}

/* Panel p of a product: all rows times up to 48 outputs. y: [rows, outputs]. */
static void one_panel(const rounded *in, const packed *w, float *y, long rows, long outputs, long n, int add, long p) {
    long first = p * PANEL * BLOCK, blocks = (outputs - first) / BLOCK;
    if (blocks > PANEL) blocks = PANEL;
    for (long r = 0; r < rows; r += TILE)
        any_tile(in, r, rows - r < TILE ? rows - r : TILE, w->codes + first * n, w->scale + first,
                 y + r * outputs + first, outputs, n, add, blocks);
}

int has_products(void) { return 1; }
#else
static void one_panel(const rounded *in, const packed *w, float *y, long rows, long outputs, long n, int add, long p) {
    (void)in, (void)w, (void)y, (void)rows, (void)outputs, (void)n, (void)add, (void)p;
}

int has_products(void) { return 0; }
#endif

static inline long panels(long outputs) { return (outputs + PANEL * BLOCK - 1) / (PANEL * BLOCK); }

/* x [rows, inputs] float -> y [rows, outputs]; room: for the rounded rows, inputs + 8 bytes each. inputs and outputs are
   multiples of 16. */
void multiply(const float *x, const uint8_t *codes, const float *scale, float *y, void *room, long rows, long inputs,
              long outputs) {
    rounded in = {(int8_t *)room + 8 * rows, (float *)room, (int32_t *)room + rows};
    packed w = {codes, scale};
#pragma omp parallel if (rows * inputs * outputs > 16 * PARALLEL)
    {
#pragma omp for schedule(static)
        for (long r = 0; r < rows; r++) round_row(x + r * inputs, inputs, in, r);
#pragma omp for schedule(dynamic, 1)
        for (long p = 0; p < panels(outputs); p++) one_panel(&in, &w, y, rows, outputs, inputs, 0, p);
    }
}
