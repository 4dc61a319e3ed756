/*
 * engine/model/value_datetime_text.h
 *
 * Dates and times as ISO texts.
 *
 * Process: runner, client, loader; pure functions.
 */
#ifndef ENGINE_MODEL_VALUE_DATETIME_TEXT_H
#define ENGINE_MODEL_VALUE_DATETIME_TEXT_H

#include "engine/model/value.h"

#define SO_DATETIME_TEXT_SIZE 64

/*
 * Read ISO text as type: "2026-03-01", "2026-03-01 04:05[:06[.1234567]]", with
 * "T" instead of the blank, "20260301", "04:05:06", and " +02:00" or "Z" at the
 * end; FILETIME's "04:05:06:123" too.  What the type does not hold is dropped,
 * an offset that it does not hold is converted to UTC.
 */
extern bool so_datetime_parse(SoDataType type, const char *text, SoDateTime *result) SO_WARN_UNUSED;

/* How the text of a type looks, for messages: "yyyy-mm-dd". */
extern const char *so_datetime_form(SoDataType type);

/*
 * Write the text of a type.  DBTIME2, DBTIMESTAMP2 and DBTIMESTAMPOFFSET have
 * scale fractional digits, DBTIMESTAMP three or none; DATE and FILETIME as many
 * as needed.
 */
extern char *so_datetime_format(SoDataType type, const SoDateTime *datetime, int scale,
								char buffer[SO_DATETIME_TEXT_SIZE]);

#endif /* ENGINE_MODEL_VALUE_DATETIME_TEXT_H */
