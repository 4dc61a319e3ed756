-- "libc6 (>= 2.34), libssl3 | libssl1.1": one row per name, alternatives included.
TRUNCATE mart.dependency;
INSERT INTO mart.dependency (package, version, needs)
SELECT DISTINCT p.package, p.version, btrim(regexp_replace(needed, '[ :(].*$', ''))
  FROM stage.package AS p
       CROSS JOIN LATERAL regexp_split_to_table(p.depends, '\s*[,|]\s*') AS needed
 WHERE p.depends <> '' AND needed <> '';
