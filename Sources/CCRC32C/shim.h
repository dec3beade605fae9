// CRC-32C by the processor's own instruction, where it has one.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)

static inline int crc32c_is_native(void) { return __builtin_cpu_supports("sse4.2"); }

__attribute__((target("sse4.2"))) static inline uint32_t crc32c_native(uint32_t crc, const void *bytes, size_t count) {
    const unsigned char *next = (const unsigned char *)bytes;
    uint64_t state = crc;
    for (; count >= 8; count -= 8, next += 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        state = __builtin_ia32_crc32di(state, word);
    }
    uint32_t rest = (uint32_t)state;
    for (; count > 0; count--) rest = __builtin_ia32_crc32qi(rest, *next++);
    return rest;
}

// Three checksums at once, over as many bytes of each, a multiple of 8: the instruction takes three cycles, and one
// begins in each.
__attribute__((target("sse4.2"))) static inline void crc32c_native_three(
    uint32_t *crcs, const void *a, const void *b, const void *c, size_t count) {
    const unsigned char *next[3] = {(const unsigned char *)a, (const unsigned char *)b, (const unsigned char *)c};
    uint64_t states[3] = {crcs[0], crcs[1], crcs[2]};
    for (size_t place = 0; place < count; place += 8) {
        uint64_t words[3];
        memcpy(&words[0], next[0] + place, 8);
        memcpy(&words[1], next[1] + place, 8);
        memcpy(&words[2], next[2] + place, 8);
        states[0] = __builtin_ia32_crc32di(states[0], words[0]);
        states[1] = __builtin_ia32_crc32di(states[1], words[1]);
        states[2] = __builtin_ia32_crc32di(states[2], words[2]);
    }
    for (int i = 0; i < 3; i++) crcs[i] = (uint32_t)states[i];
}

#else

static inline int crc32c_is_native(void) { return 0; }
static inline uint32_t crc32c_native(uint32_t crc, const void *bytes, size_t count) {
    (void)bytes;
    (void)count;
    return crc;
}
static inline void crc32c_native_three(uint32_t *crcs, const void *a, const void *b, const void *c, size_t count) {
    (void)crcs;
    (void)a;
    (void)b;
    (void)c;
    (void)count;
}

#endif
