// curl_easy_setopt and curl_easy_getinfo are variadic, which Swift does not import: one wrapper for each type.
#pragma once
#include <curl/curl.h>

static inline CURLcode tg_curl_set_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode tg_curl_set_string(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode tg_curl_set_pointer(CURL *handle, CURLoption option, const void *value) {
    return curl_easy_setopt(handle, option, value);
}

typedef size_t (*tg_curl_sink)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode tg_curl_set_sink(CURL *handle, CURLoption option, tg_curl_sink sink) {
    return curl_easy_setopt(handle, option, sink);
}

static inline CURLcode tg_curl_status(CURL *handle, long *status) {
    return curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, status);
}
