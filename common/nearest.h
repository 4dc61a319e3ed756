/*
 * common/nearest.h
 *
 * Finds the name that was probably meant where an unknown one was written, for
 * the hints of errors.
 *
 * Process: all of them; pure functions.
 */
#ifndef COMMON_NEAREST_H
#define COMMON_NEAREST_H

/*
 * Begin with the name as written, offer every candidate, and look at name: of those
 * equally near it is the first.  Case, _ and - and blanks do not count, two
 * neighbours changed over are one mistake; one to three mistakes are forgiven,
 * depending on the length, and of names only the first 64 letters are looked at.
 */
typedef struct SoNearest
{
	const char *wanted;
	const char *name; /* best so far, NULL when none is near enough */
	int distance;     /* its mistakes */
} SoNearest;

/* Begin; wanted must live as long as nearest. */
extern void so_nearest_begin(SoNearest *nearest, const char *wanted);

/* Consider a candidate, which must live as long as nearest->name is used. */
extern void so_nearest_offer(SoNearest *nearest, const char *candidate);

#endif /* COMMON_NEAREST_H */
