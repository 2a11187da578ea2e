"""External ids: the numbers that makers and networks give to devices, made up."""

from simulators.speech import Codec


def external_id(codec: Codec, now_ms: int, number: int) -> str:
    """Return the id of device `number` of this run; one of a later run gets another.

    A DevEUI for `chirpstack`, 20 digits for `gb28181`, a telephone number for `jt808`, else an IMEI.
    """
    match codec:
        case "chirpstack":
            return f"24e1{now_ms & 0xFFFFFFFF:08x}{number:04x}"
        case "gb28181":
            return f"3402000{now_ms % 10**9:09d}{number:04d}"
        case "jt808":
            return f"1{now_ms % 10**8:08d}{number:02d}"
    return f"86{now_ms % 10**9:09d}{number:04d}"
