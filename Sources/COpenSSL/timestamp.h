// Time-stamps of RFC 3161: what of libcrypto's TS takes several calls and no decision.
#pragma once
#include <openssl/asn1.h>
#include <openssl/rand.h>
#include <openssl/ts.h>
#include <openssl/x509_vfy.h>

// A query for the SHA-256 of something, with a nonce of 64 bits, that asks for the certificate; NULL when memory has run
// out.
static inline TS_REQ *tg_timestamp_query(const unsigned char *digest, int length, unsigned char *nonce) {
    TS_REQ *query = TS_REQ_new();
    TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
    X509_ALGOR *algorithm = X509_ALGOR_new();
    BIGNUM *number = BN_bin2bn(nonce, 8, NULL);
    ASN1_INTEGER *integer = number == NULL ? NULL : BN_to_ASN1_INTEGER(number, NULL);
    int made = 0;
    if (query != NULL && imprint != NULL && algorithm != NULL && integer != NULL) {
        X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL);
        made = TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1
            && TS_MSG_IMPRINT_set_msg(imprint, (unsigned char *)digest, length) == 1
            && TS_REQ_set_version(query, 1) == 1 && TS_REQ_set_msg_imprint(query, imprint) == 1
            && TS_REQ_set_nonce(query, integer) == 1 && TS_REQ_set_cert_req(query, 1) == 1;
    }
    ASN1_INTEGER_free(integer);
    BN_free(number);
    X509_ALGOR_free(algorithm);
    TS_MSG_IMPRINT_free(imprint);
    if (!made) {
        TS_REQ_free(query);
        query = NULL;
    }
    return query;
}

// 1 when the response grants the query: its status, version, imprint and nonce, and with a file of authorities also the
// signature and who may make it.
static inline int tg_timestamp_answers(TS_REQ *query, TS_RESP *response, const char *authorities) {
    TS_VERIFY_CTX *context = TS_REQ_to_TS_VERIFY_CTX(query, NULL);
    int answers = 0;
    if (context == NULL) return 0;
    if (authorities == NULL) {
        answers = TS_RESP_verify_response(context, response);
    } else {
        X509_STORE *store = X509_STORE_new();
        if (store != NULL && X509_STORE_load_file(store, authorities) == 1) {
            TS_VERIFY_CTX_set_store(context, store);  // owns it from here on
            TS_VERIFY_CTX_add_flags(context, TS_VFY_SIGNATURE);
            answers = TS_RESP_verify_response(context, response);
        } else {
            X509_STORE_free(store);
        }
    }
    TS_VERIFY_CTX_free(context);
    return answers == 1;
}

// The status (RFC 3161 section 2.4.2), 0 and 1 being granted; -1 when it cannot be read.
static inline long tg_timestamp_status(TS_RESP *response) {
    return ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(TS_RESP_get_status_info(response)));
}

// Seconds since 1970 of the time-stamp; -1 when there is none.
static inline long long tg_timestamp_time(TS_RESP *response) {
    TS_TST_INFO *info = TS_RESP_get_tst_info(response);
    const ASN1_GENERALIZEDTIME *time = info == NULL ? NULL : TS_TST_INFO_get_time(info);
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days = 0, seconds = 0;
    int read = time != NULL && epoch != NULL && ASN1_TIME_diff(&days, &seconds, epoch, time) == 1;
    ASN1_TIME_free(epoch);
    return read ? (long long)days * 86400 + seconds : -1;
}

// libcrypto's word for the newest error of this thread: it quotes nothing of the response.
static inline const char *tg_timestamp_reason(void) {
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason == NULL ? "it cannot be verified" : reason;
}
