/*
 * common/nearest.c
 *
 * The nearest of several names, by the number of mistakes between them.
 *
 * Process: all of them; pure functions, nothing to lose.
 */
#include "common/nearest.h"

#include <ctype.h>
#include <stddef.h>

#define LONGEST_NAME 64

static size_t
fold(const char *name, char *folded)
{
	size_t length = 0;

	for (; *name != '\0' && length < LONGEST_NAME; name++)
	{
		if (*name != '_' && *name != '-' && *name != ' ')
			folded[length++] = (char) tolower((unsigned char) *name);
	}
	return length;
}

/* Edit distance with transpositions, of texts of at most LONGEST_NAME bytes. */
static int
edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	int rows[3][LONGEST_NAME + 1];
	int *before = rows[0];
	int *last = rows[1];
	int *current = rows[2];

	for (size_t j = 0; j <= b_length; j++)
		last[j] = (int) j;
	for (size_t i = 1; i <= a_length; i++)
	{
		int *spare = before;

		current[0] = (int) i;
		for (size_t j = 1; j <= b_length; j++)
		{
			int best = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (current[j - 1] + 1 < best)
				best = current[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			current[j] = best;
		}
		before = last;
		last = current;
		current = spare;
	}
	return last[b_length];
}

void
so_nearest_begin(SoNearest *nearest, const char *wanted)
{
	nearest->wanted = wanted;
	nearest->name = NULL;
	nearest->distance = 0;
}

void
so_nearest_offer(SoNearest *nearest, const char *candidate)
{
	char wanted[LONGEST_NAME];
	char offered[LONGEST_NAME];
	size_t wanted_length = fold(nearest->wanted, wanted);
	size_t offered_length = fold(candidate, offered);
	int limit = wanted_length < 4 ? 1 : wanted_length < 8 ? 2 : 3;
	int distance;

	/* never suggest what shares almost nothing */
	if (wanted_length + (size_t) limit < offered_length ||
		offered_length + (size_t) limit < wanted_length)
		return;
	distance = edit_distance(wanted, wanted_length, offered, offered_length);
	if (distance > limit || (size_t) distance >= wanted_length)
		return;
	if (nearest->name == NULL || distance < nearest->distance)
	{
		nearest->name = candidate;
		nearest->distance = distance;
	}
}
