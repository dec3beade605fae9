// libnghttp2: HTTP/2 framing, HPACK and stream states, without I/O.
#pragma once
#include <nghttp2/nghttp2.h>
