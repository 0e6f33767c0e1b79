/* The threads: OpenMP's own if the process has them already (torch on Linux), otherwise a small pool.

   Two pools of spinning threads would take the cores from one another, so the library joins the pool that is there. */

#include "pool.h"
#include <stddef.h>

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
typedef SRWLOCK lock;
typedef CONDITION_VARIABLE condition;
#define LOCK_INIT      SRWLOCK_INIT
#define CONDITION_INIT CONDITION_VARIABLE_INIT
static void hold(lock *l) { AcquireSRWLockExclusive(l); }
static int try_hold(lock *l) { return TryAcquireSRWLockExclusive(l); }
static void release(lock *l) { ReleaseSRWLockExclusive(l); }
static void wait_for(condition *s, lock *l) { SleepConditionVariableSRW(s, l, INFINITE, 0); }
static void wake(condition *s) { WakeAllConditionVariable(s); }
static void yield(void) { SwitchToThread(); }
#else
#define EXPORTED __attribute__((visibility("default")))
#include <pthread.h>
#include <sched.h>
typedef pthread_mutex_t lock;
typedef pthread_cond_t condition;
#define LOCK_INIT      PTHREAD_MUTEX_INITIALIZER
#define CONDITION_INIT PTHREAD_COND_INITIALIZER
static void hold(lock *l) { pthread_mutex_lock(l); }
static int try_hold(lock *l) { return pthread_mutex_trylock(l) == 0; }
static void release(lock *l) { pthread_mutex_unlock(l); }
static void wait_for(condition *s, lock *l) { pthread_cond_wait(s, l); }
static void wake(condition *s) { pthread_cond_broadcast(s); }
static void yield(void) { sched_yield(); }
#endif

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#define PAUSE() _mm_pause()
#elif defined(__aarch64__)
#define PAUSE() __asm__ volatile("yield")
#else
#define PAUSE() ((void)0)
#endif

#define MAX_THREADS 64
#define SPINS       2000 /* pauses before a waiting thread offers its core to others */
#define IDLE_SPINS  4000 /* pauses before an idle thread goes to sleep: some 50 microseconds */

static int32_t allowed = 1;

void meet(member *me) {
    team *t = me->team;
    if (me->threads == 1) {
        atomic_store_explicit(&t->cursor, 0, memory_order_relaxed);
        return;
    }
    me->phase++;
    if (atomic_fetch_add_explicit(&t->arrived, 1, memory_order_acq_rel) + 1 == me->threads) {
        atomic_store_explicit(&t->cursor, 0, memory_order_relaxed);
        atomic_store_explicit(&t->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&t->phase, me->phase, memory_order_release);
        return;
    }
    for (int spins = 0; atomic_load_explicit(&t->phase, memory_order_acquire) != me->phase; spins++) {
        if (spins < SPINS) PAUSE();
        else yield();
    }
}

typedef struct {
    work run;
    void *context;
    team team;
} call;

/* OpenMP's entry points, found by the caller in the library that is loaded. */
static void (*omp_parallel)(void (*)(void *), void *, unsigned, unsigned);
static int (*omp_thread)(void), (*omp_threads)(void);

static void omp_body(void *given) {
    call *c = given;
    c->run(c->context, (member){&c->team, omp_thread(), omp_threads(), 0});
}

/* Run teams on OpenMP's threads from now on: addresses of GOMP_parallel, omp_get_thread_num, omp_get_num_threads. */
EXPORTED void vivace_join_openmp(void *parallel, void *thread, void *threads) {
    *(void **)&omp_parallel = parallel;
    *(void **)&omp_thread = thread;
    *(void **)&omp_threads = threads;
}

/* How many threads a call may use. */
EXPORTED void vivace_set_threads(int32_t threads) {
    allowed = threads < 1 ? 1 : threads > MAX_THREADS ? MAX_THREADS : threads;
}

static struct {
    lock busy, mutex;
    condition begin;
    call *call;
    int32_t started, sleeping, threads; /* threads: of the call at hand, the caller included */
    _Atomic int32_t generation, left;
} pool = {LOCK_INIT, LOCK_INIT, CONDITION_INIT, NULL, 0, 0, 0, 0, 0};

static void serve(int32_t number, int32_t seen) {
    for (;;) {
        for (int spins = 0; spins < IDLE_SPINS && atomic_load_explicit(&pool.generation, memory_order_acquire) == seen;
             spins++)
            PAUSE();
        if (atomic_load_explicit(&pool.generation, memory_order_acquire) == seen) {
            hold(&pool.mutex);
            pool.sleeping++;
            while (atomic_load_explicit(&pool.generation, memory_order_acquire) == seen)
                wait_for(&pool.begin, &pool.mutex);
            pool.sleeping--;
            release(&pool.mutex);
        }
        seen = atomic_load_explicit(&pool.generation, memory_order_acquire);
        if (number < pool.threads) {
            call *c = pool.call;
            c->run(c->context, (member){&c->team, number, pool.threads, 0});
        }
        atomic_fetch_sub_explicit(&pool.left, 1, memory_order_release); /* every thread answers every call */
    }
}

typedef struct {
    int32_t number, seen;
} birth;
static birth births[MAX_THREADS];

#if defined(_WIN32)
static DWORD WINAPI body(void *given) {
    serve(((birth *)given)->number, ((birth *)given)->seen);
    return 0;
}
static int start(birth *b) {
    HANDLE thread = CreateThread(NULL, 0, body, b, 0, NULL);
    if (thread) CloseHandle(thread);
    return thread != NULL;
}
#else
static void *body(void *given) {
    serve(((birth *)given)->number, ((birth *)given)->seen);
    return NULL;
}
static void forked(void) { /* a child has none of its parent's threads */
    pool.started = pool.sleeping = 0;
    pool.busy = pool.mutex = (lock)LOCK_INIT;
    pool.begin = (condition)CONDITION_INIT;
}
static int start(birth *b) {
    static int watched;
    pthread_t thread;
    pthread_attr_t attributes;
    if (!watched) watched = 1, pthread_atfork(NULL, NULL, forked);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 1 << 20);
    int made = pthread_create(&thread, &attributes, body, b) == 0;
    pthread_attr_destroy(&attributes);
    return made;
}
#endif

static void run_pool(call *c, int32_t threads) {
    while (pool.started + 1 < threads) {
        birth *b = births + pool.started;
        *b = (birth){pool.started + 1, atomic_load(&pool.generation)};
        if (!start(b)) break;
        pool.started++;
    }
    if (threads > pool.started + 1) threads = pool.started + 1;
    pool.call = c;
    pool.threads = threads;
    atomic_store_explicit(&pool.left, pool.started, memory_order_relaxed);
    hold(&pool.mutex);
    atomic_fetch_add_explicit(&pool.generation, 1, memory_order_release);
    if (pool.sleeping) wake(&pool.begin);
    release(&pool.mutex);
    c->run(c->context, (member){&c->team, 0, threads, 0});
    for (int spins = 0; atomic_load_explicit(&pool.left, memory_order_acquire); spins++) {
        if (spins < SPINS) PAUSE();
        else yield();
    }
}

void run_team(work run, void *context, int parallel) {
    call c = {run, context, {0, {0}, 0, 0}};
    if (!parallel || allowed == 1) {
        run(context, (member){&c.team, 0, 1, 0});
    } else if (omp_parallel) {
        omp_parallel(omp_body, &c, (unsigned)allowed, 0);
    } else if (try_hold(&pool.busy)) {
        run_pool(&c, allowed);
        release(&pool.busy);
    } else { /* another call has the threads */
        run(context, (member){&c.team, 0, 1, 0});
    }
}
