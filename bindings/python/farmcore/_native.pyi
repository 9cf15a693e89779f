# The generated module; the layer gives its functions their types.
from typing import Any

def __getattr__(name: str) -> Any: ...
