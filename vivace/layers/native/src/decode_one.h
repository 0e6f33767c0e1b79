/* All layers of a Llama for one row, weights in int4: one call per decode step.

   A step of one stream reads every weight once and computes next to nothing; what costs besides is calls and waking
   threads. Activations stay in float32. */

#define GROUP     32 /* inputs of int4 that share a scale and an offset */
#define MAX_WIDTH 16384

typedef struct {
    const uint8_t *codes;
    const float *scale;
} matrix4; /* [outputs, inputs / 2]; [outputs, inputs / GROUP, 2] */
typedef struct {
    const float *norm;
    matrix4 qkv, out;
    const float *mlp_norm;
    matrix4 gate_up, down;
} layer4;

/* A row as the products read it: the even inputs of a group, then its odd ones, and the sums of the groups. */
typedef struct {
    float x[MAX_WIDTH], sums[MAX_WIDTH / GROUP];
} input4;

static void prepare4(input4 *to, const float *x, idx n) {
    for (idx g = 0; g < n / GROUP; g++) {
        float *even = to->x + g * GROUP, *odd = even + LANES, total = 0;
        for (idx i = 0; i < LANES; i++) even[i] = x[g * GROUP + 2 * i], odd[i] = x[g * GROUP + 2 * i + 1];
        for (idx i = 0; i < GROUP; i++) total += x[g * GROUP + i];
        to->sums[g] = total;
    }
}

/* Low and high halves of 16 bytes as 16 floats each. */
INLINE void load_i4(const uint8_t *p, vec low[PARTS], vec high[PARTS]) {
    uint8_t halves[2][LANES];
    for (int i = 0; i < LANES; i++) halves[0][i] = p[i] & 15, halves[1][i] = p[i] >> 4;
    EACH_PART(part) {
        low[part] = load_i8((const int8_t *)halves[0] + part * WIDTH);
        high[part] = load_i8((const int8_t *)halves[1] + part * WIDTH);
    }
}

INLINE float dot4(const matrix4 *m, const input4 *in, idx row, idx n) {
    const uint8_t *codes = m->codes + row * n / 2;
    const float *scale = m->scale + 2 * row * (n / GROUP); /* of a group: scale, value of code 0 */
    vec total[PARTS] = {0};
    float lowest = 0;
    for (idx g = 0; g < n / GROUP; g++) {
        vec low[PARTS], high[PARTS];
        load_i4(codes + g * LANES, low, high);
        EACH_PART(p) {
            vec part =
                low[p] * load(in->x + g * GROUP + p * WIDTH) + high[p] * load(in->x + g * GROUP + LANES + p * WIDTH);
            total[p] += part * scale[2 * g];
        }
        lowest += scale[2 * g + 1] * in->sums[g];
    }
    return sum(total) + lowest;
}

typedef struct {
    float *x;
    const layer4 *layers;
    idx count, dim, hidden, heads;
    const float *cos, *sin;
    const slot_kv *slot;
    int kind;
    float eps;
    float *workspace;
} one_call;

static void one_run(void *given, member me) {
    const one_call *c = given;
    const idx dim = c->dim, hidden = c->hidden, d = dim / c->heads;
    float *x = c->x, *qkv = c->workspace, *seen = qkv + 3 * dim, *inner = seen + dim;
    input4 in;
    float normed[MAX_WIDTH];
    for (idx l = 0; l < c->count; l++) {
        const layer4 *w = c->layers + l;
        one_norm(x, w->norm, normed, dim, c->eps);
        prepare4(&in, normed, dim);
        SHARED_LOOP(&me, i, 3 * dim, 64) qkv[i] = dot4(&w->qkv, &in, i, dim);
        meet(&me);
        SHARED_LOOP(&me, h, c->heads, 1) {
            float *q = qkv + h * d;
            rotate(q, c->cos, c->sin, d);
            rotate(q + dim, c->cos, c->sin, d);
            head_kv kv = head_of(c->slot, c->kind, l, h, d);
            keep(kv, c->kind, c->slot->held, q + dim, q + 2 * dim, d);
            attend_head(q, kv, c->kind, seen + h * d, c->slot->held + 1, d);
        }
        meet(&me);
        prepare4(&in, seen, dim);
        SHARED_LOOP(&me, i, dim, 32) x[i] += dot4(&w->out, &in, i, dim);
        meet(&me);
        one_norm(x, w->mlp_norm, normed, dim, c->eps);
        prepare4(&in, normed, dim);
        SHARED_LOOP(&me, b, hidden / LANES, 2) {
            float gate[LANES], up[LANES];
            for (idx j = 0; j < LANES; j++) {
                gate[j] = dot4(&w->gate_up, &in, b * LANES + j, dim);
                up[j] = dot4(&w->gate_up, &in, hidden + b * LANES + j, dim);
            }
            EACH_PART(p) store(inner + b * LANES + p * WIDTH, gated(load(gate + p * WIDTH), load(up + p * WIDTH)));
        }
        meet(&me);
        prepare4(&in, inner, hidden);
        SHARED_LOOP(&me, i, dim, 16) x[i] += dot4(&w->down, &in, i, hidden);
        meet(&me);
    }
}

/* x: [dim], changed to the last layer's result (before the final norm). cos, sin: [d].
   workspace: 4 * dim + hidden floats. */
void EXPORT(decode_one)(float *x, const layer4 *layers, idx count, idx dim, idx hidden, idx heads, const float *cos,
                        const float *sin, const slot_kv *slot, int kind, float eps, float *workspace) {
    one_call c = {x, layers, count, dim, hidden, heads, cos, sin, slot, kind, eps, workspace};
    run_team(one_run, &c, dim * hidden > PARALLEL);
}
