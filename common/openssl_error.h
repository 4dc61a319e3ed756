/*
 * common/openssl_error.h
 *
 * OpenSSL's error queue as an error value.
 *
 * Process: all of them; the queue belongs to the thread.
 */
#ifndef COMMON_OPENSSL_ERROR_H
#define COMMON_OPENSSL_ERROR_H

#include "common/error.h"

/*
 * Set *error to code with the oldest reason in the thread's queue as detail, and empty
 * the queue.  Returns false, so that a function can return it.
 */
extern bool
so_openssl_error(SoError *error, SoErrorCode code, const char *place, const char *message);

#endif /* COMMON_OPENSSL_ERROR_H */
