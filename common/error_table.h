/*
 * common/error_table.h
 *
 * All error codes, room by room.  Included several times with different
 * definitions of SO_ERROR, therefore without an include guard.
 *
 * SO_ERROR(symbol, "SOnnn", http status, retryable, "summary", "what to do")
 *
 * Codes are stable: a code is never reused for another meaning.
 */
#include "common/errors/common.def"
#include "common/errors/catalog.def"
#include "common/errors/master.def"
#include "common/errors/identity.def"
#include "common/errors/agent.def"
#include "common/errors/runtime.def"
#include "common/errors/document.def"
#include "common/errors/expression.def"
#include "common/errors/task.def"
#include "common/errors/client.def"
