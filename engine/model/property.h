/*
 * engine/model/property.h
 *
 * Properties are data: every kind of object in a package document (package,
 * task, container, enumerator, connection ...) is described by one table.  The
 * loader checks documents against it, the canonical writer follows it, and
 * docs/package.schema.json, docs/packages.md and docs/tasks.md are generated
 * from it, so that code, schema and documents cannot disagree.
 *
 * Process: runner, client, loader; constant data.
 */
#ifndef ENGINE_MODEL_PROPERTY_H
#define ENGINE_MODEL_PROPERTY_H

#include "engine/model/value.h"

typedef struct SoObjectType SoObjectType;

typedef enum SoPropertyKind
{
	SO_PROPERTY_STRING,
	SO_PROPERTY_TEXT, /* long text: SQL, script, message */
	SO_PROPERTY_BOOLEAN,
	SO_PROPERTY_INT32,
	SO_PROPERTY_INT64,
	SO_PROPERTY_DOUBLE,
	SO_PROPERTY_DURATION, /* text or seconds as a number; kept as INT64 milliseconds */
	SO_PROPERTY_GUID,
	SO_PROPERTY_ENUM,        /* one of enum_names; kept as INT32 index plus the name */
	SO_PROPERTY_DATA_TYPE,   /* name of a variable type */
	SO_PROPERTY_VALUE,       /* a scalar of whatever type */
	SO_PROPERTY_EXPRESSION,  /* text in the expression language */
	SO_PROPERTY_VARIABLE,    /* "User::x": a reference, checked */
	SO_PROPERTY_CONNECTION,  /* name or id of a connection manager: a reference, checked */
	SO_PROPERTY_OBJECT,      /* one object of item_type */
	SO_PROPERTY_OBJECT_LIST, /* list of objects of item_type */
	SO_PROPERTY_STRING_LIST,
	SO_PROPERTY_STRING_MAP, /* name -> string */
	SO_PROPERTY_VALUE_MAP,  /* name -> scalar */
	SO_PROPERTY_JSON        /* free form */
} SoPropertyKind;

#define SO_PROPERTY_REQUIRED      0x01
#define SO_PROPERTY_NO_EXPRESSION 0x02 /* may not stand in the expressions map */
#define SO_PROPERTY_SECRET        0x04 /* a literal here draws a warning */
#define SO_PROPERTY_READ_ONLY     0x08
#define SO_PROPERTY_ASSIGNMENT    0x10 /* EXPRESSION: "@x = ..." is allowed */

typedef struct SoProperty
{
	const char *name; /* snake_case of the SSIS name */
	SoPropertyKind kind;
	unsigned flags;
	const char *default_text;      /* canonical text, NULL = none */
	const char *const *enum_names; /* ENUM: NULL-terminated; SSIS's names in snake_case */
	const SoObjectType *item_type; /* OBJECT, OBJECT_LIST */
	const char *description;       /* for the schema and the documents: one or two sentences */
	const char *example;           /* YAML fragment for the documents, may be NULL */
} SoProperty;

struct SoObjectType
{
	const char *name;  /* "execute_sql" */
	const char *title; /* "Execute SQL task" */
	const char *description;
	const SoProperty *properties; /* ends with a NULL name */
	const SoObjectType *base;     /* properties are inherited, NULL = none */
};

/* One loaded property. */
typedef struct SoField
{
	const SoProperty *property;
	bool is_set; /* written in the document, or by an expression */
	int line;    /* 1-based, 0 when unknown */
	int column;
	SoValue value;             /* scalars */
	struct SoObject *object;   /* OBJECT */
	struct SoObject **objects; /* OBJECT_LIST */
	char **strings;            /* STRING_LIST; values of STRING_MAP */
	char **names;              /* names of STRING_MAP, VALUE_MAP */
	SoValue *values;           /* VALUE_MAP */
	int count;                 /* of the lists and maps */
	json_t *json;              /* JSON */
} SoField;

typedef struct SoObject
{
	const SoObjectType *type;
	SoField *fields; /* base's first, then own, in table order */
	int field_count;
	char *pointer; /* JSON pointer in the document */
	int line;
	int column;
} SoObject;

/* All properties of a type with its bases': count, and the i-th. */
extern int so_object_type_property_count(const SoObjectType *type);
extern const SoProperty *so_object_type_property(const SoObjectType *type, int i);
/* By name, base included; NULL when there is none. */
extern const SoProperty *so_object_type_find(const SoObjectType *type, const char *name);

/* A new object with all defaults, owned by context. */
extern SoObject *so_object_new(TALLOC_CTX *context, const SoObjectType *type);
/* A copy whose fields can be replaced by evaluated expressions (lists are shared). */
extern SoObject *so_object_copy(TALLOC_CTX *context, const SoObject *object);

extern SoField *so_object_field(const SoObject *object, const char *name);
/* Typed getters; the property must exist with that kind (assert). */
extern const char *
so_object_string(const SoObject *object, const char *name); /* NULL when unset; name of an ENUM */
extern bool so_object_boolean(const SoObject *object, const char *name); /* false when unset */
extern int64_t
so_object_integer(const SoObject *object, const char *name); /* 0 when unset; DURATION in ms */
extern int so_object_enum(const SoObject *object, const char *name); /* -1 when unset */
/* Written in the document, or replaced by so_object_set; a default is not. */
extern bool so_object_is_set(const SoObject *object, const char *name);

/*
 * Replace a property by a value (property expression, --set, override),
 * converted to the property's kind.  false with *error when it does not fit.
 */
extern bool so_object_set(SoObject *object, const char *name, const SoValue *value,
						  SoError *error) SO_WARN_UNUSED;

/*
 * Convert value to the kind of field->property and put it into field->value
 * (owned by context); scalars only.  false with *error SO624, field unchanged.
 */
extern bool so_field_convert(TALLOC_CTX *context, SoField *field, const SoValue *value,
							 SoError *error) SO_WARN_UNUSED;

/* Index of name in a NULL-terminated list; -1 when it is not there. */
extern int so_enum_index(const char *const *names, const char *name);

/* What a kind takes, for people: "true or false", "a whole number" ... */
extern const char *so_property_kind_text(SoPropertyKind kind);

#endif /* ENGINE_MODEL_PROPERTY_H */
