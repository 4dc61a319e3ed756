BEGIN;
DELETE FROM mart.fact_package;
INSERT INTO mart.fact_package
SELECT DISTINCT ON (p.package, p.version, p.architecture)
       p.package, p.version, p.architecture, s.section_id, m.maintainer_id, p.installed_size_kb, p.size_bytes,
       (SELECT count(*) FROM mart.dependency AS d WHERE d.package = p.package AND d.version = p.version)
  FROM stage.package AS p
       JOIN mart.dimension_section AS s
         ON s.area = CASE WHEN p.section LIKE '%/%' THEN split_part(p.section, '/', 1) ELSE 'main' END
        AND s.section = CASE WHEN p.section LIKE '%/%' THEN split_part(p.section, '/', 2) ELSE p.section END
       JOIN mart.dimension_maintainer AS m ON m.maintainer = p.maintainer;
COMMIT;
