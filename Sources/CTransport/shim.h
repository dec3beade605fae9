// What Transport needs of Linux that Swift's Glibc module leaves out: epoll(7), eventfd(2), accept4(2).
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

// Declared here with untyped addresses: <sys/socket.h> hides it without _GNU_SOURCE, and with it would define anew what
// Swift's Glibc module has.
extern int accept4(int descriptor, void *address, unsigned int *size, int flags);

extern int sched_getaffinity(int process, size_t size, void *set);

// The cores that this process may use (sched_getaffinity(2)); 1 when the system does not say.
static inline int transport_cores(void) {
    unsigned char set[128] = {0};
    int cores = 0;
    if (sched_getaffinity(0, sizeof(set), set) < 0) return 1;
    for (size_t at = 0; at < sizeof(set); at++) cores += __builtin_popcount(set[at]);
    return cores > 0 ? cores : 1;
}

static const uint32_t transport_readable = EPOLLIN;
static const uint32_t transport_writable = EPOLLOUT;
static const uint32_t transport_broken = EPOLLERR | EPOLLHUP;
static const uint32_t transport_exclusive = EPOLLEXCLUSIVE;

static inline int transport_epoll(void) { return epoll_create1(EPOLL_CLOEXEC); }

static inline int transport_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

static inline int transport_watch(int epoll, int descriptor, uint64_t token, uint32_t events) {
    struct epoll_event event = {.events = events, .data = {.u64 = token}};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

static inline int transport_rewatch(int epoll, int descriptor, uint64_t token, uint32_t events) {
    struct epoll_event event = {.events = events, .data = {.u64 = token}};
    return epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event);
}

static inline int transport_unwatch(int epoll, int descriptor) {
    return epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, NULL);
}

// `size` is that of the room at `address`, in and out. The connection does not block and is closed by exec.
static inline int transport_accept(int descriptor, void *address, unsigned int *size) {
    return accept4(descriptor, address, size, 02000000 | 04000);
}
