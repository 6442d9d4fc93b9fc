"""Which network estimates depth where `auto` leaves it open: the official one, else the one that ships."""

from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache

from depth_pc_ros.package_files import AUTO_DEPTH, OFFICIAL_DEPTH, SHIPPED_DEPTH

_WEIGHTS = "model.safetensors"
_FILES = ("config.json", _WEIGHTS)
_TIMEOUT_S = 5.0


def choose_depth_model(name: str) -> tuple[str, str]:
    """The model to load, and one line that says which and why; empty where `name` is not `auto`.

    The official model where all its files are in the hub's cache, or the hub answers within 5 s; it is fetched when it
    is loaded. Else the one that ships.
    """
    if name != AUTO_DEPTH:
        return name, ""
    if all(isinstance(try_to_load_from_cache(OFFICIAL_DEPTH, file), str) for file in _FILES):
        return OFFICIAL_DEPTH, f"depth model: {OFFICIAL_DEPTH}, from the hub's cache"
    try:
        size = get_hf_file_metadata(hf_hub_url(OFFICIAL_DEPTH, _WEIGHTS), timeout=_TIMEOUT_S).size or 0
    except Exception as error:  # another kind for each way to have no network, and with each version of the library
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return SHIPPED_DEPTH, (
            f"depth model: {SHIPPED_DEPTH}, which ships; {OFFICIAL_DEPTH} is not in the hub's cache, and the hub "
            f"cannot be reached ({reason})"
        )
    return OFFICIAL_DEPTH, f"depth model: {OFFICIAL_DEPTH}, {size / 1e6:.0f} MB from the hub"
