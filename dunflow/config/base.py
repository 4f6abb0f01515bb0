"""What every config model shares: frozen, no unknown keys, and errors that say how to repair."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError

from dunflow.errors import ConfigError
from dunflow.money import CURRENCIES, parse_amount


class Model(BaseModel):
    """A frozen model that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def _wall_time(value: object) -> object:
    if isinstance(value, dt.time):
        return value
    if not isinstance(value, str):
        raise ValueError(f'is {value!r}; write the time in quotes, like "06:30"')
    try:
        return dt.time.fromisoformat(value if value != "24:00" else "00:00")
    except ValueError:
        raise ValueError(f'is {value!r}; write a time of day like "06:30"') from None


def _amount(value: object) -> object:
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str):
        raise ValueError(f'is {value!r}; write the amount in quotes, like "200.00"')
    return parse_amount(value)


def _currency(value: str) -> str:
    if value not in CURRENCIES:
        raise ValueError(f"is {value!r}; use an ISO 4217 code such as CNY")
    return value


WallTime = Annotated[dt.time, BeforeValidator(_wall_time)]
Amount = Annotated[Decimal, BeforeValidator(_amount)]
Currency = Annotated[str, AfterValidator(_currency)]

M = TypeVar("M", bound=BaseModel)


class _Loader(yaml.SafeLoader):
    """YAML without the guesses that bite: a repeated key is refused."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            mark = key_node.start_mark
            raise ConfigError(
                f"{mark.name}: line {mark.line + 1}: key {key!r} stands twice; keep one of them"
            )
        seen[key] = loader.construct_object(value_node, deep=True)
    return seen


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_documents(path: Path) -> Iterator[Any]:
    """The YAML documents of a file. Raises ConfigError naming file and line."""
    try:
        with path.open(encoding="utf-8") as stream:
            yield from yaml.load_all(stream, Loader=_Loader)
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file; create it or mend the name") from None
    except OSError as error:
        raise ConfigError(f"{path}: can't be read ({error.strerror}); mend its rights") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not valid YAML: {error}") from error


def read_document(path: Path) -> Any:
    """The one YAML document of a file."""
    documents = list(read_documents(path))
    if len(documents) != 1:
        raise ConfigError(f"{path}: holds {len(documents)} documents; it must hold one")
    return documents[0]


def build(model: type[M], data: object, origin: str) -> M:
    """Make `model` from parsed YAML; a ConfigError lists every fault as origin: key: what."""
    if not isinstance(data, dict):
        raise ConfigError(f"{origin}: is {data!r}; it must be a mapping of keys")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        faults = "\n".join(_fault(origin, item) for item in error.errors())
        raise ConfigError(faults) from None


def _fault(origin: str, item: Any) -> str:
    # pydantic names the alternatives of a union among the keys, as "dict[str,…]".
    parts = [str(part) for part in item["loc"] if "[" not in str(part)]
    key = ".".join(parts) or "(whole)"
    value = item.get("input")
    match item["type"]:
        case "extra_forbidden":
            return f"{origin}: {key}: unknown key (value {value!r}); remove it or mend its name"
        case "missing":
            return f"{origin}: {key}: is missing; add it"
        case "value_error":
            return f"{origin}: {key}: {item['ctx']['error']}"
        case "string_type" if isinstance(value, bool):
            return f"{origin}: {key}: is {value!r}: YAML reads NO and YES so; write it in quotes"
        case "string_type" if isinstance(value, dt.date | int | float):
            return f"{origin}: {key}: is {value}, which YAML reads as no text; write it in quotes"
        case "dict_type" | "model_type":
            return f"{origin}: {key}: is {value!r}; write a mapping of keys below it"
        case _:
            return f"{origin}: {key}: is {value!r}: {item['msg']}"
