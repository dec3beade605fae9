// The C API of OpenVINO. Only its non-variadic calls are used; Swift does not see the enumerator BOOLEAN.
#pragma once
#include <openvino/c/openvino.h>

static const ov_element_type_e OV_ELEMENT_BOOLEAN = BOOLEAN;
