-- 40_values.sql
--
-- Values of parameters: canonical text of the declared type.

CREATE TABLE internal.data_type (
	name text PRIMARY KEY,
	ssis_name text NOT NULL,
	kind "char" NOT NULL,
	low numeric,
	high numeric
);
COMMENT ON TABLE internal.data_type IS 'Types of parameters: the name in documents, the name in SSIS, and how values are checked; constant';
COMMENT ON COLUMN internal.data_type.kind IS 'b boolean, i integer, f floating point, n decimal, t date and time, s text, u uuid, x bytes, o other';

INSERT INTO internal.data_type (name, ssis_name, kind, low, high) VALUES
	('boolean', 'Boolean', 'b', NULL, NULL),
	('byte', 'Byte', 'i', 0, 255),
	('sbyte', 'SByte', 'i', -128, 127),
	('char', 'Char', 's', NULL, 1),
	('int16', 'Int16', 'i', -32768, 32767),
	('uint16', 'UInt16', 'i', 0, 65535),
	('int32', 'Int32', 'i', -2147483648, 2147483647),
	('uint32', 'UInt32', 'i', 0, 4294967295),
	('int64', 'Int64', 'i', -9223372036854775808, 9223372036854775807),
	('uint64', 'UInt64', 'i', 0, 18446744073709551615),
	('single', 'Single', 'f', NULL, NULL),
	('double', 'Double', 'f', NULL, NULL),
	('currency', 'Decimal', 'n', -922337203685477.5808, 922337203685477.5807),
	('decimal', 'Decimal', 'n', NULL, NULL),
	('DT_NUMERIC', 'Decimal', 'n', NULL, NULL),
	('datetime', 'DateTime', 't', NULL, NULL),
	('DT_DBDATE', 'DateTime', 't', NULL, NULL),
	('DT_DBTIMESTAMP', 'DateTime', 't', NULL, NULL),
	('DT_DBTIMESTAMP2', 'DateTime', 't', NULL, NULL),
	('DT_GUID', 'String', 'u', NULL, NULL),
	('string', 'String', 's', NULL, NULL);

-- The text that the loader and the runner read back; 22P02 and its like when
-- the text is none of the type.
CREATE FUNCTION internal.convert_text(kind "char", value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp SET DateStyle = 'ISO, YMD' SET extra_float_digits = 1
AS $$
BEGIN
	RETURN CASE kind
		WHEN 'b' THEN CASE WHEN value::boolean THEN 'true' ELSE 'false' END
		WHEN 'i' THEN trim_scale(value::numeric)::text
		WHEN 'f' THEN value::float8::text
		WHEN 'n' THEN value::numeric::text
		WHEN 't' THEN value::timestamp::text
		WHEN 'u' THEN value::uuid::text
		ELSE value
	END;
END
$$;
COMMENT ON FUNCTION internal.convert_text("char", text) IS 'Canonical text of a value of the kind';

-- May a value of an SQL type be given for a parameter of the kind?  Text may
-- be given for everything, because that is what untyped literals are.
CREATE FUNCTION internal.type_fits(kind "char", value_type regtype) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	category "char";
BEGIN
	SELECT t.typcategory INTO category FROM pg_type t WHERE t.oid = value_type;
	RETURN CASE category
		WHEN 'S' THEN true
		WHEN 'B' THEN kind = 'b'
		WHEN 'N' THEN kind IN ('i', 'f', 'n')
		WHEN 'D' THEN kind = 't' AND value_type NOT IN ('time'::regtype, 'timetz'::regtype)
		ELSE kind = 'u' AND value_type = 'uuid'::regtype OR kind = 's' AND category IN ('U', 'E')
	END;
END
$$;
COMMENT ON FUNCTION internal.type_fits("char", regtype) IS 'Does an SQL type fit a kind of parameter?';

CREATE FUNCTION internal.canonical_value(parameter_name text, data_type text, value text, value_type regtype) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	declared internal.data_type;
	canonical text;
	fits boolean := true;
BEGIN
	PERFORM internal.require_value('parameter_value', value IS NULL);
	SELECT * INTO declared FROM internal.data_type d WHERE d.name = data_type;
	IF NOT FOUND THEN
		RETURN value;
	END IF;
	-- The common cases, without a subtransaction.
	IF declared.kind = 's' AND value_type = 'text'::regtype AND declared.high IS NULL
		OR declared.kind = 'b' AND value_type IN ('text'::regtype, 'boolean'::regtype) AND value IN ('true', 'false') THEN
		RETURN value;
	END IF;
	IF declared.kind = 'i' AND internal.type_fits(declared.kind, value_type) AND value ~ '^-?[0-9]{1,18}$'
		AND value::bigint BETWEEN declared.low AND declared.high THEN
		RETURN value::bigint::text;
	END IF;
	fits := internal.type_fits(declared.kind, value_type);
	IF fits THEN
		BEGIN
			canonical := internal.convert_text(declared.kind, value);
			fits := CASE declared.kind
				WHEN 'i' THEN canonical::numeric = trunc(canonical::numeric) AND canonical::numeric BETWEEN declared.low AND declared.high
				WHEN 'n' THEN declared.low IS NULL OR canonical::numeric BETWEEN declared.low AND declared.high
				WHEN 's' THEN declared.high IS NULL OR length(canonical) = declared.high
				ELSE true
			END;
		EXCEPTION WHEN data_exception THEN
			fits := false;
		END;
	END IF;
	IF NOT fits THEN
		-- The value may be a secret: it is not repeated.
		PERFORM internal.raise_error('SO126', format('the value of parameter "%s" does not fit its type %s', parameter_name, declared.ssis_name),
			format('The value was given as %s.', value_type), format('Give a value of type %s.', declared.ssis_name));
	END IF;
	RETURN canonical;
END
$$;
COMMENT ON FUNCTION internal.canonical_value(text, text, text, regtype) IS 'The value in canonical text, or SO126';
