// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 load on keep-alive connections, one request at a time on each.
// Closed loop: a connection sends its next request when the last one is answered. Open loop (-R): requests arrive by
// the clock, whether or not the server keeps up; one that finds no free connection waits, and every latency counts
// from the time the request was due (no coordinated omission).
#include "common.h"
#include <math.h>

enum { inbox_size = 65536 };

typedef struct {
    int descriptor;
    SSL *ssl;
    int64_t due;
    const char *request;
    size_t sent, received, expected; // of the request; of the answer; its length once its head is there
    bool busy, waits_for_output;
    char *inbox;
} connection;

static struct {
    int port, connections, pid, shown_errors;
    double seconds, warm_up, rate;
    bool plain, hold, spread, poisson;
    char *requests; // all of one length, sent in turn
    size_t request_length, request_count;
} settings = { .port = 9000, .connections = 64, .seconds = 5, .warm_up = 1, .request_count = 1 };

static int poller;
static connection *all;
static connection **idle;
static int idle_count;
static histogram latencies;
static uint64_t answered, errors, arrivals, dispatched;
static bool is_measured;
static int64_t start;
static double arrival_at;   // of the next arrival, ns after start
static int64_t last_answer;

static void finished(connection *it);

static void watch(connection *it, bool output) {
    if (it->waits_for_output == output) return;
    it->waits_for_output = output;
    struct epoll_event event = { .events = output ? EPOLLOUT : EPOLLIN, .data.ptr = it };
    if (epoll_ctl(poller, EPOLL_CTL_MOD, it->descriptor, &event) < 0) die("epoll_ctl");
}

static void open_connection(connection *it, SSL_CTX *context, int number) {
    it->descriptor = connect_loopback(settings.port, settings.spread ? number % 200 : 0, false);
    if (!settings.plain) {
        it->ssl = SSL_new(context);
        SSL_set_fd(it->ssl, it->descriptor);
        SSL_set_tlsext_host_name(it->ssl, "localhost");
        static const unsigned char http1[] = "\x08http/1.1";
        SSL_set_alpn_protos(it->ssl, http1, sizeof http1 - 1);
        if (SSL_connect(it->ssl) != 1) die("TLS handshake");
    }
    fcntl(it->descriptor, F_SETFL, O_NONBLOCK);
    it->inbox = it->inbox ? it->inbox : malloc(inbox_size);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = it };
    if (epoll_ctl(poller, EPOLL_CTL_ADD, it->descriptor, &event) < 0) die("epoll_ctl");
}

static void fail(const char *what, const char *detail) {
    if (settings.shown_errors++ < 3) fprintf(stderr, "load: %s: %.200s\n", what, detail);
    if (is_measured) errors++;
    if (settings.shown_errors > 1000) {
        fprintf(stderr, "load: too many errors\n");
        exit(1);
    }
}

static SSL_CTX *client;

static void reopen(connection *it) {
    SSL_free(it->ssl);
    close(it->descriptor);
    it->ssl = NULL;
    it->waits_for_output = false;
    open_connection(it, client, (int)(it - all));
    finished(it);
}

static void send_request(connection *it) {
    size_t left = settings.request_length - it->sent;
    if (settings.plain) {
        ssize_t count = send(it->descriptor, it->request + it->sent, left, MSG_NOSIGNAL);
        if (count >= 0) it->sent += (size_t)count;
        else if (errno != EAGAIN) return fail("send", strerror(errno)), reopen(it);
    } else {
        size_t written = 0;
        if (SSL_write_ex(it->ssl, it->request + it->sent, left, &written) == 1) it->sent += written;
        else if (SSL_get_error(it->ssl, 0) != SSL_ERROR_WANT_WRITE) return fail("send", "TLS"), reopen(it);
    }
    watch(it, it->sent < settings.request_length);
}

static void begin(connection *it, int64_t due) {
    it->busy = true;
    it->due = due;
    it->sent = it->received = it->expected = 0;
    static size_t turn;
    it->request = settings.requests + turn++ % settings.request_count * settings.request_length;
    send_request(it);
}

/// Ends an exchange: the connection takes a request that waits, or goes idle.
static void finished(connection *it) {
    it->busy = false;
    if (settings.rate > 0) {
        if (dispatched == arrivals) {
            idle[idle_count++] = it;
            return;
        }
    }
    extern int64_t due_of(uint64_t);
    begin(it, settings.rate > 0 ? due_of(dispatched++) : now_ns());
}

// Due times of arrivals that wait for a connection, as a ring.
enum { waiting_limit = 1 << 20 };
static int64_t *waiting;
int64_t due_of(uint64_t arrival) { return waiting[arrival % waiting_limit]; }

static bool answer_begins_well(const connection *it) {
    return it->received >= 12 && memcmp(it->inbox, "HTTP/1.1 200", 12) == 0;
}

static void parse_head(connection *it) {
    const char *blank = memmem(it->inbox, it->received, "\r\n\r\n", 4);
    if (blank == NULL) return;
    size_t head = (size_t)(blank - it->inbox) + 4;
    for (const char *line = it->inbox; line < blank;) {
        const char *newline = memchr(line, '\n', head - (size_t)(line - it->inbox));
        line = newline + 1;
        if ((*line | 0x20) == 'c' && strncasecmp(line, "content-length:", 15) == 0) {
            it->expected = head + strtoull(line + 15, NULL, 10);
            return;
        }
    }
    it->expected = head;
}

static void receive(connection *it) {
    do {
        size_t count = 0;
        if (settings.plain) {
            ssize_t result = recv(it->descriptor, it->inbox + it->received, inbox_size - it->received, 0);
            if (result < 0 && errno == EAGAIN) return;
            if (result <= 0) return fail("receive", result ? strerror(errno) : "closed"), reopen(it);
            count = (size_t)result;
        } else if (SSL_read_ex(it->ssl, it->inbox + it->received, inbox_size - it->received, &count) != 1) {
            int error = SSL_get_error(it->ssl, 0);
            if (error == SSL_ERROR_WANT_READ) return;
            return fail("receive", error == SSL_ERROR_ZERO_RETURN ? "closed" : "TLS"), reopen(it);
        }
        it->received += count;
        if (!it->busy) {
            it->received = 0;
            continue;
        }
        if (it->expected == 0) parse_head(it);
        if (it->received == inbox_size && it->expected == 0) return fail("answer", "head too long"), reopen(it);
        if (it->expected == 0 || it->received < it->expected) continue;
        if (!answer_begins_well(it)) {
            it->inbox[it->received < inbox_size ? it->received : inbox_size - 1] = 0;
            fail("answer", it->inbox);
        } else if (is_measured) {
            answered++;
            last_answer = now_ns();
            add_latency(&latencies, last_answer - it->due);
        }
        finished(it);
        return;
    } while (settings.plain || SSL_has_pending(it->ssl));
}

static double random_fraction(void) {
    static uint64_t state = 0x853c49e6748fea9b;
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return ((double)(state >> 11) + 0.5) / 9007199254740992.0;
}

/// Takes in what has arrived by now, and says in ns how long until the next one.
static int64_t arrive(void) {
    double elapsed = (double)(now_ns() - start);
    while (arrival_at <= elapsed) {
        if (arrivals - dispatched == waiting_limit) {
            fprintf(stderr, "load: a million requests wait: the rate is far above what the server can do\n");
            exit(1);
        }
        waiting[arrivals++ % waiting_limit] = start + (int64_t)arrival_at;
        arrival_at += (settings.poisson ? -log(random_fraction()) : 1) * 1e9 / settings.rate;
    }
    while (idle_count > 0 && dispatched < arrivals) {
        connection *it = idle[--idle_count];
        begin(it, due_of(dispatched++));
    }
    return (int64_t)(arrival_at - (double)(now_ns() - start));
}

static void run_until(int64_t limit) {
    struct epoll_event events[256];
    for (;;) {
        int64_t wait = limit - now_ns();
        if (wait <= 0) return;
        if (settings.rate > 0) {
            int64_t next = arrive();
            if (next < wait) wait = next;
        }
        if (wait < 0) wait = 0;
        struct timespec timeout = { wait / 1000000000, wait % 1000000000 };
        int ready = epoll_pwait2(poller, events, 256, &timeout, NULL);
        if (ready < 0 && errno != EINTR) die("epoll_pwait2");
        for (int i = 0; i < ready; i++) {
            connection *it = events[i].data.ptr;
            if (it->waits_for_output) send_request(it);
            else receive(it);
        }
    }
}

static void parse_options(int count, char **arguments) {
    int option;
    while ((option = getopt(count, arguments, "p:c:d:w:R:r:q:P:nisx")) != -1) {
        switch (option) {
        case 'p': settings.port = atoi(optarg); break;
        case 'c': settings.connections = atoi(optarg); break;
        case 'd': settings.seconds = atof(optarg); break;
        case 'w': settings.warm_up = atof(optarg); break;
        case 'R': settings.rate = atof(optarg); break;
        case 'r': settings.requests = read_whole_file(optarg, &settings.request_length); break;
        case 'q': settings.request_count = strtoul(optarg, NULL, 10); break;
        case 'P': settings.pid = atoi(optarg); break;
        case 'n': settings.plain = true; break;
        case 'i': settings.hold = true; break;
        case 's': settings.spread = true; break;
        case 'x': settings.poisson = true; break;
        default: settings.requests = NULL, optind = count; break;
        }
    }
    size_t requests = settings.request_count;
    if (settings.requests == NULL || requests < 1 || settings.request_length % requests != 0
        || settings.connections < 1 || settings.connections > 60000 || settings.seconds > 600) {
        fprintf(stderr,
            "usage: load -r file with the bytes of a request [-p port] [-c connections] [-d seconds] [-w warm-up seconds]\n"
            "            [-R requests a second: open loop [-x: with exponential gaps]] [-P pid whose CPU time to tell]\n"
            "            [-q how many requests of one length the file has, to be sent in turn]\n"
            "            [-n: no TLS] [-i: one request each, then hold until the input ends] [-s: several addresses]\n");
        exit(64);
    }
    settings.request_length /= requests;
}

int main(int count, char **arguments) {
    parse_options(count, arguments);
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    client = client_context();
    if (settings.hold) SSL_CTX_set_mode(client, SSL_MODE_RELEASE_BUFFERS);
    poller = epoll_create1(EPOLL_CLOEXEC);
    all = calloc((size_t)settings.connections, sizeof *all);
    idle = calloc((size_t)settings.connections, sizeof *idle);
    waiting = malloc(waiting_limit * sizeof *waiting);
    if (all == NULL || idle == NULL || waiting == NULL) die("malloc");
    for (int i = 0; i < settings.connections; i++) {
        open_connection(&all[i], client, i);
        if (!settings.hold) continue;
        all[i].busy = false;
        settings.rate = 1e-9; // an answered connection goes idle
        begin(&all[i], now_ns());
        while (all[i].busy) run_until(now_ns() + 1000000);
        free(all[i].inbox);
        all[i].inbox = NULL;
    }
    if (settings.hold) {
        printf("{\"held\": %d}\n", settings.connections);
        fflush(stdout);
        char byte;
        while (read(0, &byte, 1) > 0) {}
        return 0;
    }
    start = now_ns();
    for (int i = 0; i < settings.connections; i++) finished(&all[i]);
    run_until(start + (int64_t)(settings.warm_up * 1e9));
    is_measured = true;
    int64_t begun = now_ns(), server_cpu = cpu_ns(settings.pid);
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    run_until(begun + (int64_t)(settings.seconds * 1e9));
    server_cpu = cpu_ns(settings.pid) - server_cpu;
    getrusage(RUSAGE_SELF, &after);
    double seconds = (double)(now_ns() - begun) / 1e9;
    double own = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_stime.tv_sec)
        + (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec - before.ru_stime.tv_usec) / 1e6;
    printf("{\"requests\": %lu, \"errors\": %lu, \"seconds\": %.3f, \"rate\": %.1f, \"unanswered\": %lu,\n"
           " \"cpu_us\": %.3f, \"server_busy\": %.3f, \"load_busy\": %.3f,\n"
           " \"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f}\n",
        answered, errors, seconds, (double)answered / seconds, settings.rate > 0 ? arrivals - dispatched : 0,
        answered ? (double)server_cpu / 1000 / (double)answered : 0, (double)server_cpu / 1e9 / seconds, own / seconds,
        quantile_us(&latencies, .5), quantile_us(&latencies, .9), quantile_us(&latencies, .99),
        quantile_us(&latencies, .999), (double)latencies.largest / 1000);
    return 0;
}
