-- 34_folders.sql
--
-- Folders and removal of projects.

CREATE FUNCTION internal.create_folder(caller regrole, folder_name text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id bigint;
BEGIN
	PERFORM internal.require_admin(caller, 'create a folder');
	PERFORM internal.check_name('folder_name', folder_name);
	INSERT INTO internal.folder (name, created_by) VALUES (folder_name, pg_get_userbyid(caller))
		ON CONFLICT (name) DO NOTHING RETURNING folder_id INTO id;
	IF id IS NULL THEN
		PERFORM internal.raise_error('SO110', format('folder "%s" exists', folder_name));
	END IF;
	RETURN id;
END
$$;
COMMENT ON FUNCTION internal.create_folder(regrole, text) IS 'Behind catalog.create_folder';

CREATE FUNCTION internal.delete_folder(caller regrole, folder_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id bigint;
BEGIN
	PERFORM internal.require_admin(caller, 'delete a folder');
	id := internal.folder_id_of(folder_name);
	PERFORM 1 FROM internal.folder f WHERE f.folder_id = id FOR UPDATE;
	IF EXISTS (SELECT 1 FROM internal.project p WHERE p.folder_id = id) THEN
		PERFORM internal.raise_error('SO114', format('folder "%s" is not empty', folder_name));
	END IF;
	DELETE FROM internal.folder f WHERE f.folder_id = id;
END
$$;
COMMENT ON FUNCTION internal.delete_folder(regrole, text) IS 'Behind catalog.delete_folder';

-- Versions and operations stay until cleanup: leased tasks still read them.
CREATE FUNCTION internal.delete_project(caller regrole, folder_name text, project_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id bigint;
BEGIN
	PERFORM internal.require_admin(caller, 'delete a project');
	id := internal.project_id_of(folder_name, project_name);
	IF EXISTS (SELECT 1 FROM internal.operation o WHERE o.project_id = id AND o.status IN (2, 5, 8)) THEN
		PERFORM internal.raise_error('SO115', format('project "%s" has executions that are not finished', project_name));
	END IF;
	DELETE FROM internal.project p WHERE p.project_id = id;
	INSERT INTO internal.deleted_project (project_id, folder_name, name, deleted_by)
	VALUES (id, folder_name, project_name, pg_get_userbyid(caller));
END
$$;
COMMENT ON FUNCTION internal.delete_project(regrole, text, text) IS 'Behind catalog.delete_project';
