"""What a Delta table of the archive holds, as tests look at it: by nothing of the centre's own."""

from collections.abc import Sequence

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder


def archived_rows(table: DeltaTable, columns: Sequence[str] | None = None) -> pa.Table:
    """Every row.

    Not by `to_pyarrow_table`: there pyarrow's threads read through Python objects, and let go of them while Python
    ends, which aborts every third process that ends at once.
    """
    found = pa.table(QueryBuilder().register("held", table).execute("SELECT * FROM held"))
    schema = pa.schema(table.schema().to_arrow())
    found = found.select(schema.names).cast(schema)
    return found if columns is None else found.select(columns)
