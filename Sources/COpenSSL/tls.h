// What TLS needs of libssl that Swift cannot import: macros, casts, and the callbacks.
#pragma once
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

// MARK: - The wire: a BIO over memory that the caller lends for the length of one call

// Callbacks are plain C over these cursors, so that no reference is counted per record.
struct tls_wire {
    const unsigned char *in;  // received bytes that OpenSSL has not taken yet
    size_t in_left;
    unsigned char *out;       // room lent for records to send
    size_t out_length, out_capacity;
    unsigned char *spill;     // owned: what did not fit `out` (alerts, tickets, handshake flights)
    size_t spill_length, spill_capacity;
    unsigned int idle_work;   // steps taken for the peer since it last sent data
    int established;
};

// Far above what an honest peer needs: one key update in many gigabytes (RFC 8446 section 5.5).
enum { TLS_IDLE_WORK_LIMIT = 64, TLS_ERROR_FLOOD = -1 };

static inline struct tls_wire *tls_wire_of(BIO *bio) {
    return (struct tls_wire *)BIO_get_data(bio);
}

static inline int tls_wire_create(BIO *bio) {
    struct tls_wire *wire = (struct tls_wire *)calloc(1, sizeof(*wire));
    if (wire == NULL) return 0;
    BIO_set_data(bio, wire);
    BIO_set_init(bio, 1);
    return 1;
}

static inline int tls_wire_destroy(BIO *bio) {
    struct tls_wire *wire = tls_wire_of(bio);
    if (wire != NULL) free(wire->spill);
    free(wire);
    BIO_set_data(bio, NULL);
    return 1;
}

static inline int tls_wire_read(BIO *bio, char *to, size_t length, size_t *got) {
    struct tls_wire *wire = tls_wire_of(bio);
    BIO_clear_retry_flags(bio);
    if (wire->in_left == 0 || wire->idle_work > TLS_IDLE_WORK_LIMIT) {
        // Without the retry flag libssl would take an empty wire for the end of the connection.
        BIO_set_retry_read(bio);
        *got = 0;
        return -1;
    }
    size_t count = length < wire->in_left ? length : wire->in_left;
    memcpy(to, wire->in, count);
    wire->in += count;
    wire->in_left -= count;
    *got = count;
    return 1;
}

static inline int tls_wire_write(BIO *bio, const char *from, size_t length, size_t *written) {
    struct tls_wire *wire = tls_wire_of(bio);
    BIO_clear_retry_flags(bio);
    *written = 0;
    // Once something spilled, everything after it must, or records would change places.
    if (wire->spill_length == 0 && wire->out_capacity - wire->out_length >= length) {
        memcpy(wire->out + wire->out_length, from, length);
        wire->out_length += length;
    } else {
        if (wire->spill_capacity - wire->spill_length < length) {
            size_t capacity = 2 * wire->spill_capacity + length + 1024;
            unsigned char *spill = (unsigned char *)realloc(wire->spill, capacity);
            if (spill == NULL) return -1;
            wire->spill = spill;
            wire->spill_capacity = capacity;
        }
        memcpy(wire->spill + wire->spill_length, from, length);
        wire->spill_length += length;
    }
    *written = length;
    return 1;
}

static inline long tls_wire_control(BIO *bio, int command, long number, void *pointer) {
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static inline BIO_METHOD *tls_wire_method(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "TLS wire");
    if (method == NULL) return NULL;
    BIO_meth_set_create(method, tls_wire_create);
    BIO_meth_set_destroy(method, tls_wire_destroy);
    BIO_meth_set_read_ex(method, tls_wire_read);
    BIO_meth_set_write_ex(method, tls_wire_write);
    BIO_meth_set_ctrl(method, tls_wire_control);
    return method;
}

static inline void tls_wire_free_spill(struct tls_wire *wire) {
    free(wire->spill);
    wire->spill = NULL;
    wire->spill_length = wire->spill_capacity = 0;
}

// MARK: - Operations: every one starts from a clean error queue and returns an SSL_ERROR_* code

// SSL_get_error believes whatever lies on the thread's queue, also what another connection or a failed
// signature check left there. Peeking first is cheap; the queue is empty almost always.
static inline void tls_clean_errors(void) {
    if (ERR_peek_error() != 0) ERR_clear_error();
}

static inline int tls_handshake(SSL *ssl) {
    tls_clean_errors();
    int result = SSL_do_handshake(ssl);
    if (result != 1) return SSL_get_error(ssl, result);
    tls_wire_of(SSL_get_rbio(ssl))->established = 1;
    return SSL_ERROR_NONE;
}

// Reads all there is. SSL_ERROR_NONE: the room is full and there may be more.
static inline int tls_read(
    SSL *ssl, struct tls_wire *wire, unsigned char *to, size_t capacity, size_t *length
) {
    *length = 0;
    while (*length < capacity) {
        size_t got = 0;
        tls_clean_errors();
        int result = SSL_read_ex(ssl, to + *length, capacity - *length, &got);
        if (wire->idle_work > TLS_IDLE_WORK_LIMIT) return TLS_ERROR_FLOOD;
        if (result != 1) return SSL_get_error(ssl, 0);
        wire->idle_work = 0;
        *length += got;
        // Spares the call that would only find out that nothing is left.
        if (wire->in_left == 0 && !SSL_has_pending(ssl)) return SSL_ERROR_WANT_READ;
    }
    return SSL_ERROR_NONE;
}

static inline int tls_write(SSL *ssl, const void *from, size_t length) {
    size_t written = 0;
    tls_clean_errors();
    return SSL_write_ex(ssl, from, length, &written) == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl, 0);
}

// Puts close_notify on the wire.
static inline int tls_shutdown(SSL *ssl) {
    tls_clean_errors();
    int result = SSL_shutdown(ssl);
    return result >= 0 ? SSL_ERROR_NONE : SSL_get_error(ssl, result);
}

// MARK: - Context

// Application protocols in wire form (RFC 7301 section 3.1), in the server's order of preference.
struct tls_alpn {
    unsigned int length;
    unsigned char bytes[];
};

static inline int tls_select_alpn(
    SSL *ssl, const unsigned char **out, unsigned char *out_length, const unsigned char *in, unsigned int in_length,
    void *argument
) {
    const struct tls_alpn *ours = (const struct tls_alpn *)argument;
    (void)ssl;
    int result = SSL_select_next_proto((unsigned char **)out, out_length, ours->bytes, ours->length, in, in_length);
    // RFC 7301 section 3.2: no protocol in common is fatal, or a client could be led to speak to the wrong service.
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static inline struct tls_alpn *tls_make_alpn(const unsigned char *bytes, unsigned int length) {
    struct tls_alpn *alpn = (struct tls_alpn *)malloc(sizeof(*alpn) + length);
    if (alpn == NULL) return NULL;
    alpn->length = length;
    memcpy(alpn->bytes, bytes, length);
    return alpn;
}

static inline void tls_use_alpn(SSL_CTX *context, struct tls_alpn *alpn) {
    SSL_CTX_set_alpn_select_cb(context, tls_select_alpn, alpn);
}

// Counts what the peer makes us do without sending data, once the handshake is done: post-handshake messages of TLS 1.3
// (key updates) and attempts to renegotiate TLS 1.2. OpenSSL bounds empty records and warnings, but not these.
static inline void tls_count_idle_work(const SSL *ssl, int where, int value) {
    struct tls_wire *wire = tls_wire_of(SSL_get_rbio(ssl));
    (void)value;
    if (wire->established && where & (SSL_CB_LOOP | SSL_CB_WRITE)) wire->idle_work++;
}

static inline void tls_configure(SSL_CTX *context, int minimum_version) {
    SSL_CTX_set_min_proto_version(context, minimum_version);
    SSL_CTX_set_mode(
        context, SSL_MODE_AUTO_RETRY | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_options(
        context,
        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE
            | SSL_OP_PRIORITIZE_CHACHA);
    // Sessions live in tickets, at the client: nothing to store, nothing to share between processes.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_info_callback(context, tls_count_idle_work);
}

static inline int tls_set_signatures(SSL_CTX *context, const char *names) {
    return SSL_CTX_set1_sigalgs_list(context, names) == 1;
}

static inline int tls_set_groups(SSL_CTX *context, const char *names) {
    return SSL_CTX_set1_groups_list(context, names) == 1;
}

static inline int tls_add_chain_certificate(SSL_CTX *context, X509 *certificate) {
    return SSL_CTX_add1_chain_cert(context, certificate) == 1;
}

// Answers the question for a passphrase with none, and notes in `asked` (an int) that it was put.
static inline int tls_no_passphrase(char *buffer, int size, int writing, void *asked) {
    (void)buffer;
    (void)size;
    (void)writing;
    *(int *)asked = 1;
    return -1;
}

static inline EVP_PKEY *tls_read_private_key(BIO *bio, int *encrypted) {
    *encrypted = 0;
    return PEM_read_bio_PrivateKey(bio, NULL, tls_no_passphrase, encrypted);
}
