/*
 * engine/model/value.c
 *
 * Typed values: type names and families, constructors, copies, equality.
 * Texts, JSON and conversions are in value_text.c, value_json.c and
 * value_convert.c.
 *
 * Process: runner, client, loader.  A value belongs to the talloc context that
 * it was made in and to one thread; nothing is shared and nothing is left
 * behind by a crash.
 */
#include "engine/model/value.h"

#include <string.h>
#include <strings.h>

#include "engine/model/value_datetime.h"
#include "engine/model/value_decimal.h"

typedef struct TypeEntry
{
	const char *name; /* without "DT_" */
	const char *full_name;
	const char *variable_name;
	int integer_size;
} TypeEntry;

static const TypeEntry type_entries[SO_TYPE_COUNT] = {
	[SO_TYPE_NONE] = {"NONE", "DT_NONE", NULL, 0},
	[SO_TYPE_BOOL] = {"BOOL", "DT_BOOL", "boolean", 0},
	[SO_TYPE_I1] = {"I1", "DT_I1", "sbyte", 1},
	[SO_TYPE_UI1] = {"UI1", "DT_UI1", "byte", 1},
	[SO_TYPE_I2] = {"I2", "DT_I2", "int16", 2},
	[SO_TYPE_UI2] = {"UI2", "DT_UI2", "uint16", 2},
	[SO_TYPE_I4] = {"I4", "DT_I4", "int32", 4},
	[SO_TYPE_UI4] = {"UI4", "DT_UI4", "uint32", 4},
	[SO_TYPE_I8] = {"I8", "DT_I8", "int64", 8},
	[SO_TYPE_UI8] = {"UI8", "DT_UI8", "uint64", 8},
	[SO_TYPE_R4] = {"R4", "DT_R4", "single", 0},
	[SO_TYPE_R8] = {"R8", "DT_R8", "double", 0},
	[SO_TYPE_CY] = {"CY", "DT_CY", "currency", 0},
	[SO_TYPE_DECIMAL] = {"DECIMAL", "DT_DECIMAL", "decimal", 0},
	[SO_TYPE_NUMERIC] = {"NUMERIC", "DT_NUMERIC", NULL, 0},
	[SO_TYPE_DATE] = {"DATE", "DT_DATE", "datetime", 0},
	[SO_TYPE_DBDATE] = {"DBDATE", "DT_DBDATE", NULL, 0},
	[SO_TYPE_DBTIME] = {"DBTIME", "DT_DBTIME", NULL, 0},
	[SO_TYPE_DBTIME2] = {"DBTIME2", "DT_DBTIME2", NULL, 0},
	[SO_TYPE_DBTIMESTAMP] = {"DBTIMESTAMP", "DT_DBTIMESTAMP", NULL, 0},
	[SO_TYPE_DBTIMESTAMP2] = {"DBTIMESTAMP2", "DT_DBTIMESTAMP2", NULL, 0},
	[SO_TYPE_DBTIMESTAMPOFFSET] = {"DBTIMESTAMPOFFSET", "DT_DBTIMESTAMPOFFSET", NULL, 0},
	[SO_TYPE_FILETIME] = {"FILETIME", "DT_FILETIME", NULL, 0},
	[SO_TYPE_GUID] = {"GUID", "DT_GUID", NULL, 0},
	[SO_TYPE_STR] = {"STR", "DT_STR", NULL, 0},
	[SO_TYPE_WSTR] = {"WSTR", "DT_WSTR", "string", 0},
	[SO_TYPE_BYTES] = {"BYTES", "DT_BYTES", NULL, 0},
	[SO_TYPE_IMAGE] = {"IMAGE", "DT_IMAGE", NULL, 0},
	[SO_TYPE_TEXT] = {"TEXT", "DT_TEXT", NULL, 0},
	[SO_TYPE_NTEXT] = {"NTEXT", "DT_NTEXT", NULL, 0},
	[SO_TYPE_OBJECT] = {"OBJECT", "DT_OBJECT", "object", 0},
};

/* Other names that people bring along from .NET. */
static const struct
{
	const char *name;
	SoDataType type;
} type_aliases[] = {
	{"bool", SO_TYPE_BOOL},  {"char", SO_TYPE_UI2},  {"short", SO_TYPE_I2},
	{"ushort", SO_TYPE_UI2}, {"int", SO_TYPE_I4},    {"uint", SO_TYPE_UI4},
	{"long", SO_TYPE_I8},    {"ulong", SO_TYPE_UI8}, {"float", SO_TYPE_R4},
};

static const TypeEntry *
type_entry(SoDataType type)
{
	return &type_entries[(int) type >= 0 && type < SO_TYPE_COUNT ? type : SO_TYPE_NONE];
}

const char *
so_data_type_name(SoDataType type)
{
	return type_entry(type)->full_name;
}

const char *
so_data_type_variable_name(SoDataType type)
{
	return type_entry(type)->variable_name;
}

SoDataType
so_data_type_from_name(const char *name)
{
	if (name == NULL)
		return SO_TYPE_NONE;
	for (int i = SO_TYPE_NONE + 1; i < SO_TYPE_COUNT; i++)
	{
		const TypeEntry *entry = &type_entries[i];

		if (strcasecmp(name, entry->full_name) == 0 ||
			(entry->variable_name != NULL && strcasecmp(name, entry->variable_name) == 0))
			return (SoDataType) i;
	}
	for (size_t i = 0; i < sizeof(type_aliases) / sizeof(type_aliases[0]); i++)
	{
		if (strcasecmp(name, type_aliases[i].name) == 0)
			return type_aliases[i].type;
	}
	return SO_TYPE_NONE;
}

/* ---- families ----------------------------------------------------------- */

bool
so_data_type_is_signed(SoDataType type)
{
	return type == SO_TYPE_I1 || type == SO_TYPE_I2 || type == SO_TYPE_I4 || type == SO_TYPE_I8;
}

bool
so_data_type_is_unsigned(SoDataType type)
{
	return type == SO_TYPE_UI1 || type == SO_TYPE_UI2 || type == SO_TYPE_UI4 || type == SO_TYPE_UI8;
}

bool
so_data_type_is_integer(SoDataType type)
{
	return type >= SO_TYPE_I1 && type <= SO_TYPE_UI8;
}

bool
so_data_type_is_real(SoDataType type)
{
	return type == SO_TYPE_R4 || type == SO_TYPE_R8;
}

bool
so_data_type_is_decimal(SoDataType type)
{
	return type == SO_TYPE_CY || type == SO_TYPE_DECIMAL || type == SO_TYPE_NUMERIC;
}

bool
so_data_type_is_number(SoDataType type)
{
	return type >= SO_TYPE_I1 && type <= SO_TYPE_NUMERIC;
}

bool
so_data_type_is_string(SoDataType type)
{
	return type == SO_TYPE_STR || type == SO_TYPE_WSTR;
}

bool
so_data_type_is_character(SoDataType type)
{
	return so_data_type_is_string(type) || type == SO_TYPE_TEXT || type == SO_TYPE_NTEXT;
}

bool
so_data_type_is_binary(SoDataType type)
{
	return type == SO_TYPE_BYTES || type == SO_TYPE_IMAGE;
}

bool
so_data_type_is_blob(SoDataType type)
{
	return type == SO_TYPE_IMAGE || type == SO_TYPE_TEXT || type == SO_TYPE_NTEXT;
}

int
so_data_type_integer_size(SoDataType type)
{
	return type_entry(type)->integer_size;
}

/* ---- constructors ------------------------------------------------------- */

static SoValue
empty_value(SoDataType type)
{
	SoValue value;

	memset(&value, 0, sizeof(value));
	value.type = type;
	return value;
}

SoValue
so_value_null(SoDataType type)
{
	SoValue value = empty_value(type);

	value.is_null = true;
	return value;
}

SoValue
so_value_boolean(bool boolean)
{
	SoValue value = empty_value(SO_TYPE_BOOL);

	value.as.boolean = boolean;
	return value;
}

SoValue
so_value_integer(SoDataType type, int64_t integer)
{
	SoValue value = empty_value(type);

	value.as.integer = integer;
	return value;
}

SoValue
so_value_unsigned(SoDataType type, uint64_t integer)
{
	SoValue value = empty_value(type);

	value.as.unsigned_integer = integer;
	return value;
}

SoValue
so_value_real(SoDataType type, double real)
{
	SoValue value = empty_value(type);

	value.as.real = type == SO_TYPE_R4 ? (double) (float) real : real;
	return value;
}

bool
so_value_decimal(SoDataType type, const SoDecimal *decimal, SoValue *result)
{
	SoDecimal fitted = *decimal;
	unsigned __int128 limit = so_decimal_power(SO_DECIMAL_DIGITS) - 1;
	int scale = fitted.scale;

	if (type == SO_TYPE_CY)
	{
		scale = 4;
		limit = (unsigned __int128) INT64_MAX + (fitted.negative ? 1 : 0);
	}
	else if (type == SO_TYPE_DECIMAL)
	{
		scale = scale > 28 ? 28 : scale;
		limit = so_decimal_power(29) - 1;
	}
	if (!so_decimal_rescale(&fitted, scale, SO_DECIMAL_TRUNCATE))
		return false;
	/* A decimal with too many digits gives up fractional ones first. */
	while (type == SO_TYPE_DECIMAL && fitted.digits > limit && fitted.scale > 0)
	{
		if (!so_decimal_rescale(&fitted, fitted.scale - 1, SO_DECIMAL_TRUNCATE))
			return false;
	}
	if (fitted.digits > limit)
		return false;
	*result = empty_value(type);
	result->as.decimal = fitted;
	result->scale = fitted.scale;
	result->precision = type == SO_TYPE_NUMERIC ? SO_DECIMAL_DIGITS : 0;
	return true;
}

SoValue
so_value_datetime(SoDataType type, const SoDateTime *datetime, int scale)
{
	SoValue value = empty_value(type);

	value.as.datetime = *datetime;
	if (type == SO_TYPE_DBTIME2 || type == SO_TYPE_DBTIMESTAMP2 ||
		type == SO_TYPE_DBTIMESTAMPOFFSET)
		value.scale = (uint8_t) scale;
	return value;
}

SoValue
so_value_bytes(TALLOC_CTX *context, SoDataType type, const void *bytes, size_t length)
{
	SoValue value = empty_value(type);

	value.as.text.bytes = talloc_size(context, length + 1);
	if (value.as.text.bytes == NULL)
		return so_value_null(type);
	if (length > 0)
		memcpy(value.as.text.bytes, bytes, length);
	value.as.text.bytes[length] = '\0';
	value.as.text.length = length;
	return value;
}

SoValue
so_value_string_length(TALLOC_CTX *context, const char *text, size_t length)
{
	return so_value_bytes(context, SO_TYPE_WSTR, text, length);
}

SoValue
so_value_string(TALLOC_CTX *context, const char *text)
{
	return so_value_bytes(context, SO_TYPE_WSTR, text, strlen(text));
}

/* Holds one reference for as long as its talloc parent lives. */
typedef struct ObjectHolder
{
	json_t *object;
} ObjectHolder;

static int
drop_object(ObjectHolder *holder)
{
	json_decref(holder->object);
	return 0;
}

SoValue
so_value_object(TALLOC_CTX *context, json_t *object)
{
	SoValue value = empty_value(SO_TYPE_OBJECT);
	ObjectHolder *holder = talloc(context, ObjectHolder);

	if (holder == NULL || object == NULL)
	{
		talloc_free(holder);
		return so_value_null(SO_TYPE_OBJECT);
	}
	holder->object = json_incref(object);
	talloc_set_destructor(holder, drop_object);
	value.as.object = object;
	return value;
}

SoValue
so_value_default(TALLOC_CTX *context, SoDataType type)
{
	SoValue value = empty_value(type);

	if (so_data_type_is_character(type) || so_data_type_is_binary(type))
		return so_value_bytes(context, type, "", 0);
	if (so_datetime_is_type(type))
	{
		if (so_datetime_has_date(type))
			value.as.datetime.days = SO_DATETIME_OLE_EPOCH;
		return so_value_datetime(type, &value.as.datetime, 7);
	}
	if (type == SO_TYPE_OBJECT)
	{
		json_t *empty = json_object();

		value = so_value_object(context, empty);
		json_decref(empty);
		return value;
	}
	if (so_data_type_is_decimal(type))
	{
		SoDecimal zero = {0, 0, false};

		if (!so_value_decimal(type, &zero, &value))
			return so_value_null(type);
	}
	if (type == SO_TYPE_NONE)
		value.is_null = true;
	return value;
}

/* ---- copies and equality ------------------------------------------------ */

SoValue
so_value_copy(TALLOC_CTX *context, const SoValue *value)
{
	SoValue copy = *value;

	if (value->is_null)
		return copy;
	if (so_data_type_is_character(value->type) || so_data_type_is_binary(value->type))
		return so_value_bytes(context, value->type, value->as.text.bytes, value->as.text.length);
	if (value->type == SO_TYPE_OBJECT)
	{
		/* Another thread may own the copy, and jansson's values are not thread-safe. */
		json_t *object = json_deep_copy(value->as.object);

		copy = so_value_object(context, object);
		json_decref(object);
	}
	return copy;
}

bool
so_value_same(const SoValue *left, const SoValue *right)
{
	if (left->type != right->type || left->is_null != right->is_null)
		return false;
	if (left->is_null)
		return true;
	switch (left->type)
	{
		case SO_TYPE_NONE:
		case SO_TYPE_COUNT:
			return true;
		case SO_TYPE_BOOL:
			return left->as.boolean == right->as.boolean;
		case SO_TYPE_R4:
		case SO_TYPE_R8:
			return left->as.real == right->as.real;
		case SO_TYPE_CY:
		case SO_TYPE_DECIMAL:
		case SO_TYPE_NUMERIC:
			return so_decimal_compare(&left->as.decimal, &right->as.decimal) == 0;
		case SO_TYPE_GUID:
			return memcmp(left->as.guid, right->as.guid, sizeof(left->as.guid)) == 0;
		case SO_TYPE_OBJECT:
			return json_equal(left->as.object, right->as.object) != 0;
		default:
			break;
	}
	if (so_data_type_is_signed(left->type))
		return left->as.integer == right->as.integer;
	if (so_data_type_is_unsigned(left->type))
		return left->as.unsigned_integer == right->as.unsigned_integer;
	if (so_datetime_is_type(left->type))
		return so_datetime_compare(&left->as.datetime, &right->as.datetime) == 0 &&
			   left->as.datetime.offset_minutes == right->as.datetime.offset_minutes;
	return left->as.text.length == right->as.text.length &&
		   memcmp(left->as.text.bytes, right->as.text.bytes, left->as.text.length) == 0;
}
