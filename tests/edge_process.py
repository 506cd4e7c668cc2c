"""An edge box without cameras, for tests that kill it: real spool, real publisher.

python edge_process.py SPOOL MQTT_JSON put     puts a read every few milliseconds, says `put SEQ` for each
python edge_process.py SPOOL MQTT_JSON drain   puts nothing; ends once the spool is empty
"""

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import structlog
from edge_reads import builder

from edge.contract.topics import Address
from edge.publish.publisher import Publisher
from edge.settings import MqttSettings
from edge.spool.queue import Spool


def now() -> datetime:
    return datetime.now(UTC)


def main() -> None:
    path, mqtt, mode = sys.argv[1:]
    # The log goes elsewhere: its lines would come between the words that the test reads.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with Spool(Path(path), edge_id="edge-1", max_bytes=100_000_000, clock=now) as spool:
        settings = MqttSettings.model_validate(json.loads(mqtt))
        publisher = Publisher(spool, settings, Address("site-1", "edge-1"), clock=now)
        publisher.start()
        print("epoch", spool.epoch, flush=True)  # noqa: T201
        while mode == "put":
            read = spool.put_read(builder(crop=True), crop=b"crop" * 200)
            print("put", read.seq, flush=True)  # noqa: T201
            time.sleep(0.002)
        sys.exit(0 if publisher.stop(drain_s=60) else 1)


if __name__ == "__main__":
    main()
