// SPDX-License-Identifier: Apache-2.0
// Counts heap allocations by the library that asked for them and by thread, for LD_PRELOAD. The counters live in the
// file that ALLOCATIONS_FILE names, mapped into memory: whoever watches reads them there and turns counting on and off,
// so that nothing of the watched program takes part. The layout is that of `counters.py`.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <unwind.h>

// glibc's own, below the names that are interposed here.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

enum { group_count = 8, thread_count = 128, stack_count = 16384, frame_count = 28, site_count = 8192, range_count = 512 };
enum group { ours, openssl, nghttp2, openvino, sqlite, c_library, cxx_library, other };

typedef struct {
    char name[16];
    _Atomic uint64_t calls[group_count], bytes[group_count];
} thread_slot;

typedef struct {
    _Atomic uint64_t hash;
    _Atomic uint64_t calls, bytes;
    char thread[16];
    uint64_t group, depth, frames[frame_count];
} stack_slot;

typedef struct {
    _Atomic uint32_t is_counting, takes_stacks, threads_used, stacks_lost;
    thread_slot threads[thread_count];
    stack_slot stacks[stack_count];
} counters;

static counters *shared;
static uintptr_t range_lower[range_count], range_upper[range_count];
static uint8_t range_group[range_count];
static _Atomic int ranges;
static _Atomic uint64_t sites[site_count]; // address << 8 | group + 1, as a cache
static __thread thread_slot *own_slot __attribute__((tls_model("initial-exec")));
static __thread bool is_inside __attribute__((tls_model("initial-exec")));

static enum group group_of_object(const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    static const struct { const char *prefix; enum group group; } prefixes[] = {
        { "libssl", openssl }, { "libcrypto", openssl }, { "libnghttp2", nghttp2 }, { "libopenvino", openvino },
        { "libtbb", openvino }, { "libsqlite3", sqlite }, { "libc.so", c_library }, { "ld-linux", c_library },
        { "libstdc++", cxx_library }, { "libswift", ours }, { "libFoundation", ours }, { "lib_Foundation", ours },
        { "libdispatch", ours }, { "libBlocksRuntime", ours },
    };
    if (*name == 0) return ours; // the program itself has no name
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(name, prefixes[i].prefix, strlen(prefixes[i].prefix)) == 0) return prefixes[i].group;
    return strncmp(name, "lib", 3) == 0 ? other : ours;
}

static int add_ranges(struct dl_phdr_info *info, size_t size, void *unused) {
    (void)size, (void)unused;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type != PT_LOAD || !(header->p_flags & PF_X)) continue;
        uintptr_t lower = info->dlpi_addr + header->p_vaddr;
        int known = atomic_load(&ranges), at;
        for (at = 0; at < known && range_lower[at] != lower; at++) {}
        if (at < known || known == range_count) continue;
        range_lower[known] = lower;
        range_upper[known] = lower + header->p_memsz;
        range_group[known] = (uint8_t)group_of_object(info->dlpi_name);
        atomic_store(&ranges, known + 1);
    }
    return 0;
}

static enum group find_group(uintptr_t address) {
    for (int pass = 0; pass < 2; pass++) {
        int known = atomic_load(&ranges);
        for (int i = 0; i < known; i++)
            if (address >= range_lower[i] && address < range_upper[i]) return range_group[i];
        if (pass == 0) dl_iterate_phdr(add_ranges, NULL);
    }
    return other;
}

static enum group group_of(uintptr_t address) {
    _Atomic uint64_t *site = &sites[(address * 0x9e3779b97f4a7c15u) >> 51];
    uint64_t cached = atomic_load_explicit(site, memory_order_relaxed);
    if (cached >> 8 == address) return (enum group)((cached & 0xff) - 1);
    enum group group = find_group(address);
    atomic_store_explicit(site, (uint64_t)address << 8 | (uint64_t)(group + 1), memory_order_relaxed);
    return group;
}

typedef struct { uint64_t depth, frames[frame_count]; } trace;

static _Unwind_Reason_Code add_frame(struct _Unwind_Context *context, void *argument) {
    trace *into = argument;
    if (into->depth == frame_count) return _URC_END_OF_STACK;
    into->frames[into->depth++] = _Unwind_GetIP(context);
    return _URC_NO_REASON;
}

static void take_stack(size_t size, enum group group) {
    trace taken = { 0 };
    _Unwind_Backtrace(add_frame, &taken);
    uint64_t hash = 1469598103934665603u;
    for (uint64_t i = 0; i < taken.depth; i++) hash = (hash ^ taken.frames[i]) * 1099511628211u;
    hash |= 1;
    for (size_t step = 0; step < 64; step++) {
        stack_slot *slot = &shared->stacks[(hash + step) % stack_count];
        uint64_t free_slot = 0;
        if (atomic_compare_exchange_strong(&slot->hash, &free_slot, hash)) {
            memcpy(slot->thread, own_slot->name, sizeof slot->thread);
            memcpy(slot->frames, taken.frames, sizeof taken.frames);
            slot->group = group;
            slot->depth = taken.depth;
        } else if (free_slot != hash) {
            continue;
        }
        atomic_fetch_add(&slot->calls, 1);
        atomic_fetch_add(&slot->bytes, size);
        return;
    }
    atomic_fetch_add(&shared->stacks_lost, 1);
}

static void count(size_t size, void *caller) {
    if (shared == NULL || atomic_load_explicit(&shared->is_counting, memory_order_relaxed) == 0 || is_inside) return;
    is_inside = true;
    if (own_slot == NULL) {
        uint32_t index = atomic_fetch_add(&shared->threads_used, 1);
        own_slot = &shared->threads[index < thread_count ? index : thread_count - 1];
        prctl(PR_GET_NAME, own_slot->name);
    }
    enum group group = group_of((uintptr_t)caller);
    atomic_fetch_add_explicit(&own_slot->calls[group], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&own_slot->bytes[group], size, memory_order_relaxed);
    if (atomic_load_explicit(&shared->takes_stacks, memory_order_relaxed)) take_stack(size, group);
    is_inside = false;
}

#define COUNT(size) count(size, __builtin_return_address(0))

void *malloc(size_t size) { COUNT(size); return __libc_malloc(size); }
void *calloc(size_t number, size_t size) { COUNT(number * size); return __libc_calloc(number, size); }
void *realloc(void *old, size_t size) { COUNT(size); return __libc_realloc(old, size); }
void *memalign(size_t alignment, size_t size) { COUNT(size); return __libc_memalign(alignment, size); }
void *aligned_alloc(size_t alignment, size_t size) { COUNT(size); return __libc_memalign(alignment, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
    COUNT(size);
    void *memory = __libc_memalign(alignment, size);
    if (memory == NULL) return ENOMEM;
    *result = memory;
    return 0;
}

// C++'s operator new calls malloc out of libstdc++: it is interposed too, so that its caller is seen.
void *new_object(size_t) __asm__("_Znwm");
void *new_array(size_t) __asm__("_Znam");
void *new_object_aligned(size_t, size_t) __asm__("_ZnwmSt11align_val_t");
void *new_array_aligned(size_t, size_t) __asm__("_ZnamSt11align_val_t");

static void *allocated(void *memory) {
    if (memory == NULL) abort(); // std::bad_alloc cannot be thrown from here
    return memory;
}

void *new_object(size_t size) { COUNT(size); return allocated(__libc_malloc(size ? size : 1)); }
void *new_array(size_t size) { COUNT(size); return allocated(__libc_malloc(size ? size : 1)); }
void *new_object_aligned(size_t size, size_t alignment) { COUNT(size); return allocated(__libc_memalign(alignment, size)); }
void *new_array_aligned(size_t size, size_t alignment) { COUNT(size); return allocated(__libc_memalign(alignment, size)); }

__attribute__((constructor)) static void map_counters(void) {
    const char *path = getenv("ALLOCATIONS_FILE");
    if (path == NULL) return;
    int descriptor = open(path, O_RDWR | O_CLOEXEC);
    if (descriptor < 0) return;
    if (ftruncate(descriptor, sizeof(counters)) == 0) {
        void *memory = mmap(NULL, sizeof(counters), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
        trace warm = { 0 };
        _Unwind_Backtrace(add_frame, &warm); // the first one allocates
        dl_iterate_phdr(add_ranges, NULL);
        if (memory != MAP_FAILED) shared = memory;
    }
    close(descriptor);
}
