/* One draw per row and codebook; the arithmetic is that of engine/row_sampler.py, its slow twin. Included by decode.c. */

#include <math.h>
#include <stdlib.h>

#define HISTORY 32      /* codes that are kept of what a row said, the newest last; -1: nothing yet */
#define MIN_KEEP 3      /* neither top-p nor top-k leaves fewer */
#define FEW 128         /* candidates that are kept in order while the others pass by; more are sorted */
#define GREEDY 2        /* bit of a row's flags: takes the likeliest */
#define EXP_LOWEST -87.0f

/* Behind a row's last frame; before it come the codes of that frame. */
enum { LENGTH, STEP, SEED, MIN_NEW, TOP_K, WINDOW, FLAGS, ORIGIN, COLUMNS };

typedef struct { float value; int32_t code; } candidate;

/* SplitMix64 (doi:10.1145/2660193.2660195). */
#define GOLDEN 0x9E3779B97F4A7C15ull
static inline uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ x >> 27) * 0x94D049BB133111EBull;
    return x ^ x >> 31;
}
static inline float exponential(uint64_t stream, uint64_t place) { /* mean 1; never 0, never infinite */
    float uniform = ((float)(mix(stream + place * GOLDEN) >> 40) + 0.5f) * 0x1p-24f;
    return -logf(uniform < 1 ? uniform : 0x1.fffffep-1f); /* half a step above the largest is rounded up to 1 */
}

static int likelier(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    if (x->value != y->value) return x->value < y->value ? 1 : -1;
    return (x->code > y->code) - (x->code < y->code);
}

/* The `count` largest of x [size], largest first. */
static void largest(const float *x, long size, candidate *best, long count) {
    if (count > FEW) {
        for (long v = 0; v < size; v++) best[v] = (candidate){x[v], (int32_t)v};
        qsort(best, size, sizeof *best, likelier);
        return;
    }
    for (long i = 0; i < count; i++) best[i] = (candidate){-__builtin_inff(), 0};
    for (long v = 0; v < size; v++) {
        if (!(x[v] > best[count - 1].value)) continue;
        long i = count - 1;
        for (; i > 0 && x[v] > best[i - 1].value; i--) best[i] = best[i - 1];
        best[i] = (candidate){x[v], (int32_t)v};
    }
}

/* Make what was said lately less likely, by the penalty to the power of how often it was said. */
static void penalise(float *x, const int64_t *history, long window, float penalty) {
    const int64_t *recent = history + HISTORY - (window < HISTORY ? window : HISTORY);
    for (const int64_t *code = recent; code < history + HISTORY; code++) {
        if (*code < 0) continue;
        int times = 0, before = 0;
        for (const int64_t *other = recent; other < history + HISTORY; other++)
            if (*other == *code) times++, before += other < code;
        if (before) continue;
        float factor = powf(penalty, (float)times), value = x[*code];
        x[*code] = value < 0 ? value * factor : value / factor;
    }
}

static inline float exp_of(float x) { return x > EXP_LOWEST ? expf(x) : 0.0f; }

static int64_t draw(const float *logits, long size, const float *floats, const int64_t *ints, const int64_t *history,
                    long book, long books, long end_code, float *x, candidate *best) {
    const int64_t *row = ints + books;
    const float temperature = floats[book], top_p = floats[books], penalty = floats[books + 1];
    for (long v = 0; v < size; v++) x[v] = logits[v] / temperature;
    penalise(x, history, row[WINDOW], penalty);
    long count = row[TOP_K] < size ? row[TOP_K] : size;
    if (count < 1) count = 1;
    largest(x, size, best, count);
    float top = best[0].value, total = 0;
    if (top_p <= 1) { /* more: nothing is dropped */
        vec sums = {0};
        long v = 0;
        for (; v + LANES <= size; v += LANES) sums += exp_negative(load(x + v) - top);
        total = sum(sums);
        for (; v < size; v++) total += exp_of(x[v] - top);
    }
    float before = 0, highest = -__builtin_inff();
    for (long i = 0; i < count; i++) {
        float here = top_p <= 1 ? exp_of(best[i].value - top) / total : 0;
        if ((before >= top_p && i >= MIN_KEEP) || (row[STEP] < row[MIN_NEW] && best[i].code == end_code))
            best[i].value = -__builtin_inff();
        before += here;
        highest = best[i].value > highest ? best[i].value : highest;
    }
    uint64_t stream = mix(mix((uint64_t)row[SEED] + GOLDEN) + (uint64_t)row[STEP] * GOLDEN);
    int64_t chosen = best[0].code;
    float heaviest = -1;
    for (long i = 0; i < count; i++) {
        if (best[i].value == -__builtin_inff()) continue;
        float noise = row[FLAGS] & GREEDY ? 1.0f : exponential(stream, (uint64_t)(best[i].code + book * size));
        float weight = exp_of(best[i].value - highest) / noise;
        if (weight > heaviest) heaviest = weight, chosen = best[i].code;
    }
    return chosen;
}

/* logits: [rows, books, size]. floats: [rows, books + 2], temperatures, top-p, penalty. ints: [rows, books + COLUMNS].
   history: [rows, books, HISTORY]. codes: [rows, books]. room: 12 bytes for each logit. */
void sample(const float *logits, const float *floats, const int64_t *ints, const int64_t *history, int64_t *codes,
            void *room, long rows, long books, long size, long end_code) {
    float *scaled = room;
    candidate *best = (candidate *)(scaled + rows * books * size);
#pragma omp parallel for schedule(static) if (rows * books * size > 4 * PARALLEL)
    for (long i = 0; i < rows * books; i++) {
        long r = i / books, book = i % books;
        codes[i] = draw(logits + i * size, size, floats + r * (books + 2), ints + r * (books + COLUMNS),
                        history + i * HISTORY, book, books, end_code, scaled + i * size, best + i * size);
    }
}
