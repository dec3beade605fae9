// SPDX-License-Identifier: Apache-2.0
// TLS 1.3 handshakes, full or resumed (-s), on so many connections at once (-c), until time or number is up. With -r each
// connection also sends one request and reads its answer. The client does more work than the server, so one core of
// client does not fill one core of server: what compares is the server's CPU time of one handshake.
#include "common.h"

typedef struct {
    int descriptor;
    SSL *ssl;
    SSL_SESSION *session;
    bool established;
    int64_t begun;
    size_t received;
} connection;

static struct {
    int port, connections, pid;
    double seconds;
    uint64_t limit;
    bool resumes;
    char *request;
    size_t request_length;
} settings = { .port = 9000, .connections = 32, .seconds = 5, .limit = UINT64_MAX };

static int poller, session_slot;
static SSL_CTX *context;
static connection *all;
static uint64_t handshakes, resumed, errors;
static bool is_measured;
static histogram latencies;

static int keep_session(SSL *ssl, SSL_SESSION *session) {
    connection *it = SSL_get_ex_data(ssl, session_slot);
    SSL_SESSION_free(it->session);
    it->session = session;
    return 1;
}

static void begin(connection *it) {
    it->descriptor = connect_loopback(settings.port, 0, true);
    it->ssl = SSL_new(context);
    it->established = false;
    it->received = 0;
    it->begun = now_ns();
    SSL_set_fd(it->ssl, it->descriptor);
    SSL_set_ex_data(it->ssl, session_slot, it);
    SSL_set_tlsext_host_name(it->ssl, "localhost");
    static const unsigned char http1[] = "\x08http/1.1";
    SSL_set_alpn_protos(it->ssl, http1, sizeof http1 - 1);
    SSL_set_connect_state(it->ssl);
    if (settings.resumes && it->session != NULL) {
        // A copy: OpenSSL lets a client use a ticket once, while servers take it again.
        SSL_SESSION *copy = SSL_SESSION_dup(it->session);
        SSL_set_session(it->ssl, copy);
        SSL_SESSION_free(copy);
    }
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = it };
    if (epoll_ctl(poller, EPOLL_CTL_ADD, it->descriptor, &event) < 0) die("epoll_ctl");
}

static void again(connection *it, bool failed) {
    if (failed) {
        errors++;
        if (errors <= 3) fprintf(stderr, "handshakes: failed: %s\n", strerror(errno)), ERR_print_errors_fp(stderr);
        if (errors > 10000) exit(1);
    } else {
        if (is_measured) {
            handshakes++;
            if (SSL_session_reused(it->ssl)) resumed++;
            add_latency(&latencies, now_ns() - it->begun);
        }
        SSL_shutdown(it->ssl);
    }
    ERR_clear_error();
    SSL_free(it->ssl);
    // A reset, not a FIN: no port stays behind in TIME_WAIT.
    struct linger hard = { 1, 0 };
    if (is_measured || failed) setsockopt(it->descriptor, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(it->descriptor);
    begin(it);
}

static void progress(connection *it) {
    if (!it->established) {
        int result = SSL_connect(it->ssl);
        if (result != 1) {
            int error = SSL_get_error(it->ssl, result);
            if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) again(it, true);
            return;
        }
        it->established = true;
        // A ticket comes behind the handshake: the connection that fetches one reads an answer first.
        bool fetches = settings.resumes && it->session == NULL;
        if (settings.request == NULL || (settings.limit == 0 && !fetches)) return again(it, false);
        size_t written;
        if (SSL_write_ex(it->ssl, settings.request, settings.request_length, &written) != 1) return again(it, true);
    }
    char answer[16384];
    size_t count;
    while (SSL_read_ex(it->ssl, answer, sizeof answer, &count) == 1) it->received += count;
    if (SSL_get_error(it->ssl, 0) != SSL_ERROR_WANT_READ) return again(it, it->received == 0);
    if (it->received > 0) again(it, false);
}

static void run_until(int64_t limit, uint64_t number) {
    struct epoll_event events[256];
    while (now_ns() < limit && handshakes < number) {
        int ready = epoll_wait(poller, events, 256, 100);
        if (ready < 0 && errno != EINTR) die("epoll_wait");
        for (int i = 0; i < ready; i++) progress(events[i].data.ptr);
    }
}

int main(int count, char **arguments) {
    int option;
    bool has_request_each = false;
    while ((option = getopt(count, arguments, "p:c:d:n:sr:eP:")) != -1) {
        switch (option) {
        case 'p': settings.port = atoi(optarg); break;
        case 'c': settings.connections = atoi(optarg); break;
        case 'd': settings.seconds = atof(optarg); break;
        case 'n': settings.limit = strtoull(optarg, NULL, 10); break;
        case 's': settings.resumes = true; break;
        case 'r': settings.request = read_whole_file(optarg, &settings.request_length); break;
        case 'e': has_request_each = true; break;
        case 'P': settings.pid = atoi(optarg); break;
        default: settings.connections = 0; optind = count; break;
        }
    }
    if (settings.connections < 1 || settings.connections > 20000 || settings.seconds > 600
        || ((settings.resumes || has_request_each) && settings.request == NULL)) {
        fprintf(stderr, "usage: handshakes [-p port] [-c at once] [-d seconds] [-n number] [-r file with a request]\n"
                        "                  [-e: a request on each connection] [-s: resumed; needs -r to fetch tickets]\n"
                        "                  [-P pid whose CPU time to tell]\n");
        return 64;
    }
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    context = client_context();
    session_slot = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    if (settings.resumes) SSL_CTX_sess_set_new_cb(context, keep_session);
    poller = epoll_create1(EPOLL_CLOEXEC);
    all = calloc((size_t)settings.connections, sizeof *all);
    uint64_t wanted = settings.limit;
    settings.limit = has_request_each ? 1 : 0;
    for (int i = 0; i < settings.connections; i++) begin(&all[i]);
    // Warm up until every connection has its ticket.
    int64_t patience = now_ns() + 20000000000;
    for (int missing = settings.resumes; ;) {
        run_until(now_ns() + 300000000, UINT64_MAX);
        if (settings.resumes) {
            missing = 0;
            for (int i = 0; i < settings.connections; i++) missing += all[i].session == NULL;
        }
        if (missing == 0) break;
        if (now_ns() > patience) return fprintf(stderr, "handshakes: the server gives no tickets\n"), 1;
    }
    is_measured = true;
    int64_t begun = now_ns(), server_cpu = cpu_ns(settings.pid);
    run_until(begun + (int64_t)(settings.seconds * 1e9), wanted);
    server_cpu = cpu_ns(settings.pid) - server_cpu;
    double seconds = (double)(now_ns() - begun) / 1e9;
    printf("{\"handshakes\": %lu, \"resumed\": %lu, \"errors\": %lu, \"seconds\": %.3f, \"rate\": %.1f,\n"
           " \"cpu_us\": %.2f, \"server_busy\": %.3f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}\n",
        handshakes, resumed, errors, seconds, (double)handshakes / seconds,
        handshakes ? (double)server_cpu / 1000 / (double)handshakes : 0, (double)server_cpu / 1e9 / seconds,
        quantile_us(&latencies, .5), quantile_us(&latencies, .99), (double)latencies.largest / 1000);
    return 0;
}
