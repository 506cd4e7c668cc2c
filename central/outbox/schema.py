"""JSON Schemas of what the centre tells others of alerts."""

import json
from typing import Final

from pydantic import BaseModel

from central.outbox.payload import Dispatch, Told

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_MODELS: Final[dict[str, type[BaseModel]]] = {"webhook": Told, "cad": Dispatch}


def documents() -> dict[str, str]:
    """File name -> the schema's text, with a line end."""
    return {
        f"{name}.json": json.dumps(
            {"$schema": _DIALECT, **model.model_json_schema(mode="serialization")}, indent=2
        )
        + "\n"
        for name, model in _MODELS.items()
    }
