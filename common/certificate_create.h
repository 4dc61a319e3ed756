/*
 * common/certificate_create.h
 *
 * Making the self-signed certificates by which master and agents know each other,
 * and requests for certificates of an authority.
 *
 * Process: a backend (catalog.enable_scaleout), scaleout-worker init,
 * scaleout cert.
 */
#ifndef COMMON_CERTIFICATE_CREATE_H
#define COMMON_CERTIFICATE_CREATE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

#define SO_CERTIFICATE_DEFAULT_DAYS 3650
/* What is made is valid from this time ago: clocks of agents may be behind the clock of the maker. */
#define SO_CERTIFICATE_START_BEFORE_S 300

struct x509_st; /* OpenSSL's X509 */

typedef struct SoCertificateRequest
{
	const char *common_name;  /* subject CN, UTF-8; cut after 64 characters */
	const char *const *names; /* DNS names and IP addresses */
	size_t name_count;
	const char *agent_id; /* UUID text for a name urn:uuid:..., or NULL */
	int days;             /* validity, 1 to 36500 */
	bool replace;         /* replace existing files */
} SoCertificateRequest;

/*
 * Make an EC P-256 key and a self-signed certificate for server and client use,
 * and write them: the key first, mode 0600, then the certificate, mode 0644, each
 * by a synchronized temporary file and rename.  With replace both are written
 * before the old ones go, and no crash leaves two files that do not fit
 * (pem_file.h).  Without replace an existing
 * certificate or key is refused (SO310), except that a key without certificate,
 * left by a crash between the two, is completed with a certificate.  SO311 for
 * bad names, SO008 when a file cannot be written.
 */
extern bool so_certificate_create(const SoCertificateRequest *request, const char *certificate_file,
								  const char *key_file, SoError *error) SO_WARN_UNUSED;

/*
 * Make a key and a request by which an authority makes the certificate (PKCS #10
 * in PEM, with the names); days plays no part.  Files and errors as above; a key
 * that is there already is used.
 */
extern bool so_certificate_request(const SoCertificateRequest *request, const char *request_file,
								   const char *key_file, SoError *error) SO_WARN_UNUSED;

/* Give a certificate that is being made an extension, in OpenSSL's notation; false when that fails. */
extern bool so_certificate_add_extension(struct x509_st *certificate, int nid,
										 const char *value) SO_WARN_UNUSED;

/*
 * Give it a serial number of 159 random bits: positive and at most 20 bytes
 * (RFC 5280, 4.1.2.2).  false when that fails.
 */
extern bool so_certificate_set_serial(struct x509_st *certificate) SO_WARN_UNUSED;

#endif /* COMMON_CERTIFICATE_CREATE_H */
