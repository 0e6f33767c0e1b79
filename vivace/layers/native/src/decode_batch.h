/* All layers of a transformer for the rows of a decode step, everything in int8: one call per step. */

typedef struct {
    const float *norm;
    packed qkv, out;
    const float *mlp_norm;
    packed gate_up, down;
} packed_layer;

typedef struct {
    float *x;
    const packed_layer *layers;
    idx count, dim, hidden, heads;
    const float *cos, *sin;
    const slot_kv *slots;
    int kind;
    float eps;
    idx rows;
    float *workspace;
} batch_call;

/* Some rows: all of a small step by each thread itself would cost more than waiting. */
#define ROWS_AT_ONCE 1

static void batch_run(void *given, member me) {
    const batch_call *c = given;
    const idx dim = c->dim, hidden = c->hidden, heads = c->heads, rows = c->rows, d = dim / heads;
    float *x = c->x, *qkv = c->workspace, *seen = qkv + 3 * rows * dim, *both = seen + rows * dim,
          *rest = both + 2 * rows * hidden;
    rounded in = {(code *)(rest + 2 * rows), rest, (int32_t *)rest + rows};
    float row[MAX_WIDTH];
    for (idx l = 0; l < c->count; l++) {
        const packed_layer *w = c->layers + l;
        SHARED_LOOP(&me, r, rows, ROWS_AT_ONCE) {
            one_norm(x + r * dim, w->norm, row, dim, c->eps);
            round_row(row, dim, in, r);
        }
        meet(&me);
        product(&me, &in, &w->qkv, qkv, rows, 3 * dim, dim, 0);
        SHARED_LOOP(&me, i, rows * heads, 1) {
            idx r = i / heads, h = i % heads;
            float *q = qkv + 3 * r * dim + h * d;
            rotate(q, c->cos + r * d, c->sin + r * d, d);
            rotate(q + dim, c->cos + r * d, c->sin + r * d, d);
            head_kv kv = head_of(c->slots + r, c->kind, l, h, d);
            keep(kv, c->kind, c->slots[r].held, q + dim, q + 2 * dim, d);
            attend_head(q, kv, c->kind, seen + r * dim + h * d, c->slots[r].held + 1, d);
        }
        meet(&me);
        SHARED_LOOP(&me, r, rows, ROWS_AT_ONCE) round_row(seen + r * dim, dim, in, r);
        meet(&me);
        product(&me, &in, &w->out, x, rows, dim, dim, 1);
        SHARED_LOOP(&me, r, rows, ROWS_AT_ONCE) {
            one_norm(x + r * dim, w->mlp_norm, row, dim, c->eps);
            round_row(row, dim, in, r);
        }
        meet(&me);
        product(&me, &in, &w->gate_up, both, rows, 2 * hidden, dim, 0);
        SHARED_LOOP(&me, r, rows, ROWS_AT_ONCE) {
            const float *gate = both + 2 * r * hidden;
            for (idx i = 0; i < hidden; i += WIDTH) store(row + i, gated(load(gate + i), load(gate + hidden + i)));
            round_row(row, hidden, in, r);
        }
        meet(&me);
        product(&me, &in, &w->down, x, rows, dim, hidden, 1);
    }
}

/* A Llama (pre-norm, rotary positions, SwiGLU). x: [rows, dim], changed to the last layer's results (before the final
   norm). cos, sin: [rows, d]. workspace: 8 + 5 * dim + 3 * hidden floats a row. */
void EXPORT(decode_batch)(float *x, const packed_layer *layers, idx count, idx dim, idx hidden, idx heads,
                          const float *cos, const float *sin, const slot_kv *slots, int kind, float eps, idx rows,
                          float *workspace) {
    batch_call c = {x, layers, count, dim, hidden, heads, cos, sin, slots, kind, eps, rows, workspace};
    run_team(batch_run, &c, dim * hidden > PARALLEL);
}

typedef struct {
    packed qkv, out, up, down;
    const float *qkv_bias, *out_bias, *up_bias, *down_bias, *norm1, *norm1_bias, *norm2, *norm2_bias;
} post_layer;

/* x = norm(x + bias) * w + b. */
INLINE void layer_norm(float *x, const float *bias, const float *w, const float *b, idx dim, float eps) {
    vec total[PARTS] = {0}, squares[PARTS] = {0};
    for (idx i = 0; i < dim; i += LANES) EACH_PART(p) {
            vec v = load(x + i + p * WIDTH) + load(bias + i + p * WIDTH);
            store(x + i + p * WIDTH, v);
            total[p] += v;
        }
    float mean = sum(total) / (float)dim;
    for (idx i = 0; i < dim; i += LANES) EACH_PART(p) {
            vec v = load(x + i + p * WIDTH) - mean;
            squares[p] += v * v;
        }
    float scale = 1.0f / __builtin_sqrtf(sum(squares) / (float)dim + eps);
    for (idx i = 0; i < dim; i += WIDTH) store(x + i, (load(x + i) - mean) * scale * load(w + i) + load(b + i));
}

typedef struct {
    float *x;
    const post_layer *layers;
    idx count, dim, hidden, heads;
    const slot_kv *slots;
    int kind;
    float eps;
    idx rows;
    float *workspace;
} post_call;

static void post_run(void *given, member me) {
    const post_call *c = given;
    const idx dim = c->dim, hidden = c->hidden, heads = c->heads, rows = c->rows, d = dim / heads;
    float *x = c->x, *qkv = c->workspace, *seen = qkv + 3 * rows * dim, *inner = seen + rows * dim,
          *rest = inner + rows * hidden;
    rounded in = {(code *)(rest + 2 * rows), rest, (int32_t *)rest + rows};
    float row[MAX_WIDTH];
    SHARED_LOOP(&me, r, rows, ROWS_AT_ONCE) round_row(x + r * dim, dim, in, r);
    meet(&me);
    for (idx l = 0; l < c->count; l++) {
        const post_layer *w = c->layers + l;
        product(&me, &in, &w->qkv, qkv, rows, 3 * dim, dim, 0);
        SHARED_LOOP(&me, i, rows * heads, 1) {
            idx r = i / heads, h = i % heads;
            float *q = qkv + 3 * r * dim + h * d;
            for (idx part = 0; part < 3 * dim; part += dim)
                for (idx j = 0; j < d; j += WIDTH)
                    store(q + part + j, load(q + part + j) + load(w->qkv_bias + part + h * d + j));
            head_kv kv = head_of(c->slots + r, c->kind, l, h, d);
            keep(kv, c->kind, c->slots[r].held, q + dim, q + 2 * dim, d);
            attend_head(q, kv, c->kind, seen + r * dim + h * d, c->slots[r].held + 1, d);
        }
        meet(&me);
        SHARED_LOOP(&me, r, rows, ROWS_AT_ONCE) round_row(seen + r * dim, dim, in, r);
        meet(&me);
        product(&me, &in, &w->out, x, rows, dim, dim, 1);
        SHARED_LOOP(&me, r, rows, ROWS_AT_ONCE) {
            layer_norm(x + r * dim, w->out_bias, w->norm1, w->norm1_bias, dim, c->eps);
            round_row(x + r * dim, dim, in, r);
        }
        meet(&me);
        product(&me, &in, &w->up, inner, rows, hidden, dim, 0);
        SHARED_LOOP(&me, r, rows, ROWS_AT_ONCE) {
            for (idx i = 0; i < hidden; i += WIDTH) {
                vec v = load(inner + r * hidden + i) + load(w->up_bias + i);
                store(row + i, choose(v <= 0, all(0), v)); /* what is not a number is kept */
            }
            round_row(row, hidden, in, r);
        }
        meet(&me);
        product(&me, &in, &w->down, x, rows, dim, hidden, 1);
        SHARED_LOOP(&me, r, rows, ROWS_AT_ONCE) {
            layer_norm(x + r * dim, w->down_bias, w->norm2, w->norm2_bias, dim, c->eps);
            round_row(x + r * dim, dim, in, r);
        }
        meet(&me);
    }
}

/* A transformer that normalizes after its residuals, with biases and ReLU. x: [rows, dim], changed to the last layer's
   results. workspace: 8 + 5 * dim + 2 * hidden floats a row. */
void EXPORT(decode_batch_post_norm)(float *x, const post_layer *layers, idx count, idx dim, idx hidden, idx heads,
                                    const slot_kv *slots, int kind, float eps, idx rows, float *workspace) {
    post_call c = {x, layers, count, dim, hidden, heads, slots, kind, eps, rows, workspace};
    run_team(post_run, &c, dim * hidden > PARALLEL);
}
