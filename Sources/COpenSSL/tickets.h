// Session tickets sealed with keys of our own (RFC 5077 section 4): AES-256-CBC, then HMAC-SHA256.
#pragma once
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TLS_TICKET_KEYS_LIMIT = 16 };

struct tls_ticket_key {
    unsigned char name[16], cipher_key[32], mac_key[32];
    int64_t created;  // seconds since 1970
};

// Handshakes of all loops read it, one thread changes it now and then. The newest key comes first and seals; each other
// one stopped sealing when the one before it was made.
struct tls_ticket_keys {
    pthread_rwlock_t lock;
    EVP_CIPHER *cipher;
    unsigned int count;
    struct tls_ticket_key keys[TLS_TICKET_KEYS_LIMIT];
};

static inline void tls_ticket_keys_free(struct tls_ticket_keys *keys) {
    if (keys == NULL) return;
    EVP_CIPHER_free(keys->cipher);
    pthread_rwlock_destroy(&keys->lock);
    OPENSSL_cleanse(keys, sizeof(*keys));
    free(keys);
}

// Without a key; NULL when memory has run out.
static inline struct tls_ticket_keys *tls_ticket_keys_new(void) {
    struct tls_ticket_keys *keys = (struct tls_ticket_keys *)calloc(1, sizeof(*keys));
    if (keys == NULL) return NULL;
    pthread_rwlock_init(&keys->lock, NULL);
    keys->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    if (keys->cipher != NULL) return keys;
    tls_ticket_keys_free(keys);
    return NULL;
}

// Newest first. The name decides between equals, so that processes that share keys agree on the first.
static inline int tls_ticket_key_order(const void *left, const void *right) {
    const struct tls_ticket_key *a = (const struct tls_ticket_key *)left, *b = (const struct tls_ticket_key *)right;
    if (a->created != b->created) return a->created > b->created ? -1 : 1;
    return memcmp(a->name, b->name, sizeof(a->name));
}

// Under the write lock: a key more, in its place; the oldest one gives way when there are too many.
static inline void tls_ticket_keys_insert(struct tls_ticket_keys *keys, const struct tls_ticket_key *key) {
    for (unsigned int i = 0; i < keys->count; i++)
        if (memcmp(keys->keys[i].name, key->name, sizeof(key->name)) == 0) return;
    unsigned int place = 0;
    while (place < keys->count && tls_ticket_key_order(&keys->keys[place], key) < 0) place++;
    if (place == TLS_TICKET_KEYS_LIMIT) return;
    unsigned int behind = keys->count - place;
    if (keys->count == TLS_TICKET_KEYS_LIMIT) behind--;
    else keys->count++;
    memmove(&keys->keys[place + 1], &keys->keys[place], behind * sizeof(*key));
    keys->keys[place] = *key;
}

// A random key becomes the one that seals. 0 when the system gives no randomness.
static inline int tls_ticket_keys_renew(struct tls_ticket_keys *keys, int64_t now) {
    struct tls_ticket_key key;
    int made = RAND_bytes(key.name, sizeof(key.name)) == 1
        && RAND_priv_bytes(key.cipher_key, sizeof(key.cipher_key)) == 1
        && RAND_priv_bytes(key.mac_key, sizeof(key.mac_key)) == 1;
    key.created = now;
    if (made) {
        pthread_rwlock_wrlock(&keys->lock);
        tls_ticket_keys_insert(keys, &key);
        pthread_rwlock_unlock(&keys->lock);
    }
    OPENSSL_cleanse(&key, sizeof(key));
    return made;
}

// Drops keys that stopped sealing `retention` seconds ago or more; returns how many changed. A key from the future
// (the clock was set back) is taken to be new, or it would seal until then.
static inline unsigned int tls_ticket_keys_prune(struct tls_ticket_keys *keys, int64_t now, int64_t retention) {
    unsigned int changed = 0;
    pthread_rwlock_wrlock(&keys->lock);
    for (unsigned int i = 0; i < keys->count && keys->keys[i].created > now; i++) {
        keys->keys[i].created = now;
        changed++;
    }
    while (keys->count > 1 && keys->keys[keys->count - 2].created <= now - retention) {
        keys->count--;
        OPENSSL_cleanse(&keys->keys[keys->count], sizeof(keys->keys[0]));
        changed++;
    }
    pthread_rwlock_unlock(&keys->lock);
    return changed;
}

// When the key that seals was made.
static inline int64_t tls_ticket_keys_newest(struct tls_ticket_keys *keys) {
    pthread_rwlock_rdlock(&keys->lock);
    int64_t created = keys->count > 0 ? keys->keys[0].created : INT64_MIN;
    pthread_rwlock_unlock(&keys->lock);
    return created;
}

static inline unsigned int tls_ticket_keys_copy(struct tls_ticket_keys *keys, struct tls_ticket_key *copies) {
    pthread_rwlock_rdlock(&keys->lock);
    unsigned int count = keys->count;
    memcpy(copies, keys->keys, count * sizeof(*copies));
    pthread_rwlock_unlock(&keys->lock);
    return count;
}

static inline void tls_ticket_keys_add(
    struct tls_ticket_keys *keys, const struct tls_ticket_key *others, unsigned int count
) {
    pthread_rwlock_wrlock(&keys->lock);
    for (unsigned int i = 0; i < count; i++) tls_ticket_keys_insert(keys, &others[i]);
    pthread_rwlock_unlock(&keys->lock);
}

// MARK: - Callbacks; the keys are the context's application data

static inline int tls_ticket_arm(
    const struct tls_ticket_keys *keys, const struct tls_ticket_key *key, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
    EVP_MAC_CTX *mac, int sealing
) {
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key->mac_key, sizeof(key->mac_key)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, parameters) == 1
        && EVP_CipherInit_ex2(cipher, keys->cipher, key->cipher_key, iv, sealing, NULL) == 1;
}

// 1: done; 2: done, and the client is to get a ticket of the newest key; 0: unknown key; -1: failed.
static inline int tls_ticket_key_callback(
    SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing
) {
    struct tls_ticket_keys *keys = (struct tls_ticket_keys *)SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    int result = sealing ? -1 : 0;
    pthread_rwlock_rdlock(&keys->lock);
    if (sealing && keys->count > 0 && RAND_bytes(iv, EVP_CIPHER_get_iv_length(keys->cipher)) == 1) {
        memcpy(name, keys->keys[0].name, sizeof(keys->keys[0].name));
        result = tls_ticket_arm(keys, &keys->keys[0], iv, cipher, mac, 1) ? 1 : -1;
    }
    for (unsigned int i = 0; !sealing && i < keys->count; i++) {
        if (memcmp(name, keys->keys[i].name, sizeof(keys->keys[i].name)) != 0) continue;
        result = !tls_ticket_arm(keys, &keys->keys[i], iv, cipher, mac, 0) ? -1 : i == 0 ? 1 : 2;
        break;
    }
    pthread_rwlock_unlock(&keys->lock);
    return result;
}

// How long a client may go on with one full handshake, through however many tickets.
enum { TLS_SESSION_SECONDS = 12 * 3600, TLS_RESUMPTION_SECONDS = 24 * 3600 };

// Notes in a new ticket when the full handshake was; a renewed one keeps the note of its predecessor.
static inline int tls_ticket_issue(SSL *ssl, void *argument) {
    SSL_SESSION *session = SSL_get_session(ssl);
    void *noted = NULL;
    size_t length = 0;
    int64_t now = (int64_t)time(NULL);
    (void)argument;
    if (SSL_SESSION_get0_ticket_appdata(session, &noted, &length) == 1 && length == sizeof(now)) return 1;
    return SSL_SESSION_set1_ticket_appdata(session, &now, sizeof(now));
}

// A resumed session is not verified again, so what it was verified for must still hold.
static inline SSL_TICKET_RETURN tls_ticket_accept(
    SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t name_length, SSL_TICKET_STATUS status, void *argument
) {
    (void)name, (void)name_length, (void)argument;
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) return SSL_TICKET_RETURN_IGNORE_RENEW;
    void *noted = NULL;
    size_t length = 0;
    int64_t began, now = (int64_t)time(NULL);
    if (SSL_SESSION_get0_ticket_appdata(session, &noted, &length) != 1 || length != sizeof(began))
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    memcpy(&began, noted, sizeof(began));
    if (now < began || now - began >= TLS_RESUMPTION_SECONDS) return SSL_TICKET_RETURN_IGNORE_RENEW;
    int mode = SSL_get_verify_mode(ssl);
    X509 *client = SSL_SESSION_get0_peer(session);
    if (client == NULL && (mode & SSL_VERIFY_FAIL_IF_NO_PEER_CERT)) return SSL_TICKET_RETURN_IGNORE_RENEW;
    if (client != NULL && (!(mode & SSL_VERIFY_PEER) || X509_cmp_current_time(X509_get0_notAfter(client)) < 0))
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

static inline int tls_use_ticket_keys(SSL_CTX *context, struct tls_ticket_keys *keys) {
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_timeout(context, TLS_SESSION_SECONDS);
    return SSL_CTX_set_app_data(context, keys) == 1
        && SSL_CTX_set_tlsext_ticket_key_evp_cb(context, tls_ticket_key_callback) == 1
        && SSL_CTX_set_session_ticket_cb(context, tls_ticket_issue, tls_ticket_accept, NULL) == 1;
}
