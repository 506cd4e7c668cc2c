"""Words that stand on vehicles, on houses and in cameras' pictures, and are no plates."""

from __future__ import annotations

from models.synth.arrays import Rng, pick

MODELS = (
    "Sportage", "DUSTER", "Sandero", "LOGAN", "Stepway", "SPARK GT", "Captiva", "Onix", "SAIL", "Picanto",
    "RIO", "Cerato", "Sorento", "TUCSON", "Accent", "i25", "i10", "CRETA", "MAZDA 3", "CX-30", "CX-5",
    "BT-50", "Versa", "MARCH", "Frontier", "NP300", "X-TRAIL", "HILUX", "Fortuner", "PRADO TX", "Corolla",
    "Swift", "VITARA", "Jimny", "JETTA", "GOL", "Voyage", "AMAROK", "POLO", "Fiesta", "ESCAPE", "RANGER",
    "ECOSPORT", "308", "2008", "C4 Cactus", "NHR", "NPR", "FRR", "D-MAX", "PULSAR NS 200", "BOXER CT 100",
    "FZ 2.0", "XTZ 125", "Apache RTR 160", "NKD 125", "GIXXER", "CB 125F", "MT-03", "AKT 125",
)  # fmt: skip
"""Names of cars and motorcycles on their boots and tanks."""
TRIMS = (
    "TURBO", "4x4", "AWD", "1.6", "2.0 TDI", "LTZ", "GLS", "LT", "XEi", "GT-Line", "Hybrid", "i-VTEC", "V6",
    "DIESEL", "ABS", "EX", "Sport", "Limited", "16V", "AUTOMATIC", "EURO IV", "e-POWER", "CVT", "320i",
    "C 200", "Quattro",
)  # fmt: skip
"""What stands beside them."""
PAINTED = (
    "TAXI", "SERVICIO PUBLICO", "SERVICIO ESPECIAL", "ESCOLAR", "TRANSPORTE ESCOLAR", "POLICIA", "TRANSITO",
    "AMBULANCIA", "BOMBEROS", "CARGA", "VEHICULO LENTO", "CARGA LARGA", "GAS NATURAL", "MUDANZAS", "ENVIOS",
    "LAVANDERIA", "PANADERIA", "COLECTIVO", "METRO", "ALIMENTADOR", "CONTROL", "URBANO", "INTERMUNICIPAL",
    "CERVEZA", "AGUA", "HELADOS", "EXTINTOR",
)  # fmt: skip
"""On doors and sides."""
ROUTES = (
    "CENTRO", "EL POBLADO", "BELEN", "ROBLEDO", "ARANJUEZ", "CALASANZ", "SAN JAVIER", "ESTADIO", "TERMINAL",
    "AEROPUERTO", "LA AMERICA", "MANRIQUE", "CASTILLA", "LAURELES", "ENVIGADO", "ITAGUI", "SABANETA",
    "BELLO",
)  # fmt: skip
"""On buses' boards."""
STICKERS = (
    "BEBE A BORDO", "DIOS ES AMOR", "COMO CONDUZCO?", "SE VENDE", "NO FUMAR", "MANTENGA SU DISTANCIA",
    "FRENOS DE AIRE", "EN REPARTO", "PARE", "ESCUELA", "APRENDIZ", "I LOVE MED", "FAMILIA",
    "VIRGEN DEL CARMEN", "ATL. NACIONAL", "PELIGRO",
)  # fmt: skip
"""On bumpers and rear windows."""
WALLS = (
    "PARQUEADERO", "SE ARRIENDA", "PROHIBIDO PARQUEAR", "FARMACIA", "TALLER", "LLANTAS", "HOTEL", "CAFE",
    "SALIDA",
)  # fmt: skip
"""On houses."""
CAMERAS = (
    "Camera 01", "CAM 02", "Cam-3", "CH01", "IPC", "ENTRADA", "SALIDA 2", "PORTERIA", "NVR 1", "Carril 3",
    "LANE 1",
)  # fmt: skip
"""Names that cameras print into their pictures."""
MONTHS = (
    "JAN", "ENE", "FEB", "MAR", "ABR", "MAY", "JUN", "JUL", "AGO", "SEP", "OCT", "NOV", "DIC",
)  # fmt: skip
"""As cameras write them; the first stands for none."""


def digits(rng: Rng, count: int) -> str:
    """So many figures."""
    return "".join(str(d) for d in rng.integers(0, 10, count))


def telephone(rng: Rng) -> str:
    """A telephone number as it is painted on vehicles."""
    a, b, c, d = (digits(rng, count) for count in (2, 3, 4, 7))
    forms = (
        f"3{a} {b} {c}",
        f"{b} {a} {a[::-1]}",
        f"TEL. {d}",
        f"(604) {b} {c}",
        f"01 8000 {d[:6]}",
        f"{b}-{c}",
    )
    return pick(rng, (*forms, f"PBX {b} {c}", f"CEL 3{a}{d}"))


def time_stamp(rng: Rng) -> str:
    """Date, time, and names as cameras print them into their pictures."""
    year, month, day = int(rng.integers(2014, 2030)), int(rng.integers(1, 13)), int(rng.integers(1, 29))
    clock = f"{int(rng.integers(24)):02d}:{int(rng.integers(60)):02d}:{int(rng.integers(60)):02d}"
    y, m, d = f"{year}", f"{month:02d}", f"{day:02d}"
    date = pick(
        rng, (f"{y}-{m}-{d}", f"{d}/{m}/{y}", f"{m}-{d}-{y}", f"{d} {MONTHS[month]} {y}", f"{y}/{m}/{d}")
    )
    camera, figures = pick(rng, CAMERAS), digits(rng, 6)
    both = f"{date} {clock}"
    others = (f"{int(rng.integers(10, 95))} km/h", f"FPS {int(rng.integers(8, 31))}", f"GAIN {figures[:2]}")
    return pick(
        rng,
        (both, both, clock, date, camera, f"{both} {camera}", f"{clock}.{figures[:3]}", f"{camera} {clock}",
         f"{figures}BE {date}", *others),
    )  # fmt: skip
