/* Intel's matrix tiles in plain C, as strict as the CPU: what it would refuse ends the program. Included before the
   sources of the kernels; their tile code then runs on every CPU. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#undef _tile_loadconfig
#undef _tile_release
#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbsud
#define VIVACE_AMX_EMULATED

static _Thread_local struct {
    int configured, lines[8], bytes[8];
    uint8_t data[8][16][64];
} emulated;

static inline void emulated_check(int right, const char *what) {
    if (!right) fprintf(stderr, "amx: %s\n", what), abort();
}

static inline void _tile_loadconfig(const void *given) {
    const uint8_t *config = given;
    emulated_check(config[0] == 1 && (uintptr_t)given % 64 == 0,
                   "the palette is not 1, or the configuration is not aligned");
    for (int i = 1; i < 16; i++) emulated_check(!config[i], "a reserved byte is not 0");
    memset(&emulated, 0, sizeof emulated);
    for (int t = 0; t < 16; t++) {
        uint16_t bytes;
        memcpy(&bytes, config + 16 + 2 * t, 2);
        int lines = config[48 + t];
        emulated_check(lines <= 16 && bytes <= 64 && (t < 8 || (!lines && !bytes)) && !lines == !bytes,
                       "a tile's shape");
        if (t < 8) emulated.lines[t] = lines, emulated.bytes[t] = bytes;
    }
    emulated.configured = 1;
}

static inline void emulated_tile(int t) {
    emulated_check(emulated.configured && emulated.lines[t], "a tile without a shape");
}

static inline void _tile_release(void) {
    emulated_check(emulated.configured, "released twice");
    memset(&emulated, 0, sizeof emulated);
}

static inline void _tile_zero(int t) {
    emulated_tile(t);
    memset(emulated.data[t], 0, sizeof emulated.data[t]);
}

static inline void _tile_loadd(int t, const void *from, int64_t apart) {
    emulated_tile(t);
    memset(emulated.data[t], 0, sizeof emulated.data[t]);
    for (int i = 0; i < emulated.lines[t]; i++)
        memcpy(emulated.data[t][i], (const char *)from + i * apart, emulated.bytes[t]);
}

static inline void _tile_stored(int t, void *to, int64_t apart) {
    emulated_tile(t);
    for (int i = 0; i < emulated.lines[t]; i++) memcpy((char *)to + i * apart, emulated.data[t][i], emulated.bytes[t]);
}

static inline void _tile_dpbsud(int sums, int signed_, int unsigned_) {
    emulated_tile(sums), emulated_tile(signed_), emulated_tile(unsigned_);
    emulated_check(emulated.lines[sums] == emulated.lines[signed_] &&
                       emulated.bytes[sums] == emulated.bytes[unsigned_] &&
                       emulated.bytes[signed_] == 4 * emulated.lines[unsigned_],
                   "the shapes of a product do not fit");
    for (int m = 0; m < emulated.lines[sums]; m++)
        for (int n = 0; n < emulated.bytes[sums] / 4; n++) {
            int32_t sum;
            memcpy(&sum, &emulated.data[sums][m][4 * n], 4);
            for (int k = 0; k < emulated.lines[unsigned_]; k++)
                for (int j = 0; j < 4; j++)
                    sum +=
                        (int8_t)emulated.data[signed_][m][4 * k + j] * (int32_t)emulated.data[unsigned_][k][4 * n + j];
            memcpy(&emulated.data[sums][m][4 * n], &sum, 4);
        }
}
