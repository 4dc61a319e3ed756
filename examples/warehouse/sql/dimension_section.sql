INSERT INTO mart.dimension_section (area, section)
SELECT DISTINCT CASE WHEN section LIKE '%/%' THEN split_part(section, '/', 1) ELSE 'main' END,
       CASE WHEN section LIKE '%/%' THEN split_part(section, '/', 2) ELSE section END
  FROM stage.package
    ON CONFLICT DO NOTHING;
