/*
 * common/pem.h
 *
 * Certificates and private keys in PEM form: reading files of them, and taking
 * texts apart.  common/certificate*.h says what they mean, common/pem_file.h
 * writes such files.
 *
 * Process: all of them; no state.  Functions leave OpenSSL's error queue of the
 * thread empty.
 */
#ifndef COMMON_PEM_H
#define COMMON_PEM_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

/* A PEM file or text larger than this is refused, in bytes. */
#define SO_PEM_MAX (1024 * 1024)

struct x509_st; /* OpenSSL's X509, EVP_PKEY, STACK_OF(X509) */
struct evp_pkey_st;
struct stack_st_X509;

/* What a PEM text contains; free with so_pem_free. */
typedef struct SoPem
{
	struct x509_st *certificate; /* the first */
	struct stack_st_X509 *chain; /* the others */
	size_t certificate_count;
	bool has_private_key;
} SoPem;

/*
 * Take length bytes apart; they need not be terminated.  false with SO305 unless there
 * is a certificate and all of them are good.
 */
extern bool
so_pem_parse(const char *text, size_t length, SoPem *pem, SoError *error) SO_WARN_UNUSED;
extern void so_pem_free(SoPem *pem);

/*
 * Read a whole file of certificates.  Returns malloc'ed bytes with a terminator that
 * *length does not count, or NULL with SO007; free with so_pem_free_text.
 */
extern char *so_pem_read(const char *file, size_t *length, SoError *error);
extern void so_pem_free_text(char *text, size_t length);

/*
 * Read the private key of a file, or NULL: SO007 when it cannot be read, SO307 when
 * others can read it (only the owner may, or root's group when root owns it), SO309
 * when there is no key, or one with a passphrase.  The caller frees it.
 */
extern struct evp_pkey_st *so_pem_read_key(const char *file, SoError *error);

#endif /* COMMON_PEM_H */
