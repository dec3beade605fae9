// SPDX-License-Identifier: Apache-2.0
// Slow clients, thousands of them, on one thread: heads or bodies that come byte by byte, answers that nobody reads,
// handshakes that stop half way. A connection that the server closes is opened again, so many a second at most.
#include "common.h"

typedef struct {
    int descriptor; // -1: to be opened
    SSL *ssl;
    bool established;
    size_t sent;
    int64_t next;   // when it does its slow thing again
} client;

static struct {
    int port, clients;
    double seconds, pace, gap;
    char kind;
    char *request;
    size_t request_length, head_length;
} settings = { .port = 9000, .clients = 1000, .seconds = 20, .pace = 1000, .gap = 5 };

static int poller;
static client *all;
static int open_now, established_now;
static uint64_t opened, closed_by_server;

static void end(client *it) {
    closed_by_server++;
    open_now--;
    established_now -= it->established;
    SSL_free(it->ssl);
    close(it->descriptor);
    *it = (client){ .descriptor = -1 };
    ERR_clear_error();
}

static void start(client *it, SSL_CTX *context) {
    it->descriptor = connect_loopback(settings.port, 1 + (int)(it - all) % 200, true);
    opened++;
    open_now++;
    if (settings.kind == 'r') {
        int small = 4096;
        setsockopt(it->descriptor, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    }
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = it };
    if (epoll_ctl(poller, EPOLL_CTL_ADD, it->descriptor, &event) < 0) die("epoll_ctl");
    // The first fifth of a second belongs to TCP.
    it->next = now_ns() + 200000000;
    if (settings.kind == 's') return;
    it->ssl = SSL_new(context);
    SSL_set_fd(it->ssl, it->descriptor);
    SSL_set_tlsext_host_name(it->ssl, "localhost");
    static const unsigned char http1[] = "\x08http/1.1";
    SSL_set_alpn_protos(it->ssl, http1, sizeof http1 - 1);
    SSL_set_connect_state(it->ssl);
}

/// Sends up to `count` bytes of the request that goes round and round; false when nothing more can be sent.
static bool send_some(client *it, size_t count) {
    size_t at = it->sent % settings.request_length, written;
    if (count > settings.request_length - at) count = settings.request_length - at;
    if (SSL_write_ex(it->ssl, settings.request + at, count, &written) != 1) {
        ERR_clear_error();
        return false;
    }
    it->sent += written;
    return true;
}

static void slow_step(client *it) {
    it->next += (int64_t)(settings.gap * 1e9);
    switch (settings.kind) {
    case 's': // the beginning of a ClientHello's record, once
        if (it->sent == 0) send(it->descriptor, "\x16\x03\x01\x02\x00\x01\x00", 7, MSG_NOSIGNAL), it->sent = 7;
        break;
    case 'h': // never the last byte of the head
        if (it->sent + 1 < settings.head_length) send_some(it, 1);
        break;
    case 'b':
        if (it->sent == 0) send_some(it, settings.head_length);
        else if (it->sent + 1 < settings.request_length) send_some(it, 1);
        break;
    case 'r': // asks until the answers that nobody reads stand in the way
        for (int i = 0; i < 4 && send_some(it, settings.request_length); i++) {}
        break;
    }
}

static bool is_closed(client *it) {
    if (settings.kind == 'r') { // only a reset is seen: what was sent stays unread
        int error = 0;
        socklen_t length = sizeof error;
        getsockopt(it->descriptor, SOL_SOCKET, SO_ERROR, &error, &length);
        return error != 0;
    }
    char bytes[4096];
    if (it->ssl == NULL) {
        ssize_t count = recv(it->descriptor, bytes, sizeof bytes, 0);
        return count == 0 || (count < 0 && errno != EAGAIN && errno != ENOTCONN);
    }
    size_t count;
    while (SSL_read_ex(it->ssl, bytes, sizeof bytes, &count) == 1) {}
    int error = SSL_get_error(it->ssl, 0);
    ERR_clear_error();
    return error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE;
}

static void progress(client *it, uint32_t events) {
    if (it->descriptor < 0) return;
    if (it->ssl != NULL && !it->established) {
        int result = SSL_connect(it->ssl), error = SSL_get_error(it->ssl, result);
        if (result == 1) {
            it->established = true;
            established_now++;
            it->next = now_ns() + (int64_t)(settings.gap * 1e9 * ((double)(rand() % 1000) / 1000)) + 1;
        } else if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
            end(it);
        }
        return;
    }
    if ((events & (EPOLLHUP | EPOLLERR)) || ((events & EPOLLIN) && is_closed(it))) end(it);
}

int main(int count, char **arguments) {
    int option;
    while ((option = getopt(count, arguments, "p:c:d:a:g:k:r:")) != -1) {
        switch (option) {
        case 'p': settings.port = atoi(optarg); break;
        case 'c': settings.clients = atoi(optarg); break;
        case 'd': settings.seconds = atof(optarg); break;
        case 'a': settings.pace = atof(optarg); break;
        case 'g': settings.gap = atof(optarg); break;
        case 'k': settings.kind = *optarg; break;
        case 'r': settings.request = read_whole_file(optarg, &settings.request_length); break;
        default: settings.kind = 0; optind = count; break;
        }
    }
    const char *blank = settings.request
        ? memmem(settings.request, settings.request_length, "\r\n\r\n", 4) : NULL;
    if (settings.kind == 0 || strchr("hbrs", settings.kind) == NULL || blank == NULL || settings.clients < 1
        || settings.clients > 60000 || settings.seconds > 600) {
        fprintf(stderr, "usage: slow -k h|b|r|s (heads, bodies, readers, stalled handshakes) -r file with a request\n"
                        "            [-p port] [-c clients] [-d seconds] [-a opened a second] [-g seconds between bytes]\n");
        return 64;
    }
    settings.head_length = (size_t)(blank - settings.request) + 4;
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    SSL_CTX *context = client_context();
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL_CTX_set_read_ahead(context, 0);
    poller = epoll_create1(EPOLL_CLOEXEC);
    all = calloc((size_t)settings.clients, sizeof *all);
    for (int i = 0; i < settings.clients; i++) all[i].descriptor = -1;
    int64_t begun = now_ns(), limit = begun + (int64_t)(settings.seconds * 1e9);
    bool told = false;
    int next_to_open = 0;
    struct epoll_event events[512];
    for (int64_t now = begun; now < limit; now = now_ns()) {
        uint64_t allowed = (uint64_t)((double)(now - begun) / 1e9 * settings.pace) + 1;
        for (int tried = 0; opened < allowed && open_now < settings.clients && tried < settings.clients; tried++) {
            client *it = &all[next_to_open];
            next_to_open = (next_to_open + 1) % settings.clients;
            if (it->descriptor < 0) start(it, context);
        }
        int ready = epoll_wait(poller, events, 512, 10);
        for (int i = 0; i < ready; i++) progress(events[i].data.ptr, events[i].events);
        for (int i = 0; i < settings.clients; i++) {
            client *it = &all[i];
            if (it->descriptor >= 0 && (it->established || it->ssl == NULL) && it->next <= now) slow_step(it);
        }
        if (!told && (open_now == settings.clients || now - begun > (int64_t)(1.5e9 * settings.clients / settings.pace))) {
            told = true;
            printf("{\"open\": %d, \"established\": %d}\n", open_now, established_now);
            fflush(stdout);
        }
    }
    printf("{\"open\": %d, \"established\": %d, \"opened\": %lu, \"closed_by_server\": %lu}\n", open_now, established_now,
        opened, closed_by_server);
    return 0;
}
