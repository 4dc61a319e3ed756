DROP TABLE IF EXISTS mart.most_needed;
CREATE TABLE mart.most_needed AS
SELECT needs AS package, count(*) AS needed_by
  FROM mart.dependency
 GROUP BY needs;
