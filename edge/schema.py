"""JSON Schemas of what the edge publishes, understands and is configured by."""

import json

from pydantic import BaseModel

from edge.contract.clip import ClipAnswer, ClipCommands
from edge.contract.delivery import Ack, Gone
from edge.contract.health import EdgeHealth
from edge.contract.hotlist import Head, SignedHead
from edge.contract.ptz import PtzState
from edge.contract.read import PlateRead
from edge.settings import EdgeSettings

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MODELS: dict[str, type[BaseModel]] = {
    "plate_read": PlateRead,
    "ack": Ack,
    "gone": Gone,
    "clip_commands": ClipCommands,
    "clip_answer": ClipAnswer,
    "edge_health": EdgeHealth,
    "ptz_state": PtzState,
    "hotlist_signed_head": SignedHead,
    "hotlist_head": Head,
    "edge_settings": EdgeSettings,
}


def documents() -> dict[str, str]:
    """File name -> the schema's text, with a line end."""
    return {
        f"{name}.json": json.dumps({"$schema": _DIALECT, **model.model_json_schema()}, indent=2) + "\n"
        for name, model in _MODELS.items()
    }
