/*
 * engine/model/value.h
 *
 * Typed values: what variables, parameters, properties and expressions hold.
 * The types are those of the SSIS expression language (DT_*), plus OBJECT for
 * result sets and lists.  Source: SSIS "Integration Services Data Types".
 *
 * Process: runner, client, loader.  A value belongs to the talloc context that
 * it was made in; values are copied, never shared, between threads.
 */
#ifndef ENGINE_MODEL_VALUE_H
#define ENGINE_MODEL_VALUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <talloc.h>

#include "common/error.h"

typedef enum SoDataType
{
	SO_TYPE_NONE = 0, /* no type known */
	SO_TYPE_BOOL,     /* variable type "boolean" */
	SO_TYPE_I1,       /* sbyte */
	SO_TYPE_UI1,      /* byte */
	SO_TYPE_I2,       /* int16 */
	SO_TYPE_UI2,      /* uint16; char is UI2 too */
	SO_TYPE_I4,       /* int32 */
	SO_TYPE_UI4,      /* uint32 */
	SO_TYPE_I8,       /* int64 */
	SO_TYPE_UI8,      /* uint64 */
	SO_TYPE_R4,       /* single */
	SO_TYPE_R8,       /* double */
	SO_TYPE_CY,       /* currency: scale 4 */
	SO_TYPE_DECIMAL,  /* decimal: at most 29 digits, scale 0-28 */
	SO_TYPE_NUMERIC,  /* at most 38 digits, scale 0-38 */
	SO_TYPE_DATE,     /* datetime as day number; kept like DBTIMESTAMP2 */
	SO_TYPE_DBDATE,
	SO_TYPE_DBTIME,
	SO_TYPE_DBTIME2,
	SO_TYPE_DBTIMESTAMP,
	SO_TYPE_DBTIMESTAMP2,
	SO_TYPE_DBTIMESTAMPOFFSET,
	SO_TYPE_FILETIME,
	SO_TYPE_GUID,
	SO_TYPE_STR,
	SO_TYPE_WSTR, /* string */
	SO_TYPE_BYTES,
	SO_TYPE_IMAGE,
	SO_TYPE_TEXT,
	SO_TYPE_NTEXT,
	SO_TYPE_OBJECT, /* object: JSON (array of rows, list ...) */
	SO_TYPE_COUNT
} SoDataType;

/* 38 decimal digits and a sign; value = (negative ? -1 : 1) * digits / 10^scale. */
typedef struct SoDecimal
{
	unsigned __int128 digits;
	uint8_t scale;
	bool negative;
} SoDecimal;

/*
 * Date and time: days since 1970-01-01 and 100-nanosecond units in the day,
 * plus the offset from UTC in minutes (DBTIMESTAMPOFFSET only; the local
 * fields are stored, not UTC).
 */
typedef struct SoDateTime
{
	int32_t days;
	int64_t ticks;
	int16_t offset_minutes;
} SoDateTime;

typedef struct SoValue
{
	SoDataType type;
	bool is_null;
	uint8_t precision; /* NUMERIC: digits; others 0 */
	uint8_t scale;     /* DECIMAL, NUMERIC, TIME2, TIMESTAMP2, OFFSET */
	union
	{
		bool boolean;
		int64_t integer;           /* I1..I8 */
		uint64_t unsigned_integer; /* UI1..UI8 */
		double real;               /* R4 (rounded to float), R8 */
		SoDecimal decimal;         /* CY, DECIMAL, NUMERIC */
		SoDateTime datetime;
		uint8_t guid[16];
		struct
		{
			char *bytes; /* UTF-8 for texts, always followed by a zero byte */
			size_t length;
		} text;         /* STR, WSTR, TEXT, NTEXT, BYTES, IMAGE */
		json_t *object; /* OBJECT; so_value_* keep the reference count */
	} as;
} SoValue;

/* "DT_I4"; the name of the type as a variable's type ("int32"), NULL when it has none. */
extern const char *so_data_type_name(SoDataType type);
extern const char *so_data_type_variable_name(SoDataType type);
/* "int32", "DT_I4" or an alias, any case; SO_TYPE_NONE when unknown. */
extern SoDataType so_data_type_from_name(const char *name);

/* Families of types. */
extern bool so_data_type_is_signed(SoDataType type);   /* I1..I8 */
extern bool so_data_type_is_unsigned(SoDataType type); /* UI1..UI8 */
extern bool so_data_type_is_integer(SoDataType type);
extern bool so_data_type_is_real(SoDataType type);    /* R4, R8 */
extern bool so_data_type_is_decimal(SoDataType type); /* CY, DECIMAL, NUMERIC */
extern bool so_data_type_is_number(SoDataType type);
extern bool so_data_type_is_string(SoDataType type);    /* STR, WSTR */
extern bool so_data_type_is_character(SoDataType type); /* STR, WSTR, TEXT, NTEXT */
extern bool so_data_type_is_binary(SoDataType type);    /* BYTES, IMAGE */
extern bool so_data_type_is_blob(SoDataType type);      /* IMAGE, TEXT, NTEXT */

/* Bytes of an integer type: 1, 2, 4 or 8; 0 for other types. */
extern int so_data_type_integer_size(SoDataType type);

/* Constructors without allocation. */
extern SoValue so_value_null(SoDataType type);
extern SoValue so_value_boolean(bool value);
extern SoValue so_value_integer(SoDataType type, int64_t value);
extern SoValue so_value_unsigned(SoDataType type, uint64_t value);
extern SoValue so_value_real(SoDataType type, double value);
/*
 * CY, DECIMAL or NUMERIC; digits that the type's scale cannot hold are cut.
 * false when the number is too large for the type.
 */
extern bool
so_value_decimal(SoDataType type, const SoDecimal *decimal, SoValue *result) SO_WARN_UNUSED;
/* A date type; what the type does not hold must already be zero (see value_datetime.h). */
extern SoValue so_value_datetime(SoDataType type, const SoDateTime *datetime, int scale);
/* Copies length bytes of UTF-8 into context; WSTR. */
extern SoValue so_value_string(TALLOC_CTX *context, const char *text);
extern SoValue so_value_string_length(TALLOC_CTX *context, const char *text, size_t length);
/* Copies length bytes into context; BYTES or IMAGE, and any text type. */
extern SoValue
so_value_bytes(TALLOC_CTX *context, SoDataType type, const void *bytes, size_t length);
/* Takes a new reference to object, dropped when context is freed. */
extern SoValue so_value_object(TALLOC_CTX *context, json_t *object);

/* The default value of a type (False, 0, empty string, 1899-12-30, empty object). */
extern SoValue so_value_default(TALLOC_CTX *context, SoDataType type);

/* A deep copy in context. */
extern SoValue so_value_copy(TALLOC_CTX *context, const SoValue *value);

/*
 * Canonical text, ISO dates, "true"/"false", shortest round-trip numbers,
 * lower-case GUIDs, hex bytes ("\x..."); NULL gives "".  Owned by context.
 */
extern char *so_value_to_text(TALLOC_CTX *context, const SoValue *value);

/* Reads canonical text (and what people write) as type; false with *error SO7xx. */
extern bool so_value_from_text(TALLOC_CTX *context, SoDataType type, const char *text,
							   SoValue *value, SoError *error) SO_WARN_UNUSED;

/* Converts by the cast rules of the language; false with *error SO7xx. */
extern bool so_value_convert(TALLOC_CTX *context, const SoValue *value, SoDataType type,
							 SoValue *result, SoError *error) SO_WARN_UNUSED;

/*
 * A type with the parameters that a cast may give: (DT_WSTR, length),
 * (DT_NUMERIC, precision, scale), (DT_DBTIMESTAMP2, scale) ...
 */
typedef struct SoTypeSpecification
{
	SoDataType type;
	int length;     /* characters, bytes for BYTES; -1: not limited */
	int precision;  /* NUMERIC; -1: 38 */
	int scale;      /* DECIMAL, NUMERIC, TIME2, TIMESTAMP2, OFFSET; -1: the source's or 7 */
	int code_page;  /* STR, TEXT; texts stay UTF-8 whatever it says; 0: none */
	bool has_clock; /* now_microseconds says what today is */
	int64_t now_microseconds; /* since 1970 UTC */
} SoTypeSpecification;

/* The type without parameters. */
extern SoTypeSpecification so_type_specification(SoDataType type);

/*
 * Is there a conversion at all?  (A text may still turn out not to be a number.)
 */
extern bool so_value_can_convert(SoDataType from, SoDataType to);

/*
 * so_value_convert with parameters.  Fractions and texts that are too long are
 * cut, integer parts that do not fit are an error.
 */
extern bool so_value_convert_to(TALLOC_CTX *context, const SoValue *value,
								const SoTypeSpecification *specification, SoValue *result,
								SoError *error) SO_WARN_UNUSED;

/* JSON for the wire and for documents: numbers, booleans, strings, null, arrays. */
extern json_t *so_value_to_json(const SoValue *value);
extern bool so_value_from_json(TALLOC_CTX *context, SoDataType type, const json_t *json,
							   SoValue *value, SoError *error) SO_WARN_UNUSED;

/* Same type, same value; NULL equals NULL here. */
extern bool so_value_same(const SoValue *left, const SoValue *right);

#endif /* ENGINE_MODEL_VALUE_H */
