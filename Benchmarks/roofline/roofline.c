// SPDX-License-Identifier: Apache-2.0
// The roofline: what one core can do with epoll and OpenSSL when nothing but a fixed answer is asked of it. One thread,
// level-triggered, one read for each event and one write for all requests that it held.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
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
#include <unistd.h>

enum { scratch_size = 16384 + 64, answers_in_a_row = 64, head_limit = 16384 };

typedef struct {
    int descriptor;
    bool established, waits_for_output;
    uint64_t body_left;     // of the request under way
    char *head;             // a head that came in parts, else NULL
    size_t head_length;
    size_t owed;            // answers of which SSL_write has not taken the batch yet
    const char *retry;      // the batch that SSL_write must be called with again
    size_t retry_length;
    SSL *ssl;
} connection;

static char *answers;
static size_t answer_length;
static char scratch[scratch_size];
static int poller;

static void die(const char *what) {
    perror(what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static void make_answers(size_t body_length) {
    char head[256];
    int head_length = snprintf(head, sizeof head,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n"
        "date: Thu, 01 Jan 2026 00:00:00 GMT\r\nserver: roofline\r\n\r\n", body_length);
    answer_length = (size_t)head_length + body_length;
    answers = malloc(answer_length * answers_in_a_row);
    if (answers == NULL) die("malloc");
    const char before[] = "{\"predictions\":[7],\"padding\":\"", after[] = "\"}";
    if (body_length < sizeof before + sizeof after) body_length = 0;
    for (int i = 0; i < answers_in_a_row; i++) {
        char *at = answers + (size_t)i * answer_length;
        memcpy(at, head, (size_t)head_length);
        memset(at + head_length, 'x', answer_length - (size_t)head_length);
        if (body_length == 0) continue;
        memcpy(at + head_length, before, sizeof before - 1);
        memcpy(at + answer_length - (sizeof after - 1), after, sizeof after - 1);
    }
}

static void end(connection *it, bool orderly) {
    if (orderly) SSL_shutdown(it->ssl);
    SSL_free(it->ssl);
    close(it->descriptor);
    free(it->head);
    free(it);
}

static void watch(connection *it, bool output) {
    if (it->waits_for_output == output) return;
    it->waits_for_output = output;
    struct epoll_event event = { .events = output ? EPOLLOUT : EPOLLIN, .data.ptr = it };
    if (epoll_ctl(poller, EPOLL_CTL_MOD, it->descriptor, &event) < 0) die("epoll_ctl");
}

/// Sends what is owed; false when the connection is gone.
static bool answer(connection *it) {
    while (it->owed > 0 || it->retry != NULL) {
        if (it->retry == NULL) {
            size_t now = it->owed < answers_in_a_row ? it->owed : answers_in_a_row;
            it->retry = answers;
            it->retry_length = now * answer_length;
            it->owed -= now;
        }
        size_t written;
        if (SSL_write_ex(it->ssl, it->retry, it->retry_length, &written) == 1) {
            it->retry = NULL;
            continue;
        }
        if (SSL_get_error(it->ssl, 0) == SSL_ERROR_WANT_WRITE) {
            watch(it, true);
            return true;
        }
        end(it, false);
        return false;
    }
    watch(it, false);
    return true;
}

static uint64_t content_length(const char *line, const char *end_of_head) {
    while (line < end_of_head) {
        if ((*line | 0x20) == 'c' && end_of_head - line > 15 && strncasecmp(line, "content-length:", 15) == 0)
            return strtoull(line + 15, NULL, 10);
        const char *newline = memchr(line, '\n', (size_t)(end_of_head - line));
        if (newline == NULL) break;
        line = newline + 1;
    }
    return 0;
}

/// Counts the requests that end in `bytes`; -1 when a head is too large.
static int count_requests(connection *it, const char *bytes, size_t length) {
    const char *limit = bytes + length;
    while (bytes < limit) {
        if (it->body_left > 0) {
            size_t here = (size_t)(limit - bytes) < it->body_left ? (size_t)(limit - bytes) : (size_t)it->body_left;
            it->body_left -= here;
            bytes += here;
            if (it->body_left == 0) it->owed++;
            continue;
        }
        const char *head = bytes;
        size_t available = (size_t)(limit - bytes);
        if (it->head != NULL) {
            if (it->head_length + available > head_limit + scratch_size) return -1;
            memcpy(it->head + it->head_length, bytes, available);
            head = it->head;
            available += it->head_length;
        }
        const char *blank = memmem(head, available, "\r\n\r\n", 4);
        if (blank == NULL) {
            if (available > head_limit) return -1;
            if (it->head == NULL) {
                it->head = malloc(head_limit + scratch_size);
                if (it->head == NULL) return -1;
                memcpy(it->head, head, available);
            }
            it->head_length = available;
            return 0;
        }
        it->body_left = content_length(head, blank + 2);
        bytes += (size_t)(blank + 4 - head) - (it->head != NULL ? it->head_length : 0);
        free(it->head);
        it->head = NULL;
        it->head_length = 0;
        if (it->body_left == 0) it->owed++;
    }
    return 0;
}

static void serve(connection *it) {
    if (it->waits_for_output) {
        if (!answer(it) || it->waits_for_output) return;
    }
    if (!it->established) {
        int result = SSL_accept(it->ssl);
        if (result != 1) {
            int error = SSL_get_error(it->ssl, result);
            if (error != SSL_ERROR_WANT_READ) end(it, false);
            return;
        }
        it->established = true;
        if (!SSL_has_pending(it->ssl)) return;
    }
    // With read-ahead one read of the socket fills OpenSSL's buffer; only what it already holds is read again.
    do {
        size_t length;
        if (SSL_read_ex(it->ssl, scratch, sizeof scratch, &length) != 1) {
            int error = SSL_get_error(it->ssl, 0);
            if (error == SSL_ERROR_WANT_READ) break;
            end(it, error == SSL_ERROR_ZERO_RETURN);
            return;
        }
        if (count_requests(it, scratch, length) < 0) {
            end(it, false);
            return;
        }
    } while (SSL_has_pending(it->ssl));
    if (it->owed > 0) answer(it);
}

static void accept_all(int listener, SSL_CTX *context) {
    for (int i = 0; i < 64; i++) {
        int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor < 0) return;
        int on = 1;
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connection *it = calloc(1, sizeof *it);
        if (it == NULL || (it->ssl = SSL_new(context)) == NULL) die("SSL_new");
        it->descriptor = descriptor;
        SSL_set_fd(it->ssl, descriptor);
        SSL_set_accept_state(it->ssl);
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = it };
        if (epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) < 0) die("epoll_ctl");
    }
}

static int select_http1(SSL *ssl, const unsigned char **out, unsigned char *length, const unsigned char *offered,
    unsigned int offered_length, void *unused) {
    (void)ssl, (void)unused;
    static const unsigned char http1[] = "\x08http/1.1";
    return SSL_select_next_proto((unsigned char **)out, length, http1, sizeof http1 - 1, offered, offered_length)
        == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static SSL_CTX *make_context(const char *certificate, const char *key, bool release_buffers) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL) die("SSL_CTX_new");
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1) die(certificate);
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) die(key);
    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set1_groups_list(context, "X25519:P-256");
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (release_buffers) SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(context, select_http1, NULL);
    return context;
}

static void stop(int number) {
    (void)number;
    _exit(0);
}

int main(int count, char **arguments) {
    const char *certificate = "certs/server.pem", *key = "certs/server.key";
    int port = 9000, option;
    long body_length = 100;
    bool release_buffers = false;
    while ((option = getopt(count, arguments, "p:c:k:b:r")) != -1) {
        switch (option) {
        case 'p': port = atoi(optarg); break;
        case 'c': certificate = optarg; break;
        case 'k': key = optarg; break;
        case 'b': body_length = atol(optarg); break;
        case 'r': release_buffers = true; break;
        default:
            fprintf(stderr, "usage: roofline [-p port] [-c certificate] [-k key] [-b bytes of body] "
                            "[-r: release the buffers of idle connections]\n");
            return 64;
        }
    }
    if (body_length < 0 || body_length > 1 << 20) return fprintf(stderr, "-b: 0 to 1048576\n"), 64;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    make_answers((size_t)body_length);
    SSL_CTX *context = make_context(certificate, key, release_buffers);

    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
    if (listen(listener, 4096) < 0) die("listen");
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event accepting = { .events = EPOLLIN, .data.ptr = NULL }, events[512];
    if (epoll_ctl(poller, EPOLL_CTL_ADD, listener, &accepting) < 0) die("epoll_ctl");
    fprintf(stderr, "ready on 127.0.0.1:%d\n", port);
    for (;;) {
        int ready = epoll_wait(poller, events, 512, -1);
        if (ready < 0 && errno != EINTR) die("epoll_wait");
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr == NULL) accept_all(listener, context);
            else serve(events[i].data.ptr);
        }
    }
}
