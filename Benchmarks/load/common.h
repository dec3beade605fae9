// SPDX-License-Identifier: Apache-2.0
// What the load generators share: time, a histogram of latencies, the CPU time of the server under load, connections.
#pragma once
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static inline __attribute__((noreturn)) void die(const char *what) {
    perror(what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static inline int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/// CPU time of all threads of a process, in ns, from the scheduler's clock; 0 for pid 0.
static inline int64_t cpu_ns(int pid) {
    if (pid == 0) return 0;
    char path[300];
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *folder = opendir(path);
    if (folder == NULL) return 0;
    int64_t total = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", pid, entry->d_name);
        FILE *file = fopen(path, "r");
        if (file == NULL) continue;
        long long time;
        if (fscanf(file, "%lld", &time) == 1) total += time;
        fclose(file);
    }
    closedir(folder);
    return total;
}

/// Latencies in ns, in classes less than 1 % wide.
typedef struct { uint64_t counts[64 << 7], total; int64_t largest; } histogram;

static inline void add_latency(histogram *it, int64_t ns) {
    if (ns < 1) ns = 1;
    int exponent = 63 - __builtin_clzll((uint64_t)ns), shift = exponent > 7 ? exponent - 7 : 0;
    it->counts[(shift << 7) + (ns >> shift)]++;
    it->total++;
    if (ns > it->largest) it->largest = ns;
}

static inline double quantile_us(const histogram *it, double quantile) {
    uint64_t wanted = (uint64_t)((double)it->total * quantile), seen = 0;
    for (int index = 0; index < 64 << 7; index++) {
        seen += it->counts[index];
        if (it->counts[index] == 0 || seen <= wanted) continue;
        int shift = index < 256 ? 0 : (index >> 7) - 1;
        return (double)((int64_t)(index - (shift << 7)) << shift) / 1000;
    }
    return (double)it->largest / 1000;
}

static inline void raise_file_limit(void) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

/// A socket to the loopback; `number` spreads the sources over 127.0.0.0/8, whose addresses are all ours.
static inline int connect_loopback(int port, int number, bool non_blocking) {
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (non_blocking ? SOCK_NONBLOCK : 0), 0), on = 1;
    if (descriptor < 0) die("socket");
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct sockaddr_in address = { .sin_family = AF_INET };
    if (number > 0) {
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)number);
        setsockopt(descriptor, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &on, sizeof on);
        if (bind(descriptor, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
    }
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) die("connect");
    return descriptor;
}

/// The server's certificate is one of this machine's own making: it is not checked, which keeps the client lean.
static inline SSL_CTX *client_context(void) {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL) die("SSL_CTX_new");
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set1_groups_list(context, "X25519");
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    return context;
}

static inline char *read_whole_file(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) die(path);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *bytes = malloc((size_t)size + 1);
    if (bytes == NULL || fread(bytes, 1, (size_t)size, file) != (size_t)size) die(path);
    fclose(file);
    bytes[size] = 0;
    *length = (size_t)size;
    return bytes;
}
