/* Makes a program believe that it runs on another x86-64 processor, at full speed.
 *
 * Where a processor lets Linux intercept the instruction CPUID ("cpuid_fault" in
 * /proc/cpuinfo), this library, loaded first, answers in its place: maker, instruction sets
 * and caches of the processor that CPU_AS names. It never claims an instruction that the real
 * one lacks. What the C library chose before it was loaded stays as it is.
 *
 *   cc -shared -fPIC -O1 -o other_processor.so tools/other_processor.c
 *   LD_PRELOAD=$PWD/other_processor.so CPU_AS=zen2 python ...
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define ARCH_SET_CPUID 0x1012

struct cache { uint32_t kib, ways, type, level; }; /* type: 1 data, 2 instructions, 3 both */
struct processor {
    const char *name, *maker;
    uint32_t signature; /* leaf 1, EAX: family, model, stepping */
    int avx512;         /* 0: none; 1: that of Skylake-X; 2: VNNI, bfloat16 and the rest too */
    int avx_vnni;
    struct cache caches[4];
};

static const struct processor KNOWN[] = {
    {"haswell", "GenuineIntel", 0x000306C3, 0, 0,
     {{32, 8, 1, 1}, {32, 8, 2, 1}, {256, 8, 3, 2}, {8192, 16, 3, 3}}},
    {"skylakex", "GenuineIntel", 0x00050654, 1, 0,
     {{32, 8, 1, 1}, {32, 8, 2, 1}, {1024, 16, 3, 2}, {33792, 11, 3, 3}}},
    {"raptorlake", "GenuineIntel", 0x000B0671, 0, 1,
     {{48, 12, 1, 1}, {32, 8, 2, 1}, {2048, 16, 3, 2}, {30720, 12, 3, 3}}},
    {"zen2", "AuthenticAMD", 0x00830F10, 0, 0,
     {{32, 8, 1, 1}, {32, 8, 2, 1}, {512, 8, 3, 2}, {16384, 16, 3, 3}}},
    {"zen4", "AuthenticAMD", 0x00A10F11, 2, 0,
     {{32, 8, 1, 1}, {32, 8, 2, 1}, {1024, 8, 3, 2}, {32768, 16, 3, 3}}},
};
static const struct processor *as;

static void real_cpuid(uint32_t leaf, uint32_t sub, uint32_t r[4]) {
    syscall(SYS_arch_prctl, ARCH_SET_CPUID, 1);
    __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(sub));
    syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0);
}

static void cache_leaf(uint32_t sub, uint32_t r[4]) {
    memset(r, 0, 16);
    if (sub > 3) return;
    const struct cache *c = &as->caches[sub];
    r[0] = c->type | c->level << 5 | 1 << 8;
    r[1] = 63 | (c->ways - 1) << 22;
    r[2] = c->kib * 1024 / 64 / c->ways - 1;
}

static void answer(uint32_t leaf, uint32_t sub, uint32_t r[4]) {
    int amd = as->maker[0] == 'A';
    real_cpuid(leaf, sub, r);
    if (leaf == 0 || leaf == 0x80000000) {
        if (leaf == 0) r[0] = 0x16;
        else if (amd) r[0] = 0x8000001E;
        if (leaf == 0 || amd) {
            memcpy(&r[1], as->maker, 4); memcpy(&r[3], as->maker + 4, 4); memcpy(&r[2], as->maker + 8, 4);
        }
    } else if (leaf == 1) {
        r[0] = as->signature;
    } else if (leaf == 2 && amd) {
        memset(r, 0, 16);
    } else if (leaf == 4) {
        if (amd) memset(r, 0, 16); else cache_leaf(sub, r);
    } else if (leaf == 7 && sub == 0) {
        /* EBX: F, DQ, IFMA, PF, ER, CD, BW, VL. ECX: VBMI to VPOPCNTDQ. EDX: 4VNNIW to AMX. */
        if (as->avx512 < 1) r[1] &= ~0xDC230000u;
        if (as->avx512 < 2) { r[1] &= ~0x00200000u; r[2] &= ~0x00005F42u; }
        r[3] &= ~0x03C0010Cu;
        r[0] = 1;
    } else if (leaf == 7) {
        uint32_t kept = sub == 1 ? (as->avx512 == 2) << 5 | (uint32_t)as->avx_vnni << 4 : 0;
        r[0] &= kept; r[1] = r[2] = r[3] = 0;
    } else if (leaf == 0x80000001 && amd) {
        r[2] |= 1u << 22; /* cache topology is in leaf 0x8000001D */
    } else if (leaf >= 0x80000002 && leaf <= 0x80000004) {
        memset(r, 0, 16); strncpy((char *)r, leaf == 0x80000002 ? as->name : "", 16);
    } else if (leaf == 0x80000005 && amd) {
        r[2] = as->caches[0].kib << 24 | 0x80140; r[3] = as->caches[1].kib << 24 | 0x80140;
    } else if (leaf == 0x80000006 && amd) {
        r[2] = as->caches[2].kib << 16 | 0x6140; r[3] = (as->caches[3].kib / 512) << 18 | 0x9140;
    } else if (leaf == 0x8000001D && amd) {
        cache_leaf(sub, r);
    } else if (leaf == 0x8000001E && amd) {
        memset(r, 0, 16);
    }
}

static void on_fault(int number, siginfo_t *info, void *context) {
    (void)info;
    greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
    const unsigned char *code = (const unsigned char *)g[REG_RIP];
    if (code[0] != 0x0F || code[1] != 0xA2) { /* a real fault: die of it */
        signal(number, SIG_DFL);
        return;
    }
    uint32_t r[4];
    answer((uint32_t)g[REG_RAX], (uint32_t)g[REG_RCX], r);
    g[REG_RAX] = r[0]; g[REG_RBX] = r[1]; g[REG_RCX] = r[2]; g[REG_RDX] = r[3];
    g[REG_RIP] += 2;
}

__attribute__((constructor)) static void start(void) {
    const char *name = getenv("CPU_AS");
    if (!name || !*name) return;
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++)
        if (!strcmp(name, KNOWN[i].name)) as = &KNOWN[i];
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGSEGV, &action, 0);
    if (!as || syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0)) {
        static const char told[] = "other_processor: no such processor, or CPUID cannot be made to fault\n";
        if (write(2, told, sizeof told - 1)) {}
        _exit(97);
    }
}
