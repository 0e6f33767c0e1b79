/* Replays recorded calls of the kernels and compares what they write, bit by bit; see recording.py for the file.

     harness FILE KIND [THREADS [MODE]]    MODE: once, again, together, changing, fork

   Built with the library's object files, for whatever CPU.
   Exit: 0 all equal, 1 something differs, 2 the file or the arguments are wrong, 3 this CPU lacks the kind. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if !defined(_WIN32)
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#define MAX_BLOBS     65536
#define MAX_ARGUMENTS 16

typedef int64_t idx;
typedef void *P;
typedef float F;

/* Every kernel with its arguments. */
#define KERNELS(K)                                                                                                     \
    K(rms_norm, (P, P, P, idx, idx, F), (p(0), p(1), p(2), n(3), n(4), f(5)))                                          \
    K(silu_mul, (P, P, idx, idx), (p(0), p(1), n(2), n(3)))                                                            \
    K(rope, (P, P, P, idx, idx, idx), (p(0), p(1), p(2), n(3), n(4), n(5)))                                            \
    K(attend, (P, P, P, P, P, int, P, idx, idx, idx, idx, idx),                                                        \
      (p(0), p(1), p(2), p(3), p(4), (int)n(5), p(6), n(7), n(8), n(9), n(10), n(11)))                                 \
    K(multiply, (P, P, P, P, P, idx, idx, idx), (p(0), p(1), p(2), p(3), p(4), n(5), n(6), n(7)))                      \
    K(multiply_float, (P, P, P, idx, idx, idx), (p(0), p(1), p(2), n(3), n(4), n(5)))                                  \
    K(decode_one, (P, P, idx, idx, idx, idx, P, P, P, int, F, P),                                                      \
      (p(0), p(1), n(2), n(3), n(4), n(5), p(6), p(7), p(8), (int)n(9), f(10), p(11)))                                 \
    K(decode_batch, (P, P, idx, idx, idx, idx, P, P, P, int, F, idx, P),                                               \
      (p(0), p(1), n(2), n(3), n(4), n(5), p(6), p(7), p(8), (int)n(9), f(10), n(11), p(12)))                          \
    K(decode_batch_post_norm, (P, P, idx, idx, idx, idx, P, int, F, idx, P),                                           \
      (p(0), p(1), n(2), n(3), n(4), n(5), p(6), (int)n(7), f(8), n(9), p(10)))                                        \
    K(sample, (P, P, P, P, P, P, idx, idx, idx, idx), (p(0), p(1), p(2), p(3), p(4), p(5), n(6), n(7), n(8), n(9)))

enum {
#define K(name, types, values) ID_##name,
    KERNELS(K)
#undef K
};

typedef struct {
    const char *name;
#define K(kernel, types, values) void(*kernel) types;
    KERNELS(K)
#undef K
} kind;

#define K(kernel, types, values) void KERNEL(kernel) types;
#define JOIN_(a, b)              a##_##b
#define JOIN(a, b)               JOIN_(a, b)
#define KERNEL(name)             JOIN(name, KIND)
#include "kinds.h" /* made by build.py: declarations and the table `kinds`, for the kinds that are linked */
#undef K

int32_t vivace_cpu_kinds(void);
void vivace_set_threads(int32_t threads);

typedef struct {
    char *data;
    idx bytes;
} blob;
typedef struct {
    blob blobs[MAX_BLOBS];
    idx checks, different, calls;
} replay;

static const int64_t *recorded;
static idx words;

static void fail(const char *what) {
    fprintf(stderr, "harness: %s\n", what);
    exit(2);
}

static blob *space(replay *r, idx id, idx bytes) {
    if (id < 0 || id >= MAX_BLOBS) fail("a blob's number is out of range");
    blob *b = r->blobs + id;
    if (b->data && b->bytes != bytes) fail("a blob changes its size");
    if (!b->data) { /* exactly as long as it is, so that a sanitizer sees what goes beyond */
        b->data = malloc(bytes ? bytes : 1);
        if (!b->data) fail("no memory");
        b->bytes = bytes;
    }
    return b;
}

static char *at(replay *r, idx id, idx offset) {
    if (id < 0 || id >= MAX_BLOBS || !r->blobs[id].data) fail("a pointer to a blob that is not there");
    return r->blobs[id].data + offset;
}

enum { LITERAL = -1, FLOATING = -2 };

static void call(replay *r, const kind *k, idx function, const int64_t *pairs) {
    float value;
#define p(i) (pairs[2 * (i)] == LITERAL ? NULL : (P)at(r, pairs[2 * (i)], pairs[2 * (i) + 1]))
#define n(i) pairs[2 * (i) + 1]
#define f(i) (memcpy(&value, pairs + 2 * (i) + 1, sizeof value), value)
    switch (function) {
#define K(name, types, values)                                                                                         \
    case ID_##name:                                                                                                    \
        k->name values;                                                                                                \
        break;
        KERNELS(K)
#undef K
    default:
        fail("a kernel that is not known");
    }
    r->calls++;
}

static uint32_t hash(const char *data, idx bytes) { /* CRC-32, as zlib has it */
    uint32_t h = 0xffffffff;
    for (idx i = 0; i < bytes; i++) {
        h ^= (uint8_t)data[i];
        for (int j = 0; j < 8; j++) h = h >> 1 ^ (h & 1 ? 0xedb88320u : 0);
    }
    return ~h;
}

static void compare(replay *r, idx id, const char *want, idx bytes) {
    const char *got = at(r, id, 0);
    r->checks++;
    for (idx i = 0; i < bytes; i++)
        if (got[i] != want[i]) {
            if (r->different++ < 5)
                fprintf(stderr, "harness: call %lld, blob %lld differs at byte %lld\n", (long long)r->calls,
                        (long long)id, (long long)i);
            return;
        }
}

enum { DATA = 1, TABLE, CALL, CHECK, SPACE, CHECK_HASH };

static void run(replay *r, const kind *k, const int32_t *threads, int counts) {
    const int64_t *w = recorded, *end = recorded + words;
    while (w < end) {
        idx what = *w++, id = *w++, size = *w++;
        switch (what) {
        case SPACE:
            space(r, id, size);
            break;
        case DATA:
            memcpy(space(r, id, size)->data, w, size), w += (size + 7) / 8;
            break;
        case TABLE: {
            int64_t *to = (int64_t *)space(r, id, 8 * size)->data;
            for (idx i = 0; i < size; i++, w += 2)
                to[i] = w[0] == LITERAL ? w[1] : (int64_t)(intptr_t)at(r, w[0], w[1]);
            break;
        }
        case CALL:
            if (counts) vivace_set_threads(threads[r->calls % counts]);
            call(r, k, id, w), w += 2 * size;
            break;
        case CHECK:
            compare(r, id, (const char *)w, size), w += (size + 7) / 8;
            break;
        case CHECK_HASH:
            r->checks++;
            if (hash(at(r, id, 0), size) != (uint32_t)*w++)
                r->different++,
                    fprintf(stderr, "harness: call %lld, blob %lld differs\n", (long long)r->calls, (long long)id);
            break;
        default:
            fail("a command that is not known");
        }
    }
}

static void end(replay *r) {
    for (idx i = 0; i < MAX_BLOBS; i++) free(r->blobs[i].data);
    free(r);
}

typedef struct {
    const kind *kind;
    const int32_t *threads;
    int counts, times;
    idx checks, different, calls;
} job;

static void *work(void *given) {
    job *j = given;
    for (int time = 0; time < j->times; time++) {
        replay *r = calloc(1, sizeof *r);
        if (!r) fail("no memory");
        run(r, j->kind, j->threads, j->counts);
        j->checks += r->checks, j->different += r->different, j->calls += r->calls;
        end(r);
    }
    return NULL;
}

static void read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) fail("cannot read the recording");
    idx bytes = ftell(file);
    rewind(file);
    int64_t *data = malloc(bytes);
    if (!data || fread(data, 1, bytes, file) != (size_t)bytes) fail("cannot read the recording");
    fclose(file);
    recorded = data, words = bytes / 8;
}

static const kind *named(const char *name) {
    for (idx i = 0; i < (idx)(sizeof kinds / sizeof *kinds); i++)
        if (!strcmp(kinds[i].name, name)) return kinds + i;
    fail("no such kind in this harness");
    return NULL;
}

static int bit(const char *name) {
    static const char *names[] = {"portable", "avx2", "avxvnni", "avx512vnni", "amx", "dotprod", "i8mm"};
    for (int i = 0; i < 7; i++)
        if (!strcmp(names[i], name)) return 1 << i;
    return 0;
}

int main(int count, char **given) {
    static const int32_t changing[] = {1, 3, 2, 4, 1, 2};
    if (count < 3) fail("usage: harness FILE KIND [THREADS [once|again|together|changing|fork]]");
    read_file(given[1]);
    job j = {.kind = named(given[2]), .times = 1};
    if (!(vivace_cpu_kinds() & bit(given[2])) && !getenv("HARNESS_ANY_CPU"))
        return fprintf(stderr, "harness: this CPU lacks %s\n", given[2]), 3;
    vivace_set_threads(count > 3 ? atoi(given[3]) : 1);
    const char *mode = count > 4 ? given[4] : "once";
    if (!strcmp(mode, "again")) j.times = 3;
    if (!strcmp(mode, "changing")) j.threads = changing, j.counts = 6, j.times = 2;
    work(&j);
#if !defined(_WIN32)
    if (!strcmp(mode, "together")) {
        job more[3];
        for (int i = 0; i < 3; i++) more[i] = (job){.kind = j.kind, .times = 2};
        pthread_t threads[3];
        for (int i = 0; i < 3; i++) pthread_create(threads + i, NULL, work, more + i);
        for (int i = 0; i < 3; i++) {
            pthread_join(threads[i], NULL);
            j.checks += more[i].checks, j.different += more[i].different, j.calls += more[i].calls;
        }
    }
    if (!strcmp(mode, "fork")) {
        pid_t child = fork();
        if (!child) {
            work(&j);
            _exit(j.different != 0);
        }
        int status;
        waitpid(child, &status, 0);
        if (status) j.different++, fprintf(stderr, "harness: the child ended with status %d\n", status);
        work(&j);
    }
#endif
    printf("%s: %lld calls, %lld comparisons, %lld differ\n", given[2], (long long)j.calls, (long long)j.checks,
           (long long)j.different);
    return j.different != 0;
}
