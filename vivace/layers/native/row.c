/* All layers of a Llama for one row, weights in int8 or int4: one call per decode step, one parallel region.

   A step of one stream reads every weight once and computes next to nothing; what costs besides is calls and waking
   threads. Included by decode.c, which has the vectors. */

#define GROUP 32 /* inputs of int4 that share a scale and an offset */
#define MAX_WIDTH 16384

typedef uint8_t bytes __attribute__((vector_size(LANES), aligned(1)));

typedef struct { const void *codes, *scale; } matrix; /* [outputs, inputs]; scale: float, int8 [N], int4 [N, K / G, 2] */
typedef struct { const float *norm; matrix qkv, out; const float *mlp_norm; matrix gate_up, down; } layer;

/* By way of 32 bits, and without a sign: GCC takes one number at a time otherwise. */
static inline vec widen4(bytes q) { return __builtin_convertvector(__builtin_convertvector(q, whole), vec); }
static inline vec widen8(bytes q) { return widen4(q ^ 128) - 128.0f; }

/* A row as the products read it: int4 wants the even inputs of a group, then its odd ones, and the groups' sums. */
typedef struct { float x[MAX_WIDTH], sums[MAX_WIDTH / GROUP + LANES]; } input;

static void prepare(input *to, const float *x, long n, int is_int4) {
    if (!is_int4) { memcpy(to->x, x, n * sizeof *x); return; }
    for (long g = 0; g < n / GROUP; g++) {
        float *even = to->x + g * GROUP, *odd = even + LANES, sum = 0;
        for (long i = 0; i < LANES; i++) even[i] = x[g * GROUP + 2 * i], odd[i] = x[g * GROUP + 2 * i + 1];
        for (long i = 0; i < GROUP; i++) sum += x[g * GROUP + i];
        to->sums[g] = sum;
    }
}

static inline float dot8(const matrix *m, const input *in, long row, long n) {
    const int8_t *codes = (const int8_t *)m->codes + row * n;
    vec a = {0}, b = {0}, c = {0}, e = {0};
    long i = 0;
    bytes q;
#define STEP(sum, at) memcpy(&q, codes + (at), sizeof q); sum += widen8(q) * load(in->x + (at));
    for (; i + 4 * LANES <= n; i += 4 * LANES) { STEP(a, i) STEP(b, i + LANES) STEP(c, i + 2 * LANES) STEP(e, i + 3 * LANES) }
    for (; i < n; i += LANES) { STEP(a, i) }
#undef STEP
    return sum((a + b) + (c + e)) * ((const float *)m->scale)[row];
}

static inline float dot4(const matrix *m, const input *in, long row, long n) {
    const uint8_t *codes = (const uint8_t *)m->codes + row * n / 2;
    const float *scale = (const float *)m->scale + 2 * row * (n / GROUP); /* of a group: scale, value of code 0 */
    vec total = {0};
    float lowest = 0;
    for (long g = 0; g < n / GROUP; g++) {
        bytes q; memcpy(&q, codes + g * LANES, sizeof q);
        vec part = widen4(q & 15) * load(in->x + g * GROUP) + widen4(q >> 4) * load(in->x + g * GROUP + LANES);
        total += part * scale[2 * g];
        lowest += scale[2 * g + 1] * in->sums[g];
    }
    return sum(total) + lowest;
}

static inline float product(const matrix *m, const input *in, long row, long n, int is_int4) {
    return is_int4 ? dot4(m, in, row, n) : dot8(m, in, row, n);
}

/* x: [dim], changed to the last layer's result (before the final norm). cos, sin: [d].
   keys, values: the row's in the first layer, layer_stride and head_stride apart, holding `held` positions.
   room: 4 * dim + hidden floats. */
void decode_row(float *x, const layer *layers, long count, int is_int4, long dim, long hidden, long heads, const float *cos,
                const float *sin, void *keys, void *values, long layer_stride, long head_stride, int is_bf16, long held,
                float eps, float *room) {
    const long d = dim / heads;
    float *qkv = room, *seen = room + 3 * dim, *inner = room + 4 * dim;
#pragma omp parallel
    {
        input in;
        float normed[MAX_WIDTH];
        for (long l = 0; l < count; l++) {
            const layer *w = layers + l;
            one_norm(x, w->norm, normed, dim, eps);
            prepare(&in, normed, dim, is_int4);
#pragma omp for schedule(static)
            for (long i = 0; i < 3 * dim; i++) qkv[i] = product(&w->qkv, &in, i, dim, is_int4);
#pragma omp for schedule(static)
            for (long h = 0; h < heads; h++) {
                turn(qkv + h * d, cos, sin, d);
                turn(qkv + dim + h * d, cos, sin, d);
                long at = l * layer_stride + h * head_stride;
                one_head(qkv + h * d, qkv + dim + h * d, qkv + 2 * dim + h * d, keys, values, at, at, is_bf16, seen + h * d, held, d);
            }
            prepare(&in, seen, dim, is_int4);
#pragma omp for schedule(static)
            for (long i = 0; i < dim; i++) x[i] += product(&w->out, &in, i, dim, is_int4);
            one_norm(x, w->mlp_norm, normed, dim, eps);
            prepare(&in, normed, dim, is_int4);
#pragma omp for schedule(static)
            for (long i = 0; i < hidden; i += LANES) {
                float gate[LANES], up[LANES];
                for (long j = 0; j < LANES; j++) {
                    gate[j] = product(&w->gate_up, &in, i + j, dim, is_int4);
                    up[j] = product(&w->gate_up, &in, hidden + i + j, dim, is_int4);
                }
                store(inner + i, gated(load(gate), load(up)));
            }
            prepare(&in, inner, hidden, is_int4);
#pragma omp for schedule(static)
            for (long i = 0; i < dim; i++) x[i] += product(&w->down, &in, i, hidden, is_int4);
        }
    }
}
