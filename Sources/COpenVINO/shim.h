// The C API of OpenVINO. Only its non-variadic calls are used; Swift does not see the enumerator BOOLEAN.
#pragma once
#include <openvino/c/openvino.h>

static const ov_element_type_e OV_ELEMENT_BOOLEAN = BOOLEAN;

// The C API gives a string tensor's data as what it is in C++, an array of std::string, and has no call to read one. The
// wheel is built with GCC's standard library and its ABI of 2015, in which a string begins with its address and length
// and takes 32 bytes; the caller compares that with the tensor's size.
static inline size_t tollgate_ov_string_size(void) { return 32; }

static inline const unsigned char *tollgate_ov_string(const void *data, size_t index, size_t *length) {
    const char *string = (const char *)data + index * tollgate_ov_string_size();
    *length = *(const size_t *)(string + sizeof(void *));
    return *(const unsigned char *const *)string;
}
