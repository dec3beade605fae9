#pragma once
#include "tls.h"
#include "crypto.h"
