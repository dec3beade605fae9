// What Transport needs of Linux that Swift cannot import: macros, unions, GNU functions and errno without a call.
// Every function that can fail returns the error number negated.
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

// Declared by the headers only under _GNU_SOURCE, with which their other types would differ from those that other
// modules see.
extern int accept4(int listener, struct sockaddr *address, socklen_t *length, int flags);

// MARK: - Addresses

// An address without its sockaddr: IPv4 stands in the first four bytes.
struct transport_address {
    unsigned char bytes[16];
    unsigned short port;
    unsigned char version;  // 4, 6, or 0 for a socket that has none
    unsigned int scope;     // of a link-local IPv6 address
};

static inline struct transport_address transport_address_from(const struct sockaddr_storage *from) {
    struct transport_address to;
    memset(&to, 0, sizeof to);
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)from;
        memcpy(to.bytes, &four->sin_addr, 4);
        to.port = ntohs(four->sin_port);
        to.version = 4;
    } else if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;
        to.port = ntohs(six->sin6_port);
        to.version = 6;
        // An IPv4 client of a dual-stack socket is an IPv4 client.
        if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
            memcpy(to.bytes, six->sin6_addr.s6_addr + 12, 4);
            to.version = 4;
        } else {
            memcpy(to.bytes, &six->sin6_addr, 16);
            to.scope = six->sin6_scope_id;
        }
    }
    return to;
}

static inline socklen_t transport_address_to(const struct transport_address *from, struct sockaddr_storage *to) {
    memset(to, 0, sizeof *to);
    if (from->version == 4) {
        struct sockaddr_in *four = (struct sockaddr_in *)to;
        four->sin_family = AF_INET;
        four->sin_port = htons(from->port);
        memcpy(&four->sin_addr, from->bytes, 4);
        return sizeof *four;
    }
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)to;
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(from->port);
    six->sin6_scope_id = from->scope;
    memcpy(&six->sin6_addr, from->bytes, 16);
    return sizeof *six;
}

// Reads a literal address; 0 when it is none.
static inline int transport_parse_address(const char *text, struct transport_address *to) {
    memset(to, 0, sizeof *to);
    if (inet_pton(AF_INET, text, to->bytes) == 1) return to->version = 4, 1;
    if (inet_pton(AF_INET6, text, to->bytes) == 1) return to->version = 6, 1;
    return 0;
}

static inline int transport_print_address(const struct transport_address *from, char *to, size_t capacity) {
    return inet_ntop(from->version == 4 ? AF_INET : AF_INET6, from->bytes, to, (socklen_t)capacity) != NULL;
}

// MARK: - epoll and eventfd

static inline int transport_epoll_create(void) {
    int descriptor = epoll_create1(EPOLL_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

static inline int transport_epoll_add(int poller, int descriptor, unsigned int interest, unsigned long long token) {
    struct epoll_event event;
    event.events = interest;
    event.data.u64 = token;
    return epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) < 0 ? -errno : 0;
}

static inline int transport_epoll_modify(int poller, int descriptor, unsigned int interest, unsigned long long token) {
    struct epoll_event event;
    event.events = interest;
    event.data.u64 = token;
    return epoll_ctl(poller, EPOLL_CTL_MOD, descriptor, &event) < 0 ? -errno : 0;
}

static inline int transport_epoll_remove(int poller, int descriptor) {
    struct epoll_event event;
    memset(&event, 0, sizeof event);
    return epoll_ctl(poller, EPOLL_CTL_DEL, descriptor, &event) < 0 ? -errno : 0;
}

static inline int transport_epoll_wait(int poller, struct epoll_event *events, int capacity, int milliseconds) {
    int count = epoll_wait(poller, events, capacity, milliseconds);
    return count < 0 ? -errno : count;
}

static inline unsigned long long transport_token(const struct epoll_event *event) {
    return event->data.u64;
}

static inline unsigned int transport_events(const struct epoll_event *event) {
    return event->events;
}

static const unsigned int transport_readable = EPOLLIN;
static const unsigned int transport_writable = EPOLLOUT;
static const unsigned int transport_broken = EPOLLERR | EPOLLHUP;
static const unsigned int transport_edge_triggered = EPOLLET;
static const unsigned int transport_exclusive = EPOLLEXCLUSIVE;

static inline int transport_eventfd_create(void) {
    int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

static inline void transport_eventfd_signal(int descriptor) {
    (void)eventfd_write(descriptor, 1);
}

// MARK: - Connected sockets

// 0 is the end; interrupted calls begin again.
static inline long transport_receive(int descriptor, void *to, size_t capacity) {
    ssize_t count;
    do count = recv(descriptor, to, capacity, MSG_DONTWAIT);
    while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

// MSG_NOSIGNAL: a peer that is gone must not end the process with SIGPIPE.
static inline long transport_send(int descriptor, const void *from, size_t count) {
    ssize_t sent;
    do sent = send(descriptor, from, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

static inline int transport_would_block(long result) {
    return result == -EAGAIN || result == -EWOULDBLOCK;
}

static inline void transport_end_sending(int descriptor) {
    (void)shutdown(descriptor, SHUT_WR);
}

// Closes with a reset: the kernel keeps nothing and sends nothing more.
static inline void transport_reset(int descriptor) {
    struct linger now = {1, 0};
    (void)setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    (void)close(descriptor);
}

static inline int transport_pending_error(int descriptor) {
    int error = 0;
    socklen_t length = sizeof error;
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? errno : error;
}

static inline void transport_no_delay(int descriptor) {
    int on = 1;
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// MARK: - Listening sockets

// Linux gives accepted sockets the listener's TCP_NODELAY, which spares a call for each.
static inline int transport_listen(const struct transport_address *address, int backlog, int share_port) {
    struct sockaddr_storage storage;
    socklen_t length = transport_address_to(address, &storage);
    int descriptor = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    int on = 1, error;
    if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0
        && (!share_port || setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0)
        && setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0
        && bind(descriptor, (struct sockaddr *)&storage, length) == 0 && listen(descriptor, backlog) == 0)
        return descriptor;
    error = errno;
    close(descriptor);
    return -error;
}

static inline int transport_accept(int listener, struct transport_address *remote) {
    struct sockaddr_storage storage;
    socklen_t length = sizeof storage;
    memset(&storage, 0, sizeof(sa_family_t) + 2);
    int descriptor = accept4(listener, (struct sockaddr *)&storage, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) return -errno;
    *remote = transport_address_from(&storage);
    return descriptor;
}

static inline int transport_local_address(int descriptor, struct transport_address *local) {
    struct sockaddr_storage storage;
    socklen_t length = sizeof storage;
    memset(&storage, 0, sizeof storage);
    if (getsockname(descriptor, (struct sockaddr *)&storage, &length) < 0) return -errno;
    *local = transport_address_from(&storage);
    return 0;
}

// Makes a socket that another process opened ours: checks that it listens, and sets what transport_listen sets.
static inline int transport_adopt_listener(int descriptor) {
    int listens = 0, on = 1, flags = fcntl(descriptor, F_GETFL);
    socklen_t length = sizeof listens;
    if (flags < 0) return -errno;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) < 0) return -errno;
    if (!listens) return -EINVAL;
    if (fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(descriptor, F_SETFD, FD_CLOEXEC) < 0) return -errno;
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return 0;
}

// MARK: - Descriptors

static inline int transport_open_reserve(void) {
    int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

static inline int transport_raise_descriptor_limit(unsigned long long *soft) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    *soft = limit.rlim_cur;
    if (limit.rlim_cur == limit.rlim_max) return 0;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    *soft = limit.rlim_cur;
    return 0;
}
