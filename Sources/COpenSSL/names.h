// Which of several SSL_CTX serves a client, by the server name it asks for (RFC 6066 section 3).
#pragma once
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { TLS_NAME_LIMIT = 255 };

struct tls_name {
    unsigned int length;
    char text[TLS_NAME_LIMIT];  // lower case; begins with "*." when it stands for any one label
    SSL_CTX *context;           // not owned
};

// Made before the first connection and never changed after that.
struct tls_names {
    int strict;
    size_t count, capacity;
    struct tls_name *names;
};

// ASCII only, whatever the process's locale is.
static inline unsigned int tls_name_fold(char *to, const char *from, size_t length) {
    for (size_t i = 0; i < length; i++) to[i] = from[i] >= 'A' && from[i] <= 'Z' ? from[i] + 32 : from[i];
    return (unsigned int)length;
}

static inline int tls_name_order(const void *left, const void *right) {
    const struct tls_name *a = (const struct tls_name *)left, *b = (const struct tls_name *)right;
    if (a->length != b->length) return a->length < b->length ? -1 : 1;
    return memcmp(a->text, b->text, a->length);
}

static inline const struct tls_name *tls_names_find(const struct tls_names *names, const struct tls_name *key) {
    return names->count == 0
        ? NULL
        : (const struct tls_name *)bsearch(key, names->names, names->count, sizeof(*key), tls_name_order);
}

// Adds a name unless it is there: the identity that comes first keeps it. 0 when memory has run out.
static inline int tls_names_add(struct tls_names *names, const char *text, size_t length, SSL_CTX *context) {
    if (length == 0 || length > TLS_NAME_LIMIT) return 1;
    struct tls_name key = {.context = context};
    key.length = tls_name_fold(key.text, text, length);
    if (tls_names_find(names, &key) != NULL) return 1;
    if (names->count == names->capacity) {
        size_t capacity = 2 * names->capacity + 8;
        struct tls_name *grown = (struct tls_name *)realloc(names->names, capacity * sizeof(key));
        if (grown == NULL) return 0;
        names->names = grown;
        names->capacity = capacity;
    }
    size_t place = names->count;
    for (; place > 0 && tls_name_order(&names->names[place - 1], &key) > 0; place--)
        names->names[place] = names->names[place - 1];
    names->names[place] = key;
    names->count++;
    return 1;
}

static inline void tls_names_free(struct tls_names *names) {
    if (names == NULL) return;
    free(names->names);
    free(names);
}

// NULL when no identity is for that name. A wildcard stands for one label, the first (RFC 6125 section 6.4.3).
static inline SSL_CTX *tls_names_match(const struct tls_names *names, const char *text) {
    size_t length = strlen(text);
    if (length > TLS_NAME_LIMIT || memchr(text, '*', length) != NULL) return NULL;
    struct tls_name key;
    key.length = tls_name_fold(key.text, text, length);
    const struct tls_name *found = tls_names_find(names, &key);
    const char *dot = (const char *)memchr(key.text, '.', key.length);
    if (found == NULL && dot != NULL && dot != key.text) {
        unsigned int rest = key.length - (unsigned int)(dot - key.text);
        memmove(key.text + 1, dot, rest);
        key.text[0] = '*';
        key.length = rest + 1;
        found = tls_names_find(names, &key);
    }
    return found == NULL ? NULL : found->context;
}

// Accepting the name makes libssl remember it in the session, so that a resumed connection knows it too.
static inline int tls_choose_identity(SSL *ssl, int *alert, void *argument) {
    const struct tls_names *names = (const struct tls_names *)argument;
    const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (asked == NULL) return SSL_TLSEXT_ERR_OK;
    SSL_CTX *context = tls_names_match(names, asked);
    if (context != NULL) {
        // Only the certificates change: what else the contexts say is the same in all of them.
        if (SSL_set_SSL_CTX(ssl, context) != NULL) return SSL_TLSEXT_ERR_OK;
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    if (!names->strict) return SSL_TLSEXT_ERR_OK;
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static inline void tls_use_names(SSL_CTX *context, struct tls_names *names) {
    SSL_CTX_set_tlsext_servername_callback(context, tls_choose_identity);
    SSL_CTX_set_tlsext_servername_arg(context, names);
}

// MARK: - The names in a certificate

static inline GENERAL_NAMES *tls_alternative_names(const X509 *certificate) {
    return (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
}

static inline int tls_alternative_name_count(const GENERAL_NAMES *names) {
    return names == NULL ? 0 : sk_GENERAL_NAME_num(names);
}

// The host name at that place; NULL when a name of another kind stands there.
static inline const unsigned char *tls_host_name(const GENERAL_NAMES *names, int index, int *length) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
    if (name->type != GEN_DNS) return NULL;
    *length = ASN1_STRING_length(name->d.dNSName);
    return ASN1_STRING_get0_data(name->d.dNSName);
}

// MARK: - Client certificates

static inline int tls_ask_clients(SSL_CTX *context, X509_STORE *trusted, int required) {
    // Its root counts as well, so four issuers at most.
    SSL_CTX_set_verify_depth(context, 4);
    SSL_CTX_set_max_cert_list(context, 64 * 1024);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
    return SSL_CTX_set_purpose(context, X509_PURPOSE_SSL_CLIENT) == 1
        && SSL_CTX_set1_verify_cert_store(context, trusted) == 1;
}

// RFC 4514, in ASCII: what is beyond it is escaped.
static inline void tls_print_name(BIO *to, const X509_NAME *name) {
    X509_NAME_print_ex(to, name, 0, XN_FLAG_RFC2253);
}
