// What NIOOpenSSL needs of libssl that Swift cannot import: macros and casts.
#pragma once
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
