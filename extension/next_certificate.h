/*
 * extension/next_certificate.h
 *
 * The master's next certificate and key: files beside the present ones, whose
 * names end in ".next", and the step by which they take their place.
 *
 * Process: a backend makes them, the master puts them in place.
 */
#ifndef EXTENSION_NEXT_CERTIFICATE_H
#define EXTENSION_NEXT_CERTIFICATE_H

#include <stdbool.h>

#include "common/error.h"

/*
 * Finish a change that a crash has interrupted: the key is in place, the
 * certificate is not.  Nothing to do: true.  false with *error.
 */
extern bool so_next_certificate_complete(SoError *error) SO_WARN_UNUSED;

/*
 * Put the pair with this thumbprint (hex) in place: first the key, then the
 * certificate, behind which stands the statement that it succeeds the present one
 * for so many seconds (common/succession.h; 0: none).  true also when it is in place already.  false with *error, when
 * the files are missing or not this pair, or cannot be renamed.
 */
extern bool so_next_certificate_install(const char *thumbprint, int64 succession_s,
										SoError *error) SO_WARN_UNUSED;

#endif /* EXTENSION_NEXT_CERTIFICATE_H */
