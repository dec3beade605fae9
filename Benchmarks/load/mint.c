// SPDX-License-Identifier: Apache-2.0
// Turns one request with a bearer token into many of the same length, each with a token of its own: the identifier in
// "jti" counts, the key signs anew. Tokens are JWS in compact form (RFC 7515), ES256 or RS256 by the key.
#include "common.h"
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

enum { limit = 16384 };

/// Base64url without padding; `out` has room for 4/3 of it and 4 more.
static size_t encode(const unsigned char *bytes, size_t count, char *out) {
    size_t length = (size_t)EVP_EncodeBlock((unsigned char *)out, bytes, (int)count);
    while (length > 0 && out[length - 1] == '=') length--;
    for (size_t i = 0; i < length; i++) out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
    return length;
}

static size_t decode(const char *text, size_t count, unsigned char *out) {
    char padded[limit];
    size_t length = count;
    for (size_t i = 0; i < count; i++) padded[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
    while (length % 4 != 0) padded[length++] = '=';
    if (EVP_DecodeBlock(out, (unsigned char *)padded, (int)length) < 0) die("the payload is no base64url");
    return count * 3 / 4;
}

/// The signature as JWS has it: of ECDSA both numbers in 32 bytes each.
static size_t sign(EVP_PKEY *key, const char *text, size_t count, unsigned char *out) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char der[1024];
    size_t length = sizeof der;
    if (EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) != 1
        || EVP_DigestSign(context, der, &length, (const unsigned char *)text, count) != 1) die("sign");
    EVP_MD_CTX_free(context);
    if (EVP_PKEY_base_id(key) != EVP_PKEY_EC) {
        memcpy(out, der, length);
        return length;
    }
    const unsigned char *cursor = der;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &cursor, (long)length);
    BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + 32, 32);
    ECDSA_SIG_free(signature);
    return 64;
}

/// What comes behind that mark.
static char *part(char *from, char *end, const char *mark) {
    char *found = memmem(from, (size_t)(end - from), mark, strlen(mark));
    if (found == NULL) die("the request has no bearer token");
    return found + strlen(mark);
}

int main(int count, char **arguments) {
    if (count != 4) {
        fprintf(stderr, "usage: mint key.pem file-with-a-request number-of-requests > file-with-requests\n");
        return 64;
    }
    FILE *file = fopen(arguments[1], "r");
    EVP_PKEY *key = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
    if (key == NULL) die(arguments[1]);
    size_t length;
    char *request = read_whole_file(arguments[2], &length);
    // The token's three parts, each up to what ends it.
    char *head = part(request, request + length, "Bearer ");
    char *payload = part(head, request + length, "."), *signature = part(payload, request + length, ".");
    char *end = part(signature, request + length, "\r") - 1;
    if (end - head > limit / 2) die("the token is too long");
    unsigned char claims[limit], raw[1024];
    char text[limit];
    size_t size = decode(payload, (size_t)(signature - 1 - payload), claims);
    char *identifier = memmem(claims, size, "\"jti\":\"", 7);
    if (identifier == NULL) die("the token has no jti");
    size_t front = (size_t)(payload - head);
    memcpy(text, head, front);
    unsigned number = 0, wanted = (unsigned)atoi(arguments[3]);
    for (; number < wanted; number++) {
        char digits[9];
        snprintf(digits, sizeof digits, "%08x", number);
        memcpy(identifier + 7, digits, 8);
        size_t signed_size = front + encode(claims, size, text + front);
        size_t raw_size = sign(key, text, signed_size, raw);
        text[signed_size] = '.';
        size_t whole = signed_size + 1 + encode(raw, raw_size, text + signed_size + 1);
        if (whole != (size_t)(end - head)) die("the new token has another length");
        fwrite(request, 1, (size_t)(head - request), stdout);
        fwrite(text, 1, whole, stdout);
        fwrite(end, 1, length - (size_t)(end - request), stdout);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
