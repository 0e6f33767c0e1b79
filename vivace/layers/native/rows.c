/* All layers of a Llama for the rows of a decode step, everything in int8: one call per step, one parallel region.

   Included by decode.c, after row.c and product.c. */

typedef struct { const float *norm; packed qkv, out; const float *mlp_norm; packed gate_up, down; } packed_layer;

/* Where a row's keys and values are in the first layer, and what it holds; strides count elements. */
typedef struct { void *keys, *values; long layer_stride, head_stride, held; } row_memory;

#define FOR_PANELS(w, to, outputs, inputs, add)                                                                       \
    _Pragma("omp for schedule(dynamic, 1)") for (long p = 0; p < panels(outputs); p++)                                \
        one_panel(&in, &(w), to, rows, outputs, inputs, add, p)

/* x: [rows, dim], changed to the last layer's results (before the final norm). cos, sin: [rows, d].
   room: 8 + 5 * dim + 3 * hidden floats a row. */
void decode_rows(float *x, const packed_layer *layers, long count, long dim, long hidden, long heads, const float *cos,
                 const float *sin, const row_memory *memory, int is_bf16, float eps, long rows, float *room) {
    const long d = dim / heads;
    float *qkv = room, *seen = qkv + 3 * rows * dim, *both = seen + rows * dim, *rest = both + 2 * rows * hidden;
    rounded in = {(int8_t *)(rest + 2 * rows), rest, (int32_t *)rest + rows};
#pragma omp parallel
    {
        float row[MAX_WIDTH];
        for (long l = 0; l < count; l++) {
            const packed_layer *w = layers + l;
#pragma omp for schedule(static)
            for (long r = 0; r < rows; r++) {
                one_norm(x + r * dim, w->norm, row, dim, eps);
                round_row(row, dim, in, r);
            }
            FOR_PANELS(w->qkv, qkv, 3 * dim, dim, 0);
#pragma omp for schedule(dynamic, 4)
            for (long i = 0; i < rows * heads; i++) {
                long r = i / heads, h = i % heads;
                const row_memory *m = memory + r;
                float *q = qkv + 3 * r * dim + h * d;
                turn(q, cos + r * d, sin + r * d, d);
                turn(q + dim, cos + r * d, sin + r * d, d);
                long at = l * m->layer_stride + h * m->head_stride, next = h + 1 < heads ? at + m->head_stride : at;
                one_head(q, q + dim, q + 2 * dim, m->keys, m->values, at, next, is_bf16, seen + r * dim + h * d, m->held, d);
            }
#pragma omp for schedule(static)
            for (long r = 0; r < rows; r++) round_row(seen + r * dim, dim, in, r);
            FOR_PANELS(w->out, x, dim, dim, 1);
#pragma omp for schedule(static)
            for (long r = 0; r < rows; r++) {
                one_norm(x + r * dim, w->mlp_norm, row, dim, eps);
                round_row(row, dim, in, r);
            }
            FOR_PANELS(w->gate_up, both, 2 * hidden, dim, 0);
#pragma omp for schedule(static)
            for (long r = 0; r < rows; r++) {
                const float *gate = both + 2 * r * hidden, *up = gate + hidden;
                for (long i = 0; i < hidden; i += LANES) store(row + i, gated(load(gate + i), load(up + i)));
                round_row(row, hidden, in, r);
            }
            FOR_PANELS(w->down, x, dim, hidden, 1);
        }
    }
}
