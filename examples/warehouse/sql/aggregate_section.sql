DROP TABLE IF EXISTS mart.packages_by_section;
CREATE TABLE mart.packages_by_section AS
SELECT s.area, s.section, count(*) AS packages, round(sum(f.installed_size_kb) / 1024) AS installed_mb,
       round(avg(f.dependency_count), 1) AS dependencies
  FROM mart.fact_package AS f JOIN mart.dimension_section AS s USING (section_id)
 GROUP BY s.area, s.section;
