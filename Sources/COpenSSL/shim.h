#pragma once
#include "tls.h"
#include "tickets.h"
#include "names.h"
#include "crypto.h"
#include "timestamp.h"
