/* Products of several rows, for the instructions that keep up with memory: the inputs go in chunks, so that a chunk of
   a panel is read from memory once and stays in the first-level cache for all rows, and the next panel is fetched
   meanwhile.

   Integer sums are exact: the result is that of `tile` to the bit. */

#define CHUNK     256 /* inputs: a chunk of a panel takes 12 KiB */
#define ROW_GROUP 32  /* rows whose sums are kept between chunks */

#if WIDTH == 16

#define SUMS_OF_ROW (PANEL * BLOCK)
#define TALL        8 /* rows whose sums fit into the registers */

/* Add `steps` times 4 inputs (a multiple of 4 steps) of `rows` rows to their sums [rows][blocks][16]. After every 4
   steps `lines` lines from `ahead` on are fetched. */
INLINE void add_chunk(const code *x, idx n, const uint8_t *w, idx steps, int32_t *to, const char *ahead, int lines,
                      const int rows, const int blocks) {
    __m512i sums[TALL][PANEL];
    for (int r = 0; r < rows; r++)
        for (int b = 0; b < blocks; b++) sums[r][b] = _mm512_loadu_si512(to + r * SUMS_OF_ROW + b * BLOCK);
    for (idx s = 0; s < steps; s += 4) {
        for (int l = 0; l < lines; l++, ahead += 64) __builtin_prefetch(ahead, 0, 2);
        for (int u = 0; u < 4; u++, x += 4, w += blocks * 4 * BLOCK) {
            __m512i weights[PANEL];
            for (int b = 0; b < blocks; b++) weights[b] = _mm512_loadu_si512(w + b * 4 * BLOCK);
            for (int r = 0; r < rows; r++) {
                int32_t four;
                memcpy(&four, x + r * n, 4);
                __m512i v = _mm512_set1_epi32(four);
                for (int b = 0; b < blocks; b++) sums[r][b] = _mm512_dpbusd_epi32(sums[r][b], weights[b], v);
            }
        }
    }
    for (int r = 0; r < rows; r++)
        for (int b = 0; b < blocks; b++) _mm512_storeu_si512(to + r * SUMS_OF_ROW + b * BLOCK, sums[r][b]);
}

INLINE void add_rows(const code *x, idx n, const uint8_t *w, idx steps, int32_t *to, idx rows, const char *ahead,
                     const int blocks) {
    int lines = (int)((4 * blocks * TALL + rows - 1) / rows); /* the rows share the chunk ahead */
    if (lines > 4 * blocks) lines = 4 * blocks;
    if (!ahead) lines = 0, ahead = (const char *)w; /* fetch nothing */
    idx r = 0;
#define TAKE(count)                                                                                                    \
    add_chunk(x + r * n, n, w, steps, to + r * SUMS_OF_ROW, ahead, lines, count, blocks);                              \
    ahead += steps / 4 * lines * 64, r += count
    while (r + 8 <= rows) { TAKE(8); }
    if (rows - r >= 4) { TAKE(4); }
    if (rows - r >= 2) { TAKE(2); }
    if (rows - r >= 1) { TAKE(1); }
#undef TAKE
}

INLINE const int32_t *whole_sums(const int32_t *sums, int32_t *to, const int blocks) {
    (void)to, (void)blocks;
    return sums;
}

#else /* AVX2: products of 16 bits, two sums for each output */

#define SUMS_OF_ROW (2 * PANEL * BLOCK)

/* Add `steps` times 4 inputs of `rows` rows to their sums of 8 outputs. With every step `ahead` goes on by `stride`
   bytes and what is there is fetched. */
INLINE void add_chunk(const code *x, idx n, const uint8_t *w, idx steps, int32_t *to, const char *ahead, idx stride,
                      const int rows, const int blocks) {
    __m256i sums[4][2]; /* of 8 outputs */
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < 2; i++) sums[r][i] = _mm256_loadu_si256((const __m256i *)(to + r * SUMS_OF_ROW) + i);
#pragma GCC unroll 2
    for (idx s = 0; s < steps; s++, x += 4, w += blocks * 4 * BLOCK, ahead += stride) {
        __builtin_prefetch(ahead, 0, 2);
        __m256i first = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)w));
        __m256i second = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)w + 1));
        for (int r = 0; r < rows; r++) {
            int64_t four;
            memcpy(&four, x + r * n, 8);
            __m256i v = _mm256_set1_epi64x(four);
            __m256i a = _mm256_madd_epi16(first, v), b = _mm256_madd_epi16(second, v);
            /* _mm256_add_epi32 in place: GCC would copy the sums about and spill them. */
            __asm__("vpaddd %1, %0, %0" : "+x"(sums[r][0]) : "x"(a));
            __asm__("vpaddd %1, %0, %0" : "+x"(sums[r][1]) : "x"(b));
        }
    }
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < 2; i++) _mm256_storeu_si256((__m256i *)(to + r * SUMS_OF_ROW) + i, sums[r][i]);
}

INLINE void add_rows(const code *x, idx n, const uint8_t *w, idx steps, int32_t *to, idx rows, const char *ahead,
                     const int blocks) {
    const idx tiles = (rows + 3) / 4,
              stride = ahead ? (2 * BLOCK + tiles - 1) / tiles : 0; /* the tiles share the chunk ahead */
    if (!ahead) ahead = (const char *)w;
    for (int half = 0; half < 2 * blocks; half++) {
        const uint8_t *from = w + half * 2 * BLOCK;
        int32_t *sums = to + half * BLOCK;
        for (idx r = 0; r < rows; r += 4, sums += 4 * SUMS_OF_ROW, ahead += steps * stride) switch (rows - r) {
            case 1:
                add_chunk(x + r * n, n, from, steps, sums, ahead, stride, 1, blocks);
                break;
            case 2:
                add_chunk(x + r * n, n, from, steps, sums, ahead, stride, 2, blocks);
                break;
            case 3:
                add_chunk(x + r * n, n, from, steps, sums, ahead, stride, 3, blocks);
                break;
            default:
                add_chunk(x + r * n, n, from, steps, sums, ahead, stride, 4, blocks);
            }
    }
}

INLINE const int32_t *whole_sums(const int32_t *sums, int32_t *to, const int blocks) {
    for (int half = 0; half < 2 * blocks; half++) {
        const __m256i *pairs = (const __m256i *)(sums + half * BLOCK);
        __m256i whole = _mm256_hadd_epi32(_mm256_loadu_si256(pairs), _mm256_loadu_si256(pairs + 1));
        _mm256_storeu_si256((__m256i *)(to + half * BLOCK / 2), _mm256_permute4x64_epi64(whole, 0xd8));
    }
    return to;
}

#endif

INLINE void rows_of_panel(const rounded *in, const uint8_t *codes, const float *scale, float *y, idx rows, idx outputs,
                          idx n, int add, const char *ahead, const int blocks) {
    int32_t sums[ROW_GROUP * SUMS_OF_ROW], whole[PANEL * BLOCK];
    for (idx from = 0; from < rows; from += ROW_GROUP, ahead = NULL) {
        idx count = rows - from < ROW_GROUP ? rows - from : ROW_GROUP;
        memset(sums, 0, count * SUMS_OF_ROW * sizeof *sums);
        for (idx i = 0; i < n; i += CHUNK) {
            idx steps = (n - i < CHUNK ? n - i : CHUNK) / 4, at = i * blocks * BLOCK;
            add_rows(in->codes + from * n + i, n, codes + at, steps, sums, count, ahead ? ahead + at : NULL, blocks);
        }
        for (idx r = 0; r < count; r++) {
            const int32_t *of_row = whole_sums(sums + r * SUMS_OF_ROW, whole, blocks);
            ints excess = (ints){0} + 128 * in->sums[from + r];
            for (int o = 0; o < blocks * BLOCK; o += WIDTH) {
                ints total;
                memcpy(&total, of_row + o, sizeof total);
                float *to = y + (from + r) * outputs + o;
                vec value = __builtin_convertvector(total - excess, vec) * in->scale[from + r] * load(scale + o);
                store(to, add ? load(to) + value : value);
            }
        }
    }
}

/* All rows of a panel; `ahead`: the panel that this thread comes to next, or NULL. */
static void many_rows(const rounded *in, const uint8_t *codes, const float *scale, float *y, idx rows, idx outputs,
                      idx n, int add, const char *ahead, idx blocks) {
    switch (blocks) {
    case 1:
        rows_of_panel(in, codes, scale, y, rows, outputs, n, add, ahead, 1);
        break;
    case 2:
        rows_of_panel(in, codes, scale, y, rows, outputs, n, add, ahead, 2);
        break;
    default:
        rows_of_panel(in, codes, scale, y, rows, outputs, n, add, ahead, 3);
    }
}
