/* Attention of new positions over the keys and values that a slot holds, and the element-wise parts of a layer. */

#define MAX_HEAD 256
#define MAX_KEYS 8192
#define PARALLEL 16384 /* elements that are worth waking a second thread for */

enum { KV_FLOAT32, KV_BFLOAT16, KV_INT8 }; /* how keys and values are kept */

/* Keys and values of one head: [positions, d], and of KV_INT8 the scale of each position. */
typedef struct {
    void *k, *v;
    float *k_scale, *v_scale;
} head_kv;

/* Where a slot's keys and values are in the first layer, and how many positions it holds. Strides count elements;
   scales are as far apart as the positions are: stride / d. */
typedef struct {
    void *keys, *values;
    float *key_scales, *value_scales;
    idx layer_stride, head_stride, held;
} slot_kv;

INLINE head_kv head_of(const slot_kv *s, int kind, idx layer, idx head, idx d) {
    static const int bytes[] = {4, 2, 1};
    idx at = layer * s->layer_stride + head * s->head_stride;
    head_kv h = {(char *)s->keys + at * bytes[kind], (char *)s->values + at * bytes[kind], NULL, NULL};
    if (kind == KV_INT8) h.k_scale = s->key_scales + at / d, h.v_scale = s->value_scales + at / d;
    return h;
}

INLINE void keep_int8(int8_t *to, float *scale, const float *x, idx d) {
    vec top[PARTS] = {0}, poison[PARTS] = {0};
    for (idx i = 0; i < d; i += LANES) EACH_PART(p) {
            vec v = load(x + i + p * WIDTH), size = absolute(v);
            top[p] = choose(size > top[p], size, top[p]);
            poison[p] = poison[p] + (v - v);
        }
    float most = largest(top), bad = sum(poison);
    if (bad != 0) { /* NaN: neither infinity nor NaN may turn into an ordinary number */
        memset(to, 0, d);
        to[0] = 1, *scale = bad;
        return;
    }
    float factor = most > 1e-30f ? 127.0f / most : 0.0f;
    for (idx i = 0; i < d; i++) to[i] = (int8_t)(int32_t)((x[i] * factor + 12582912.0f) - 12582912.0f);
    *scale = most / 127.0f;
}

/* Keep a new key and value at position `at`. */
INLINE void keep(head_kv h, int kind, idx at, const float *k, const float *v, idx d) {
    if (kind == KV_FLOAT32) {
        memcpy((float *)h.k + at * d, k, d * sizeof *k);
        memcpy((float *)h.v + at * d, v, d * sizeof *v);
    } else if (kind == KV_BFLOAT16) {
        uint16_t *ks = (uint16_t *)h.k + at * d, *vs = (uint16_t *)h.v + at * d;
        for (idx i = 0; i < d; i++) ks[i] = to_bf16(k[i]), vs[i] = to_bf16(v[i]);
    } else {
        keep_int8((int8_t *)h.k + at * d, h.k_scale + at, k, d);
        keep_int8((int8_t *)h.v + at * d, h.v_scale + at, v, d);
    }
}

/* Scores of one query over the first `keys` positions. While keys are read their values are fetched.
   scores: room for LANES more. */
#define SCORES(NAME, TYPE, LOAD)                                                                                       \
    INLINE void NAME(const float *q, head_kv h, float *scores, idx keys, const idx d) {                                \
        const TYPE *k = h.k, *v = h.v;                                                                                 \
        float scale = 1.0f / __builtin_sqrtf((float)d);                                                                \
        for (idx s = 0; s < keys; s++) {                                                                               \
            vec products[PARTS] = {0};                                                                                 \
            for (idx i = 0; i < d; i += 64 / (idx)sizeof(TYPE)) __builtin_prefetch(v + s * d + i);                     \
            for (idx i = 0; i < d; i += LANES)                                                                         \
                EACH_PART(p) products[p] += load(q + i + p * WIDTH) * LOAD(k + s * d + i + p * WIDTH);                 \
            scores[s] = sum(products) * scale;                                                                         \
        }                                                                                                              \
    }

SCORES(scores_f32, float, load)
SCORES(scores_bf16, uint16_t, load_bf16)

/* With keys in 8 bits the query is rounded to 16: products of integers are exact, and faster than those of floats. */
INLINE void scores_i8(const float *q, head_kv h, float *scores, idx keys, const idx d) {
    const int8_t *k = h.k, *v = h.v;
    int16_t query[MAX_HEAD];
    int32_t sums[MAX_KEYS];
    vec top[PARTS] = {0}, poison[PARTS] = {0};
    for (idx i = 0; i < d; i += LANES) EACH_PART(p) {
            vec x = load(q + i + p * WIDTH), size = absolute(x);
            top[p] = choose(size > top[p], size, top[p]);
            poison[p] = poison[p] + (x - x);
        }
    float most = largest(top), factor = most > 1e-30f ? 32767.0f / most : 0.0f;
    for (idx i = 0; i < d; i++) query[i] = (int16_t)(int32_t)((q[i] * factor + 12582912.0f) - 12582912.0f);
    for (idx s = 0; s < keys; s++) {
        for (idx i = 0; i < d; i += 64) __builtin_prefetch(v + s * d + i);
        int32_t total = 0;
        for (idx i = 0; i < d; i++) total += query[i] * (int16_t)k[s * d + i];
        sums[s] = total;
    }
    vec scale =
        all(most / 32767.0f / __builtin_sqrtf((float)d) + sum(poison)); /* a query with NaN: all scores are NaN */
    idx s = 0;
    for (; s + WIDTH <= keys; s += WIDTH) {
        ints whole;
        memcpy(&whole, sums + s, sizeof whole);
        store(scores + s, __builtin_convertvector(whole, vec) * scale * load(h.k_scale + s));
    }
    for (; s < keys; s++) scores[s] = (float)sums[s] * scale[0] * h.k_scale[s];
}

/* One query over the first `keys` positions. */
#define ATTEND(NAME, TYPE, LOAD, SCORE, SCALED)                                                                        \
    INLINE void NAME(const float *q, head_kv h, float *y, idx keys, const idx d) {                                     \
        const TYPE *v = h.v;                                                                                           \
        float scores[MAX_KEYS + LANES], top = -__builtin_inff();                                                       \
        idx rounded_up = (keys + LANES - 1) / LANES * LANES;                                                           \
        SCORE(q, h, scores, keys, d);                                                                                  \
        for (idx s = 0; s < keys; s++) top = scores[s] > top ? scores[s] : top;                                        \
        for (idx s = keys; s < rounded_up; s++) scores[s] = top; /* finite; not summed below */                        \
        for (idx s = 0; s < rounded_up; s += WIDTH) store(scores + s, exp_negative(load(scores + s) - top));           \
        float total = 0;                                                                                               \
        vec out[MAX_HEAD / WIDTH];                                                                                     \
        for (idx i = 0; i < d / WIDTH; i++) out[i] = (vec){0};                                                         \
        for (idx s = 0; s < keys; s++) {                                                                               \
            float weight = scores[s];                                                                                  \
            total += weight;                                                                                           \
            if (SCALED) weight = weight * h.v_scale[s];                                                                \
            for (idx i = 0; i < d / WIDTH; i++) out[i] += weight * LOAD(v + s * d + WIDTH * i);                        \
        }                                                                                                              \
        for (idx i = 0; i < d / WIDTH; i++) store(y + WIDTH * i, out[i] / total);                                      \
    }

ATTEND(attend_f32, float, load, scores_f32, 0)
ATTEND(attend_bf16, uint16_t, load_bf16, scores_bf16, 0)
ATTEND(attend_i8, int8_t, load_i8, scores_i8, 1)

/* Known widths keep the sums of a head in registers. */
#define FOR_WIDTH(name)                                                                                                \
    do {                                                                                                               \
        if (d == 64) name(q, h, y, keys, 64);                                                                          \
        else if (d == 32) name(q, h, y, keys, 32);                                                                     \
        else name(q, h, y, keys, d);                                                                                   \
    } while (0)

static void attend_head(const float *q, head_kv h, int kind, float *y, idx keys, idx d) {
    if (kind == KV_FLOAT32) FOR_WIDTH(attend_f32);
    else if (kind == KV_BFLOAT16) FOR_WIDTH(attend_bf16);
    else FOR_WIDTH(attend_i8);
}

INLINE void one_norm(const float *x, const float *w, float *y, idx dim, float eps) {
    vec squares[PARTS] = {0};
    for (idx i = 0; i < dim; i += LANES) EACH_PART(p) squares[p] += load(x + i + p * WIDTH) * load(x + i + p * WIDTH);
    float scale = 1.0f / __builtin_sqrtf(sum(squares) / (float)dim + eps);
    for (idx i = 0; i < dim; i += WIDTH) store(y + i, load(x + i) * scale * load(w + i));
}

INLINE void rotate(float *head, const float *cos, const float *sin, idx d) {
    for (idx i = 0; i < d / 2; i += WIDTH) {
        vec a = load(head + i), b = load(head + d / 2 + i);
        store(head + i, a * load(cos + i) + b * load(sin + i));
        store(head + d / 2 + i, b * load(cos + d / 2 + i) + a * load(sin + d / 2 + i));
    }
}

typedef struct {
    const float *x, *w;
    float *y;
    idx rows, dim;
    float eps;
} norm_call;
static void norm_run(void *given, member me) {
    const norm_call *c = given;
    SHARED_LOOP(&me, i, c->rows, 8) one_norm(c->x + i * c->dim, c->w, c->y + i * c->dim, c->dim, c->eps);
    meet(&me);
}
/* y = w * x / sqrt(mean(x^2) + eps), by row; dim is a multiple of 16. */
void EXPORT(rms_norm)(const float *x, const float *w, float *y, idx rows, idx dim, float eps) {
    norm_call c = {x, w, y, rows, dim, eps};
    run_team(norm_run, &c, rows * dim > PARALLEL);
}

typedef struct {
    const float *x;
    float *y;
    idx rows, hidden;
} gate_call;
static void gate_run(void *given, member me) {
    const gate_call *c = given;
    idx hidden = c->hidden;
    SHARED_LOOP(&me, i, c->rows, 4) {
        const float *gate = c->x + 2 * i * hidden;
        for (idx j = 0; j < hidden; j += WIDTH)
            store(c->y + i * hidden + j, gated(load(gate + j), load(gate + hidden + j)));
    }
    meet(&me);
}
/* y[r] = silu(x[r, :hidden]) * x[r, hidden:]; hidden is a multiple of 16. */
void EXPORT(silu_mul)(const float *x, float *y, idx rows, idx hidden) {
    gate_call c = {x, y, rows, hidden};
    run_team(gate_run, &c, rows * hidden > PARALLEL);
}

typedef struct {
    float *x;
    const float *cos, *sin;
    idx rows, heads, d;
} rope_call;
static void rope_run(void *given, member me) {
    const rope_call *c = given;
    idx heads = c->heads, d = c->d;
    SHARED_LOOP(&me, i, c->rows, 4) {
        for (idx h = 0; h < 2 * heads; h++) rotate(c->x + (3 * heads * i + h) * d, c->cos + i * d, c->sin + i * d, d);
    }
    meet(&me);
}
/* Rotate queries and keys of x [rows, 3, heads, d] in place; cos and sin [rows, d], the first half of sin negative. */
void EXPORT(rope)(float *x, const float *cos, const float *sin, idx rows, idx heads, idx d) {
    rope_call c = {x, cos, sin, rows, heads, d};
    run_team(rope_run, &c, 2 * rows * heads * d > PARALLEL);
}

typedef struct {
    const float *q, *k, *v;
    const idx *strides;
    const slot_kv *slots;
    int kind;
    float *y;
    idx rows, queries, heads, d, prefix;
} attend_call;

/* New positions of one row and head: where its queries, keys and values begin. */
INLINE const float *vector_of(const float *x, const idx *strides, idx row, idx head, idx position) {
    return x + row * strides[0] + head * strides[1] + position * strides[2];
}

static void attend_run(void *given, member me) {
    const attend_call *c = given;
    idx heads = c->heads, d = c->d, queries = c->queries;
    SHARED_LOOP(&me, i, c->rows * heads, 1) {
        idx r = i / heads, h = i % heads;
        const slot_kv *slot = c->slots + r;
        head_kv kv = head_of(slot, c->kind, 0, h, d);
        for (idx n = 0; n < queries; n++)
            keep(kv, c->kind, slot->held + n, vector_of(c->k, c->strides + 3, r, h, n),
                 vector_of(c->v, c->strides + 6, r, h, n), d);
    }
    meet(&me);
    SHARED_LOOP(&me, i, c->rows * heads * queries, 4) {
        idx r = i / (heads * queries), h = i / queries % heads, n = i % queries;
        const slot_kv *slot = c->slots + r;
        idx seen = slot->held + n + 1;
        if (seen < c->prefix) seen = c->prefix;
        attend_head(vector_of(c->q, c->strides, r, h, n), head_of(slot, c->kind, 0, h, d), c->kind,
                    c->y + ((r * heads + h) * queries + n) * d, seen, d);
    }
    meet(&me);
}

/* Keep new keys and values behind what each slot holds, and attend: causally, but positions below `prefix` see one
   another.

   q, k, v: [rows, heads, queries, d], d contiguous; strides: of q, k, v, each by row, head and position.
   slots: [rows], of one layer. y: [rows, heads, queries, d]. All positions together are at most MAX_KEYS. */
void EXPORT(attend)(const float *q, const float *k, const float *v, const idx *strides, const slot_kv *slots, int kind,
                    float *y, idx rows, idx queries, idx heads, idx d, idx prefix) {
    attend_call c = {q, k, v, strides, slots, kind, y, rows, queries, heads, d, prefix};
    idx work = 0;
    for (idx r = 0; r < rows; r++) work += (slots[r].held + queries) * queries * heads * d;
    run_team(attend_run, &c, work > PARALLEL);
}
