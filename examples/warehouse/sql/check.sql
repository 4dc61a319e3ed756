-- Every package of the index is in the fact table, once.
DO $$
DECLARE
    staged bigint;
    loaded bigint;
BEGIN
    SELECT count(*) INTO staged FROM (SELECT DISTINCT package, version, architecture FROM stage.package) AS p;
    SELECT count(*) INTO loaded FROM mart.fact_package;
    IF staged = 0 THEN
        RAISE EXCEPTION 'the package index is empty: run apt-get update';
    END IF;
    IF staged <> loaded THEN
        RAISE EXCEPTION '% packages in the index, % in the fact table', staged, loaded;
    END IF;
END
$$;
