"""The words of tables, in Spanish and in English."""

from collections.abc import Mapping
from typing import Final

_BOTH: Final[Mapping[str, tuple[str, str]]] = {
    "time": ("hora", "time"),
    "time_of_day": ("hora", "time"),
    "who": ("quién", "who"),
    "purpose": ("propósito", "purpose"),
    "action": ("acción", "action"),
    "rows": ("filas", "rows"),
    "detail": ("detalle", "detail"),
    "kept": ("guardadas", "kept"),
    "camera": ("cámara", "camera"),
    "plate": ("placa", "plate"),
    "class": ("clase", "class"),
    "likelihood": ("certeza", "likelihood"),
    "vehicle": ("vehículo", "vehicle"),
    "direction": ("sentido", "direction"),
    "late": ("tarde", "late"),
    "list": ("lista", "list"),
    "reason": ("motivo", "reason"),
    "priority": ("prioridad", "priority"),
    "why": ("por qué", "why"),
    "pictures": ("imágenes", "pictures"),
    "until": ("hasta", "until"),
    "expired": ("vencida", "expired"),
    "case": ("caso", "case"),
    "source": ("fuente", "source"),
    "topic": ("tema", "topic"),
    "times": ("veces", "times"),
    "bytes": ("bytes", "bytes"),
    "edge": ("equipo", "edge"),
    "site": ("sitio", "site"),
    "state": ("estado", "state"),
    "online": ("en línea", "online"),
    "silent": ("sin noticias", "silent"),
    "offline": ("sin conexión", "offline"),
    "version": ("versión", "version"),
    "spool": ("en cola", "spool"),
    "dropped": ("perdidos", "dropped"),
    "clock": ("reloj", "clock"),
    "frame": ("último cuadro", "last frame"),
    "analysed": ("analizados", "analysed"),
    "reads": ("lecturas", "reads"),
    "alerts": ("alertas", "alerts"),
    "archived": ("archivadas", "archived"),
    "ALERT": ("ALERTA", "ALERT"),
    "per_minute": ("por min", "per min"),
    "passed_over": ("hubo ráfagas: no todas se mostraron", "there were bursts: not all were shown"),
    "no_reads": ("todavía no hay lecturas", "no reads yet"),
    "more": (
        "hay más: reduzca la pregunta o suba --limit",
        "there are more: narrow the question or raise --limit",
    ),
    "told": ("informó", "told"),
    "request": ("pedido", "request"),
    "read": ("lectura", "read"),
    "seconds": ("segundos", "seconds"),
    "clip.asked": ("pedido", "asked"),
    "clip.came": ("llegó", "came"),
    "clip.gone": ("ya no existe", "gone"),
    "clip.refused": ("rechazado", "refused"),
    "clip.expired": ("sin respuesta", "expired"),
    "reason.stolen": ("hurtado", "stolen"),
    "reason.wanted": ("buscado", "wanted"),
    "reason.missing": ("desaparecido", "missing"),
    "reason.bolo": ("observar", "bolo"),
    "reason.test": ("prueba", "test"),
    "Car": ("automóvil", "car"),
    "Motorcycle": ("motocicleta", "motorcycle"),
    "Truck": ("camión", "truck"),
    "Bus": ("bus", "bus"),
    "car": ("automóvil", "car"),
    "motorcycle": ("motocicleta", "motorcycle"),
    "truck": ("camión", "truck"),
    "bus": ("bus", "bus"),
    "Bicycle": ("bicicleta", "bicycle"),
    "connecting": ("conectando", "connecting"),
    "live": ("en vivo", "live"),
    "moving": ("en movimiento", "moving"),
    "unreachable": ("inalcanzable", "unreachable"),
    "refused": ("rechazada", "refused"),
    "unknown": ("desconocido", "unknown"),
    "ptz": ("recorrido", "tour"),
    "ptz.goto": ("va hacia", "going to"),
    "ptz.moving": ("gira hacia", "turning to"),
    "ptz.settle": ("se asienta en", "settling at"),
    "ptz.watch": ("vigila", "watching"),
    "ptz.paused": ("la tiene un operador", "an operator has it"),
    "ptz.lost": ("no responde", "no answer"),
    "ptz.unknown": ("desconocido", "unknown"),
    "white": ("blanco", "white"),
    "white or grey": ("blanco o gris", "white or grey"),
    "black": ("negro", "black"),
    "silver": ("plateado", "silver"),
    "grey": ("gris", "grey"),
    "gray": ("gris", "gray"),
    "red": ("rojo", "red"),
    "blue": ("azul", "blue"),
    "green": ("verde", "green"),
    "yellow": ("amarillo", "yellow"),
    "orange": ("naranja", "orange"),
    "brown": ("marrón", "brown"),
    "beige": ("beige", "beige"),
    "approaching": ("se acerca", "approaching"),
    "receding": ("se aleja", "receding"),
}


class Words:
    """The words of one language."""

    def __init__(self, language: str) -> None:
        self._at: Final = 1 if language == "en" else 0

    def __call__(self, word: str) -> str:
        """A word of the table above; one that is not in it stays as it is."""
        pair = _BOTH.get(word)
        return word if pair is None else pair[self._at]


def words(environment: Mapping[str, str]) -> Words:
    """Spanish, unless the environment asks for English (LC_ALL, LC_MESSAGES or LANG begins with `en`)."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    chosen = next((environment[name] for name in names if environment.get(name)), "")
    return Words("en" if chosen.lower().startswith("en") else "es")
