"""Years of reads that never were: a day of a made-up city as rows of the archive, the same each time.

Two million vehicles, of which the busiest passes some sixty times a day; 300 cameras; one read in twenty misread in
one character; a second guess at some characters of three reads in ten. Three in five are motorcycles.
"""

from datetime import date
from typing import Final

import duckdb
import pyarrow as pa

from central.archive.schema import SCHEMA

CAMERAS: Final = 300
VEHICLES: Final = 2_000_000

_CHANCES: Final = ", ".join(
    f"hash(($day::BIGINT * 4294967296 + i) * 16 + {number}) AS h{number}" for number in range(1, 8)
)
_ROWS: Final = f"""
WITH drawn AS (SELECT i, {_CHANCES} FROM range($reads) AS t(i)),
passed AS (
    SELECT *, (pow(h1 / 18446744073709551616.0, 1.3) * {VEHICLES})::BIGINT AS vehicle,
        (pow(h2 / 18446744073709551616.0, 1.2) * {CAMERAS})::BIGINT AS camera,
        h3 / 18446744073709551616.0 AS hour, h4 % 1000 AS luck FROM drawn),
coming AS (
    SELECT *, $day::BIGINT * 86400000000  -- fewer at night
        + (least(greatest(hour + 0.04 * sin(hour * 12.566), 0), 0.999999) * 86400000000)::BIGINT AS captured_us,
        (vehicle * 7919 + 13) % 17576000 AS code, camera // 4 AS edge, hash(vehicle * 16 + 9) % 100 AS kind
    FROM passed),
spelt AS (
    SELECT *, chr((65 + code // 676000)::INT) || chr((65 + code // 26000 % 26)::INT)
        || chr((65 + code // 1000 % 26)::INT)
        || CASE WHEN kind < 60 THEN lpad((code % 100)::VARCHAR, 2, '0') || chr((65 + code // 100 % 10)::INT)
           ELSE lpad((code % 1000)::VARCHAR, 3, '0') END AS truth FROM coming),
read AS (
    SELECT *, CASE WHEN luck < 50 THEN left(truth, (h5 % 6)::INT)
        || substr('ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789', 1 + (h6 % 36)::INT, 1) || substr(truth, (h5 % 6)::INT + 2)
        ELSE truth END AS plate,
        row_number() OVER (PARTITION BY edge ORDER BY captured_us) AS number FROM spelt)
SELECT DATE '1970-01-01' + $day::INTEGER AS captured_date,
    make_timestamp(captured_us) AT TIME ZONE 'UTC' AS captured_at,
    'edge-' || lpad(edge::VARCHAR, 3, '0') AS edge_id, 1767225600000000 + edge * 1000003 AS epoch,
    $day * 100000 + number AS seq, 'site-' || lpad((edge // 2)::VARCHAR, 3, '0') AS site_id,
    'cam-' || lpad(camera::VARCHAR, 3, '0') AS camera_id, plate, 'CO' AS country,
    CASE WHEN kind < 60 THEN 'motocicleta' WHEN kind < 90 THEN 'particular' ELSE 'publico' END AS plate_class,
    CASE WHEN luck < 50 THEN 6000 + h5 % 3900 WHEN luck < 300 THEN 9000 + h5 % 1000
        ELSE 10000 - h5 % 6 END AS likelihood_e4,
    -((h5 >> 8) % 90)::BIGINT * 40000 AS first_offset_us, ((h5 >> 16) % 5)::BIGINT * 40000 AS last_offset_us,
    (120 - ln(1 - h7 / 18446744073709551616.0) * 300)::BIGINT * 1000 AS received_offset_us,
    CASE WHEN kind < 60 THEN 'motorcycle' WHEN kind < 92 THEN 'car' WHEN kind < 96 THEN 'truck'
        ELSE 'bus' END AS vehicle_type,
    CASE WHEN (h6 >> 8) % 100 < 18 THEN ['white or grey', 'red', 'blue'][1 + (vehicle % 3)::INT] END AS vehicle_color,
    CASE WHEN (h6 >> 16) % 10 < 6 THEN 'approaching' ELSE 'receding' END AS direction,
    2 + (h6 >> 24) % 5 AS votes, 2 + (h6 >> 24) % 5 + (h6 >> 30) % 3 AS frames, false AS late,
    CASE WHEN (h6 >> 33) % 5 = 0 THEN $day * 20000 + number // 5 ELSE 0 END AS update_seq,
    CASE WHEN camera % 3 = 0 THEN ['left', 'right'][1 + ((h6 >> 40) % 2)::INT] END AS lane,
    NULL AS preset, NULL AS speed_cmps, NULL AS trust, NULL AS lat_e7, NULL AS lon_e7,
    CASE WHEN luck > 950 THEN left(plate, 3) || ' ' || substr(plate, 4) END AS plate_raw,
    CASE WHEN luck >= 300 THEN ''::BLOB ELSE unhex(  -- one position or two in doubt, one or two guesses each
        printf('%02X%02X%02X%02X', ((h4 >> 20) % 6 * 4 + 1)::INT, ((h4 >> 30) % 100)::INT,
               (48 + (h4 >> 38) % 10)::INT, (100 + (h4 >> 44) % 120)::INT)
        || CASE WHEN luck < 120 THEN printf('%02X%02X%02X%02X%02X%02X', ((h4 >> 50) % 6 * 4 + 2)::INT,
               ((h4 >> 52) % 100)::INT, (48 + (h4 >> 38) % 10)::INT, (100 + (h4 >> 44) % 120)::INT,
               (65 + (h5 >> 38) % 26)::INT, (150 + (h5 >> 44) % 100)::INT) ELSE '' END) END AS characters,
    unhex(printf('%06X%04X%02X', ((h6 >> 8) % 16777216)::INT, ((h5 >> 8) % 65536)::INT,
                 (128 + (h5 >> 30) % 64)::INT)) AS box,
    (camera * 37 + (h5 >> 40) % 400)::BIGINT AS clock_error_us,
    'plate-yolov8n-second-look@5948a8d53600' AS detector, 'atalaya-plate@6b9feb9e9504' AS reader, NULL AS ptz
FROM read ORDER BY captured_us, edge_id, seq
"""  # noqa: S608


def reads_of(day: date, count: int) -> pa.Table:
    """The reads of a day, in order of capture, as the archive has them."""
    with duckdb.connect() as duck:
        duck.execute("SET TimeZone = 'UTC'")
        parameters = {"day": (day - date(1970, 1, 1)).days, "reads": count}
        return duck.sql(_ROWS, params=parameters).to_arrow_table().cast(SCHEMA)
