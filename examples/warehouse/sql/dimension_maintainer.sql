INSERT INTO mart.dimension_maintainer (maintainer, email)
SELECT DISTINCT ON (maintainer) maintainer, substring(maintainer FROM '<([^>]*)>')
  FROM stage.package
    ON CONFLICT DO NOTHING;
