/* One draw per row and codebook; the arithmetic is that of engine/sampling.py, its slow twin. */

#include <stdlib.h>

#define HISTORY  32  /* codes that are kept of what a row generated, the newest last; -1: nothing yet */
#define MIN_KEEP 3   /* neither top-p nor top-k leaves fewer */
#define FEW      128 /* candidates that are kept in order while the others pass by; more are sorted */
#define GREEDY   2   /* bit of a row's flags: takes the likeliest */

/* Behind a row's last frame; before it come the codes of that frame. */
enum { LENGTH, STEP, SEED, MIN_NEW, TOP_K, WINDOW, FLAGS, ORIGIN, COLUMNS };

typedef struct {
    float value;
    int32_t code;
} candidate;

/* SplitMix64 (doi:10.1145/2660193.2660195). */
#define GOLDEN 0x9E3779B97F4A7C15ull
INLINE uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ x >> 27) * 0x94D049BB133111EBull;
    return x ^ x >> 31;
}
INLINE float exponential(uint64_t stream, uint64_t place) { /* mean 1; never 0, never infinite */
    float uniform = ((float)(mix(stream + place * GOLDEN) >> 40) + 0.5f) * 0x1p-24f;
    return -log_one(uniform < 1 ? uniform : 0x1.fffffep-1f); /* half a step above the largest is rounded up to 1 */
}

static int likelier(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    if (x->value != y->value) return x->value < y->value ? 1 : -1;
    return (x->code > y->code) - (x->code < y->code);
}

/* The `count` largest of x [size], largest first. */
static void most_likely(const float *x, idx size, candidate *best, idx count) {
    if (count > FEW) {
        for (idx v = 0; v < size; v++) best[v] = (candidate){x[v], (int32_t)v};
        qsort(best, size, sizeof *best, likelier);
        return;
    }
    for (idx i = 0; i < count; i++) best[i] = (candidate){-__builtin_inff(), 0};
    for (idx v = 0; v < size; v++) {
        if (!(x[v] > best[count - 1].value)) continue;
        idx i = count - 1;
        for (; i > 0 && x[v] > best[i - 1].value; i--) best[i] = best[i - 1];
        best[i] = (candidate){x[v], (int32_t)v};
    }
}

/* Make what was generated lately less likely, by the penalty to the power of how often it was generated. */
static void penalize(float *x, const int64_t *history, idx window, float penalty) {
    const int64_t *recent = history + HISTORY - (window < HISTORY ? window : HISTORY);
    for (const int64_t *code = recent; code < history + HISTORY; code++) {
        if (*code < 0) continue;
        int times = 0, before = 0;
        for (const int64_t *other = recent; other < history + HISTORY; other++)
            if (*other == *code) times++, before += other < code;
        if (before) continue;
        float factor = 1, value = x[*code];
        for (int i = 0; i < times; i++) factor = factor * penalty;
        x[*code] = value < 0 ? value * factor : value / factor;
    }
}

static int64_t draw_code(const float *logits, idx size, const float *floats, const int64_t *ints,
                         const int64_t *history, idx book, idx books, idx end_code, float *x, candidate *best) {
    const int64_t *row = ints + books;
    const float temperature = floats[book], top_p = floats[books], penalty = floats[books + 1];
    for (idx v = 0; v < size; v++) x[v] = logits[v] / temperature;
    penalize(x, history, row[WINDOW], penalty);
    idx count = row[TOP_K] < size ? row[TOP_K] : size;
    if (count < 1) count = 1;
    most_likely(x, size, best, count);
    float top = best[0].value, total = 0;
    if (top_p <= 1) { /* more: nothing is dropped */
        vec sums[PARTS] = {0};
        idx v = 0;
        for (; v + LANES <= size; v += LANES) EACH_PART(p) sums[p] += exp_negative(load(x + v + p * WIDTH) - top);
        total = sum(sums);
        for (; v < size; v++) total += exp_one(x[v] - top);
    }
    float before = 0, highest = -__builtin_inff();
    for (idx i = 0; i < count; i++) {
        float here = top_p <= 1 ? exp_one(best[i].value - top) / total : 0;
        if ((before >= top_p && i >= MIN_KEEP) || (row[STEP] < row[MIN_NEW] && best[i].code == end_code))
            best[i].value = -__builtin_inff();
        before += here;
        highest = best[i].value > highest ? best[i].value : highest;
    }
    uint64_t stream = mix(mix((uint64_t)row[SEED] + GOLDEN) + (uint64_t)row[STEP] * GOLDEN);
    int64_t chosen = best[0].code;
    float heaviest = -1;
    for (idx i = 0; i < count; i++) {
        if (best[i].value == -__builtin_inff()) continue;
        float noise = row[FLAGS] & GREEDY ? 1.0f : exponential(stream, (uint64_t)(best[i].code + book * size));
        float weight = exp_one(best[i].value - highest) / noise;
        if (weight > heaviest) heaviest = weight, chosen = best[i].code;
    }
    return chosen;
}

typedef struct {
    const float *logits, *floats;
    const int64_t *ints, *history;
    int64_t *codes;
    float *scaled;
    candidate *best;
    idx rows, books, size, end_code;
} sample_call;

static void sample_run(void *given, member me) {
    const sample_call *c = given;
    idx books = c->books, size = c->size;
    SHARED_LOOP(&me, i, c->rows * books, 1) {
        idx r = i / books, book = i % books;
        c->codes[i] =
            draw_code(c->logits + i * size, size, c->floats + r * (books + 2), c->ints + r * (books + COLUMNS),
                      c->history + i * HISTORY, book, books, c->end_code, c->scaled + i * size, c->best + i * size);
    }
    meet(&me);
}

/* logits: [rows, books, size]. floats: [rows, books + 2], temperatures, top-p, penalty. ints: [rows, books + COLUMNS].
   history: [rows, books, HISTORY]. codes: [rows, books]. workspace: 12 bytes for each logit. */
void EXPORT(sample)(const float *logits, const float *floats, const int64_t *ints, const int64_t *history,
                    int64_t *codes, void *workspace, idx rows, idx books, idx size, idx end_code) {
    float *scaled = workspace;
    sample_call c = {logits, floats, ints, history, codes, scaled, (candidate *)(scaled + rows * books * size),
                     rows,   books,  size, end_code};
    run_team(sample_run, &c, rows * books * size > 4 * PARALLEL);
}
