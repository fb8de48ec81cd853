# Read by the entrypoint of the MariaDB image when the database is new: the account of courselens.
# The tables do not exist yet, so it may read the whole database; mysql-reader.sql names them.
docker_process_sql <<SQL
CREATE USER courselens@'%' IDENTIFIED BY '${MARIADB_PASSWORD}';
GRANT SELECT ON openedx.* TO courselens@'%';
SQL
