/*
 * common/succession.h
 *
 * Statements of succession: a certificate of the master that goes says, signed
 * with its key, which one takes its place and until when that may be learnt in this way.
 * A worker that was away while the certificate was replaced can so accept the new
 * one, although it pins the old one only.
 *
 * A statement is itself an X.509 certificate whose only name is the URI
 * urn:scaleout:succession:OLD:NEW (two thumbprints).  It stands with the old
 * certificate behind the new one in the file of the master's certificate, and is
 * therefore sent in the TLS handshake.  docs/certificates.md says what a stolen key
 * is worth.
 *
 * Process: the master writes them, agents judge them; no state.
 */
#ifndef COMMON_SUCCESSION_H
#define COMMON_SUCCESSION_H

#include <stdbool.h>
#include <time.h>

#include "common/error.h"
#include "common/thumbprint.h"

/* Statements in one file, and steps from a pinned certificate to the one that is served. */
#define SO_SUCCESSION_MAX 8

struct stack_st_X509; /* OpenSSL's STACK_OF(X509) */

/* May this certificate name its successor?  Not one that may sign certificates. */
extern bool
so_succession_possible(const char *certificate_file, bool *possible, SoError *error) SO_WARN_UNUSED;

/*
 * Put behind the next certificate in its file the statement that it succeeds the
 * present one until then, and those of the present file that are still valid.  With
 * an end that is not in the future, or a present certificate that may not name a
 * successor, there are none, and those that were there are taken away; with such an
 * end the present pair need not be there.  The file is replaced atomically; doing
 * it twice is doing it once.  false with *error.
 */
extern bool so_succession_write(const char *certificate_file, const char *key_file,
								const char *next_certificate_file, const char *next_key_file,
								time_t end, SoError *error) SO_WARN_UNUSED;

/* A statement that is good, but not at this time: 0 without such a one. */
typedef struct SoSuccessionTime
{
	time_t ended;  /* the latest end of those that are over */
	time_t begins; /* the earliest beginning of those that are still to come */
} SoSuccessionTime;

/*
 * Do the statements among the sent certificates lead from one of the pins to leaf?
 * Otherwise *time says whether one would at another time.
 */
extern bool
so_succession_leads(const struct stack_st_X509 *sent, const SoThumbprint *pins, int pin_count,
					const SoThumbprint *leaf, time_t now, SoSuccessionTime *time);

/*
 * The certificate of the master was not accepted (*error has a message): when *time
 * says why, put that into the detail and what to do into the hint.  A statement that
 * is still to come means that the clock of this machine is behind.  true when
 * there was something to say.
 */
extern bool so_succession_explain(const SoSuccessionTime *time, time_t now,
								  const SoThumbprint *leaf, SoError *error);

#endif /* COMMON_SUCCESSION_H */
