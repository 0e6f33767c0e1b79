/* The CPU kinds that this machine can run, by what the CPU and the operating system report. */

#include <stdint.h>

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

enum { PORTABLE = 1, AVX2 = 2, AVXVNNI = 4, AVX512VNNI = 8, AMX = 16, DOTPROD = 32, I8MM = 64 };

#if defined(__x86_64__) || defined(_M_X64)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

static uint64_t enabled_states(void) { /* register files that the operating system saves */
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static int may_use_tiles(uint64_t states) {
#if defined(__linux__)
    if ((states & 0x60000) != 0x60000) return 0;
    return syscall(SYS_arch_prctl, 0x1023, 18) == 0; /* ARCH_REQ_XCOMP_PERM, XTILEDATA */
#else
    return (void)states, 0;
#endif
}

EXPORTED int32_t vivace_cpu_kinds(void) {
    uint32_t a, b, c, d, kinds = PORTABLE;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return PORTABLE;
    const uint32_t needed = 1u << 12 | 1u << 27 | 1u << 28; /* FMA, OSXSAVE, AVX */
    if ((c & needed) != needed) return PORTABLE;
    uint64_t states = enabled_states();
    if ((states & 6) != 6 || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return PORTABLE;
    uint32_t most = a, b7 = b, c7 = c, d7 = d;
    if (!(b7 & 1u << 5)) return PORTABLE;
    kinds |= AVX2;
    if (most >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 4)) kinds |= AVXVNNI;
    const uint32_t wide = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31; /* AVX512 F, DQ, BW, VL */
    if ((states & 0xe6) == 0xe6 && (b7 & wide) == wide && (c7 & 1u << 11)) {
        kinds |= AVX512VNNI;
        if ((d7 & (1u << 24 | 1u << 25)) == (1u << 24 | 1u << 25) && may_use_tiles(states)) kinds |= AMX;
    }
    return (int32_t)kinds;
}

#elif defined(__aarch64__)
#if defined(__linux__)
#include <sys/auxv.h>
EXPORTED int32_t vivace_cpu_kinds(void) {
    int32_t kinds = PORTABLE;
    if (getauxval(AT_HWCAP) & 1ul << 20) kinds |= DOTPROD;                    /* HWCAP_ASIMDDP */
    if ((kinds & DOTPROD) && getauxval(AT_HWCAP2) & 1ul << 13) kinds |= I8MM; /* HWCAP2_I8MM */
    return kinds;
}
#elif defined(__APPLE__)
#include <stddef.h>
#include <sys/sysctl.h>
static int has(const char *name) {
    int32_t value = 0;
    size_t size = sizeof value;
    return sysctlbyname(name, &value, &size, NULL, 0) == 0 && value;
}
EXPORTED int32_t vivace_cpu_kinds(void) {
    int32_t kinds = PORTABLE;
    if (has("hw.optional.arm.FEAT_DotProd")) kinds |= DOTPROD;
    if ((kinds & DOTPROD) && has("hw.optional.arm.FEAT_I8MM")) kinds |= I8MM;
    return kinds;
}
#else
EXPORTED int32_t vivace_cpu_kinds(void) { return PORTABLE; }
#endif
#else
EXPORTED int32_t vivace_cpu_kinds(void) { return PORTABLE; }
#endif
