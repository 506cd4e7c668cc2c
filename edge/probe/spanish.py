"""In Spanish: every advice with its numbers, and the names of what was measured."""

from typing import Final

from edge.probe.facts import Code, Verdict

ADVICE: Final[dict[Code, str]] = {
    Code.BROKE: (
        "El video se cortó a los {seconds:.0f} s ({reason}): revise el cable, la corriente y el switch."
    ),
    Code.NO_VEHICLE: (
        "No pasó ningún vehículo mientras miraba ({seconds:.0f} s; placas vistas solo en parte: "
        "{partly:.0f}): no se puede decir nada de sus placas. Mire otra vez cuando pasen vehículos, o "
        "estacione uno por donde pasarán."
    ),
    Code.NO_PLATE_FOUND: (
        "Algo del tamaño de un vehículo se movió {motion_s:.0f} s de {seconds:.0f} s y no se halló "
        "ninguna placa: acerque el zoom, oriente la cámara hacia las placas o póngala más cerca."
    ),
    Code.UNREAD: "Solo se leyeron {read:.0f} de {of:.0f} placas.",
    Code.PLATES_NARROW: (
        "{n:.0f} de {of:.0f} placas miden {px:.0f} px de ancho en el mejor caso; por debajo de "
        "{least:.0f} px muchas no se hallan, y por debajo de {min_plate_px:.0f} px (min_plate_px) ninguna"
        " se lee: acerque el zoom o la cámara."
    ),
    Code.LETTERS_SMALL: (
        "Los caracteres miden {px:.0f} px de alto en {n:.0f} de {of:.0f} placas; por debajo de "
        "{least:.0f} px se confunden las letras: acerque el zoom o la cámara, o envíe una imagen más "
        "grande."
    ),
    Code.MOTION_BLUR: (
        "{n:.0f} de {of:.0f} placas salen movidas ({px:.0f} px, a {speed:.0f} px/s): ponga el obturador "
        "en 1/{shutter:.0f} s o menos, con más luz o ganancia."
    ),
    Code.UNSHARP: (
        "{n:.0f} de {of:.0f} placas no están nítidas (bordes de {px:.0f} px, {share:.2f} del alto de un "
        "carácter; {most:.1f} como mucho): enfoque el lugar por donde pasan las placas, limpie el vidrio, "
        "suba la tasa de bits."
    ),
    Code.WASHED_OUT: (
        "{n:.0f} de {of:.0f} placas están sobreexpuestas (nivel de gris {level:.0f} de 255, {share:.0%} "
        "quemado): acorte el obturador, baje la ganancia o el infrarrojo, o exponga para el lugar de las "
        "placas."
    ),
    Code.TOO_DARK: (
        "Está demasiado oscuro (nivel de gris {level:.0f} de 255; placas: {n:.0f} de {of:.0f}): agregue "
        "luz infrarroja u otra."
    ),
    Code.LOW_CONTRAST: (
        "{n:.0f} de {of:.0f} placas tienen {contrast:.0f} niveles de gris entre oscuro y claro; por "
        "debajo de {least:.0f} se leen mal: busque niebla, un vidrio sucio o luz detrás de los vehículos "
        "(WDR)."
    ),
    Code.ROTATED: (
        "{n:.0f} de {of:.0f} placas están giradas {degrees:.0f} grados; más allá de {most:.0f} se pierden"
        " lecturas: gire la cámara sobre su eje hasta que las placas queden horizontales."
    ),
    Code.LEANS: (
        "Los caracteres se inclinan {degrees:.0f} grados en {n:.0f} de {of:.0f} placas; más allá de "
        "{most:.0f} se pierden lecturas: la cámara mira demasiado de lado o desde arriba; acérquela a la "
        "línea de los vehículos."
    ),
    Code.CUT: (
        "{n:.0f} de {of:.0f} placas tocan el borde de la imagen en el mejor caso: apunte de modo que "
        "pasen bien adentro."
    ),
    Code.FEW_VIEWS: (
        "{n:.0f} de {of:.0f} placas se vieron en {pictures:.0f} imágenes o menos: muestre más vía, o suba"
        " analyse_fps."
    ),
    Code.DAMAGED: (
        "{damaged:.0f} de {pictures:.0f} imágenes llegaron dañadas por {transport}: use TCP, o un cable o"
        " enlace mejor."
    ),
    Code.MISSING: (
        "Faltan {missing:.0f} imágenes junto a {pictures:.0f} que llegaron: la cámara o el enlace no dan "
        "abasto."
    ),
    Code.PAUSES: (
        "No llegó nada durante {seconds:.1f} s: mientras tanto pasa un vehículo rápido sin ser visto. "
        "Revise el enlace."
    ),
    Code.LOW_FPS: (
        "Llegan {fps:.1f} imágenes por segundo; con menos de {least:.0f} se confunden los vehículos: suba"
        " la tasa de la cámara."
    ),
    Code.MACHINE_SLOW: (
        "Esta máquina no alcanzó a ver {left_out:.0f} de {due:.0f} imágenes. Mirar así cuesta más que el "
        "servicio normal, que omite las imágenes quietas; aun así, mire otra vez cuando no corra nada "
        "más."
    ),
    Code.LETTERS_SPARE: (
        "Los caracteres miden {px:.0f} px de alto en {n:.0f} de {of:.0f} placas: de día alcanza; "
        "{least:.0f} px o más dejan margen para la noche, la mugre y la lluvia."
    ),
    Code.FPS_DIFFERS: "La cámara dice {told:.0f} imágenes por segundo y envía {fps:.1f}.",
    Code.TIMES_LIE: (
        "Las marcas de tiempo de la cámara corren a {rate:.2f} del tiempo real: el equipo usa la hora de "
        "llegada, que es menos exacta. Busque un firmware nuevo."
    ),
    Code.JITTER: (
        "1 de cada 20 imágenes llega con {ms:.0f} ms o más de retraso: la red está ocupada, o esta máquina."
    ),
    Code.B_FRAMES: (
        "La cámara envía cuadros B, y así hay que decodificarlo todo: elija un perfil sin ellos "
        "(Baseline, o cuadros B en 0), que cuesta una fracción."
    ),
    Code.KEY_FRAMES_FAR: (
        "Los cuadros clave llegan cada {seconds:.0f} s o más, y así hay que decodificarlo todo: ponga el "
        "intervalo de cuadros I en 1 o 2 s, que cuesta una fracción, o dele un disparador (docs/triggers.md)."
    ),
    Code.STAYS_SHORT: (
        "Los vehículos salen de la imagen antes del siguiente cuadro clave (cada {seconds:.1f} s), y así "
        "hay que decodificarlo todo: reduzca a la mitad el intervalo de cuadros I, o dele un disparador "
        "(docs/triggers.md)."
    ),
    Code.CLOCK_UNSET: (
        "El reloj de la cámara está errado por {days:.0f} días: nunca se puso en hora. Dele un servidor "
        "de hora (NTP)."
    ),
    Code.CLOCK_OFF: (
        "El reloj de la cámara está {seconds:.1f} s {way}. Las lecturas llevan la hora del equipo, pero "
        "lo escrito en la imagen no: dele a la cámara el mismo servidor de hora (NTP)."
    ),
    Code.CLOCK_BY_HAND: (
        "El reloj de la cámara se pone a mano y se va a desviar: dele un servidor de hora (NTP)."
    ),
}
"""Templates; their numbers are those that `judge` gives."""

VERDICT: Final[dict[Verdict, str]] = {
    Verdict.FIT: "Apta para leer placas",
    Verdict.SHORT: "Funciona, pero se queda corta",
    Verdict.UNUSABLE: "No se puede usar",
    Verdict.UNKNOWN: "No se sabe: no pasó ningún vehículo mientras miraba",
}

WAYS: Final[dict[str, str]] = {"fast": "adelantado", "slow": "atrasado"}

DOZES_NOT: Final[dict[str, str]] = {
    "reordered": "no: envía cuadros B",
    "interval": "no: los cuadros clave están muy separados",
    "stays": "no: los vehículos salen antes del siguiente cuadro clave",
    "turns": "no: la cámara gira",
    "gate_off": "no: motion_gate está apagado",
    "triggers": "cuando sus disparadores se hayan comprobado",
    "unknown": "no se sabe: se miró muy poco tiempo",
}

LABELS: Final[dict[str, str]] = {
    "refused": (
        "La cámara rechazó el usuario o la contraseña. Varios intentos errados pueden bloquear la cuenta."
    ),
    "lost": "No llegó ninguna imagen. Revise la dirección, el cable y que la cámara esté encendida.",
    "title": "Revisión de cámara",
    "camera": "cámara",
    "looked_at": "revisada",
    "minutes": "durante",
    "advice": "Qué mejorar, lo más importante primero",
    "hints": "sugerencia",
    "shorts": "se queda corta",
    "nothing": "No se midió nada que mejorar.",
    "stream": "Video",
    "scene": "Luz y reloj",
    "plates": "Placas",
    "picture": "La imagen que más muestra",
    "codec": "códec",
    "size": "imagen",
    "fps": "imágenes por segundo",
    "told": "dice",
    "unknown": "no se sabe",
    "strained": "no se sabe: esta máquina iba atrasada",
    "key": "cuadros clave cada",
    "rate": "tasa de bits",
    "b_frames": "cuadros B",
    "yes": "sí",
    "no": "no",
    "came": "imágenes que llegaron",
    "damaged": "dañadas",
    "missing": "faltan",
    "jitter": "fluctuación (1 de 20)",
    "pause": "pausa más larga",
    "first": "primera imagen tras",
    "transport": "transporte",
    "dozes": "decodificar a demanda funciona",
    "analysed": "analizadas",
    "light": "brillo de la imagen (de 255)",
    "burnt": "quemado",
    "colour": "color",
    "colour_no": "ninguno: modo nocturno o infrarrojo",
    "moved": "cosas grandes se movieron",
    "clock": "reloj de la cámara menos el de esta máquina",
    "by_stream": "por el video",
    "by_onvif": "por ONVIF",
    "plate": "placa",
    "read": "leída",
    "letters": "carac. px",
    "width": "placa px",
    "angle": "giro/ incl. °",
    "sharp": "nítida",
    "blur": "bordes px",
    "contrast": "niveles gris",
    "views": "veces",
    "speed": "px/s",
    "want": (
        "Lo que quiere el lector: caracteres de al menos {letters:.0f} px de alto (mejor {spare:.0f}), bordes de "
        "{blur:.1f} de eso como mucho, giro de {rotated:.0f} grados como mucho, inclinación de {leans:.0f} como mucho, "
        "al menos {contrast:.0f} niveles de gris entre oscuro y claro."
    ),
    "partly": "parte",
    "doubtful": "¿placa?",
    "secret": "Muestra placas: guárdelo tan seguro como las lecturas.",
    "not_kept": "{n} placas más solo se contaron.",
    "columns": (
        "Carac.: alto x ancho. Giro e inclinación: de la línea y de sus trazos, como el reloj. Nítida: de 0 a "
        '1. Bordes: de oscuro a claro, a lo ancho / alto. Veces: en tantas imágenes. "¿placa?": quizás no lo es.'
    ),
}
