/*
 * common/certificate_host.h
 *
 * Is a host name one of the names in a certificate?
 *
 * Process: all of them, and the server's backends; no state.  Functions leave
 * OpenSSL's error queue of the thread empty.
 */
#ifndef COMMON_CERTIFICATE_HOST_H
#define COMMON_CERTIFICATE_HOST_H

#include <stdbool.h>

#include "common/error.h"

struct x509_st; /* OpenSSL's X509 */

/*
 * Is host (a DNS name, an IP address, or an IPv6 address in brackets) one of
 * the certificate's names?  Wildcards stand for one whole label; the subject's
 * common name does not count.  false with SO313 otherwise.
 */
extern bool so_certificate_matches_host(const struct x509_st *certificate, const char *host,
										SoError *error) SO_WARN_UNUSED;

/* The same of the first certificate in a file; SO007 or SO305 when there is none. */
extern bool
so_certificate_file_matches_host(const char *file, const char *host, SoError *error) SO_WARN_UNUSED;

#endif /* COMMON_CERTIFICATE_HOST_H */
