"""A home whose catalog is a Postgres server in, the catalog without its deleted rows out.

Postgres keeps a deleted row until it is vacuumed, and its planner's statistics keep values of the
columns. The server's own log (WAL), its backups and its replicas are its keeper's.
"""

from __future__ import annotations

from synth_assets.store.extensions import connect_with_extensions
from synth_assets.store.faults import faults_explained
from synth_assets.store.home import Home
from synth_assets.store.sql_types import quote_literal

OF_THE_CATALOG = (
    "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' "
    "AND c.relname LIKE 'ducklake%' AND pg_table_is_visible(c.oid) ORDER BY 1"
)
STATISTICS = "pg_catalog.pg_statistic"


def vacuum_catalog(home: Home) -> None:
    """Writes the catalog's tables anew, and their statistics from what is in them now.

    Errors: `LakeError` where the server refuses. It waits while others are at work in the catalog.
    """
    target = home.catalog.partition(":")[2]
    with faults_explained(home, "the lake's catalog cannot be cleaned"):
        connection = connect_with_extensions(home, {})
        try:
            connection.execute(f"ATTACH {quote_literal(target)} AS catalog_server (TYPE postgres)")

            def do(sql: str) -> None:
                connection.execute(
                    f"CALL postgres_execute('catalog_server', {quote_literal(sql)}, "
                    "use_transaction => false)"
                ).fetchall()

            tables = connection.execute(
                f"SELECT * FROM postgres_query('catalog_server', {quote_literal(OF_THE_CATALOG)})"
            ).fetchall()
            for (table,) in tables:
                do(f"VACUUM (FULL, ANALYZE) {table}")
            # Old statistics are deleted rows too. Who does not own the database may not vacuum
            # these, and the server then warns and leaves them.
            do(f"VACUUM (FULL) {STATISTICS}")
        finally:
            connection.close()
