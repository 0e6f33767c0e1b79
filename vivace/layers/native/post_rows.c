/* All layers of a transformer that normalises after its residuals, with biases and ReLU, for the rows of a decode step,
   everything in int8. Included by decode.c, after rows.c. */

typedef struct {
    packed qkv, out, up, down;
    const float *qkv_bias, *out_bias, *up_bias, *down_bias, *norm1, *norm1_bias, *norm2, *norm2_bias;
} post_layer;

/* x = norm(x + bias) * w + b. */
static inline void layer_norm(float *x, const float *bias, const float *w, const float *b, long dim, float eps) {
    vec total = {0}, squares = {0};
    for (long i = 0; i < dim; i += LANES) {
        vec v = load(x + i) + load(bias + i);
        store(x + i, v);
        total += v;
    }
    float mean = sum(total) / (float)dim;
    for (long i = 0; i < dim; i += LANES) squares += (load(x + i) - mean) * (load(x + i) - mean);
    float scale = 1.0f / __builtin_sqrtf(sum(squares) / (float)dim + eps);
    for (long i = 0; i < dim; i += LANES) store(x + i, (load(x + i) - mean) * scale * load(w + i) + load(b + i));
}

/* x: [rows, dim], changed to the last layer's results. room: 8 + 5 * dim + 2 * hidden floats a row. */
void decode_post_rows(float *x, const post_layer *layers, long count, long dim, long hidden, long heads,
                      const row_memory *memory, int is_bf16, float eps, long rows, float *room) {
    const long d = dim / heads;
    float *qkv = room, *seen = qkv + 3 * rows * dim, *inner = seen + rows * dim, *rest = inner + rows * hidden;
    rounded in = {(int8_t *)(rest + 2 * rows), rest, (int32_t *)rest + rows};
#pragma omp parallel
    {
        float row[MAX_WIDTH];
#pragma omp for schedule(static)
        for (long r = 0; r < rows; r++) round_row(x + r * dim, dim, in, r);
        for (long l = 0; l < count; l++) {
            const post_layer *w = layers + l;
            FOR_PANELS(w->qkv, qkv, 3 * dim, dim, 0);
#pragma omp for schedule(dynamic, 4)
            for (long i = 0; i < rows * heads; i++) {
                long r = i / heads, h = i % heads;
                const row_memory *m = memory + r;
                float *q = qkv + 3 * r * dim + h * d;
                for (long part = 0; part < 3 * dim; part += dim)
                    for (long j = 0; j < d; j += LANES)
                        store(q + part + j, load(q + part + j) + load(w->qkv_bias + part + h * d + j));
                long at = l * m->layer_stride + h * m->head_stride, next = h + 1 < heads ? at + m->head_stride : at;
                one_head(q, q + dim, q + 2 * dim, m->keys, m->values, at, next, is_bf16, seen + r * dim + h * d, m->held, d);
            }
#pragma omp for schedule(static)
            for (long r = 0; r < rows; r++) round_row(seen + r * dim, dim, in, r);
            FOR_PANELS(w->out, x, dim, dim, 1);
#pragma omp for schedule(static)
            for (long r = 0; r < rows; r++) {
                layer_norm(x + r * dim, w->out_bias, w->norm1, w->norm1_bias, dim, eps);
                round_row(x + r * dim, dim, in, r);
            }
            FOR_PANELS(w->up, inner, hidden, dim, 0);
#pragma omp for schedule(static)
            for (long r = 0; r < rows; r++) {
                for (long i = 0; i < hidden; i += LANES) {
                    vec v = load(inner + r * hidden + i) + load(w->up_bias + i);
                    whole kept = ~(v <= 0); /* what is not a number is kept */
                    store(row + i, (vec)((whole)v & kept));
                }
                round_row(row, hidden, in, r);
            }
            FOR_PANELS(w->down, x, dim, hidden, 1);
#pragma omp for schedule(static)
            for (long r = 0; r < rows; r++) {
                layer_norm(x + r * dim, w->down_bias, w->norm2, w->norm2_bias, dim, eps);
                round_row(x + r * dim, dim, in, r);
            }
        }
    }
}
