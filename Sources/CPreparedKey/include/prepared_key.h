// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openssl/evp.h>
#include <stddef.h>

/// Until `tollgate_forget_key`, `PEM_read_bio_PUBKEY` gives this thread `key` where it would parse exactly that text.
///
/// libjwt 1.10 parses the PEM for each token, which takes OpenSSL 3.0 ten times as long as the signature. The program's
/// own `PEM_read_bio_PUBKEY` comes before libcrypto's; everything but the prepared text goes on to that one.
/// The text must stay where it is for as long.
void tollgate_prepare_key(EVP_PKEY *key, const unsigned char *pem, size_t length);

/// Ends what `tollgate_prepare_key` began.
void tollgate_forget_key(void);
