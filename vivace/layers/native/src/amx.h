/* Products of 8 to 16 rows by Intel's matrix tiles. A packed matrix is laid out as their second factor: 16 outputs
   times 64 inputs are 16 lines of 64 bytes, one for 4 inputs, `blocks` lines apart.

   Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18. */

#define TILE_ROWS   16
#define TILE_INPUTS 64
#define FEWEST_ROWS 8 /* of fewer the other instructions are as fast */

typedef struct {
    uint8_t palette, start, zero[14];
    uint16_t bytes[16]; /* of a line */
    uint8_t lines[16];
} __attribute__((aligned(64))) tile_config;

/* Tiles 0 to 2: sums of the blocks. 3: rows, 4 and 5: weights. 6 and 7: rows and weights of the inputs that are left.
 */
static void configure(int rows, int left) {
    tile_config config = {.palette = 1};
    for (int t = 0; t < 4; t++) config.lines[t] = (uint8_t)rows, config.bytes[t] = 64;
    for (int t = 4; t < 6; t++) config.lines[t] = TILE_INPUTS / 4, config.bytes[t] = 64;
    if (left) {
        config.lines[6] = (uint8_t)rows, config.bytes[6] = (uint16_t)left;
        config.lines[7] = (uint8_t)(left / 4), config.bytes[7] = 64;
    }
    __asm__ volatile("" ::: "memory"); /* GCC's intrinsics tell it nothing of the memory that they read */
    _tile_loadconfig(&config);
}

/* GCC's intrinsics are statements. */
#define TILE_STEP(sums, weights, block)                                                                                \
    do {                                                                                                               \
        _tile_loadd(weights, w + (block)*4 * BLOCK, apart);                                                            \
        _tile_dpbsud(sums, 3, weights);                                                                                \
    } while (0)
#define TILE_LEFT(sums, block)                                                                                         \
    do {                                                                                                               \
        _tile_loadd(7, w + (block)*4 * BLOCK, apart);                                                                  \
        _tile_dpbsud(sums, 6, 7);                                                                                      \
    } while (0)

/* As sum_products, for `rows` rows that the tiles are configured for. */
INLINE void sum_by_tiles(const code *x, idx n, const int32_t *x_sums, const uint8_t *codes, int32_t *to, const int rows,
                         const int blocks) {
    const idx whole = n / TILE_INPUTS * TILE_INPUTS, apart = blocks * 4 * BLOCK;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    for (idx i = 0; i < whole; i += TILE_INPUTS) {
        const uint8_t *w = codes + i * blocks * BLOCK;
        _tile_loadd(3, x + i, n);
        TILE_STEP(0, 4, 0);
        if (blocks > 1) TILE_STEP(1, 5, 1);
        if (blocks > 2) TILE_STEP(2, 4, 2);
    }
    if (whole < n) {
        const uint8_t *w = codes + whole * blocks * BLOCK;
        _tile_loadd(6, x + whole, n);
        TILE_LEFT(0, 0);
        if (blocks > 1) TILE_LEFT(1, 1);
        if (blocks > 2) TILE_LEFT(2, 2);
    }
    _tile_stored(0, to, apart);
    if (blocks > 1) _tile_stored(1, to + BLOCK, apart);
    if (blocks > 2) _tile_stored(2, to + 2 * BLOCK, apart);
    for (int r = 0; r < rows; r++)
        for (int o = 0; o < blocks * BLOCK; o++) to[r * blocks * BLOCK + o] -= 128 * x_sums[r];
}

INLINE void sum_blocks_by_tiles(const code *x, idx n, const int32_t *x_sums, const uint8_t *codes, int32_t *to,
                                int rows, idx blocks) {
    if (blocks == 1) sum_by_tiles(x, n, x_sums, codes, to, rows, 1);
    else if (blocks == 2) sum_by_tiles(x, n, x_sums, codes, to, rows, 2);
    else sum_by_tiles(x, n, x_sums, codes, to, rows, 3);
}

/* As many rows of a panel as tiles are good for. Returns: how many. The tiles are given back: while a thread holds
   them, the operating system saves 8 KiB more for it. */
static idx rows_by_tiles(const rounded *in, const uint8_t *codes, const float *scale, float *y, idx rows, idx outputs,
                         idx n, int add, idx blocks) {
    int32_t sums[TILE_ROWS * PANEL * BLOCK];
    idx done = 0;
    for (int configured = 0; rows - done >= FEWEST_ROWS;) {
        int count = rows - done < TILE_ROWS ? (int)(rows - done) : TILE_ROWS;
        if (count != configured) configure(count, (int)(n % TILE_INPUTS)), configured = count;
        sum_blocks_by_tiles(in->codes + done * n, n, in->sums + done, codes, sums, count, blocks);
        scale_sums(in, done, sums, scale, y + done * outputs, outputs, add, count, (int)blocks);
        done += count;
    }
    if (done) _tile_release();
    return done;
}
