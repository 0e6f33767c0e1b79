/* Teams of threads that work through the loops of one call together. */

#ifndef VIVACE_POOL_H
#define VIVACE_POOL_H

#include <stdatomic.h>
#include <stdint.h>

/* Shared by the threads of a call. */
typedef struct {
    _Atomic int64_t cursor; /* next index of the loop at hand */
    char apart[56];         /* a cache line each */
    _Atomic int32_t arrived, phase;
} team;

/* One thread's place in it. */
typedef struct {
    team *team;
    int32_t thread, threads, phase;
} member;

typedef void (*work)(void *context, member me);

/* Run `work` on up to as many threads as `set_threads` allows; returns when all of them have returned. */
void run_team(work run, void *context, int parallel);

/* Wait until all threads of the team have come here; the next loop starts at 0. */
void meet(member *me);

/* The first of the next `chunk` indices of the loop at hand; at or beyond the loop's end: nothing is left. */
static inline int64_t take(member *me, int64_t chunk) {
    return atomic_fetch_add_explicit(&me->team->cursor, chunk, memory_order_relaxed);
}

/* A loop that the team shares; every thread runs some of it, in any order. `meet` ends it. */
#define SHARED_LOOP(me, i, count, chunk)                                                                               \
    for (int64_t i##_from = take(me, chunk); i##_from < (count); i##_from = take(me, chunk))                           \
        for (int64_t i = i##_from; i < (count) && i < i##_from + (chunk); i++)

#endif
