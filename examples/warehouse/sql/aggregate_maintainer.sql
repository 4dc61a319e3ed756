DROP TABLE IF EXISTS mart.packages_by_maintainer;
CREATE TABLE mart.packages_by_maintainer AS
SELECT m.maintainer, count(*) AS packages, round(sum(f.size_bytes) / 1048576) AS download_mb
  FROM mart.fact_package AS f JOIN mart.dimension_maintainer AS m USING (maintainer_id)
 GROUP BY m.maintainer;
